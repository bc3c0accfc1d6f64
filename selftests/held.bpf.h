/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks that the BPF scheduler holds: in a map, in a tree or in a list. */
#ifndef HELD_BPF_H
#define HELD_BPF_H

#include "account.bpf.h"

#define MAX_HELD	262144	/* with those that are stale: each change adds one */

/* A task held by us, in a map, in a tree or in a list, and which entry of it that is. */
struct held {
	s32 pid;
	u32 entry;
};

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_HELD);
	__type(value, struct held);
} held_tasks SEC(".maps");

struct held_node {
	struct bpf_rb_node node;
	u64 since;
	struct held held;
};

struct listed_node {
	struct bpf_list_node node;
	struct held held;
};

#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))

private(held) struct bpf_spin_lock held_lock;
private(held) struct bpf_rb_root held_tree
	__attribute__((btf_decl_tag("contains:held_node:node")));
private(held) struct bpf_list_head held_list
	__attribute__((btf_decl_tag("contains:listed_node:node")));

static bool sooner(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct held_node, node)->since <
	       container_of(b, struct held_node, node)->since;
}

static void hold_in_map(struct held held)
{
	if (bpf_map_push_elem(&held_tasks, &held, 0))
		give_up("no room to hold a task");
}

static void hold_in_tree(struct held held)
{
	struct held_node *node;

	node = bpf_obj_new_impl(bpf_core_type_id_local(struct held_node), NULL);
	if (!node) {
		/* No memory at hand, with interrupts off. Held it is all the same. */
		hold_in_map(held);
		return;
	}
	node->held.pid = held.pid;
	node->held.entry = held.entry;
	node->since = bpf_ktime_get_ns();

	bpf_spin_lock(&held_lock);
	bpf_rbtree_add_impl(&held_tree, &node->node, (void *)sooner, NULL, 0);
	bpf_spin_unlock(&held_lock);
}

static void hold_in_list(struct held held)
{
	struct listed_node *node;

	node = bpf_obj_new_impl(bpf_core_type_id_local(struct listed_node), NULL);
	if (!node) {
		hold_in_map(held);
		return;
	}
	node->held.pid = held.pid;
	node->held.entry = held.entry;

	bpf_spin_lock(&held_lock);
	bpf_list_push_back_impl(&held_list, &node->node, NULL, 0);
	bpf_spin_unlock(&held_lock);
}

static bool take_from_map(struct held *held)
{
	return !bpf_map_pop_elem(&held_tasks, held);
}

static bool take_from_tree(struct held *taken)
{
	struct held_node *held;
	struct bpf_rb_node *node;

	bpf_spin_lock(&held_lock);
	node = bpf_rbtree_first(&held_tree);
	if (node)
		node = bpf_rbtree_remove(&held_tree, node);
	bpf_spin_unlock(&held_lock);
	if (!node)
		return false;

	held = container_of(node, struct held_node, node);
	taken->pid = held->held.pid;
	taken->entry = held->held.entry;
	bpf_obj_drop_impl(held, NULL);
	return true;
}

static bool take_from_list(struct held *taken)
{
	struct listed_node *held;
	struct bpf_list_node *node;

	bpf_spin_lock(&held_lock);
	node = bpf_list_pop_front(&held_list);
	bpf_spin_unlock(&held_lock);
	if (!node)
		return false;

	held = container_of(node, struct listed_node, node);
	taken->pid = held->held.pid;
	taken->entry = held->held.entry;
	bpf_obj_drop_impl(held, NULL);
	return true;
}

static bool take_from(u32 which, struct held *held)
{
	if (which == 0)
		return take_from_map(held);
	return which == 1 ? take_from_tree(held) : take_from_list(held);
}

/*
 * A task that we hold, if there is one. It may be out of date. In turns from each
 * place: they need not ever be empty.
 */
static bool take_held(u32 turn, struct held *held)
{
	u32 i;

	bpf_for(i, turn, turn + 3)
		if (take_from(i % 3, held))
			return true;
	return false;
}

#endif
