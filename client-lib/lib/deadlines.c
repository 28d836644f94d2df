/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/deadlines.h"

#include <errno.h>

#include "proto/base/mem.h"

enum { FIRST_CAPACITY = 16 };

/* Places are counted from 1: the parent of N is N / 2. */
static void put(struct deadlines *deadlines, struct deadline *entry, size_t place)
{
    deadlines->heap[place - 1] = entry;
    entry->place = place;
}

static struct deadline *at(const struct deadlines *deadlines, size_t place)
{
    return deadlines->heap[place - 1];
}

static void rise(struct deadlines *deadlines, struct deadline *entry)
{
    size_t place = entry->place;

    while (place > 1 && at(deadlines, place / 2)->due_ms > entry->due_ms) {
        put(deadlines, at(deadlines, place / 2), place);
        place /= 2;
    }
    put(deadlines, entry, place);
}

static void sink(struct deadlines *deadlines, struct deadline *entry)
{
    size_t place = entry->place;

    for (;;) {
        size_t child = place * 2;

        if (child < deadlines->count &&
            at(deadlines, child + 1)->due_ms < at(deadlines, child)->due_ms) {
            child++;
        }
        if (child > deadlines->count || at(deadlines, child)->due_ms >= entry->due_ms) {
            break;
        }
        put(deadlines, at(deadlines, child), place);
        place = child;
    }
    put(deadlines, entry, place);
}

void deadlines_done(struct deadlines *deadlines)
{
    mem_free(deadlines->heap);
    *deadlines = (struct deadlines){0};
}

int deadlines_add(struct deadlines *deadlines, struct deadline *entry, int64_t due_ms)
{
    CHECK(entry->place == 0);
    if (deadlines->count == deadlines->capacity) {
        size_t capacity = deadlines->capacity == 0 ? FIRST_CAPACITY : deadlines->capacity * 2;
        size_t size = capacity * sizeof(void *);
        struct deadline **heap = (struct deadline **)mem_resize(deadlines->heap, size);

        if (heap == NULL) {
            return -ENOMEM;
        }
        deadlines->heap = heap;
        deadlines->capacity = capacity;
    }
    entry->due_ms = due_ms;
    deadlines->count++;
    put(deadlines, entry, deadlines->count);
    rise(deadlines, entry);
    return 0;
}

void deadlines_move(struct deadlines *deadlines, struct deadline *entry, int64_t due_ms)
{
    CHECK(entry->place != 0);
    entry->due_ms = due_ms;
    rise(deadlines, entry);
    sink(deadlines, entry);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *entry)
{
    struct deadline *last;

    if (entry->place == 0) {
        return;
    }
    last = at(deadlines, deadlines->count);
    deadlines->count--;
    if (last != entry) {
        put(deadlines, last, entry->place);
        rise(deadlines, last);
        sink(deadlines, last);
    }
    entry->place = 0;
}

struct deadline *deadlines_first(const struct deadlines *deadlines)
{
    return deadlines->count == 0 ? NULL : deadlines->heap[0];
}
