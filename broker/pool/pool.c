/* SPDX-License-Identifier: MIT */
#include "broker/pool/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/pool/pool_priv.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

/* A session that lived so long was good: the failures before it are forgotten. */
enum { PROVEN_MS = 1000 };

static void on_dispatch(void *owner);
static void on_session_ready(void *owner, struct session *session);
static void on_session_changed(void *owner, struct session *session);
static void on_session_closed(void *owner, struct session *session,
                              const struct transport_end *end);
static void on_session_notice(void *owner, struct session *session, const struct message *notice);

static const struct session_events session_events = {on_session_ready, on_session_changed,
                                                     on_session_closed, on_session_notice};

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
    list_init(&pool->sessions);
    list_init(&pool->waiters);
    list_init(&pool->refused);
    bytes_init(&pool->identity, 0);
    pool->health = HEALTH_UNKNOWN;
    pool->health_reason = "unused";
    pool->health_since_ms = loop_now_ms(loop);
    deferred_init(&pool->dispatch, loop, on_dispatch, pool);
    timer_init(&pool->retry, loop, on_dispatch, pool);
    keeper_start(pool);
    if (limits->minimum > 0) {
        deferred_schedule(&pool->dispatch);
    }
    return pool;
}

static void reap(void *owner)
{
    struct pool *pool = owner;

    bytes_done(&pool->identity);
    server_unref(pool->server);
    mem_free(pool);
}

static void refuse(struct pool *pool, struct pool_waiter *waiter, enum failure failure)
{
    waiter->refusal = failure;
    list_append(&pool->refused, &waiter->in_waiters);
    deferred_schedule(&pool->dispatch);
}

static void refuse_all(struct pool *pool, enum failure failure)
{
    struct list_node *node;

    while ((node = list_take_first(&pool->waiters)) != NULL) {
        refuse(pool, LIST_ITEM(node, struct pool_waiter, in_waiters), failure);
    }
}

static void tell_refused(struct pool *pool)
{
    struct list_node *node;

    while ((node = list_take_first(&pool->refused)) != NULL) {
        struct pool_waiter *waiter = LIST_ITEM(node, struct pool_waiter, in_waiters);
        bool is_down = waiter->refusal == FAILURE_UNAVAILABLE;

        waiter->on_refused(waiter, waiter->refusal, is_down ? pool->last_failure.detail : NULL);
    }
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
    refuse_all(pool, FAILURE_DRAINING);
    tell_refused(pool);
}

void pool_close(struct pool *pool)
{
    if (pool == NULL || pool->closing) {
        return;
    }
    pool->closing = true;
    keeper_stop(pool);
    pool_abort(pool);
    deferred_cancel(&pool->dispatch);
    loop_reap(pool->loop, &pool->reapable, reap, pool);
}

void pool_set_limits(struct pool *pool, const struct pool_limits *limits)
{
    pool->limits = *limits;
    keeper_start(pool);
    deferred_schedule(&pool->dispatch);
}

/* ---- waiting */

/* Calls that can be dispatched in this very turn: they pass through the queue without waiting. */
static size_t free_room(const struct pool *pool)
{
    size_t room = list_is_empty(&pool->sessions) ? pool->limits.max_inflight : 0;

    LIST_FOREACH (node, &pool->sessions) {
        const struct session *session = LIST_ITEM(node, struct session, in_pool);
        size_t load = session_calls(session);

        if (session->state == SESSION_READY && load < pool->limits.max_inflight) {
            room += pool->limits.max_inflight - load;
        }
    }
    return room;
}

static void enqueue(struct pool *pool, struct pool_waiter *waiter)
{
    waiter->since_ms = loop_now_ms(pool->loop);
    CHECK(waiter->in_waiters.on == NULL);
    deferred_schedule(&pool->dispatch);
}

void pool_acquire(struct pool *pool, struct pool_waiter *waiter)
{
    CHECK(!pool->closing);
    enqueue(pool, waiter);
    if (pool->state == POOL_DRAINING) {
        refuse(pool, waiter, FAILURE_DRAINING);
    } else if (pool->waiters.count >= pool->limits.queue_max &&
               pool->waiters.count >= pool->limits.queue_max + free_room(pool)) {
        pool->totals.queue_full_total++;
        refuse(pool, waiter, FAILURE_OVERLOADED);
    } else {
        list_append(&pool->waiters, &waiter->in_waiters);
    }
}

void pool_acquire_again(struct pool *pool, struct pool_waiter *waiter)
{
    /* While the pool closes too: a call that had not left is told that it may come again. */
    enqueue(pool, waiter);
    if (pool->state == POOL_DRAINING) {
        refuse(pool, waiter, FAILURE_DRAINING);
    } else {
        list_prepend(&pool->waiters, &waiter->in_waiters);
    }
}

void pool_withdraw(struct pool *pool, struct pool_waiter *waiter)
{
    (void)pool;
    if (waiter->in_waiters.on != NULL) {
        list_remove(waiter->in_waiters.on, &waiter->in_waiters);
    }
}

/* ---- dispatch */

/* Idle for so long that it must prove itself before a call is trusted to it. */
static bool needs_check(const struct pool *pool, const struct session *session)
{
    return session_calls(session) == 0 &&
           loop_now_ms(pool->loop) - session->checked_at_ms > pool->limits.check_delay_ms;
}

/*
 * The most recently used session below its target, else the least loaded one with
 * room.  Sessions that need a check on the way get one.
 */
static struct session *choose(struct pool *pool)
{
    struct session *best = NULL;

    LIST_FOREACH (node, &pool->sessions) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);
        size_t load = session_calls(session);

        if (session->state != SESSION_READY || !policy_has_room(&pool->limits, load)) {
            continue;
        }
        if (needs_check(pool, session)) {
            session_check(session);
            if (session->state != SESSION_READY) {
                continue;
            }
        }
        if (policy_is_below_target(&pool->limits, load)) {
            return session;
        }
        if (best == NULL || load < session_calls(best)) {
            best = session;
        }
    }
    return best;
}

static void move_to_front(struct pool *pool, struct session *session)
{
    if (list_first(&pool->sessions) != &session->in_pool) {
        list_remove(&pool->sessions, &session->in_pool);
        list_prepend(&pool->sessions, &session->in_pool);
    }
}

static void serve_waiters(struct pool *pool)
{
    struct list_node *node;

    while ((node = list_first(&pool->waiters)) != NULL) {
        struct pool_waiter *waiter = LIST_ITEM(node, struct pool_waiter, in_waiters);
        struct session *session = choose(pool);

        if (session == NULL) {
            return;
        }
        list_remove(&pool->waiters, node);
        pool->totals.wait_n++;
        pool->totals.wait_ms_sum += (uint64_t)(loop_now_ms(pool->loop) - waiter->since_ms);
        move_to_front(pool, session);
        waiter->on_session(waiter, session);
    }
}

void pool_view(const struct pool *pool, struct pool_view *view)
{
    bool has_ready = false;

    *view = (struct pool_view){.waiting = pool->waiters.count,
                               .has_opened = pool->totals.sess_opened_total > 0,
                               .is_settled = pool->last_failure.is_settled,
                               .now_ms = loop_now_ms(pool->loop),
                               .retry_at_ms = pool->retry_at_ms,
                               .failed_at_ms = pool->failed_at_ms,
                               .failing_since_ms = pool->failing_since_ms};
    LIST_FOREACH (node, &pool->sessions) {
        const struct session *session = LIST_ITEM(node, struct session, in_pool);
        size_t load = session_calls(session);

        if (session->state == SESSION_DRAINING) {
            view->leaving++;
        } else if (!session_is_open(session)) {
            view->opening++;
        } else {
            view->open++;
            view->checking += session->state == SESSION_CHECKING ? 1 : 0;
            if (session->state == SESSION_READY && (!has_ready || load < view->least_load)) {
                view->least_load = load;
                has_ready = true;
            }
        }
    }
}

static void note_failure(struct pool *pool, const struct transport_end *end)
{
    int64_t now_ms = loop_now_ms(pool->loop);

    pool->last_failure = *end;
    pool->failed_at_ms = now_ms;
    if (pool->failures++ == 0) {
        pool->failing_since_ms = now_ms;
    }
    pool->retry_at_ms = now_ms + policy_backoff_ms(&pool->limits, pool->failures, arc4random());
}

static void forgive(struct pool *pool)
{
    pool->failures = 0;
    pool->failing_since_ms = 0;
    pool->retry_at_ms = 0;
}

static void open_session(struct pool *pool)
{
    static const struct transport_end no_memory = {.failure = FAILURE_UNAVAILABLE,
                                                   .error_class = "session",
                                                   .detail = "no memory for a session"};
    struct session *session =
        session_open(pool->server, ++pool->next_number, &session_events, pool);

    if (session == NULL) {
        note_failure(pool, &no_memory);
        timer_start(&pool->retry, pool->retry_at_ms - loop_now_ms(pool->loop));
        return;
    }
    session->retire_at_ms =
        loop_now_ms(pool->loop) + policy_lifetime_ms(&pool->limits, arc4random());
    list_append(&pool->sessions, &session->in_pool);
}

static void check_invariants(const struct pool *pool)
{
    struct pool_view view;

    pool_view(pool, &view);
    CHECK_SLOW(view.opening <= 1);
    CHECK_SLOW(view.open + view.opening + view.leaving == pool->sessions.count);
}

static void on_dispatch(void *owner)
{
    struct pool *pool = owner;
    struct pool_view view;

    tell_refused(pool);
    if (pool->closing) {
        return;
    }
    pool_update_health(pool);
    if (pool->state == POOL_DRAINING) {
        if (list_is_empty(&pool->sessions)) {
            pool->events->on_drained(pool->owner, pool);
        }
        return;
    }
    serve_waiters(pool);
    pool_view(pool, &view);
    switch (policy_decide(&pool->limits, &view)) {
    case POOL_ACTION_NONE:
        break;
    case POOL_ACTION_OPEN:
        open_session(pool);
        break;
    case POOL_ACTION_REFUSE:
        refuse_all(pool, FAILURE_UNAVAILABLE);
        break;
    case POOL_ACTION_RETRY:
        timer_start(&pool->retry, policy_next_attempt_ms(&view) - view.now_ms);
        break;
    }
    check_invariants(pool);
}

/* ---- sessions */

static void learn_identity(struct pool *pool, const struct session *session)
{
    struct bytes fresh;

    bytes_init(&fresh, session->identity.length);
    bytes_append_span(&fresh, bytes_span(&session->identity));
    if (fresh.failed) {
        bytes_done(&fresh);
        return;
    }
    bytes_done(&pool->identity);
    pool->identity = fresh;
    pool->protocol = session->protocol;
}

static void on_session_ready(void *owner, struct session *session)
{
    struct pool *pool = owner;
    int64_t took_ms = session->ready_at_ms - session->opened_at_ms;

    pool->totals.sess_opened_total++;
    pool->totals.create_ms_sum += (uint64_t)took_ms;
    learn_identity(pool, session);
    pool->last_failure = (struct transport_end){0};
    pool->retry_at_ms = 0;
    log_event(LOG_LEVEL_INFO, "session_ready", "session=%s protocol=%s took_ms=%lld", session->name,
              session->protocol, (long long)took_ms);
    pool->events->on_ready(pool->owner, pool);
}

static void on_session_changed(void *owner, struct session *session)
{
    struct pool *pool = owner;

    (void)session;
    deferred_schedule(&pool->dispatch);
}

static void count_closed(struct pool *pool, const struct session *session)
{
    pool->totals.received_bytes += session_received_bytes(session);
    pool->totals.probes_ok_total += session->checks_passed;
    pool->totals.probes_fail_total += session->check_id != 0 ? 1 : 0;
}

static bool is_by_us(const struct transport_end *end)
{
    return strcmp(end->error_class, "retired") == 0;
}

/* The same failure again and again is one warning. */
static enum log_level close_level(const struct pool *pool, bool was_ready,
                                  const struct transport_end *end)
{
    if (is_by_us(end)) {
        return LOG_LEVEL_INFO;
    }
    return !was_ready && strcmp(pool->last_failure.detail, end->detail) == 0 ? LOG_LEVEL_DEBUG
                                                                             : LOG_LEVEL_WARN;
}

static void on_session_closed(void *owner, struct session *session, const struct transport_end *end)
{
    struct pool *pool = owner;
    int64_t now_ms = loop_now_ms(pool->loop);
    bool was_ready = session->ready_at_ms != 0;
    bool is_proven = was_ready && now_ms - session->ready_at_ms >= PROVEN_MS;
    bool by_us = is_by_us(end);

    list_remove(&pool->sessions, &session->in_pool);
    deferred_schedule(&pool->dispatch);
    count_closed(pool, session);
    log_event(close_level(pool, was_ready, end), was_ready ? "session_closed" : "session_failed",
              "session=%s class=%s why=%s age_ms=%lld calls=%llu", session->name, end->error_class,
              log_quote(end->detail), (long long)(now_ms - session->opened_at_ms),
              (unsigned long long)session->calls_total);
    if (!was_ready) {
        pool->totals.sess_failed_total++;
        if (!by_us) {
            note_failure(pool, end);
            pool->events->on_failed(pool->owner, pool, end);
        }
        return;
    }
    pool->totals.sess_closed_total++;
    if (by_us) {
        /* What failed before it does not count against a server that has been well since. */
        if (is_proven && pool->last_failure.failure == FAILURE_NONE) {
            forgive(pool);
        }
        return;
    }
    pool->totals.sess_lost_total++;
    if (is_proven) {
        /* At once: a server that restarted is back, or the attempt will tell. */
        forgive(pool);
    } else {
        note_failure(pool, end);
    }
    pool->events->on_lost(pool->owner, pool, end);
}

static void on_session_notice(void *owner, struct session *session, const struct message *notice)
{
    struct pool *pool = owner;

    (void)session;
    pool->events->on_notice(pool->owner, pool, notice);
}

void pool_drain(struct pool *pool)
{
    struct list_node *node;
    struct list_node *next;

    pool->state = POOL_DRAINING;
    timer_stop(&pool->retry);
    refuse_all(pool, FAILURE_DRAINING);
    for (node = list_first(&pool->sessions); node != NULL; node = next) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);

        next = node->next == &pool->sessions.head ? NULL : node->next;
        if (session_is_open(session)) {
            session_drain(session);
        } else {
            session_close(session, &(struct transport_end){.failure = FAILURE_SESSION_GONE,
                                                           .error_class = "retired",
                                                           .detail = "draining"});
        }
    }
    deferred_schedule(&pool->dispatch);
}

void pool_resume(struct pool *pool)
{
    pool->state = POOL_SERVING;
    deferred_schedule(&pool->dispatch);
}
