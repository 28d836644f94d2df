/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/relay_asked.h"

#include <errno.h>

#include "proto/base/mem.h"

struct asking {
    struct list_node in_all;
    char *id; /* ours: a raw token */
    size_t length;
    int link;
    unsigned times; /* a host that uses an id twice gets two answers */
};

void relay_asked_init(struct relay_asked *asked)
{
    hashmap_init(&asked->by_id);
    list_init(&asked->all);
}

static void forget(struct relay_asked *asked, struct asking *asking)
{
    (void)hashmap_take(&asked->by_id, (struct span){asking->id, asking->length});
    list_remove(&asked->all, &asking->in_all);
    mem_free(asking->id);
    mem_free(asking);
}

void relay_asked_done(struct relay_asked *asked)
{
    struct list_node *first;

    while ((first = list_first(&asked->all)) != NULL) {
        forget(asked, LIST_ITEM(first, struct asking, in_all));
    }
    hashmap_done(&asked->by_id);
}

static int remember(struct relay_asked *asked, struct span id)
{
    struct asking *asking = MEM_NEW(struct asking);

    if (asking == NULL) {
        return -ENOMEM;
    }
    asking->id = mem_copy_text(id.at, id.length);
    asking->length = id.length;
    asking->link = RELAY_NOWHERE;
    asking->times = 1;
    if (asking->id == NULL ||
        hashmap_add(&asked->by_id, (struct span){asking->id, id.length}, asking) < 0) {
        mem_free(asking->id);
        mem_free(asking);
        return -ENOMEM;
    }
    list_append(&asked->all, &asking->in_all);
    return 0;
}

int relay_asked_add(struct relay_asked *asked, struct span id)
{
    struct asking *asking = hashmap_find(&asked->by_id, id);

    if (asking != NULL) {
        asking->times++;
        return 0;
    }
    return asked->all.count >= RELAY_ASKED_MAXIMUM ? -EAGAIN : remember(asked, id);
}

void relay_asked_went(struct relay_asked *asked, struct span id, int link)
{
    struct asking *asking = hashmap_find(&asked->by_id, id);

    if (asking != NULL) {
        asking->link = link;
    }
}

void relay_asked_settle(struct relay_asked *asked, struct span id)
{
    struct asking *asking = hashmap_find(&asked->by_id, id);

    if (asking != NULL && --asking->times == 0) {
        forget(asked, asking);
    }
}

struct span relay_asked_oldest(const struct relay_asked *asked, int link)
{
    LIST_FOREACH (node, &asked->all) {
        const struct asking *asking = LIST_ITEM(node, struct asking, in_all);

        if (asking->link == link) {
            return (struct span){asking->id, asking->length};
        }
    }
    return SPAN_NONE;
}
