# SPDX-License-Identifier: GPL-2.0-only
#
# From what scx-custody-selftest printed, a line a test, tab separated:
#
#	NAME	its name
#	RESULT	pass, fail, skip, or 'ended': the output ends in the midst of it
#	SECONDS	how long it took, or nothing
#	WHY	of a failure or a skip: the reason, and the first violation
#
# A test opens with '# NAME: what must hold' and closes with its result; between
# them are violations, traces, the books, a failure's reason and the time.

function report(result, why) {
	gsub(/\t/, " ", why)
	print test "\t" result "\t" seconds "\t" why
	test = ""
}

{ sub(/\r$/, "") }

!test && /^# [a-z0-9_]+: / {
	test = substr($2, 1, length($2) - 1)
	seconds = first = last = ""
	next
}

!test { next }

/^# [0-9.]+ s$/ { seconds = $2; next }

/^# (entered custody|trace) / { next }

/^# / {
	last = substr($0, 3)
	if (!first)
		first = last
	next
}

/^ok [0-9]+ .* # SKIP/ {
	sub(/^.* # SKIP */, "")
	report("skip", $0)
	next
}

/^ok [0-9]+ / { report("pass", "") }

/^not ok [0-9]+ / { report("fail", last (first != last ? "; " first : "")) }

END { if (test) report("ended", "") }
