/* SPDX-License-Identifier: MIT */
/*
 * What is due when: a binary heap of entries that live inside their owners.  Knows no clock.
 * An entry is added once; room for it is made beforehand, so that nothing later can fail.
 */
#ifndef TEPLO_LIB_DEADLINES_H
#define TEPLO_LIB_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/check.h"

struct deadline {
    int64_t due_ms;
    size_t place; /* in the heap, counted from 1; 0: not in it */
};

struct deadlines {
    struct deadline **heap;
    size_t count;
    size_t capacity;
};

void deadlines_done(struct deadlines *deadlines);
/* ENTRY is due at DUE_MS from now on.  -ENOMEM only if it was not in the heap yet. */
MUST_CHECK int deadlines_add(struct deadlines *deadlines, struct deadline *entry, int64_t due_ms);
void deadlines_move(struct deadlines *deadlines, struct deadline *entry, int64_t due_ms);
/* Nothing if it is not there. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *entry);
/* The one that is due first, or NULL. */
struct deadline *deadlines_first(const struct deadlines *deadlines);

#endif
