/* SPDX-License-Identifier: MIT */
/* Lists of names: each name once. */
#include "client-lib/formats/normalise_priv.h"
#include "proto/base/hashmap.h"

static struct span canonical(struct arena *arena, struct span token)
{
    struct span key = token;
    struct bytes text;

    bytes_init(&text, token.length);
    if (json_string_decode(token, &text) || text.failed) {
        key = tree_key(arena, arena_take(arena, &text));
    }
    bytes_done(&text);
    return key;
}

static void drop_repeated(struct arena *arena, struct tree_node *names, struct hashmap *seen)
{
    for (struct tree_node *name = names->first; name != NULL && arena->failed == ARENA_FINE;) {
        struct tree_node *next = name->next;

        name->token = canonical(arena, name->token);
        if (hashmap_find(seen, name->token) != NULL) {
            tree_remove(name);
        } else if (hashmap_add(seen, name->token, name) < 0) {
            arena->failed = ARENA_NO_MEMORY;
        }
        name = next;
    }
}

void normal_unique(struct arena *arena, struct tree_node *names)
{
    struct hashmap seen;

    if (names == NULL || names->count < 2) {
        return;
    }
    hashmap_init(&seen);
    drop_repeated(arena, names, &seen);
    hashmap_done(&seen);
}

void normal_unique_needs(struct arena *arena, struct tree_node *needs)
{
    for (struct tree_node *names = needs == NULL ? NULL : needs->first; names != NULL;
         names = names->next) {
        normal_unique(arena, names);
    }
}
