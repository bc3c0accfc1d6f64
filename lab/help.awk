# SPDX-License-Identifier: GPL-2.0-only
#
# List the verbs of a Makefile: "## heading" and "verb: ##- what it does".

BEGIN {
	print "Usage: make VERB [VARIABLE=value]..."
}

/^## / {
	printf "\n%s\n", substr($0, 4)
}

/^[a-z0-9-]+:.*##- / {
	verb = $1
	sub(/:$/, "", verb)
	sub(/^.*##- /, "")
	printf "  %-16s %s\n", verb, $0
}
