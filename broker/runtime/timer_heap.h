/* SPDX-License-Identifier: MIT */
/*
 * What is due, earliest first: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) whose
 * nodes are embedded, so that nothing is allocated and a timer cannot fail to start.  Most
 * timers are stopped before they are due: adding one, and removing one that is not the
 * earliest, takes a few steps.  Called by loop.c; knows no clock.
 */
#ifndef TEPLO_RUNTIME_TIMER_HEAP_H
#define TEPLO_RUNTIME_TIMER_HEAP_H

#include <stdint.h>

struct timer_node {
    struct timer_node *child; /* the first of those below */
    struct timer_node *next;  /* to the right, below the same one */
    struct timer_node *above; /* to the left; of a first child: its parent; NULL: the root */
    int64_t due_us;
    uint64_t order; /* of two that are due together, the one added first is earlier */
};

/* All zeroes is an empty one. */
struct timer_heap {
    struct timer_node *root; /* the earliest; NULL: empty */
    uint64_t added;
};

/* NODE is in no heap. */
void timer_heap_add(struct timer_heap *heap, struct timer_node *node, int64_t due_us);
/* NODE is in HEAP. */
void timer_heap_remove(struct timer_heap *heap, struct timer_node *node);

#endif
