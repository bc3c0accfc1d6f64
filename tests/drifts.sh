# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What vendors and stable releases change in a kernel. change_NAME TREE makes the change,
# in $ext, where most of sched_ext is. undo_NAME TREE takes it back, and is there for
# changes after which the series, once put in, must be the same but for the change.
# Source trees.sh first.
# shellcheck disable=SC2154 # ext is set by the test, tmp comes from trees.sh

# in_function NAME SCRIPT FILE: sed, inside of a function, from its name on.
in_function() {
	sed -i -E "/^(static|__bpf_kfunc) .*[ *]$1\(/,/^}/{
		$2
		}" "$3"
}

# rename_in TREE FROM TO FUNCTION...: of a variable.
rename_in() {
	local function

	for function in "${@:4}"; do
		in_function "$function" "s/(^|[^.>A-Za-z0-9_]|[^-]>)$2\b/\1$3/g; s/(^|[^.>A-Za-z0-9_]|[^-]>)$2\b/\1$3/g" "$1/$ext"
	done
}

# text_of NAME FILE: the function, from its signature on.
text_of() {
	awk -v name="$1" '
		!inside && /^[a-z_].*[(]/ && $0 ~ "[ *]" name "[(]" && !/;$/ { inside = 1 }
		inside { text = text $0 "\n" }
		inside && /;$/ && !body { inside = 0; text = "" }
		inside && /^[{]/ { body = 1 }
		inside && /^[}]/ { printf "%s", text; exit }' "$2"
}

# replace_function NAME FILE TEXT-FILE: by another text.
replace_function() {
	text_of "$1" "$2" >"$tmp/old-function"
	[ -s "$tmp/old-function" ] || return
	perl -0777 -i -pe '
		BEGIN { local $/; my @texts = map { open my $f, "<", $_ or die; <$f> } splice @ARGV, 0, 2; ($old, $new) = @texts }
		my $at = index $_, $old;
		substr($_, $at, length $old) = $new' "$tmp/old-function" "$3" "$2"
}

# --- names --------------------------------------------------------------------------

dispatchers='dispatch_enqueue consume_dispatch_q dispatch_to_local_dsq move_task_between_dsqs scx_dispatch_from_dsq move_remote_task_to_local_dsq'
# shellcheck disable=SC2086 # names
change_renamed_task() {
	rename_in "$1" p tsk $dispatchers ops_dequeue dequeue_task_scx do_enqueue_task dispatch_dequeue \
		scx_enable_task scx_ops_enable_task scx_disable_task scx_ops_disable_task
}
# shellcheck disable=SC2086
undo_renamed_task() {
	rename_in "$1" tsk p $dispatchers ops_dequeue dequeue_task_scx do_enqueue_task dispatch_dequeue \
		scx_enable_task scx_ops_enable_task scx_disable_task scx_ops_disable_task
}

change_renamed_local() { rename_in "$1" opss state ops_dequeue; }
undo_renamed_local() { rename_in "$1" state opss ops_dequeue; }

# shellcheck disable=SC2086
change_renamed_rqs() {
	rename_in "$1" src_rq from_rq $dispatchers
	rename_in "$1" dst_rq to_rq $dispatchers
}
# shellcheck disable=SC2086
undo_renamed_rqs() {
	rename_in "$1" from_rq src_rq $dispatchers
	rename_in "$1" to_rq dst_rq $dispatchers
}

# shellcheck disable=SC2086
change_renamed_sch() { rename_in "$1" sch sched $dispatchers ops_dequeue scx_disable_task balance_one; }
# shellcheck disable=SC2086
undo_renamed_sch() { rename_in "$1" sched sch $dispatchers ops_dequeue scx_disable_task balance_one; }

change_renamed_dsq() { rename_in "$1" dsq queue dispatch_enqueue consume_dispatch_q; }
undo_renamed_dsq() { rename_in "$1" queue dsq dispatch_enqueue consume_dispatch_q; }

# each has the name of the other
# shellcheck disable=SC2086
change_swapped_names() {
	rename_in "$1" src_rq third_rq $dispatchers
	rename_in "$1" dst_rq src_rq $dispatchers
	rename_in "$1" third_rq dst_rq $dispatchers
}

change_renamed_function() { sed -i 's/\bconsume_dispatch_q\b/consume_one/g' "$1/$ext"; }

change_renamed_member() {
	sed -i 's/\bsticky_cpu\b/vendor_cpu/g' "$1/$ext" "$1/include/linux/sched/ext.h"
}

# --- statements that are more ----------------------------------------------------------

change_counter_at_the_top() { in_function dispatch_enqueue "$counter" "$1/$ext"; }

change_counter_at_the_end() {
	in_function dispatch_enqueue '/p->scx\.dsq = dsq;/a\	this_cpu_inc(vendor_enqueues);' "$1/$ext"
}

change_counters_at_unlocks() {
	local function

	for function in $dispatchers; do
		in_function "$function" 's/^(\t+)raw_spin_unlock\(&(src_)?dsq->lock\);$/&\n\1this_cpu_inc(vendor_enqueues);/' "$1/$ext"
	done
}

change_trace() {
	in_function do_enqueue_task '0,/ddsp_dsq_id != SCX_DSQ_INVALID/!b
		/^\tatomic_long_set_release/i\	trace_vendor_enqueue(p);' "$1/$ext"
	in_function dequeue_task_scx '/^\tops_dequeue\(/i\	trace_vendor_enqueue(p);' "$1/$ext"
	sed -i '/^\tif (p->scx.ddsp_dsq_id != SCX_DSQ_INVALID)$/{n;/goto direct/a\	trace_vendor_enqueue(p);
		}' "$1/$ext"
}

# what the vendor adds in one line each
undo_lines() { sed -i '/vendor_/d' "$1/$ext"; }
undo_counter_at_the_top() { undo_lines "$1"; }
undo_counter_at_the_end() { undo_lines "$1"; }
undo_counters_at_unlocks() { undo_lines "$1"; }
undo_trace() { undo_lines "$1"; }

change_vendor_call() {
	in_function consume_dispatch_q '/move_local_task_to_local_dsq/,/return true/s/^(\t+)raw_spin_unlock.*/&\n\1vendor_hook(p);/' "$1/$ext"
}
undo_vendor_call() { undo_lines "$1"; }

change_conditional_code() {
	in_function dispatch_enqueue '/bool is_local = /a\#ifdef CONFIG_VENDOR\
	vendor_hook(p);\
#endif' "$1/$ext"
}

change_early_return() {
	in_function dispatch_enqueue '/bool is_local = /a\
\
	if (p->vendor_parked)\
		return;' "$1/$ext"
}

change_wrapped() {
	in_function consume_dispatch_q '/^\t\tif \(rq == task_rq\)/,/^\t\t\}/{
		s/^\t/\t\t/
		s/^(\t+)(if \(rq == task_rq\) \{)/\tif (!vendor_off) {\n\1\2/
		s/^\t\t\t\}$/&\n\t\t}/
		}' "$1/$ext"
}

# another one that takes tasks from a DSQ
change_new_mover() {
	sed -i '/^static bool consume_dispatch_q(/i\
static void vendor_pull(struct task_struct *p, struct scx_dispatch_q *dsq, struct rq *rq)\
{\
	task_unlink_from_dsq(p, dsq);\
	move_local_task_to_local_dsq(p, 0, dsq, rq);\
}\
' "$1/$ext"
}

change_twin_places() {
	in_function consume_dispatch_q '/^\t\tif \(rq == task_rq\)/,/^\t\t\}/{
		H
		/^\t\t\}/{
			G
			s/\n\n/\n/
		}
		}' "$1/$ext"
}

# other names, and statements that are more
change_renamed_and_counted() {
	change_renamed_task "$1"
	change_counters_at_unlocks "$1"
}
undo_renamed_and_counted() {
	undo_lines "$1"
	undo_renamed_task "$1"
}

# what ours looks at has another value
change_retargeted() {
	in_function dispatch_enqueue '/bool is_local = /a\	dsq = p->vendor_dsq ?: dsq;' "$1/$ext"
}

# a lock that is let go by a function of the vendor's
change_unlock_helper() {
	in_function consume_dispatch_q 's/raw_spin_unlock\(&dsq->lock\);/vendor_unlock(dsq);/' "$1/$ext"
}

# a test that asks for the contrary
change_inverted() {
	in_function do_enqueue_task 's/(ddsp_dsq_id) != (SCX_DSQ_INVALID)/\1 == \2/' "$1/$ext"
}

change_android_hook() {
	in_function consume_dispatch_q '/move_local_task_to_local_dsq/,/return true/s/^(\t+)raw_spin_unlock.*/&\n\1trace_android_vh_vendor_consume(p);/' "$1/$ext"
}

# the bit that is to be SCX_TASK_IN_CUSTODY
change_taken_bit() {
	sed -i '/^\tSCX_TASK_DEQD_FOR_SLEEP/a\	SCX_TASK_VENDOR		= 0x2,' "$1/include/linux/sched/ext.h"
}

# --- order ---------------------------------------------------------------------------------

change_reordered() {
	in_function dispatch_enqueue '/^\tdsq_mod_nr\(dsq, 1\);$/{N;s/^(.*)\n(.*)$/\2\n\1/}' "$1/$ext"
}

change_release_first() {
	in_function dispatch_enqueue '/^\tif \(enq_flags & SCX_ENQ_CLEAR_OPSS\)/,+1d' "$1/$ext"
	in_function dispatch_enqueue '/bool is_local = /a\
\
	if (enq_flags \& SCX_ENQ_CLEAR_OPSS)\
		atomic_long_set_release(\&p->scx.ops_state, SCX_OPSS_NONE);' "$1/$ext"
}

# move_before TREE FUNCTION PATTERN: a function, and leave a prototype where it was.
move_before() {
	text_of "$2" "$1/$ext" >"$tmp/moved"
	[ -s "$tmp/moved" ] || return
	sed '/^{/,$d' "$tmp/moved" | sed '$s/$/;/' >"$tmp/prototype"
	replace_function "$2" "$1/$ext" "$tmp/prototype"
	perl -0777 -i -pe 'BEGIN { open my $f, "<", shift; local $/; $text = <$f>; $pattern = shift }
		s/^(?=$pattern)/$text\n/m or die' "$tmp/moved" "$3" "$1/$ext"
}

# move_back TREE FUNCTION
move_back() {
	text_of "$2" "$1/$ext" >"$tmp/moved"
	perl -0777 -i -pe 'BEGIN { open my $f, "<", shift; local $/; $text = <$f> }
		my $at = index $_, "$text\n";
		substr($_, $at, 1 + length $text) = "";
		my ($signature) = $text =~ /^(.*?)\n\{/s;
		$at = index $_, "$signature;\n";
		substr($_, $at, 2 + length $signature) = $text' "$tmp/moved" "$1/$ext"
}

change_moved_helper() { move_before "$1" dsq_mod_nr 'static bool scx_dsq_priq_less\('; }
change_moved_neighbour() { move_before "$1" scx_rq_online 'static .*dispatch_enqueue\('; }
undo_moved_neighbour() { move_back "$1" scx_rq_online; }
change_moved_function() { move_before "$1" rq_offline_scx 'static .*balance_one\('; }
undo_moved_function() { move_back "$1" rq_offline_scx; }

# --- calls ---------------------------------------------------------------------------------

# one more argument for each of its callers, too
argument_of() {
	sed -i -E "/^static/s/([ *]$1\()/\1void *vendor, /; /^static/!s/(\b$1\()/\1NULL, /" "$2/$ext"
}
no_argument_of() {
	sed -i -E "s/([ *]$1\()void \*vendor, /\1/; s/(\b$1\()NULL, /\1/g" "$2/$ext"
}

change_argument_of_dispatch_enqueue() { argument_of dispatch_enqueue "$1"; }
undo_argument_of_dispatch_enqueue() { no_argument_of dispatch_enqueue "$1"; }
change_argument_of_ops_dequeue() { argument_of ops_dequeue "$1"; }
undo_argument_of_ops_dequeue() { no_argument_of ops_dequeue "$1"; }
change_argument_of_find_global_dsq() { argument_of find_global_dsq "$1"; }
undo_argument_of_find_global_dsq() { no_argument_of find_global_dsq "$1"; }

change_argument_that_varies() {
	sed -i -E "/^static/s/([ *]dispatch_enqueue\()/\1void *vendor, /; /^static/!s/(\bdispatch_enqueue\()/\1vendor, /" "$1/$ext"
}

change_attribute() { sed -i 's/^static bool dequeue_task_scx(/static __cold bool dequeue_task_scx(/' "$1/$ext"; }
undo_attribute() { sed -i 's/^static __cold bool dequeue_task_scx(/static bool dequeue_task_scx(/' "$1/$ext"; }

# split TREE FUNCTION FROM TO HELPER PARAMETERS ARGUMENTS: the lines between two patterns
# become a function of their own.
split() {
	perl -0777 -i -pe 'BEGIN { ($function, $from, $to, $helper, $parameters, $arguments) = splice @ARGV, 0, 6 }
		s/^(static [^\n;]*\b$function\((?:(?!\n\}).)*?\n)(\t$from(?:(?!\n\}).)*?\n)(?=\t$to)/static void $helper($parameters)\n{\n$2}\n\n$1\t$helper($arguments);\n/ms or die "no such lines\n"' \
		"${@:2}" "$1/$ext"
}

change_split_enqueue() {
	split "$1" dispatch_enqueue 'if \(enq_flags & SCX_ENQ_DSQ_PRIQ\) \{' '\/\* seq records' dispatch_link \
		'struct scx_sched *sch, struct scx_dispatch_q *dsq, struct task_struct *p, u64 enq_flags' \
		"$(if grep -q 'static void dispatch_enqueue(struct scx_sched' "$1/$ext"; then echo 'sch, dsq, p, enq_flags'; else echo 'NULL, dsq, p, enq_flags'; fi)"
}

change_split_release() {
	split "$1" dispatch_enqueue 'p->scx\.ddsp_dsq_id = ' 'if \(is_local\)' dispatch_finish \
		'struct task_struct *p, u64 enq_flags' 'p, enq_flags'
}

# --- text ---------------------------------------------------------------------------------------

change_no_comments() {
	local function

	for function in dispatch_enqueue do_enqueue_task move_remote_task_to_local_dsq dispatch_dequeue consume_dispatch_q; do
		in_function "$function" '/^\t+\/\*.*\*\/$/d' "$1/$ext"
		in_function "$function" '/^\t+\/\*/,/\*\/$/d' "$1/$ext"
	done
}

change_rewrapped() {
	perl -0777 -i -pe '
		s/(\bdispatch_enqueue\([^;{}]*?,)\n\s+([^;{}]*?\);)/$1 $2/g;
		s/(\bmove_local_task_to_local_dsq\([^;{}]*?,)\n\s+([^;{}]*?\);)/$1 $2/g;
		s/(\bSCX_CALL_OP_TASK\([^;{}]*?dequeue, rq,)\n\s+/$1 /g' "$1/$ext"
}

# --- other lines --------------------------------------------------------------------------------

# The flags are in ext.c, as in 6.16.
change_flags_in_ext_c() {
	local internal=$1/kernel/sched/ext_internal.h

	sed -n '/^enum scx_deq_flags {/,/^};/p' "$internal" >"$tmp/enum"
	[ -s "$tmp/enum" ] || return
	sed -i '/^enum scx_deq_flags {/,/^};/d' "$internal"
	perl -0777 -i -pe 'BEGIN { open my $f, "<", shift; local $/; $text = <$f> }
		s/^(?=static .*\n)/$text\n/m or die' "$tmp/enum" "$1/$ext"
}
undo_flags_in_ext_c() {
	sed -n '/^enum scx_deq_flags {/,/^};/p' "$1/$ext" >"$tmp/enum"
	sed -i '/^enum scx_deq_flags {/,/^};/{
		/^};/N
		d
		}' "$1/$ext"
	perl -0777 -i -pe 'BEGIN { open my $f, "<", shift; local $/; $text = <$f> }
		s/\n\n\n(?=enum scx_pick_idle_cpu_flags)/\n\n$text\n/ or die' "$tmp/enum" \
		"$1/kernel/sched/ext_internal.h"
}

# The locked run queue is noted as in 6.16.
change_noted_as_6_16() {
	sed -Ei 's/^DEFINE_PER_CPU\(struct rq \*, scx_locked_rq_state\)/static &/
		s/scx_locked_rq_state/locked_rq/g' "$1"/kernel/sched/ext*
}
undo_noted_as_6_16() {
	sed -Ei 's/^static (DEFINE_PER_CPU\(struct rq \*, locked_rq\))/\1/
		s/(DE(FINE|CLARE)_PER_CPU\(struct rq \*, |__this_cpu_(read|write)\()locked_rq/\1scx_locked_rq_state/' \
		"$1"/kernel/sched/ext*
}

# Tasks are re-queued by a guard, as in 6.19; a RHEL 10 is like that.
change_requeued_by_guard() {
	sed -Ei '/^static void scx_bypass/,/^}/{
		/sched_enq_and_set_ctx ctx;/d
		/sched_enq_and_set_task\(/d
		s/sched_deq_and_put_task\((.*), &ctx\)/guard(sched_change)(\1)/
		}' "$1/kernel/sched/ext.c"
}
undo_requeued_by_guard() {
	sed -Ei '/^static void scx_bypass/,/^}/{
		/scx.runnable_node\) \{/a\			struct sched_enq_and_set_ctx ctx;
		s/guard\(sched_change\)\((.*)\)/sched_deq_and_put_task(\1, \&ctx)/
		/sched_deq_and_put_task/a\			sched_enq_and_set_task(\&ctx);
		}
		/^static void rq_offline_scx/,/^}/{
		/scx.runnable_node\) \{/a\		struct sched_enq_and_set_ctx ctx;\n
		/taken off here/d
		s/guard\(sched_change\)\((.*)\)/sched_deq_and_put_task(\1, \&ctx)/
		/sched_deq_and_put_task/a\		sched_enq_and_set_task(\&ctx);
		}' "$1/kernel/sched/ext.c"
}

# Nearly 6.16: the flags are in ext.c, and the locked run queue is noted under a name that
# no line has.
change_like_6.16() {
	change_flags_in_ext_c "$1"
	sed -i 's/\bscx_locked_rq_state\b/ext_locked_rq/g' "$1"/kernel/sched/ext*.[ch]
}
undo_like_6.16() {
	sed -i 's/\bext_locked_rq\b/scx_locked_rq_state/g' "$1"/kernel/sched/ext*.[ch]
	undo_flags_in_ext_c "$1"
}

# functions of another line in this one
change_mixed_with_6.19() {
	local function other

	other=${pristine_tree[6.19]}/kernel/sched/ext.c

	for function in dispatch_dequeue dequeue_task_scx task_can_run_on_remote_rq; do
		text_of "$function" "$other" >"$tmp/function"
		replace_function "$function" "$1/$ext" "$tmp/function"
	done
}
