/* SPDX-License-Identifier: MIT */
/* A pool as others see it. */
#include "broker/pool/pool_priv.h"

const char *pool_name(const struct pool *pool)
{
    return pool->server->name;
}

struct server *pool_server(const struct pool *pool)
{
    return pool->server;
}

const struct pool_limits *pool_limits(const struct pool *pool)
{
    return &pool->limits;
}

struct span pool_identity(const struct pool *pool)
{
    return pool->identity.length == 0 ? SPAN_NONE : bytes_span(&pool->identity);
}

const char *pool_protocol(const struct pool *pool)
{
    return pool->protocol;
}

bool pool_is_up(const struct pool *pool)
{
    LIST_FOREACH (node, &pool->sessions) {
        if (session_is_open(LIST_ITEM(node, struct session, in_pool))) {
            return true;
        }
    }
    return false;
}

enum pool_state pool_state(const struct pool *pool)
{
    return pool->state;
}

const struct transport_end *pool_last_failure(const struct pool *pool)
{
    return pool->last_failure.failure == FAILURE_NONE ? NULL : &pool->last_failure;
}

int64_t pool_failed_at_ms(const struct pool *pool)
{
    return pool->failed_at_ms;
}

enum breaker_state pool_breaker(const struct pool *pool)
{
    return breaker_state(&pool->breaker, loop_now_ms(pool->loop));
}

static void count_session(const struct session *session, struct pool_figures *figures)
{
    figures->total++;
    figures->inflight += session_calls(session);
    figures->received_bytes += session_received_bytes(session);
    figures->probes_ok += session->checks_passed;
    switch (session->state) {
    case SESSION_NEW:
    case SESSION_CONNECTING:
    case SESSION_INITIALIZING:
        figures->connecting++;
        return;
    case SESSION_READY:
        if (session_calls(session) == 0) {
            figures->idle++;
        } else {
            figures->active++;
        }
        return;
    case SESSION_CHECKING:
        figures->testing++;
        return;
    case SESSION_DRAINING:
    case SESSION_CLOSED:
    case SESSION_STATE_COUNT:
        figures->draining++;
        return;
    }
}

void pool_figures(const struct pool *pool, struct pool_figures *ret_figures)
{
    const struct pool_waiter *oldest = queue_oldest(&pool->queue);

    *ret_figures = (struct pool_figures){.waiting = pool->queue.arrivals.count,
                                         .received_bytes = pool->totals.received_bytes,
                                         .probes_ok = pool->totals.probes_ok_total};
    LIST_FOREACH (node, &pool->sessions) {
        count_session(LIST_ITEM(node, struct session, in_pool), ret_figures);
    }
    /* A place held by the back-off after a failure: somebody wants a session and may not yet. */
    if (ret_figures->total == 0 &&
        (pool->retry_at_ms > loop_now_ms(pool->loop) || pool_breaker(pool) == BREAKER_OPEN)) {
        ret_figures->broken = 1;
        ret_figures->total = 1;
    }
    if (oldest != NULL) {
        ret_figures->oldest_wait_ms = loop_now_ms(pool->loop) - oldest->since_ms;
    }
}

struct pool_totals *pool_totals(struct pool *pool)
{
    return &pool->totals;
}

const struct list *pool_sessions(const struct pool *pool)
{
    return &pool->sessions;
}
