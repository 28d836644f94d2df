/* SPDX-License-Identifier: MIT */
/*
 * Memory that is given back all at once.  An arena that could not give turns `failed` and stays so:
 * a chain of builds is checked once, at its end, as with struct bytes.  Called by everything here.
 */
#ifndef TEPLO_FORMATS_ARENA_H
#define TEPLO_FORMATS_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/bytes.h"
#include "proto/base/check.h"

struct arena_block;

enum { ARENA_SPARE = 256 };

enum arena_fault {
    ARENA_FINE,
    ARENA_NO_MEMORY, /* the allocator had none */
    ARENA_FULL,      /* the maximum is reached */
};

struct arena {
    struct arena_block *newest; /* owned, each block owns the one before it */
    size_t used;                /* bytes of all blocks */
    size_t maximum;             /* used never exceeds it */
    enum arena_fault failed;
    max_align_t spare[ARENA_SPARE / sizeof(max_align_t)]; /* see arena_spare */
};

void arena_init(struct arena *arena, size_t maximum);
void arena_done(struct arena *arena);
/* Everything that GIVER has given moves to ARENA, whose maximum grows by it; GIVER is empty. */
void arena_join(struct arena *arena, struct arena *giver);

/* Zeroed, aligned for any type; NULL, and failed, if there is none. */
MUST_CHECK void *arena_new(struct arena *arena, size_t size);
/* ARENA_SPARE bytes, zeroed at each call: for a failed arena's callers, who want no NULL. */
void *arena_spare(struct arena *arena);
/* A copy with a NUL behind it; none if there is no memory, or if TEXT is none. */
struct span arena_copy(struct arena *arena, struct span text);
/* The content of BYTES, copied; none, and failed, if BYTES has failed. */
struct span arena_take(struct arena *arena, const struct bytes *bytes);

#define ARENA_NEW(arena, type) ((type *)arena_new((arena), sizeof(type)))

#endif
