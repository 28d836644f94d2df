/* SPDX-License-Identifier: MIT */
/* Upkeep of a pool over time: retire the old, close the idle, ping the silent, look how it is. */
#include "broker/pool/pool_priv.h"

enum { SHORTEST_INTERVAL_MS = 20, LONGEST_INTERVAL_MS = 1000 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Often enough for the shortest of the limits that it watches. */
static int64_t interval_ms(const struct pool_limits *limits)
{
    int64_t shortest =
        smaller(smaller(limits->idle_timeout_ms, limits->keepalive_ms), limits->lifetime_ms) / 4;

    if (shortest < SHORTEST_INTERVAL_MS) {
        return SHORTEST_INTERVAL_MS;
    }
    return smaller(shortest, LONGEST_INTERVAL_MS);
}

static void care_for(struct pool *pool, struct session *session, size_t open)
{
    int64_t now_ms = loop_now_ms(pool->loop);
    struct pool_limits limits = pool->limits;
    struct session_view view = {.is_ready = session->state == SESSION_READY,
                                .is_leaving = session->state == SESSION_DRAINING,
                                .is_bound = session->party != NULL,
                                .load = session_calls(session),
                                .idle_ms = now_ms - session->used_at_ms,
                                .unproven_ms = now_ms - session->checked_at_ms,
                                .overdue_ms = now_ms - session->retire_at_ms};

    /* Each session has its own share of jitter, so that they are not all looked after at once. */
    limits.idle_timeout_ms = session->idle_limit_ms;
    limits.keepalive_ms = session->keepalive_ms;
    switch (policy_care(&limits, &view, open, now_ms - pool->retired_at_ms)) {
    case CARE_NONE:
        return;
    case CARE_PING:
        /* A server at work may answer none of them: not more often for that. */
        if (now_ms - session->pinged_at_ms >= limits.keepalive_ms) {
            session->pinged_at_ms = now_ms;
            session_ping(session);
        }
        return;
    case CARE_CHECK:
        session->pinged_at_ms = now_ms;
        session_check(session);
        return;
    case CARE_RETIRE:
        if (view.overdue_ms >= 0) {
            pool->retired_at_ms = now_ms;
        }
        session_drain(session);
        return;
    }
}

static bool takes_calls(const struct session *session)
{
    return session->state == SESSION_READY || session->state == SESSION_CHECKING;
}

static void on_keeper(void *owner)
{
    struct pool *pool = owner;
    struct list_node *node;
    struct list_node *next;
    size_t open = 0;

    LIST_FOREACH (each, &pool->sessions) {
        open += takes_calls(LIST_ITEM(each, struct session, in_pool)) ? 1 : 0;
    }
    /* From the least recently used on: the idle ones are there. */
    for (node = list_last(&pool->sessions); node != NULL; node = next) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);
        bool took_calls = takes_calls(session);

        next = node->previous == &pool->sessions.head ? NULL : node->previous;
        care_for(pool, session, open);
        open -= took_calls && !takes_calls(session) ? 1 : 0;
    }
    /* Which goes on with it, if there is still something to look after. */
    deferred_schedule(&pool->dispatch);
}

void keeper_ensure(struct pool *pool)
{
    bool is_needed = !list_is_empty(&pool->sessions) || pool->queue.arrivals.count > 0 ||
                     pool->limits.minimum > 0 || !pool->is_quiet;

    /* A pool that nobody uses wakes nobody. */
    if (is_needed && !pool->keeper.armed) {
        timer_start(&pool->keeper, interval_ms(&pool->limits));
    }
}

void keeper_start(struct pool *pool)
{
    timer_stop(&pool->keeper);
    timer_init(&pool->keeper, pool->loop, on_keeper, pool);
    timer_start(&pool->keeper, interval_ms(&pool->limits));
}

void keeper_stop(struct pool *pool)
{
    timer_stop(&pool->keeper);
}
