/* SPDX-License-Identifier: MIT */
/* What sessions tell their pool: ready, changed, lost; and what a failure means for the next. */
#include <stdlib.h>

#include "broker/pool/pool_priv.h"
#include "broker/runtime/log.h"

/* A session that lived so long was good: the failures before it are forgotten. */
enum { PROVEN_MS = 1000 };

static void on_session_ready(void *owner, struct session *session);
static void on_session_changed(void *owner, struct session *session);
static void on_session_settled(void *owner, struct session *session, const struct call *call);
static void on_session_refused(void *owner, struct session *session, enum session_refusal why);
static void on_session_closed(void *owner, struct session *session,
                              const struct transport_end *end);
static void on_session_notice(void *owner, struct session *session, const struct message *notice);

static const struct session_events session_events = {.on_ready = on_session_ready,
                                                     .on_changed = on_session_changed,
                                                     .on_settled = on_session_settled,
                                                     .on_refused = on_session_refused,
                                                     .on_closed = on_session_closed,
                                                     .on_notice = on_session_notice};

/* ---- failures */

static void tell_breaker(struct pool *pool, const struct transport_end *end)
{
    enum breaker_state before = breaker_state(&pool->breaker, loop_now_ms(pool->loop));
    struct pool_view view;
    struct breaker_failure failure;

    pool_view(pool, &view);
    failure = (struct breaker_failure){.failures = pool->failures,
                                       .failing_ms = view.now_ms - pool->failing_since_ms,
                                       .patience_ms = policy_patience_ms(&view),
                                       .is_settled = end->is_settled,
                                       .now_ms = view.now_ms,
                                       .random = arc4random()};
    breaker_on_failure(&pool->breaker, &pool->limits.breaker, &failure);
    if (before != BREAKER_OPEN && breaker_state(&pool->breaker, view.now_ms) == BREAKER_OPEN) {
        pool->totals.breaker_trips_total++;
        log_event(LOG_LEVEL_WARN, "breaker_open", "pool=%s failures=%u for_ms=%lld why=%s",
                  pool_name(pool), pool->failures,
                  (long long)(pool->breaker.open_until_ms - view.now_ms), log_quote(end->detail));
    }
}

static void note_failure(struct pool *pool, const struct transport_end *end)
{
    int64_t now_ms = loop_now_ms(pool->loop);

    pool->last_failure = *end;
    pool->ratelimited += strcmp(end->error_class, "ratelimit") == 0 ? 1 : 0;
    pool->failed_at_ms = now_ms;
    pool->seen_deaf = false;
    if (pool->failures++ == 0) {
        pool->failing_since_ms = now_ms;
    }
    pool->retry_at_ms = now_ms + policy_backoff_ms(&pool->limits, pool->failures, arc4random());
    tell_breaker(pool, end);
    if (pool->limits.is_adaptive) {
        pool_note_overload(pool);
    }
}

static void forgive(struct pool *pool)
{
    pool->failures = 0;
    pool->failing_since_ms = 0;
    pool->retry_at_ms = 0;
}

void pool_jitter(const struct pool *pool, struct session *session)
{
    session->idle_limit_ms = policy_jitter_ms(pool->limits.idle_timeout_ms, arc4random());
    session->keepalive_ms = policy_jitter_ms(pool->limits.keepalive_ms, arc4random());
}

void pool_open_session(struct pool *pool)
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
    pool_jitter(pool, session);
    list_append(&pool->sessions, &session->in_pool);
    /* Perhaps another one: policy says how many at a time. */
    deferred_schedule(&pool->dispatch);
}

/* ---- events */

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
    if (pool->breaker.trips > 0) {
        log_event(LOG_LEVEL_INFO, "breaker_closed", "pool=%s slow_start_ms=%lld", pool_name(pool),
                  (long long)pool->limits.slow_start_ms);
        breaker_on_success(&pool->breaker, loop_now_ms(pool->loop));
    }
    log_event(LOG_LEVEL_INFO, "session_ready", "session=%s protocol=%s took_ms=%lld", session->name,
              session->protocol, (long long)took_ms);
    pool->events->on_ready(pool->owner, pool, took_ms);
}

static void on_session_changed(void *owner, struct session *session)
{
    struct pool *pool = owner;

    (void)session;
    deferred_schedule(&pool->dispatch);
}

static void on_session_settled(void *owner, struct session *session, const struct call *call)
{
    struct pool *pool = owner;

    (void)session;
    if (call->party != NULL) {
        queue_count_settled(&pool->queue, call->party);
    }
}

static void on_session_refused(void *owner, struct session *session, enum session_refusal why)
{
    struct pool *pool = owner;

    (void)session;
    pool->ratelimited += why == SESSION_REFUSES_RATE ? 1 : 0;
    if (why == SESSION_REFUSES_CREDENTIALS) {
        pool->unauthorized_ms = loop_now_ms(pool->loop);
        pool_urge_health(pool);
    } else if (pool->limits.is_adaptive) {
        pool_note_overload(pool);
    }
}

static bool is_by_us(const struct transport_end *end)
{
    return strcmp(end->error_class, "retired") == 0;
}

static void count_closed(struct pool *pool, const struct session *session,
                         const struct transport_end *end)
{
    pool->totals.received_bytes += session_received_bytes(session);
    pool->totals.probes_ok_total += session->checks_passed;
    /* A ping that we did not wait for says nothing of the server. */
    pool->totals.probes_fail_total += session->check_id != 0 && !is_by_us(end) ? 1 : 0;
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

/* Mode SESSION: who was served by it alone is told, unless it has left. */
static void release_party(struct pool *pool, struct session *session)
{
    struct party *party = session->party;
    int64_t number;
    bool stays;

    if (party == NULL) {
        return;
    }
    session->party = NULL;
    number = party->number;
    stays = !party->is_gone && !pool->closing;
    queue_release(&pool->queue, party);
    if (stays) {
        pool->events->on_bereaved(pool->owner, pool, number);
    }
}

/* It never became ready. */
static void on_opening_failed(struct pool *pool, const struct transport_end *end)
{
    pool->totals.sess_failed_total++;
    if (!is_by_us(end)) {
        note_failure(pool, end);
        pool->events->on_failed(pool->owner, pool, end);
    }
}

static void on_ready_closed(struct pool *pool, bool is_proven, const struct transport_end *end)
{
    pool->totals.sess_closed_total++;
    if (is_by_us(end)) {
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

static void on_session_closed(void *owner, struct session *session, const struct transport_end *end)
{
    struct pool *pool = owner;
    int64_t now_ms = loop_now_ms(pool->loop);
    bool was_ready = session->ready_at_ms != 0;
    /* So was one that answered: a server that restarts twice in a second is not broken. */
    bool is_proven = was_ready && (now_ms - session->ready_at_ms >= PROVEN_MS ||
                                   session->checked_at_ms > session->ready_at_ms);

    list_remove(&pool->sessions, &session->in_pool);
    deferred_schedule(&pool->dispatch);
    count_closed(pool, session, end);
    log_event(close_level(pool, was_ready, end), was_ready ? "session_closed" : "session_failed",
              "session=%s class=%s why=%s age_ms=%lld calls=%llu", session->name, end->error_class,
              log_quote(end->detail), (long long)(now_ms - session->opened_at_ms),
              (unsigned long long)session->calls_total);
    if (was_ready) {
        on_ready_closed(pool, is_proven, end);
    } else {
        on_opening_failed(pool, end);
    }
    release_party(pool, session);
}

static void on_session_notice(void *owner, struct session *session, const struct message *notice)
{
    struct pool *pool = owner;
    const struct party *party = session->party;

    pool->events->on_notice(pool->owner, pool, party == NULL ? PARTY_NOBODY : party->number,
                            notice);
}

void pool_leave(struct pool *pool, int64_t party_number)
{
    struct party *party = queue_find_party(&pool->queue, party_number);
    struct session *session;

    if (party == NULL) {
        return;
    }
    session = party->session;
    queue_leave(&pool->queue, party);
    /* Nobody else may see what it holds.  Calls that are out end first. */
    if (session != NULL) {
        session_drain(session);
    }
}
