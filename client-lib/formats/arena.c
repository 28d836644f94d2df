/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/arena.h"

#include <stdalign.h>
#include <string.h>

#include "proto/base/mem.h"

enum {
    FIRST_BLOCK = 4096,
    LARGEST_BLOCK = 256 * 1024, /* of those that grow by themselves */
    ALIGNMENT = alignof(max_align_t),
};

struct arena_block {
    struct arena_block *older;
    size_t size; /* of what follows */
    size_t used;
    alignas(max_align_t) char at[];
};

void arena_init(struct arena *arena, size_t maximum)
{
    *arena = (struct arena){.maximum = maximum};
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->newest;

    while (block != NULL) {
        struct arena_block *older = block->older;

        mem_free(block);
        block = older;
    }
    arena_init(arena, arena->maximum);
}

void arena_join(struct arena *arena, struct arena *giver)
{
    struct arena_block **end = &giver->newest;

    while (*end != NULL) {
        end = &(*end)->older;
    }
    /* In front, so that what is left in its newest block is used next. */
    *end = arena->newest;
    arena->newest = giver->newest;
    arena->used += giver->used;
    arena->maximum += giver->used;
    arena_init(giver, giver->maximum);
}

/* A block with room for SIZE, which is aligned; NULL, and failed, if there cannot be one. */
static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t wanted = arena->newest == NULL ? FIRST_BLOCK : arena->newest->size * 2;
    size_t left = arena->maximum - arena->used;
    struct arena_block *block;

    wanted = wanted < LARGEST_BLOCK ? wanted : LARGEST_BLOCK;
    wanted = wanted < left ? wanted : left / ALIGNMENT * ALIGNMENT;
    wanted = wanted > size ? wanted : size;
    if (wanted > left) {
        arena->failed = ARENA_FULL;
        return NULL;
    }
    block = mem_new(sizeof(*block) + wanted);
    if (block == NULL) {
        arena->failed = ARENA_NO_MEMORY;
        return NULL;
    }
    block->older = arena->newest;
    block->size = wanted;
    arena->newest = block;
    arena->used += wanted;
    return block;
}

void *arena_new(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->newest;
    void *room;

    if (arena->failed != ARENA_FINE) {
        return NULL;
    }
    if (size > arena->maximum) {
        arena->failed = ARENA_FULL;
        return NULL;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (block == NULL || block->size - block->used < size) {
        block = add_block(arena, size);
        if (block == NULL) {
            return NULL;
        }
    }
    room = block->at + block->used;
    block->used += size;
    return room;
}

void *arena_spare(struct arena *arena)
{
    memset(arena->spare, 0, sizeof(arena->spare));
    return arena->spare;
}

struct span arena_copy(struct arena *arena, struct span text)
{
    char *room;

    if (span_is_none(text)) {
        return SPAN_NONE;
    }
    room = arena_new(arena, text.length + 1);
    if (room == NULL) {
        return SPAN_NONE;
    }
    if (text.length > 0) {
        memcpy(room, text.at, text.length);
    }
    return (struct span){room, text.length};
}

struct span arena_take(struct arena *arena, const struct bytes *bytes)
{
    if (bytes->failed && arena->failed == ARENA_FINE) {
        arena->failed = ARENA_NO_MEMORY;
    }
    return arena_copy(arena, bytes->length == 0 ? SPAN("") : bytes_span(bytes));
}
