/* SPDX-License-Identifier: MIT */
/* Those who wait until Redis has the figures of now. */
#include <errno.h>

#include "broker/health/redis_publisher_priv.h"
#include "proto/base/mem.h"

enum {
    FLUSHES_MAXIMUM = 64, /* one more is refused */
    FLUSH_MS = 3000,
};

/* Somebody who waits for tick SEQ, or a later one, to be acknowledged. */
struct flush {
    struct list_node in_flushes;
    redis_flush_fn done;
    void *owner;
    uint64_t seq;
    int64_t deadline_ms;
};

int redis_publisher_flush(struct redis_publisher *publisher, redis_flush_fn done, void *owner)
{
    struct flush *flush;

    if (publisher->flushes.count >= FLUSHES_MAXIMUM) {
        return -EBUSY;
    }
    flush = MEM_NEW(struct flush);
    if (flush == NULL) {
        return -ENOMEM;
    }
    flush->done = done;
    flush->owner = owner;
    flush->seq = publisher->seq + 1; /* a tick that runs now has older figures */
    flush->deadline_ms = loop_now_ms(publisher->loop) + FLUSH_MS;
    list_append(&publisher->flushes, &flush->in_flushes);
    if (!publisher->flush_timer.armed) {
        timer_start(&publisher->flush_timer, FLUSH_MS);
    }
    deferred_schedule(&publisher->work);
    return 0;
}

void redis_publisher_flush_cancel(struct redis_publisher *publisher, const void *owner)
{
    LIST_FOREACH_SAFE (node, &publisher->flushes) {
        struct flush *flush = LIST_ITEM(node, struct flush, in_flushes);

        if (flush->owner == owner) {
            list_remove(&publisher->flushes, node);
            mem_free(flush);
        }
    }
}

void redis_publisher_flush_forget(struct redis_publisher *publisher)
{
    struct list_node *node;

    timer_stop(&publisher->flush_timer);
    while ((node = list_take_first(&publisher->flushes)) != NULL) {
        mem_free(LIST_ITEM(node, struct flush, in_flushes));
    }
}

static void end(struct redis_publisher *publisher, struct flush *flush, bool ok)
{
    redis_flush_fn done = flush->done;
    void *owner = flush->owner;

    list_remove(&publisher->flushes, &flush->in_flushes);
    mem_free(flush);
    done(owner, ok, publisher->seq);
}

/* They are in order.  DONE may do anything, also free the publisher: then the list is empty. */
void redis_publisher_flush_end(struct redis_publisher *publisher, uint64_t seq, bool ok)
{
    struct list_node *node;

    while ((node = list_first(&publisher->flushes)) != NULL) {
        struct flush *flush = LIST_ITEM(node, struct flush, in_flushes);

        if (flush->seq > seq) {
            return;
        }
        end(publisher, flush, ok);
    }
}

void redis_publisher_flush_expire(void *owner)
{
    struct redis_publisher *publisher = owner;
    struct list_node *node;

    while ((node = list_first(&publisher->flushes)) != NULL) {
        struct flush *flush = LIST_ITEM(node, struct flush, in_flushes);
        int64_t left_ms = flush->deadline_ms - loop_now_ms(publisher->loop);

        if (left_ms > 0) {
            timer_start(&publisher->flush_timer, left_ms);
            return;
        }
        end(publisher, flush, false);
    }
}
