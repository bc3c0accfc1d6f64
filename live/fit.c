// SPDX-License-Identifier: GPL-2.0
/*
 * Is the running kernel one that the module fits? Nothing is taken for granted
 * that can be looked up: functions and variables are found by name, whether
 * functions are called where they are expected to be in the machine code, and
 * types in the kernel's BTF. If anything differs, the module isn't loaded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched/ext.h>
#include <linux/sched/signal.h>
#include <linux/seq_buf.h>

#ifdef CONFIG_ARM64
#include <asm/insn.h>
#endif

#include "fit.h"

struct live_kernel live_kernel;

DEFINE_STATIC_CALL_NULL(live_on_each_symbol, kallsyms_on_each_symbol);
DEFINE_STATIC_CALL_NULL(live_btf_vmlinux, bpf_get_btf_vmlinux);
DEFINE_STATIC_CALL_NULL(live_btf_find, btf_find_by_name_kind);
DEFINE_STATIC_CALL_NULL(live_btf_name, btf_name_by_offset);
DEFINE_STATIC_CALL_NULL(live_ftrace_location, ftrace_location);
DEFINE_STATIC_CALL_NULL(live_rq_lock, raw_spin_rq_lock_nested);
DEFINE_STATIC_CALL_NULL(live_rq_unlock, raw_spin_rq_unlock);

/* --- symbols ------------------------------------------------------------------ */

static const char *const symbol_names[LIVE_SYMBOLS] __initconst = {
#define SYMBOL(name) #name
#include "symbols.h"
#undef SYMBOL
};

struct symbol {
	unsigned long start, end;
	unsigned int number;		/* of symbols with this name */
	char copy[32];			/* what follows the name of a copy of it */
};

static struct symbol symbols[LIVE_SYMBOLS] __initdata;

/* The kernel's symbols come in the order of their addresses. */
static int __init see_symbol(void *data, const char *name, unsigned long address)
{
	unsigned int i;
	size_t len;

	for (i = 0; i < LIVE_SYMBOLS; i++) {
		struct symbol *symbol = &symbols[i];

		if (symbol->start && !symbol->end && address > symbol->start)
			symbol->end = address;

		len = str_has_prefix(name, symbol_names[i]);
		if (!len)
			continue;
		if (!name[len]) {
			symbol->start = address;
			symbol->number++;
		} else if (name[len] == '.' && !strstr(name + len, ".cold")) {
			/* the compiler's own variant, e.g. of a part of it */
			strscpy(symbol->copy, name + len);
			if (i > LIVE_locked_rq)
				symbol->start = address;
		}
	}
	return 0;
}

static int __init find_symbols(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_on_each_symbol" };
	int err;

	/* a probe is the one way for a module to have any symbol's address */
	err = register_kprobe(&probe);
	if (err)
		return live_err(err,
				"the kernel's symbols cannot be looked up, a kprobe on %s() fails with %d",
				probe.symbol_name, err);
	static_call_update(live_on_each_symbol,
			   (typeof(kallsyms_on_each_symbol) *)probe.addr);
	unregister_kprobe(&probe);

	static_call(live_on_each_symbol)(see_symbol, NULL);
	return 0;
}

static int __init need_symbols(enum live_symbol first, enum live_symbol last)
{
	enum live_symbol i;

	for (i = first; i <= last; i++) {
		const struct symbol *symbol = &symbols[i];
		const char *name = symbol_names[i];

		if (i == LIVE_scx_locked_rq_state && !symbol->number)
			continue;
		if (i == LIVE_locked_rq && live_kernel.address[LIVE_scx_locked_rq_state])
			continue;
		if (symbol->number != 1)
			return live_err(-EOPNOTSUPP, "this kernel has %u symbols '%s', not 1",
					symbol->number, name);
		/* those that are only called are whole by their own names */
		if (symbol->copy[0] && i >= LIVE_bpf_scx_reg)
			return live_err(-EOPNOTSUPP,
					"the compiler made a variant of %s(), %s%s, which would be missed",
					name, name, symbol->copy);
		live_kernel.address[i] = symbol->start;
	}
	return 0;
}

/* the address as a pointer to a function; its type is checked later, with BTF */
#define found(name) ((typeof(name) *)live_kernel.address[LIVE_##name])

static void __init update_calls(void)
{
	static_call_update(live_btf_vmlinux, found(bpf_get_btf_vmlinux));
	static_call_update(live_btf_find, found(btf_find_by_name_kind));
	static_call_update(live_btf_name, found(btf_name_by_offset));
	static_call_update(live_ftrace_location, found(ftrace_location));
	static_call_update(live_rq_lock, found(raw_spin_rq_lock_nested));
	static_call_update(live_rq_unlock, found(raw_spin_rq_unlock));
}

/* --- calls -------------------------------------------------------------------- */

/*
 * A function that is inlined wherever it is called is there all the same if its
 * address is taken or it is global, and one may be inlined here and called there.
 */
struct call {
	enum live_symbol caller, callee;
};

static const struct call calls[] __initconst = {
	{ LIVE_dequeue_task_scx, LIVE_ops_dequeue },
	{ LIVE_set_next_task_scx, LIVE_ops_dequeue },
	{ LIVE_do_enqueue_task, LIVE_dispatch_enqueue },
	{ LIVE_dispatch_to_local_dsq, LIVE_dispatch_enqueue },
	{ LIVE_dispatch_to_local_dsq, LIVE_move_remote_task_to_local_dsq },
	{ LIVE_scx_bpf_dsq_move_to_local, LIVE_consume_dispatch_q },
	{ LIVE_consume_dispatch_q, LIVE_move_remote_task_to_local_dsq },
	{ LIVE_scx_bpf_dsq_move, LIVE_scx_dsq_move },
	{ LIVE_scx_bpf_dsq_move_vtime, LIVE_scx_dsq_move },
	{ LIVE_scx_dsq_move, LIVE_dispatch_enqueue },
	{ LIVE_scx_dsq_move, LIVE_move_remote_task_to_local_dsq },
};

/* With call thunks, calls go to the end of the padding before the function. */
#ifdef CONFIG_CALL_PADDING
#define CALL_SLACK	CONFIG_FUNCTION_PADDING_BYTES
#else
#define CALL_SLACK	0
#endif

#if defined(CONFIG_X86_64)
/* An instruction can begin anywhere. A call or a jump is 5 bytes long. */
#define INSN_ALIGN	1
#define BRANCH_SIZE	5

static unsigned long __init branch_target(unsigned long at)
{
	const u8 *insn = (const u8 *)at;

	if (*insn != 0xe8 && *insn != 0xe9)
		return 0;
	return at + BRANCH_SIZE + *(const s32 *)(insn + 1);
}
#elif defined(CONFIG_ARM64)
#define INSN_ALIGN	AARCH64_INSN_SIZE
#define BRANCH_SIZE	AARCH64_INSN_SIZE

static unsigned long __init branch_target(unsigned long at)
{
	u32 insn = le32_to_cpup((const __le32 *)at);

	if (!aarch64_insn_is_b(insn) && !aarch64_insn_is_bl(insn))
		return 0;
	/* the distance, in instructions, is in the lower 26 bits */
	return at + sign_extend64(insn, 25) * AARCH64_INSN_SIZE;
}
#else
#error "scx_custody knows the calls of x86-64 and arm64 only"
#endif

/* Is there a direct call of, or a jump to, the other function? */
static bool __init has_call(const struct symbol *caller, unsigned long callee)
{
	unsigned long at;

	for (at = caller->start; at + BRANCH_SIZE <= caller->end; at += INSN_ALIGN) {
		unsigned long target = branch_target(at);

		if (target <= callee && target >= callee - CALL_SLACK)
			return true;
	}
	return false;
}

/*
 * The redirected functions are called past ftrace's call. That is no function's start, where
 * BTI and kCFI expect a call of a pointer to go to; and without support by the architecture,
 * a static call is one.
 */
static int __init check_entries(void)
{
	const char *protected_by = NULL;

	if (IS_ENABLED(CONFIG_HAVE_STATIC_CALL))
		return 0;
	if (IS_ENABLED(CONFIG_ARM64_BTI_KERNEL))
		protected_by = "BTI";
	else if (IS_ENABLED(CONFIG_CFI_CLANG) || IS_ENABLED(CONFIG_CFI))
		protected_by = "kCFI";
	if (!protected_by)
		return 0;
	return live_err(-EOPNOTSUPP,
			"this kernel is built with %s, which forbids the way in which the module calls the functions that it redirects",
			protected_by);
}

/* Has what is called by the first of them become a part of the second? */
static int __init check_call_of_either(enum live_symbol callee, enum live_symbol first,
				       enum live_symbol second)
{
	unsigned long address = live_kernel.address[callee];

	if (has_call(&symbols[first], address) || has_call(&symbols[second], address))
		return 0;
	return live_err(-EOPNOTSUPP,
			"neither %s() nor %s() calls %s(), it may have been inlined",
			symbol_names[first], symbol_names[second], symbol_names[callee]);
}

static int __init check_calls(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!has_call(&symbols[calls[i].caller], live_kernel.address[calls[i].callee]))
			return live_err(-EOPNOTSUPP,
					"%s() does not call %s(), it may have been inlined",
					symbol_names[calls[i].caller],
					symbol_names[calls[i].callee]);
	}
	return check_call_of_either(LIVE_scx_idle_enable, LIVE_scx_enable,
				    LIVE_scx_enable_workfn);
}

/* --- types -------------------------------------------------------------------- */

static const struct btf *btf;

static const struct btf_type *__init find_type(const char *name, u8 kind)
{
	s32 id = static_call(live_btf_find)(btf, name, kind);

	return id > 0 ? btf_type_by_id(btf, id) : NULL;
}

static const char *__init name_of(u32 offset)
{
	return static_call(live_btf_name)(btf, offset) ?: "";
}

/* A type's C name, without qualifiers and the words struct and enum. */
static void __init print_type(struct seq_buf *s, u32 id)
{
	const struct btf_type *type = btf_type_by_id(btf, id);
	const struct btf_param *param;
	unsigned int i;

	if (!id) {
		seq_buf_puts(s, "void");
		return;
	}
	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		print_type(s, type->type);
		break;
	case BTF_KIND_PTR:
		print_type(s, type->type);
		seq_buf_puts(s, " *");
		break;
	case BTF_KIND_FUNC_PROTO:
		print_type(s, type->type);
		seq_buf_puts(s, " (");
		param = (const struct btf_param *)(type + 1);
		for (i = 0; i < btf_type_vlen(type); i++) {
			seq_buf_puts(s, i ? ", " : "");
			print_type(s, param[i].type);
		}
		seq_buf_puts(s, ")");
		break;
	default:
		seq_buf_puts(s, name_of(type->name_off));
	}
}

static int __init check_type(const char *what, u32 id, const char *expected)
{
	static char text[256] __initdata;
	struct seq_buf s;

	seq_buf_init(&s, text, sizeof(text));
	print_type(&s, id);
	if (strcmp(seq_buf_str(&s), expected))
		return live_err(-EOPNOTSUPP, "%s is of type '%s' here, not '%s'",
				what, text, expected);
	return 0;
}

struct prototype {
	enum live_symbol function;
	const char *prototype;
};

static const struct prototype prototypes[] __initconst = {
	{ LIVE_bpf_scx_reg, "int (void *, bpf_link *)" },
	{ LIVE_bpf_scx_unreg, "void (void *, bpf_link *)" },
	{ LIVE_scx_idle_enable, "void (sched_ext_ops *)" },
	{ LIVE_ops_dequeue, "void (rq *, task_struct *, u64)" },
	{ LIVE_dispatch_enqueue, "void (scx_sched *, scx_dispatch_q *, task_struct *, u64)" },
	{ LIVE_consume_dispatch_q, "bool (scx_sched *, rq *, scx_dispatch_q *)" },
	{ LIVE_scx_dsq_move, "bool (bpf_iter_scx_dsq_kern *, task_struct *, u64, u64)" },
	{ LIVE_move_remote_task_to_local_dsq, "void (task_struct *, u64, rq *, rq *)" },
	{ LIVE_raw_spin_rq_lock_nested, "void (rq *, int)" },
	{ LIVE_raw_spin_rq_unlock, "void (rq *)" },
};

static int __init check_prototypes(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(prototypes); i++) {
		const char *name = symbol_names[prototypes[i].function];
		const struct btf_type *type = find_type(name, BTF_KIND_FUNC);

		if (!type)
			return live_err(-EOPNOTSUPP, "the kernel's BTF does not have %s()", name);
		err = check_type(name, type->type, prototypes[i].prototype);
		if (err)
			return err;
	}
	return 0;
}

/* The kernel's BTF has two kinds of them. */
struct enumeration {
	const struct btf_type *type;
	bool wide;
};

static struct enumeration __init find_enumeration(const char *name)
{
	struct enumeration found = { find_type(name, BTF_KIND_ENUM64), true };

	if (!found.type) {
		found.type = find_type(name, BTF_KIND_ENUM);
		found.wide = false;
	}
	return found;
}

/* The name of the next one, and its value; %NULL if there are no more. */
static const char *__init next_enumerator(struct enumeration in, unsigned int *i, u64 *value)
{
	const struct btf_enum64 *wide = (const struct btf_enum64 *)(in.type + 1) + *i;
	const struct btf_enum *narrow = (const struct btf_enum *)(in.type + 1) + *i;

	if (!in.type || *i >= btf_type_vlen(in.type))
		return NULL;
	++*i;
	*value = in.wide ? (u64)wide->val_hi32 << 32 | wide->val_lo32 : narrow->val;
	return name_of(in.wide ? wide->name_off : narrow->name_off);
}

/* The value of an enumerator; %false if there is none. */
static bool __init find_enumerator(const char *enumeration, const char *enumerator, u64 *value)
{
	struct enumeration in = find_enumeration(enumeration);
	const char *name;
	unsigned int i = 0;

	while ((name = next_enumerator(in, &i, value))) {
		if (!strcmp(name, enumerator))
			return true;
	}
	return false;
}

struct enumerator {
	const char *name, *enumerator;
	u64 value;
};

static const struct enumerator enumerators[] __initconst = {
	{ "scx_ent_flags", "SCX_TASK_QUEUED", 1 << 0 },
	{ "scx_ent_flags", "SCX_TASK_RESET_RUNNABLE_AT", 1 << 2 },
	{ "scx_ops_state", "SCX_OPSS_DISPATCHING", SCX_OPSS_DISPATCHING },
	{ "scx_ops_state", "SCX_OPSS_QSEQ_SHIFT", SCX_OPSS_QSEQ_SHIFT },
	{ "scx_deq_flags", "SCX_DEQ_SLEEP", SCX_DEQ_SLEEP },
	{ "scx_deq_flags", "SCX_DEQ_CORE_SCHED_EXEC", SCX_DEQ_CORE_SCHED_EXEC },
	{ "scx_dsq_id_flags", "SCX_DSQ_LOCAL", SCX_DSQ_LOCAL },
	{ "scx_kf_mask", "SCX_KF_REST", SCX_KF_REST },
};

static int __init check_enumerators(void)
{
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(enumerators); i++) {
		if (!find_enumerator(enumerators[i].name, enumerators[i].enumerator, &value))
			return live_err(-EOPNOTSUPP, "enum %s has no %s here",
					enumerators[i].name, enumerators[i].enumerator);
		if (value != enumerators[i].value)
			return live_err(-EOPNOTSUPP, "%s is %#llx here, not %#llx",
					enumerators[i].enumerator, value,
					enumerators[i].value);
	}
	return 0;
}

/* %NULL if there is none. */
static const struct btf_member *__init member_of(const struct btf_type *type, const char *name)
{
	const struct btf_member *member;
	unsigned int i;

	for (i = 0, member = btf_type_member(type); i < btf_type_vlen(type); i++, member++) {
		if (!strcmp(name_of(member->name_off), name))
			return member;
	}
	return NULL;
}

/* Set offset, in bytes, and type, if it is wanted. */
static int __init find_member(const char *structure, const char *name, u32 *offset, u32 *id)
{
	const struct btf_type *type = find_type(structure, BTF_KIND_STRUCT);
	const struct btf_member *member;

	if (!type)
		return live_err(-EOPNOTSUPP, "the kernel's BTF does not have struct %s",
				structure);
	member = member_of(type, name);
	if (!member)
		return live_err(-EOPNOTSUPP, "struct %s has no %s here", structure, name);
	*offset = __btf_member_bit_offset(type, member) / 8;
	if (id)
		*id = member->type;
	return 0;
}

#define LAID_OUT(structure, member) { #structure, #member, offsetof(struct structure, member) }

/* what is used by way of the headers */
struct layout {
	const char *structure, *member;
	u32 offset;
};

static const struct layout layouts[] __initconst = {
	LAID_OUT(task_struct, scx),
	LAID_OUT(task_struct, thread_info),
	LAID_OUT(task_struct, tasks),
	LAID_OUT(task_struct, thread_node),
	LAID_OUT(task_struct, signal),
	LAID_OUT(signal_struct, thread_head),
	LAID_OUT(thread_info, cpu),
	LAID_OUT(sched_ext_entity, dsq),
	LAID_OUT(sched_ext_entity, dsq_list),
	LAID_OUT(sched_ext_entity, flags),
	LAID_OUT(sched_ext_entity, sticky_cpu),
	LAID_OUT(sched_ext_entity, kf_mask),
	LAID_OUT(sched_ext_entity, kf_tasks),
	LAID_OUT(sched_ext_entity, ops_state),
	LAID_OUT(sched_ext_entity, ddsp_dsq_id),
	LAID_OUT(sched_ext_entity, ddsp_enq_flags),
	LAID_OUT(scx_dsq_list_node, node),
	LAID_OUT(scx_dsq_list_node, flags),
	LAID_OUT(scx_dispatch_q, list),
	LAID_OUT(scx_dispatch_q, id),
	LAID_OUT(ftrace_ops, private),
	LAID_OUT(module, mkobj),
};

static int __init check_layouts(void)
{
	unsigned int i;
	u32 offset;
	int err;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		err = find_member(layouts[i].structure, layouts[i].member, &offset, NULL);
		if (err)
			return err;
		if (offset != layouts[i].offset)
			return live_err(-EOPNOTSUPP,
					"struct %s has %s at %u, at %u in the headers that this was built with",
					layouts[i].structure, layouts[i].member, offset,
					layouts[i].offset);
	}
	return 0;
}

/* an op that is replaced */
static int __init find_op(const char *name, const char *prototype, u32 *offset)
{
	u32 type;
	int err;

	err = find_member("sched_ext_ops", name, offset, &type);
	return err ?: check_type(name, type, prototype);
}

/*
 * Where the run queue counts what is passed to the BPF scheduler. A kernel with
 * mainline's fix has the counter in each task instead.
 */
static int __init find_qseq(u32 rq_scx)
{
	const struct btf_type *entity = find_type("sched_ext_entity", BTF_KIND_STRUCT);
	u32 type;
	int err;

	if (entity && member_of(entity, "ops_qseq"))
		return 0;
	err = find_member("scx_rq", "ops_qseq", &live_kernel.rq_ops_qseq, &type) ?:
	      check_type("ops_qseq", type, "long unsigned int");
	live_kernel.rq_ops_qseq += rq_scx;
	return err;
}

static int __init find_layouts(void)
{
	static const char of_task[] __initconst = "void (task_struct *) *";
	static const char of_task_and_flags[] __initconst = "void (task_struct *, u64) *";
	u32 offset = 0;
	int err;

	err = find_op("enqueue", of_task_and_flags, &live_kernel.ops_enqueue) ?:
	      find_op("dequeue", of_task_and_flags, &live_kernel.ops_dequeue) ?:
	      find_op("quiescent", of_task_and_flags, &live_kernel.ops_quiescent) ?:
	      find_op("enable", of_task, &live_kernel.ops_enable) ?:
	      find_op("disable", of_task, &live_kernel.ops_disable) ?:
	      find_op("hotplug_seq", "u64", &live_kernel.ops_hotplug_seq) ?:
	      find_member("scx_dsp_ctx", "rq", &live_kernel.dsp_ctx_rq, NULL) ?:
	      find_member("scx_rq", "local_dsq", &live_kernel.rq_local_dsq, NULL) ?:
	      find_member("rq", "scx", &offset, NULL) ?:
	      find_qseq(offset);
	live_kernel.rq_local_dsq += offset;
	return err;
}

/* Has the kernel another use for a flag that is the module's? */
static int __init check_flag(const char *enumeration, u64 flag)
{
	struct enumeration in = find_enumeration(enumeration);
	const char *name;
	unsigned int i = 0;
	u64 value;

	while ((name = next_enumerator(in, &i, &value))) {
		/* among the flags, there's a number */
		if (value == flag && strcmp(name, "SCX_TASK_STATE_BITS"))
			return live_err(-EOPNOTSUPP, "%s is %#llx here, which the module needs",
					name, flag);
	}
	return 0;
}

static int __init check_feature(void)
{
	u64 value;

	btf = static_call(live_btf_vmlinux)();
	if (IS_ERR_OR_NULL(btf))
		return live_err(-EOPNOTSUPP, "the kernel has no BTF");

	/* not EEXIST: modprobe would take the module for loaded */
	if (find_enumerator("scx_ent_flags", "SCX_TASK_IN_CUSTODY", &value) ||
	    find_enumerator("scx_deq_flags", "SCX_DEQ_SCHED_CHANGE", &value))
		return live_err(-EOPNOTSUPP, "this kernel has the custody semantics of its own");
	return check_flag("scx_ent_flags", SCX_TASK_IN_CUSTODY) ?:
	       check_flag("scx_deq_flags", SCX_DEQ_SCHED_CHANGE);
}

/**
 * live_look_at_kernel - Fill in live_kernel
 *
 * Return: 0 if the module fits the kernel, else an error of which the log tells.
 */
int __init live_look_at_kernel(void)
{
	int err;

	err = check_entries() ?:
	      find_symbols() ?:
	      need_symbols(LIVE_bpf_get_btf_vmlinux, LIVE_raw_spin_rq_unlock);
	if (err)
		return err;
	update_calls();
	return check_feature() ?:
	       need_symbols(LIVE_bpf_scx_reg, LIVE_locked_rq) ?:
	       check_enumerators() ?:
	       check_layouts() ?:
	       find_layouts() ?:
	       check_prototypes() ?:
	       check_calls();
}
