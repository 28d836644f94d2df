/* SPDX-License-Identifier: MIT */
#include "broker/runtime/timer_heap.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_earlier(const struct timer_node *a, const struct timer_node *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

/* Two roots, of which either may be NULL, become one. */
static struct timer_node *meld(struct timer_node *a, struct timer_node *b)
{
    struct timer_node *winner;
    struct timer_node *loser;

    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    winner = is_earlier(a, b) ? a : b;
    loser = winner == a ? b : a;
    loser->above = winner;
    loser->next = winner->child;
    if (winner->child != NULL) {
        winner->child->above = loser;
    }
    winner->child = loser;
    return winner;
}

/* Takes the first off a row of siblings; it is a root then. */
static struct timer_node *take_first(struct timer_node **row)
{
    struct timer_node *node = *row;

    if (node != NULL) {
        *row = node->next;
        node->next = node->above = NULL;
    }
    return node;
}

/* Melds a row of siblings: in pairs from the left, then the pairs from the right. */
static struct timer_node *meld_row(struct timer_node *row)
{
    struct timer_node *pairs = NULL;
    struct timer_node *root = NULL;

    while (row != NULL) {
        struct timer_node *left = take_first(&row);
        struct timer_node *pair = meld(left, take_first(&row));

        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        root = meld(root, take_first(&pairs));
    }
    return root;
}

void timer_heap_add(struct timer_heap *heap, struct timer_node *node, int64_t due_us)
{
    *node = (struct timer_node){.due_us = due_us, .order = heap->added++};
    heap->root = meld(heap->root, node);
}

static void cut_out(struct timer_node *node)
{
    if (node->above->child == node) {
        node->above->child = node->next;
    } else {
        node->above->next = node->next;
    }
    if (node->next != NULL) {
        node->next->above = node->above;
    }
    node->next = node->above = NULL;
}

void timer_heap_remove(struct timer_heap *heap, struct timer_node *node)
{
    struct timer_node *below = node->child;

    if (heap->root == node) {
        heap->root = meld_row(below);
    } else {
        cut_out(node);
        heap->root = meld(heap->root, meld_row(below));
    }
    node->child = NULL;
}
