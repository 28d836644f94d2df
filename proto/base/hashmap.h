/* SPDX-License-Identifier: MIT */
/*
 * Map from bytes, or from a 64-bit number, to a pointer.  Keys are hashed with
 * SipHash under a per-process random seed, since peers choose them.
 * Keys are borrowed: they must live inside the value, or as long as it.
 */
#ifndef TEPLO_BASE_HASHMAP_H
#define TEPLO_BASE_HASHMAP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"
#include "proto/base/check.h"

struct hashmap_slot {
    struct span key;
    uint64_t hash;
    void *value; /* NULL: free slot */
};

struct hashmap {
    struct hashmap_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

void hashmap_init(struct hashmap *map);
/* Values stay their owners'. */
void hashmap_done(struct hashmap *map);

void *hashmap_find(const struct hashmap *map, struct span key);
/* KEY must not be present.  -ENOMEM. */
MUST_CHECK int hashmap_add(struct hashmap *map, struct span key, void *value);
/* The value that was there, or NULL. */
void *hashmap_take(struct hashmap *map, struct span key);
/* Any one value, or NULL when empty: for emptying a map. */
void *hashmap_any(const struct hashmap *map);

/* Numbers as keys: the number must live inside the value. */
static inline struct span hashmap_number_key(const int64_t *number)
{
    return (struct span){(const char *)number, sizeof(*number)};
}

/* NOLINTBEGIN(bugprone-macro-parentheses): the name of a variable cannot be parenthesised */
/* Walks in no order; the body must not add or take. */
#define HASHMAP_FOREACH(slot, map)                                                                 \
    for (struct hashmap_slot *slot = (map)->slots;                                                 \
         (map)->slots != NULL && slot < (map)->slots + (map)->capacity; slot++)                    \
        if (slot->value != NULL)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
