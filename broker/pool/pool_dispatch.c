/* SPDX-License-Identifier: MIT */
/*
 * Who gets a session, and when another one is opened.  policy.c decides, queue.c keeps the order;
 * this file looks, asks and acts, once a turn.
 */
#include "broker/pool/pool_priv.h"

enum {
    RETRY_AFTER_LEAST_MS = 50,
    RETRY_AFTER_MOST_MS = 5000,
    ADAPT_WINDOW_MS = 1000,
    WATCH_MS = 25
};

static void on_dispatch(void *owner);

void dispatch_start(struct pool *pool)
{
    list_init(&pool->refused);
    queue_init(&pool->queue, pool->limits.party_inflight);
    deferred_init(&pool->dispatch, pool->loop, on_dispatch, pool);
    timer_init(&pool->retry, pool->loop, on_dispatch, pool);
}

void dispatch_stop(struct pool *pool)
{
    timer_stop(&pool->retry);
    deferred_cancel(&pool->dispatch);
}

/* ---- refusing */

static void refuse(struct pool *pool, struct pool_waiter *waiter, enum failure failure)
{
    waiter->refusal = failure;
    list_append(&pool->refused, &waiter->in_waiters);
    deferred_schedule(&pool->dispatch);
}

static void refuse_queued(struct pool *pool, struct pool_waiter *waiter, enum failure failure)
{
    queue_remove(&pool->queue, waiter);
    refuse(pool, waiter, failure);
}

void dispatch_refuse_all(struct pool *pool, enum failure failure)
{
    struct pool_waiter *waiter;

    while ((waiter = queue_oldest(&pool->queue)) != NULL) {
        refuse_queued(pool, waiter, failure);
    }
}

/* In mode SESSION those who have a session wait on for it. */
static void refuse_stranded(struct pool *pool)
{
    LIST_FOREACH_SAFE (node, &pool->queue.arrivals) {
        struct pool_waiter *waiter = LIST_ITEM(node, struct pool_waiter, in_arrivals);

        if (waiter->party->session == NULL) {
            refuse_queued(pool, waiter, FAILURE_UNAVAILABLE);
        }
    }
}

void dispatch_tell_refused(struct pool *pool)
{
    struct list_node *node;

    while ((node = list_take_first(&pool->refused)) != NULL) {
        struct pool_waiter *waiter = LIST_ITEM(node, struct pool_waiter, in_waiters);
        bool is_down = waiter->refusal == FAILURE_UNAVAILABLE;

        waiter->on_refused(waiter, waiter->refusal, is_down ? pool->last_failure.detail : NULL);
    }
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

static bool is_full(const struct pool *pool, const struct pool_waiter *waiter)
{
    const struct pool_limits *limits = &pool->limits;

    if (limits->queue_max_bytes > 0 && pool->queue.arrivals.count > 0 &&
        pool->queue.bytes + waiter->bytes > limits->queue_max_bytes) {
        return true;
    }
    return pool->queue.arrivals.count >= limits->queue_max &&
           pool->queue.arrivals.count >= limits->queue_max + free_room(pool);
}

/* Room for WAITER in a full queue, at the expense of the client that filled it, or not at all. */
static bool make_room(struct pool *pool, const struct pool_waiter *waiter)
{
    struct pool_waiter *victim;

    while (is_full(pool, waiter)) {
        victim = queue_victim(&pool->queue, waiter, pool->limits.queue_max_bytes);
        if (victim == NULL) {
            return false;
        }
        pool->totals.queue_full_total++;
        refuse_queued(pool, victim, FAILURE_OVERLOADED);
    }
    return true;
}

/* Since when somebody waits who could go: a queue that empties now and then does not stand. */
static void note_standing(struct pool *pool)
{
    if (pool->queue.ready == 0) {
        pool->standing_since_ms = 0;
    } else if (pool->standing_since_ms == 0) {
        pool->standing_since_ms = loop_now_ms(pool->loop);
    }
}

void pool_acquire(struct pool *pool, struct pool_waiter *waiter)
{
    CHECK(!pool->closing && waiter->in_waiters.on == NULL);
    waiter->since_ms = loop_now_ms(pool->loop);
    deferred_schedule(&pool->dispatch);
    note_standing(pool);
    if (pool->state == POOL_DRAINING) {
        refuse(pool, waiter, FAILURE_DRAINING);
    } else if (!make_room(pool, waiter)) {
        pool->totals.queue_full_total++;
        refuse(pool, waiter, FAILURE_OVERLOADED);
    } else if (queue_append(&pool->queue, waiter) < 0) {
        refuse(pool, waiter, FAILURE_OUT_OF_MEMORY);
    }
    note_standing(pool);
}

void pool_acquire_again(struct pool *pool, struct pool_waiter *waiter)
{
    /* While the pool closes too: a call that had not left is told that it may come again. */
    CHECK(waiter->in_waiters.on == NULL);
    waiter->since_ms = loop_now_ms(pool->loop);
    deferred_schedule(&pool->dispatch);
    if (pool->state == POOL_DRAINING) {
        refuse(pool, waiter, FAILURE_DRAINING);
    } else if (queue_prepend(&pool->queue, waiter) < 0) {
        refuse(pool, waiter, FAILURE_OUT_OF_MEMORY);
    }
}

void pool_withdraw(struct pool *pool, struct pool_waiter *waiter)
{
    if (waiter->in_arrivals.on != NULL) {
        queue_remove(&pool->queue, waiter);
    } else if (waiter->in_waiters.on != NULL) {
        list_remove(waiter->in_waiters.on, &waiter->in_waiters);
    }
}

bool pool_is_standing(const struct pool *pool, int64_t longer_than_ms)
{
    return pool->queue.ready > 0 && pool->standing_since_ms != 0 &&
           loop_now_ms(pool->loop) - pool->standing_since_ms > longer_than_ms;
}

int64_t pool_retry_after_ms(const struct pool *pool)
{
    int64_t now_ms = loop_now_ms(pool->loop);
    int64_t left_ms = pool->retry_at_ms - now_ms;
    const struct pool_waiter *oldest = queue_oldest(&pool->queue);

    if (breaker_state(&pool->breaker, now_ms) == BREAKER_OPEN) {
        return pool->breaker.open_until_ms - now_ms;
    }
    if (left_ms <= 0 && oldest != NULL) {
        /* What the next one would wait is about what the oldest has waited. */
        left_ms = now_ms - oldest->since_ms;
        left_ms = left_ms < RETRY_AFTER_LEAST_MS ? RETRY_AFTER_LEAST_MS : left_ms;
        left_ms = left_ms > RETRY_AFTER_MOST_MS ? RETRY_AFTER_MOST_MS : left_ms;
    }
    return left_ms < 0 ? 0 : left_ms;
}

/* ---- how many at a time */

static size_t all_inflight(const struct pool *pool)
{
    size_t inflight = 0;

    LIST_FOREACH (node, &pool->sessions) {
        inflight += session_calls(LIST_ITEM(node, struct session, in_pool));
    }
    return inflight;
}

/* Calls that may be under way now: all that sessions carry, but after trouble. */
static size_t capacity(const struct pool *pool)
{
    size_t most = SIZE_MAX;

    if (pool->breaker.recovered_at_ms != 0) {
        most = policy_slow_start(&pool->limits,
                                 loop_now_ms(pool->loop) - pool->breaker.recovered_at_ms);
    }
    return pool->limits.is_adaptive && pool->adaptive < most ? pool->adaptive : most;
}

static size_t most_calls(const struct pool *pool)
{
    return (pool->limits.size + pool->limits.reserve) * pool->limits.max_inflight;
}

void pool_note_overload(struct pool *pool)
{
    pool->adaptive =
        policy_lessen(pool->adaptive > most_calls(pool) ? most_calls(pool) : pool->adaptive);
    pool->raised_at_ms = loop_now_ms(pool->loop);
    pool->used = 0;
}

static void adapt(struct pool *pool, size_t inflight)
{
    int64_t now_ms = loop_now_ms(pool->loop);

    if (!pool->limits.is_adaptive) {
        return;
    }
    pool->used = inflight > pool->used ? inflight : pool->used;
    if (now_ms - pool->raised_at_ms >= ADAPT_WINDOW_MS) {
        pool->adaptive = policy_raise(pool->adaptive, pool->used, most_calls(pool));
        pool->raised_at_ms = now_ms;
        pool->used = 0;
    }
}

/* ---- which session */

/* Idle for so long that it must prove itself before a call is trusted to it. */
static bool needs_check(const struct pool *pool, const struct session *session)
{
    return session_calls(session) == 0 &&
           loop_now_ms(pool->loop) - session->checked_at_ms > pool->limits.check_delay_ms;
}

/* SESSION can take one more call, now.  One that needs a check gets it. */
static bool is_fit(const struct pool *pool, struct session *session)
{
    if (session->state != SESSION_READY ||
        !policy_has_room(&pool->limits, session_calls(session))) {
        return false;
    }
    if (needs_check(pool, session)) {
        session->pinged_at_ms = loop_now_ms(pool->loop);
        session_check(session);
    }
    return session->state == SESSION_READY;
}

/* The most recently used session below its target, else the least loaded one with room. */
static struct session *choose_shared(struct pool *pool)
{
    struct session *best = NULL;

    LIST_FOREACH (node, &pool->sessions) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);

        if (!is_fit(pool, session)) {
            continue;
        }
        if (policy_is_below_target(&pool->limits, session_calls(session))) {
            return session;
        }
        if (best == NULL || session_calls(session) < session_calls(best)) {
            best = session;
        }
    }
    return best;
}

/* PARTY's own session, else one that nobody has used: its own from now on. */
static struct session *choose_own(struct pool *pool, struct party *party)
{
    if (party->session != NULL) {
        return is_fit(pool, party->session) ? party->session : NULL;
    }
    LIST_FOREACH (node, &pool->sessions) {
        struct session *session = LIST_ITEM(node, struct session, in_pool);

        if (session->party == NULL && session->calls_total == 0 && is_fit(pool, session)) {
            session->party = party;
            party->session = session;
            return session;
        }
    }
    return NULL;
}

static struct session *choose(struct pool *pool, struct party *party)
{
    switch (pool->limits.mode) {
    case POOL_MODE_CALL:
        return choose_shared(pool);
    case POOL_MODE_SESSION:
        return choose_own(pool, party);
    }
    return NULL;
}

static void move_to_front(struct pool *pool, struct session *session)
{
    if (list_first(&pool->sessions) != &session->in_pool) {
        list_remove(&pool->sessions, &session->in_pool);
        list_prepend(&pool->sessions, &session->in_pool);
    }
}

static void serve(struct pool *pool, struct party *party, struct session *session)
{
    struct pool_waiter *waiter = queue_take(&pool->queue, party);

    pool->totals.wait_n++;
    pool->totals.wait_ms_sum += (uint64_t)(loop_now_ms(pool->loop) - waiter->since_ms);
    move_to_front(pool, session);
    waiter->on_session(waiter, session);
}

static void serve_waiters(struct pool *pool)
{
    size_t inflight = all_inflight(pool);
    size_t most = capacity(pool);
    size_t passed = 0; /* parties in a row that could not be served */
    struct party *party;

    while (inflight < most && (party = queue_turn(&pool->queue)) != NULL &&
           passed < pool->queue.ring.count) {
        struct session *session = choose(pool, party);

        if (session != NULL) {
            serve(pool, party, session);
            inflight++;
            passed = 0;
        } else if (pool->limits.mode == POOL_MODE_CALL) {
            break; /* no session for one is none for the others either */
        } else {
            queue_pass(&pool->queue, party);
            passed++;
        }
    }
    adapt(pool, inflight);
}

void pool_count_call(struct pool *pool, const struct pool_waiter *waiter, struct call *call)
{
    call->party = waiter->party;
    queue_count_call(&pool->queue, waiter->party);
}

/* ---- once a turn */

/* What became of this turn. */
static void look_back(struct pool *pool)
{
    struct pool_view view;

    pool_view(pool, &view);
    CHECK_SLOW(view.open + view.opening + view.leaving == pool->sessions.count);
    if (view.active != pool->told_active || pool->limits.size != pool->told_cap) {
        pool->told_active = view.active;
        pool->told_cap = pool->limits.size;
        pool->events->on_load(pool->owner, pool, view.active, pool->limits.size);
    }
}

/* Somebody would like a session of a server on this machine that does not let us in. */
static bool may_watch(const struct pool *pool, const struct pool_view *view)
{
    return (view->waiting > 0 || pool->limits.minimum > 0) && server_is_local(pool->server) &&
           pool->last_failure.failure != FAILURE_NONE;
}

/*
 * Where nobody listened since the last failure somebody does now: the server is back.  Asked of the
 * kernel, since each attempt to connect costs a server that is starting.
 */
static bool is_back(struct pool *pool)
{
    enum listening listening;

    if (pool->watch == NULL) {
        pool->watch = listen_watch_new();
    }
    listening = pool->watch == NULL
                    ? LISTENING_UNKNOWN
                    : listen_watch_is_listening(pool->watch, server_port(pool->server));
    if (listening == LISTENING_NO) {
        pool->seen_deaf = true;
    }
    return listening == LISTENING_YES && pool->seen_deaf;
}

static void act(struct pool *pool)
{
    struct pool_view view;
    enum pool_action action;
    int64_t delay_ms;

    pool_view(pool, &view);
    action = policy_decide(&pool->limits, &view);
    if ((action == POOL_ACTION_RETRY || action == POOL_ACTION_REFUSE) && may_watch(pool, &view)) {
        view.is_listening = is_back(pool);
        action = policy_decide(&pool->limits, &view);
    }
    switch (action) {
    case POOL_ACTION_NONE:
        if (view.checking > 0 && view.waiting > 0) {
            timer_start(&pool->retry, POOL_CHECK_TRUST_MS);
        }
        break;
    case POOL_ACTION_OPEN:
        pool_open_session(pool);
        break;
    case POOL_ACTION_REFUSE:
        refuse_stranded(pool);
        break;
    case POOL_ACTION_RETRY:
        delay_ms = policy_next_attempt_ms(&view) - view.now_ms;
        if (pool->seen_deaf && delay_ms > WATCH_MS) {
            delay_ms = WATCH_MS;
        }
        timer_start(&pool->retry, delay_ms);
        break;
    }
}

static void on_dispatch(void *owner)
{
    struct pool *pool = owner;

    dispatch_tell_refused(pool);
    if (pool->closing) {
        return;
    }
    pool_update_health(pool);
    if (pool->state == POOL_DRAINING) {
        look_back(pool);
        if (list_is_empty(&pool->sessions)) {
            pool->events->on_drained(pool->owner, pool);
        }
        return;
    }
    serve_waiters(pool);
    note_standing(pool);
    act(pool);
    look_back(pool);
}
