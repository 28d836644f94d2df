/* SPDX-License-Identifier: MIT */
/* A pool's life: made, drained, closed, and as its policy sees it. */
#include "broker/pool/pool.h"

#include "broker/pool/pool_priv.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

struct pool *pool_new(struct loop *loop, struct server *server, const struct pool_limits *limits,
                      const struct pool_events *events, void *owner)
{
    struct pool *pool = MEM_NEW(struct pool);

    if (pool == NULL) {
        return NULL;
    }
    pool->loop = loop;
    pool->server = server;
    pool->limits = *limits;
    pool->events = events;
    pool->owner = owner;
    pool->adaptive = (limits->size + limits->reserve) * limits->max_inflight;
    list_init(&pool->sessions);
    bytes_init(&pool->identity, 0);
    pool->health = health_model_begin(loop_now_ms(loop));
    dispatch_start(pool);
    keeper_start(pool);
    if (limits->minimum > 0) {
        deferred_schedule(&pool->dispatch);
    }
    return pool;
}

static void reap(void *owner)
{
    struct pool *pool = owner;

    queue_done(&pool->queue);
    listen_watch_free(pool->watch);
    bytes_done(&pool->identity);
    server_unref(pool->server);
    mem_free(pool);
}

void pool_abort(struct pool *pool)
{
    static const struct transport_end end = {.failure = FAILURE_DRAIN_DEADLINE,
                                             .error_class = "retired",
                                             .detail = "the pool was closed"};
    struct list_node *node;

    pool->state = POOL_DRAINING;
    timer_stop(&pool->retry);
    while ((node = list_first(&pool->sessions)) != NULL) {
        session_close(LIST_ITEM(node, struct session, in_pool), &end);
    }
    dispatch_refuse_all(pool, FAILURE_DRAINING);
    dispatch_tell_refused(pool);
}

void pool_close(struct pool *pool)
{
    if (pool == NULL || pool->closing) {
        return;
    }
    pool->closing = true;
    keeper_stop(pool);
    pool_abort(pool);
    dispatch_stop(pool);
    loop_reap(pool->loop, &pool->reapable, reap, pool);
}

void pool_set_limits(struct pool *pool, const struct pool_limits *limits)
{
    if (!pool->limits.is_adaptive || !limits->is_adaptive) {
        pool->adaptive = (limits->size + limits->reserve) * limits->max_inflight;
    }
    pool->limits = *limits;
    queue_set_max_inflight(&pool->queue, limits->party_inflight);
    /* Whoever reloads may have mended something: do not make them wait. */
    breaker_hint(&pool->breaker, loop_now_ms(pool->loop));
    LIST_FOREACH (node, &pool->sessions) {
        pool_jitter(pool, LIST_ITEM(node, struct session, in_pool));
    }
    keeper_start(pool);
    deferred_schedule(&pool->dispatch);
}

/* ---- as its policy sees it */

static void view_session(const struct session *session, struct pool_view *view, bool *has_ready)
{
    size_t load = session_calls(session);

    view->inflight += load;
    if (session->state == SESSION_DRAINING) {
        view->leaving++;
        view->forsaken += session_is_forsaken(session) ? 1 : 0;
        return;
    }
    if (!session_is_open(session)) {
        view->opening++;
        return;
    }
    view->open++;
    if (session->state == SESSION_CHECKING &&
        view->now_ms - session->pinged_at_ms < POOL_CHECK_TRUST_MS) {
        view->checking++;
    }
    view->spare += session->party == NULL && session->calls_total == 0 ? 1 : 0;
    view->active += session->state == SESSION_READY && load > 0 ? 1 : 0;
    if (session->state == SESSION_READY && (!*has_ready || load < view->least_load)) {
        view->least_load = load;
        *has_ready = true;
    }
}

void pool_view(const struct pool *pool, struct pool_view *view)
{
    const struct pool_waiter *oldest = queue_oldest_ready(&pool->queue);
    int64_t now_ms = loop_now_ms(pool->loop);
    bool has_ready = false;

    *view = (struct pool_view){.waiting = pool->queue.ready,
                               .oldest_wait_ms = oldest == NULL ? 0 : now_ms - oldest->since_ms,
                               .has_opened = pool->totals.sess_opened_total > 0,
                               .breaker = breaker_state(&pool->breaker, now_ms),
                               .breaker_until_ms = pool->breaker.open_until_ms,
                               .now_ms = now_ms,
                               .retry_at_ms = pool->retry_at_ms,
                               .failed_at_ms = pool->failed_at_ms,
                               .failing_since_ms = pool->failing_since_ms};
    if (pool->limits.mode == POOL_MODE_SESSION) {
        view->unserved = queue_unserved(&pool->queue);
    }
    LIST_FOREACH (node, &pool->sessions) {
        view_session(LIST_ITEM(node, struct session, in_pool), view, &has_ready);
    }
}

/* ---- repeating */

bool pool_begin_repeat(struct pool *pool)
{
    struct pool_view view;

    pool_view(pool, &view);
    if (!policy_may_repeat(&pool->limits, pool->repeats, view.inflight + view.waiting)) {
        pool->totals.repeats_denied_total++;
        return false;
    }
    pool->totals.repeats_total++;
    pool->repeats++;
    return true;
}

void pool_end_repeat(struct pool *pool)
{
    CHECK(pool->repeats > 0);
    pool->repeats--;
}

/* ---- draining */

static const struct transport_end drained = {
    .failure = FAILURE_SESSION_GONE, .error_class = "retired", .detail = "draining"};

void pool_drain(struct pool *pool)
{
    struct list_node *node;
    struct list_node *next;

    pool->state = POOL_DRAINING;
    timer_stop(&pool->retry);
    dispatch_refuse_all(pool, FAILURE_DRAINING);
    for (node = list_first(&pool->sessions); node != NULL; node = next) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);

        next = node->next == &pool->sessions.head ? NULL : node->next;
        if (session_is_open(session)) {
            session_drain(session);
        } else {
            session_close(session, &drained);
        }
    }
    deferred_schedule(&pool->dispatch);
}

void pool_resume(struct pool *pool)
{
    pool->state = POOL_SERVING;
    deferred_schedule(&pool->dispatch);
}

void pool_recheck(struct pool *pool)
{
    LIST_FOREACH (node, &pool->sessions) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);

        if (session->state == SESSION_READY && session_calls(session) == 0) {
            session->checked_at_ms =
                loop_now_ms(pool->loop) - pool->limits.check_delay_ms - pool->limits.keepalive_ms;
        }
    }
}
