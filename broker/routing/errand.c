/* SPDX-License-Identifier: MIT */
#include "broker/routing/errand.h"

#include "broker/runtime/clock.h"

/* Sessions that may die under one request before it is given up: those that it never reached, and
   those that said they were gone when they had it already. */
enum { ATTEMPTS_UNSENT_MAXIMUM = 8, ATTEMPTS_GONE_MAXIMUM = 2 };

static void on_session(struct pool_waiter *waiter, struct session *session);
static void on_refused(struct pool_waiter *waiter, enum failure failure, const char *detail);
static void on_call_answer(void *owner, const struct message *answer);
static void on_call_progress(void *owner, const struct message *notice);
static void on_call_failed(void *owner, enum failure failure, const char *detail, bool may_repeat);
static void on_timer(void *owner);

static const struct call_events call_events = {on_call_answer, on_call_progress, on_call_failed};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Ms left of the client's own deadline; a lot when it named none. */
static int64_t deadline_left_ms(const struct errand *errand)
{
    if (errand->limits.deadline_ms == 0) {
        return INT64_MAX;
    }
    return errand->started_ms + errand->limits.deadline_ms - loop_now_ms(errand->loop);
}

/* How long it may wait for sessions in all.  Those who come to a queue that does not empty wait
   less: else every one of them would wait in full, and be answered when nobody listens any more. */
static int64_t queue_time_ms(const struct errand *errand)
{
    const struct errand_limits *limits = &errand->limits;
    bool is_short =
        limits->queue_standing_ms > 0 && pool_is_standing(errand->pool, limits->queue_timeout_ms);

    return is_short ? smaller(limits->queue_standing_ms, limits->queue_timeout_ms)
                    : limits->queue_timeout_ms;
}

static void await_session(struct errand *errand)
{
    errand->waiting_since_ms = loop_now_ms(errand->loop);
    timer_start(&errand->timer, smaller(errand->queue_left_ms, deadline_left_ms(errand)));
}

void errand_start(struct errand *errand, struct pool *pool, const struct message *message,
                  const struct errand_limits *limits, const struct errand_events *events,
                  void *owner)
{
    struct loop *loop = pool_server(pool)->loop;

    *errand = (struct errand){.pool = pool,
                              .message = message,
                              .limits = *limits,
                              .events = events,
                              .owner = owner,
                              .loop = loop,
                              .state = ERRAND_WAITING,
                              .started_ms = loop_now_ms(loop)};
    errand->waiter.on_session = on_session;
    errand->waiter.on_refused = on_refused;
    timer_init(&errand->timer, loop, on_timer, errand);
    errand->waiter.party_number = limits->party;
    errand->waiter.bytes = message->text.length;
    errand->queue_left_ms = queue_time_ms(errand);
    await_session(errand);
    pool_acquire(pool, &errand->waiter);
}

/* Its call is about to be gone. */
static void part_with_call(struct errand *errand)
{
    if (errand->call != NULL) {
        errand->at = call_moments(errand->call);
        errand->call = NULL;
    }
}

static void end(struct errand *errand)
{
    CHECK(errand->state != ERRAND_OVER);
    errand->state = ERRAND_OVER;
    part_with_call(errand);
    timer_stop(&errand->timer);
    if (errand->is_repeat) {
        errand->is_repeat = false;
        pool_end_repeat(errand->pool);
    }
}

void errand_abandon(struct errand *errand, enum abandon how)
{
    struct call *call = errand->call;
    enum errand_state state = errand->state;

    if (state == ERRAND_OVER) {
        return;
    }
    end(errand);
    if (state == ERRAND_WAITING) {
        pool_withdraw(errand->pool, &errand->waiter);
    } else {
        session_abandon(call, how, pool_limits(errand->pool)->cancel_grace_ms, errand->witness);
    }
}

static void fail(struct errand *errand, enum failure failure, const char *detail)
{
    int64_t now_ms = loop_now_ms(errand->loop);
    /* That the second try did not run says nothing of the first. */
    bool hides_first =
        errand->uncertain != FAILURE_NONE && failure_outcome(failure) == OUTCOME_NOT_EXECUTED;
    struct failure_report report = {.failure = hides_first ? errand->uncertain : failure,
                                    .detail = hides_first ? NULL : detail,
                                    .stage = errand->state == ERRAND_SENT ? "sent" : "queued",
                                    .upstream = pool_name(errand->pool),
                                    .attempts = errand->attempts,
                                    .elapsed_ms = now_ms - errand->started_ms,
                                    .waited_ms = -1,
                                    .retry_after_ms = -1};

    report.waited_ms = (errand->attempts > 0 ? errand->sent_ms : now_ms) - errand->started_ms;
    if (report.failure == FAILURE_UNAVAILABLE || report.failure == FAILURE_OVERLOADED) {
        report.retry_after_ms = pool_retry_after_ms(errand->pool);
    }
    end(errand);
    errand->events->on_failed(errand->owner, &report);
}

void errand_refuse(struct errand *errand, enum failure failure, const char *detail)
{
    CHECK(errand->state == ERRAND_WAITING);
    pool_withdraw(errand->pool, &errand->waiter);
    fail(errand, failure, detail);
}

void errand_fill(const struct errand *errand, struct timeline *timeline)
{
    CHECK(errand->state == ERRAND_OVER);
    timeline->attempts = errand->attempts;
    if (errand->attempts == 0) {
        return;
    }
    timeline->waited_us = errand->first_session_us - timeline->begun_us;
    timeline->session_us = errand->session_us;
    timeline->sent_us = errand->at.sent_us;
    timeline->accepted_us = errand->at.accepted_us;
    timeline->first_us = errand->at.first_us;
    memcpy(timeline->session, errand->session, sizeof(timeline->session));
}

static void await_answer(struct errand *errand)
{
    int64_t total_left_ms =
        errand->sent_ms + errand->limits.call_timeout_max_ms - loop_now_ms(errand->loop);

    timer_start(&errand->timer, smaller(smaller(errand->limits.call_timeout_ms, total_left_ms),
                                        deadline_left_ms(errand)));
}

static void on_session(struct pool_waiter *waiter, struct session *session)
{
    struct errand *errand = LIST_ITEM(waiter, struct errand, waiter);
    int64_t now_us = clock_now_us();
    struct call *call;

    if (errand->events->on_sending != NULL) {
        errand->events->on_sending(errand->owner);
    }
    /* The POST's own reply may come as late as the answer: some servers work before they accept. */
    call = session_call(session, errand->message, errand->limits.call_timeout_max_ms, &call_events,
                        errand);
    if (call == NULL) {
        fail(errand, FAILURE_OUT_OF_MEMORY, NULL);
        return;
    }
    pool_count_call(errand->pool, waiter, call);
    errand->call = call;
    errand->state = ERRAND_SENT;
    if (errand->attempts++ == 0) {
        errand->first_session_us = now_us;
    }
    errand->session_us = now_us;
    _Static_assert(sizeof(errand->session) == sizeof(session->name), "the name fits");
    memcpy(errand->session, session->name, sizeof(errand->session));
    errand->sent_ms = loop_now_ms(errand->loop);
    errand->queue_left_ms -= errand->sent_ms - errand->waiting_since_ms;
    await_answer(errand);
}

static void on_refused(struct pool_waiter *waiter, enum failure failure, const char *detail)
{
    fail(LIST_ITEM(waiter, struct errand, waiter), failure, detail);
}

static void on_call_answer(void *owner, const struct message *answer)
{
    struct errand *errand = owner;

    end(errand);
    errand->events->on_answer(errand->owner, answer);
}

static void on_call_progress(void *owner, const struct message *notice)
{
    struct errand *errand = owner;

    await_answer(errand);
    errand->events->on_progress(errand->owner, notice);
}

static void try_again(struct errand *errand)
{
    errand->state = ERRAND_WAITING;
    part_with_call(errand);
    await_session(errand);
    pool_acquire_again(errand->pool, &errand->waiter);
}

/* A repeat costs a server in trouble more than it had already: the pool keeps a budget. */
static bool may_repeat_now(struct errand *errand)
{
    if (!errand->is_repeat) {
        errand->is_repeat = pool_begin_repeat(errand->pool);
    }
    return errand->is_repeat;
}

/* After what certainly did not run.  That nothing left is nobody's fault, and tried again as long
   as there is time; a session that was gone is replaced once. */
static bool may_repeat_unsent(struct errand *errand, enum failure failure)
{
    int most = failure == FAILURE_UNAVAILABLE ? ATTEMPTS_UNSENT_MAXIMUM : ATTEMPTS_GONE_MAXIMUM;

    return errand->attempts < most && (failure != FAILURE_REFUSED || may_repeat_now(errand));
}

static bool has_time(const struct errand *errand)
{
    return errand->queue_left_ms > 0 && deadline_left_ms(errand) > 0;
}

static void on_call_failed(void *owner, enum failure failure, const char *detail, bool may_repeat)
{
    struct errand *errand = owner;
    /* Harmless to run twice: once more, not for ever. */
    bool second_try = errand->limits.is_repeatable && errand->attempts < 2 &&
                      failure_outcome(failure) == OUTCOME_UNKNOWN;

    if (failure_outcome(failure) == OUTCOME_UNKNOWN) {
        errand->uncertain = failure;
    }
    if (has_time(errand) &&
        (may_repeat ? may_repeat_unsent(errand, failure) : second_try && may_repeat_now(errand))) {
        try_again(errand);
        return;
    }
    fail(errand, failure, detail);
}

static void on_timer(void *owner)
{
    struct errand *errand = owner;
    struct call *call = errand->call;
    const struct transport_end *last = pool_last_failure(errand->pool);

    if (errand->state == ERRAND_SENT) {
        bool never_left = call_never_left(call);

        /* Abandoned first: what fail() tells may already start the next thing. */
        part_with_call(errand);
        session_abandon(call, ABANDON_AND_CANCEL, pool_limits(errand->pool)->cancel_grace_ms,
                        errand->witness);
        fail(errand, never_left ? FAILURE_QUEUE_TIMEOUT : FAILURE_TIMEOUT, NULL);
        return;
    }
    pool_withdraw(errand->pool, &errand->waiter);
    fail(errand, last == NULL ? FAILURE_QUEUE_TIMEOUT : FAILURE_UNAVAILABLE,
         last == NULL ? NULL : last->detail);
}
