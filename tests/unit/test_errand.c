/* SPDX-License-Identifier: MIT */
/* Errands through a real pool and real sessions: one outcome each, also without memory. */
#include "unit.h"

#include "broker/routing/errand.h"
#include "broker/runtime/clock.h"
#include "tests/support/await.h"
#include "tests/support/scarce.h"
#include "tests/support/stage.h"

enum { TRIPS = 8, SHORT_MS = 60 };

#define CALL(tool)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\"method\":\"tools/call\",\"params\":{\"name\":\"" tool  \
    "\",\"arguments\":{\"n\":1},\"_meta\":{\"progressToken\":\"p\"}}}"

/* An errand, and what it was told. */
struct trip {
    struct errand errand;
    struct message message;
    int64_t begun_us;
    unsigned answers;
    unsigned notices;
    unsigned failures;
    struct failure_report report;
    char detail[256];
};

static const struct errand_limits usual = {.queue_timeout_ms = STAGE_LONG_MS,
                                           .call_timeout_ms = STAGE_LONG_MS,
                                           .call_timeout_max_ms = STAGE_LONG_MS};

static struct stage stage;
static struct errand_limits limits;
static struct trip trips[TRIPS];

static void on_answer(void *owner, const struct message *answer)
{
    struct trip *trip = owner;

    assert_int_equal(answer->kind, MESSAGE_RESULT);
    trip->answers++;
}

static void on_progress(void *owner, const struct message *notice)
{
    struct trip *trip = owner;

    (void)notice;
    trip->notices++;
}

static void on_failed(void *owner, const struct failure_report *report)
{
    struct trip *trip = owner;

    trip->failures++;
    trip->report = *report;
    (void)snprintf(trip->detail, sizeof(trip->detail), "%s",
                   report->detail == NULL ? "" : report->detail);
}

static const struct errand_events events = {on_answer, on_progress, on_failed, NULL};

static int open_all(void **state)
{
    (void)state;
    memset(trips, 0, sizeof(trips));
    limits = usual;
    stage_init(&stage);
    return stage_open(&stage);
}

static void abandon_all(void)
{
    for (size_t i = 0; i < TRIPS; i++) {
        if (trips[i].errand.loop != NULL) {
            errand_abandon(&trips[i].errand, ABANDON_SILENTLY);
        }
    }
}

static int close_all(void **state)
{
    (void)state;
    abandon_all();
    stage_close(&stage);
    return 0;
}

static void start(size_t i, const char *text)
{
    struct trip *trip = &trips[i];
    struct message_fault fault;

    memset(trip, 0, sizeof(*trip));
    assert_int_equal(message_parse(span_of(text), &json_limits_default, &trip->message, &fault), 0);
    trip->begun_us = clock_now_us();
    errand_start(&trip->errand, stage.pool, &trip->message, &limits, &events, trip);
    assert_int_equal(trip->answers + trip->failures, 0);
}

static unsigned told(size_t i)
{
    return trips[i].answers + trips[i].failures;
}

static void run(size_t i, const char *text)
{
    start(i, text);
    AWAIT(stage.loop, told(i) > 0);
}

static void assert_failed(size_t i, enum failure failure, int attempts)
{
    assert_int_equal(told(i), 1);
    assert_int_equal(trips[i].report.failure, failure);
    assert_int_equal(trips[i].report.attempts, attempts);
    assert_string_equal(trips[i].report.upstream, "fake");
    assert_true(trips[i].report.elapsed_ms >= trips[i].report.waited_ms);
    assert_true(trips[i].report.waited_ms >= 0);
}

/* ---- outcomes */

static void test_answered(void **state)
{
    (void)state;
    run(0, CALL("echo"));
    assert_int_equal(trips[0].answers, 1);
    assert_int_equal(stage.fake.calls, 1);
    assert_int_equal(trips[0].errand.state, ERRAND_OVER);
}

static void test_never_sent_twice(void **state)
{
    static const struct {
        const char *text;
        enum failure failure;
    } rows[] = {
        /* Whatever may have run is not tried again. */
        {CALL("drop"), FAILURE_CONNECTION_LOST},
        {CALL("cut"), FAILURE_SESSION_LOST},
        {CALL("http_500"), FAILURE_SERVER_ERROR},
        {CALL("http_409"), FAILURE_SERVER_ERROR},
        /* Nor what would be refused again. */
        {CALL("http_400"), FAILURE_REFUSED},
        {CALL("http_429"), FAILURE_REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        run(0, rows[i].text);
        assert_failed(0, rows[i].failure, 1);
        assert_row(i, stage.fake.calls == i + 1);
        assert_string_equal(trips[0].report.stage, "sent");
    }
}

static void test_sent_twice_when_that_does_no_harm(void **state)
{
    (void)state;
    limits.is_repeatable = true;
    run(0, CALL("drop"));
    /* Once more, and no more. */
    assert_failed(0, FAILURE_CONNECTION_LOST, 2);
    assert_int_equal(stage.fake.calls, 2);
    run(1, CALL("http_400"));
    assert_failed(1, FAILURE_REFUSED, 1);
}

/* In order; what it came to after the last moment that is there did not happen. */
static struct timeline line_of(size_t i)
{
    struct timeline line = {.begun_us = trips[i].begun_us, .done_us = clock_now_us()};
    const int64_t moments[] = {line.begun_us, 0, 0, 0, 0};
    int64_t last = moments[0];

    errand_fill(&trips[i].errand, &line);
    if (line.session_us > 0) {
        assert_true(line.session_us >= last && line.waited_us >= 0);
        assert_true(line.session[0] != '\0');
        last = line.session_us;
    }
    if (line.sent_us > 0) {
        assert_true(line.sent_us >= last);
        last = line.sent_us;
    }
    assert_true(line.accepted_us == 0 || line.accepted_us >= last);
    assert_true(line.first_us == 0 || line.first_us >= last);
    assert_true(line.accepted_us <= line.done_us && line.first_us <= line.done_us);
    return line;
}

/* Which moments there are, by how it ended. */
static void test_its_moments(void **state)
{
    enum moment { NO, YES, EITHER };
    static const struct {
        const char *text;
        enum moment is_accepted;
        enum moment is_answered;
    } rows[] = {
        {CALL("echo"), YES, YES},    {CALL("drop"), NO, NO},      {CALL("cut"), EITHER, NO},
        {CALL("http_500"), YES, NO}, {CALL("http_400"), YES, NO},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct timeline line;

        run(0, rows[i].text);
        line = line_of(0);
        assert_row(i, line.attempts == 1 && line.session_us > 0 && line.sent_us > 0);
        assert_row(i, rows[i].is_accepted == EITHER ||
                          (line.accepted_us > 0) == (rows[i].is_accepted == YES));
        assert_row(i, (line.first_us > 0) == (rows[i].is_answered == YES));
    }
}

/* Of the last attempt, but the wait is that for the first. */
static void test_moments_of_a_repeat(void **state)
{
    struct timeline line;

    (void)state;
    run(0, CALL("echo"));
    fake_mcp_forget(&stage.fake);
    run(1, CALL("echo"));
    line = line_of(1);
    assert_int_equal(line.attempts, 2);
    assert_true(line.session_us - line.begun_us > line.waited_us);
    assert_string_equal(line.session, "fake/2");
    assert_true(line.first_us > 0);
}

static void test_no_moments_without_a_session(void **state)
{
    struct timeline line;

    (void)state;
    limits.queue_timeout_ms = SHORT_MS;
    stage.fake.is_silent = true;
    run(0, CALL("echo"));
    line = line_of(0);
    assert_int_equal(line.attempts, 0);
    assert_true(line.session_us == 0 && line.sent_us == 0 && line.waited_us == 0);
    assert_string_equal(line.session, "");
}

static void test_moments_of_what_is_abandoned(void **state)
{
    struct timeline line;

    (void)state;
    start(0, CALL("hold"));
    AWAIT(stage.loop, stage.fake.calls == 1);
    errand_abandon(&trips[0].errand, ABANDON_SILENTLY);
    line = line_of(0);
    assert_true(line.sent_us > 0 && line.first_us == 0);
}

static void test_a_forgotten_session(void **state)
{
    (void)state;
    run(0, CALL("echo"));
    fake_mcp_forget(&stage.fake);
    run(1, CALL("echo"));
    assert_int_equal(trips[1].answers, 1);
    assert_int_equal(trips[1].errand.attempts, 2);
    assert_int_equal(stage.fake.calls, 2);
}

static void test_sessions_that_are_always_forgotten(void **state)
{
    (void)state;
    run(0, CALL("http_404"));
    /* Once more on a new session, and no further: it did not run, and that is what is said. */
    assert_failed(0, FAILURE_SESSION_GONE, 2);
    assert_int_equal(stage.fake.calls, 2);
    assert_int_equal(failure_outcome(FAILURE_SESSION_GONE), OUTCOME_NOT_EXECUTED);
}

/* ---- deadlines */

static void test_no_session_in_time(void **state)
{
    (void)state;
    limits.queue_timeout_ms = SHORT_MS;
    stage.fake.is_silent = true;
    run(0, CALL("echo"));
    assert_failed(0, FAILURE_QUEUE_TIMEOUT, 0);
    assert_string_equal(trips[0].report.stage, "queued");
    /* With the reason, if one is known. */
    fake_http_refuse(&stage.fake.http);
    assert_int_equal(stage_renew(&stage), 0);
    run(0, CALL("echo"));
    assert_failed(0, FAILURE_UNAVAILABLE, 0);
    assert_non_null(strstr(trips[0].detail, "127.0.0.1"));
    assert_true(trips[0].report.retry_after_ms >= 0);
}

static void start_waiting(size_t i, int64_t queue_timeout_ms)
{
    limits.queue_timeout_ms = queue_timeout_ms;
    start(i, CALL("echo"));
}

static void test_a_queue_that_does_not_empty_shortens_the_wait(void **state)
{
    (void)state;
    stage_close(&stage);
    stage_init(&stage);
    stage.limits.size = stage.limits.max_inflight = 1;
    assert_int_equal(stage_open(&stage), 0);
    start(5, CALL("hold"));
    AWAIT(stage.loop, stage.fake.held.count == 1);
    limits.queue_standing_ms = 20;
    start_waiting(0, 200);
    start_waiting(1, 100);
    AWAIT(stage.loop, told(1) > 0);
    start_waiting(2, 200);
    AWAIT(stage.loop, told(0) > 0);
    start_waiting(3, 50);
    AWAIT(stage.loop, told(3) > 0);
    /* For 250 ms somebody has been waiting. */
    start_waiting(4, 200);
    AWAIT(stage.loop, told(4) > 0);
    assert_in_range(trips[4].report.elapsed_ms, 19, 150);
}

static void test_no_answer_in_time(void **state)
{
    (void)state;
    limits.call_timeout_ms = SHORT_MS;
    run(0, CALL("hold"));
    assert_failed(0, FAILURE_TIMEOUT, 1);
    assert_true(trips[0].report.elapsed_ms >= SHORT_MS);
    /* The server is told, and a late answer is nobody's. */
    AWAIT(stage.loop, stage.fake.cancels == 1);
    fake_mcp_release(&stage.fake);
    limits = usual;
    run(1, CALL("echo"));
    assert_int_equal(told(0), 1);
}

static void test_progress_restarts_the_clock(void **state)
{
    static const char progress[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
                                   "\"params\":{\"progressToken\":2,\"progress\":1}}";
    int64_t started_at_ms = clock_now_ms();

    (void)state;
    limits.call_timeout_ms = 3 * SHORT_MS;
    limits.call_timeout_max_ms = 8 * SHORT_MS;
    start(0, CALL("hold"));
    AWAIT(stage.loop, stage.fake.held.count == 1);
    while (clock_now_ms() - started_at_ms < 5 * SHORT_MS) {
        unsigned notices = trips[0].notices;

        fake_mcp_tell(&stage.fake, progress);
        AWAIT(stage.loop, trips[0].notices > notices);
    }
    assert_int_equal(told(0), 0);
    /* Yet not for ever. */
    while (told(0) == 0) {
        unsigned notices = trips[0].notices;

        fake_mcp_tell(&stage.fake, progress);
        AWAIT(stage.loop, trips[0].notices > notices || told(0) > 0);
    }
    assert_failed(0, FAILURE_TIMEOUT, 1);
    assert_true(trips[0].report.elapsed_ms >= 8 * SHORT_MS);
}

static void test_the_clients_own_deadline(void **state)
{
    (void)state;
    limits.deadline_ms = SHORT_MS;
    run(0, CALL("hold"));
    assert_failed(0, FAILURE_TIMEOUT, 1);
    stage.fake.is_silent = true;
    assert_int_equal(stage_renew(&stage), 0);
    run(0, CALL("hold"));
    assert_failed(0, FAILURE_QUEUE_TIMEOUT, 0);
}

/* ---- refused while it waits */

static void test_refused(void **state)
{
    (void)state;
    start(0, CALL("echo"));
    errand_refuse(&trips[0].errand, FAILURE_DENIED, "because");
    assert_failed(0, FAILURE_DENIED, 0);
    assert_string_equal(trips[0].detail, "because");
    run(1, CALL("echo"));
    assert_int_equal(stage.fake.calls, 1);
    assert_int_equal(told(0), 1);
}

/* What was sent once may have run, whatever becomes of the second try. */
static void test_refused_between_two_tries(void **state)
{
    (void)state;
    limits.is_repeatable = true;
    run(0, CALL("echo"));
    stage.fake.is_silent = true;
    start(1, CALL("cut"));
    AWAIT(stage.loop, trips[1].errand.attempts == 1 && trips[1].errand.state == ERRAND_WAITING);
    errand_refuse(&trips[1].errand, FAILURE_DENIED, NULL);
    assert_failed(1, FAILURE_SESSION_LOST, 1);
}

/* ---- abandoned */

static void test_abandoned(void **state)
{
    (void)state;
    /* In the queue, then sent; twice does no harm, nor after its end. */
    start(0, CALL("echo"));
    errand_abandon(&trips[0].errand, ABANDON_AND_CANCEL);
    errand_abandon(&trips[0].errand, ABANDON_AND_CANCEL);
    start(1, CALL("hold"));
    AWAIT(stage.loop, stage.fake.held.count == 1);
    errand_abandon(&trips[1].errand, ABANDON_AND_CANCEL);
    AWAIT(stage.loop, stage.fake.cancels == 1);
    run(2, CALL("echo"));
    errand_abandon(&trips[2].errand, ABANDON_AND_CANCEL);
    assert_int_equal(told(0) + told(1), 0);
    assert_int_equal(stage.fake.calls, 2);
}

static void test_the_pool_closes(void **state)
{
    (void)state;
    stage.server_limits.conn_reuse = CONN_REUSE_ALWAYS;
    server_set_limits(stage.server, &stage.server_limits);
    start(0, CALL("hold"));
    AWAIT(stage.loop, trips[0].errand.call != NULL);
    AWAIT(stage.loop, trips[0].errand.call->state == CALL_ACCEPTED);
    /* One takes the idle connection, one waits for another, one for a session. */
    start(1, CALL("hold"));
    start(2, CALL("hold"));
    loop_settle(stage.loop);
    assert_int_equal(trips[2].errand.state, ERRAND_SENT);
    start(3, CALL("hold"));
    pool_close(stage.pool);
    assert_int_equal(trips[0].report.failure, FAILURE_DRAIN_DEADLINE);
    assert_int_equal(trips[1].report.failure, FAILURE_DRAIN_DEADLINE);
    /* What had not left has nowhere to go. */
    assert_int_equal(trips[2].report.failure, FAILURE_DRAINING);
    assert_int_equal(trips[3].report.failure, FAILURE_DRAINING);
    stage.pool = NULL;
}

/* ---- too little memory */

/* One errand through a pool of its own.  False: it took fewer allocations than NUMBER. */
static bool run_without(size_t number, size_t refusals)
{
    unsigned calls = stage.fake.calls;

    memset(trips, 0, sizeof(trips));
    scarce_begin(number, refusals);
    if (stage_renew(&stage) == 0) {
        run(0, CALL("echo"));
        assert_int_equal(told(0), 1);
    }
    /* Run at most once; and not at all where that is what was said. */
    assert_row(number, stage.fake.calls <= calls + 1);
    assert_row(number, trips[0].failures == 0 || stage.fake.calls == calls ||
                           failure_outcome(trips[0].report.failure) != OUTCOME_NOT_EXECUTED);
    return scarce_end();
}

static void test_out_of_memory(void **state)
{
    static const size_t refusals[] = {SCARCE_ONCE, SCARCE_SOME};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        size_t n = 0;

        while (run_without(n, refusals[i])) {
            n++;
        }
        assert_int_equal(trips[0].answers, 1);
        assert_true(n > 20);
    }
}

/* A session that cannot be opened for want of memory takes no other one with it. */
static void test_out_of_memory_beside_a_session(void **state)
{
    struct pool_limits two = stage.limits;
    size_t n = 0;
    bool is_scarce;

    (void)state;
    stage.limits.size = stage.limits.max_inflight = 1;
    two.size = 2;
    two.max_inflight = 1;
    do {
        assert_int_equal(stage_renew(&stage), 0);
        start(0, CALL("hold"));
        AWAIT(stage.loop, stage.fake.held.count == 1);
        scarce_begin(n, SCARCE_ONCE);
        pool_set_limits(stage.pool, &two);
        run(1, CALL("echo"));
        is_scarce = scarce_end();
        fake_mcp_release(&stage.fake);
        AWAIT(stage.loop, told(0) > 0);
        assert_row(n, trips[0].answers == 1);
        assert_row(n, stage.lost == 0);
        n++;
    } while (is_scarce);
    assert_int_equal(trips[1].answers, 1);
}

#define ERRAND_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ERRAND_TEST(test_answered),
        ERRAND_TEST(test_its_moments),
        ERRAND_TEST(test_moments_of_a_repeat),
        ERRAND_TEST(test_no_moments_without_a_session),
        ERRAND_TEST(test_moments_of_what_is_abandoned),
        ERRAND_TEST(test_never_sent_twice),
        ERRAND_TEST(test_sent_twice_when_that_does_no_harm),
        ERRAND_TEST(test_a_forgotten_session),
        ERRAND_TEST(test_sessions_that_are_always_forgotten),
        ERRAND_TEST(test_no_session_in_time),
        ERRAND_TEST(test_a_queue_that_does_not_empty_shortens_the_wait),
        ERRAND_TEST(test_no_answer_in_time),
        ERRAND_TEST(test_progress_restarts_the_clock),
        ERRAND_TEST(test_the_clients_own_deadline),
        ERRAND_TEST(test_refused),
        ERRAND_TEST(test_refused_between_two_tries),
        ERRAND_TEST(test_abandoned),
        ERRAND_TEST(test_the_pool_closes),
        ERRAND_TEST(test_out_of_memory),
        ERRAND_TEST(test_out_of_memory_beside_a_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
