/* SPDX-License-Identifier: MIT */
/* A pool in front of a server that answers: opening, growth, order, limits, draining. */
#include "unit.h"

#include "tests/support/await.h"
#include "tests/support/stage.h"

enum { CALLERS = 40 };

static struct stage stage;
static struct caller callers[CALLERS];

static int prepare(void **state)
{
    (void)state;
    memset(callers, 0, sizeof(callers));
    stage_init(&stage);
    return 0;
}

static int open_all(void **state)
{
    return prepare(state) < 0 ? -1 : stage_open(&stage);
}

static int close_all(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static void call_all(size_t from, size_t to, const char *tool)
{
    for (size_t i = from; i < to; i++) {
        caller_start(&callers[i], &stage, tool);
    }
}

static void call_and_await(size_t i, const char *tool)
{
    caller_start(&callers[i], &stage, tool);
    AWAIT(stage.loop, callers_told(&callers[i], 1) == 1);
}

static void assert_all_answered(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_row(i, callers[i].answers == 1);
        assert_row(i, callers[i].failures == 0);
    }
}

/* ---- opening */

static void test_opens_lazily(void **state)
{
    (void)state;
    loop_settle(stage.loop);
    assert_int_equal(stage_figures(&stage).total, 0);
    assert_true(span_is_none(pool_identity(stage.pool)));
    assert_false(pool_is_up(stage.pool));
    call_and_await(0, "echo");
    assert_int_equal(callers[0].answers, 1);
    assert_int_equal(stage.fake.streams, 1);
    assert_int_equal(stage.fake.initializes, 1);
    assert_int_equal(stage.fake.initialized, 1);
    assert_int_equal(stage.ready, 1);
    assert_true(pool_is_up(stage.pool));
    assert_string_equal(pool_protocol(stage.pool), "2025-06-18");
    assert_false(span_is_none(json_find(pool_identity(stage.pool), "serverInfo")));
}

static void test_tells_its_load(void **state)
{
    (void)state;
    loop_settle(stage.loop);
    call_and_await(0, "echo");
    AWAIT(stage.loop, stage.loads >= 3 && stage.active == 0);
    assert_int_equal(stage.cap, STAGE_SIZE);
    /* Idle, active, idle: each once, however many turns it took. */
    assert_int_equal(stage.loads, 3);
    assert_true(stage.took_ms >= 0 && stage.took_ms < STAGE_LONG_MS);
    caller_start(&callers[1], &stage, "hold");
    AWAIT(stage.loop, stage.active == 1);
    fake_mcp_forget(&stage.fake);
    stage.limits.size = STAGE_SIZE + 4;
    pool_set_limits(stage.pool, &stage.limits);
    AWAIT(stage.loop, stage.cap == STAGE_SIZE + 4);
    assert_int_equal(stage.active, 1);
}

static void test_opens_one_at_a_time(void **state)
{
    (void)state;
    call_all(0, STAGE_SIZE * STAGE_MAX_INFLIGHT, "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_SIZE * STAGE_MAX_INFLIGHT);
    assert_int_equal(stage.fake.streams, STAGE_SIZE);
    assert_int_equal(stage.fake.most_opening, 1);
}

static void test_keeps_a_minimum(void **state)
{
    (void)state;
    stage.limits.minimum = 2;
    assert_int_equal(stage_open(&stage), 0);
    AWAIT(stage.loop, stage.ready == 2);
    assert_int_equal(stage.fake.most_opening, 1);
    /* One that is lost is replaced although nobody calls. */
    fake_mcp_cut_streams(&stage.fake);
    AWAIT(stage.loop, stage.lost == 2 && stage.ready == 4);
}

/* ---- growth */

static void test_grows_only_when_busy(void **state)
{
    (void)state;
    /* One after the other: one session is enough, and stays. */
    for (size_t i = 0; i < 10; i++) {
        call_and_await(i, "echo");
    }
    assert_int_equal(stage.fake.streams, 1);
    /* Below the target: no other. */
    call_all(10, 10 + STAGE_TARGET - 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_TARGET - 1);
    assert_int_equal(stage_figures(&stage).total, 1);
    /* At it: the next one comes before it is needed. */
    call_all(11, 12, "hold");
    AWAIT(stage.loop, stage_figures(&stage).total == 2 && stage_figures(&stage).connecting == 0);
    assert_int_equal(stage_figures(&stage).idle, 1);
    assert_int_equal(stage.fake.streams, 2);
}

static void test_grows_to_its_size(void **state)
{
    enum { FULL = STAGE_SIZE * STAGE_MAX_INFLIGHT };

    (void)state;
    call_all(0, FULL + 5, "hold");
    AWAIT(stage.loop, stage.fake.held.count == FULL);
    assert_int_equal(stage_figures(&stage).active, STAGE_SIZE);
    assert_int_equal(stage_figures(&stage).inflight, FULL);
    assert_int_equal(stage_figures(&stage).waiting, 5);
    /* As calls end, those who wait come in. */
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.fake.held.count == 5);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, FULL + 5) == FULL + 5);
    assert_all_answered(FULL + 5);
    assert_int_equal(stage.fake.streams, STAGE_SIZE);
    assert_int_equal(pool_totals(stage.pool)->wait_n, FULL + 5);
}

static void test_the_most_recently_used_comes_first(void **state)
{
    unsigned number;

    (void)state;
    call_all(0, STAGE_SIZE * STAGE_MAX_INFLIGHT, "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_SIZE * STAGE_MAX_INFLIGHT);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage_figures(&stage).idle == STAGE_SIZE);
    /* All are idle: the others get the rest that lets them expire. */
    call_and_await(0, "echo");
    number = callers[0].session;
    for (size_t i = 1; i < 10; i++) {
        call_and_await(i, "echo");
        assert_int_equal(callers[i].session, number);
    }
    assert_ptr_equal(stage_session(&stage, 0)->in_pool.on, pool_sessions(stage.pool));
    assert_int_equal(stage_figures(&stage).total, STAGE_SIZE);
}

static void test_the_least_loaded_when_all_are_busy(void **state)
{
    unsigned calls[STAGE_SIZE + 1] = {0};

    (void)state;
    call_all(0, STAGE_SIZE * STAGE_MAX_INFLIGHT, "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_SIZE * STAGE_MAX_INFLIGHT);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage_figures(&stage).idle == STAGE_SIZE);
    /* One above the target each: spread, not heaped up. */
    call_all(0, STAGE_SIZE * (STAGE_TARGET + 1), "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_SIZE * (STAGE_TARGET + 1));
    for (size_t i = 0; i < STAGE_SIZE * (STAGE_TARGET + 1); i++) {
        assert_in_range(callers[i].session, 1, STAGE_SIZE);
        calls[callers[i].session]++;
    }
    for (size_t i = 1; i <= STAGE_SIZE; i++) {
        assert_row(i, calls[i] == STAGE_TARGET + 1);
    }
}

/* ---- the queue */

static void test_the_queue_is_bounded(void **state)
{
    enum { FULL = STAGE_SIZE * STAGE_MAX_INFLIGHT, QUEUE = 2 };

    (void)state;
    stage.limits.queue_max = QUEUE;
    assert_int_equal(stage_open(&stage), 0);
    for (size_t i = 0; i < FULL; i++) {
        caller_start(&callers[i], &stage, "hold");
        AWAIT(stage.loop, stage.fake.held.count == i + 1);
    }
    call_all(FULL, FULL + QUEUE + 3, "echo");
    AWAIT(stage.loop, callers_told(callers, CALLERS) == 3);
    for (size_t i = FULL + QUEUE; i < FULL + QUEUE + 3; i++) {
        assert_row(i, callers[i].failures == 1 && callers[i].failure == FAILURE_OVERLOADED);
    }
    assert_int_equal(pool_totals(stage.pool)->queue_full_total, 3);
    /* Those who were let in get their turn, in their order. */
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, FULL + QUEUE) == FULL + QUEUE);
}

static void test_calls_pass_an_empty_queue(void **state)
{
    (void)state;
    /* Nobody may wait, yet there is room on a session, or one will be opened. */
    stage.limits.queue_max = 0;
    stage.limits.size = 1;
    assert_int_equal(stage_open(&stage), 0);
    call_all(0, STAGE_MAX_INFLIGHT, "echo");
    AWAIT(stage.loop, callers_told(callers, STAGE_MAX_INFLIGHT) == STAGE_MAX_INFLIGHT);
    assert_all_answered(STAGE_MAX_INFLIGHT);
    call_all(0, STAGE_MAX_INFLIGHT + 1, "echo");
    AWAIT(stage.loop, callers_told(callers, STAGE_MAX_INFLIGHT + 1) == STAGE_MAX_INFLIGHT + 1);
    assert_all_answered(STAGE_MAX_INFLIGHT);
    assert_int_equal(callers[STAGE_MAX_INFLIGHT].failure, FAILURE_OVERLOADED);
}

static void test_withdrawn(void **state)
{
    (void)state;
    call_all(0, 3, "echo");
    pool_withdraw(stage.pool, &callers[1].waiter);
    pool_withdraw(stage.pool, &callers[1].waiter);
    AWAIT(stage.loop, callers_told(callers, 3) == 2);
    assert_int_equal(callers[1].sessions, 0);
    assert_int_equal(stage.fake.calls, 2);
    /* Refused, and withdrawn before it was told. */
    pool_drain(stage.pool);
    caller_start(&callers[3], &stage, "echo");
    pool_withdraw(stage.pool, &callers[3].waiter);
    AWAIT(stage.loop, stage.drained == 1);
    assert_int_equal(callers[3].failures, 0);
}

static void test_in_front_of_all(void **state)
{
    (void)state;
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    assert_int_equal(stage_open(&stage), 0);
    call_all(0, 3, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    /* The third has waited its turn already: it comes before the second. */
    pool_withdraw(stage.pool, &callers[2].waiter);
    pool_acquire_again(stage.pool, &callers[2].waiter);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[2].sessions == 1);
    assert_int_equal(callers[1].sessions, 0);
}

static void test_limits_are_lowered(void **state)
{
    enum { FULL = STAGE_SIZE * STAGE_MAX_INFLIGHT };

    (void)state;
    call_all(0, FULL, "hold");
    AWAIT(stage.loop, stage.fake.held.count == FULL);
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    pool_set_limits(stage.pool, &stage.limits);
    caller_start(&callers[FULL], &stage, "echo");
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, FULL + 1) == FULL + 1);
    /* And raised. */
    stage.limits.size = STAGE_SIZE + 1;
    stage.limits.max_inflight = 2;
    pool_set_limits(stage.pool, &stage.limits);
    call_all(0, 2 * (STAGE_SIZE + 1), "hold");
    AWAIT(stage.loop, stage.fake.held.count == 2 * (STAGE_SIZE + 1));
    assert_int_equal(stage_figures(&stage).total, STAGE_SIZE + 1);
}

/* ---- draining */

static void test_drained_when_its_calls_are_answered(void **state)
{
    (void)state;
    stage.limits.size = 1;
    assert_int_equal(stage_open(&stage), 0);
    call_all(0, STAGE_MAX_INFLIGHT + 2, "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_MAX_INFLIGHT);
    pool_drain(stage.pool);
    assert_int_equal(pool_state(stage.pool), POOL_DRAINING);
    caller_start(&callers[10], &stage, "echo");
    AWAIT(stage.loop, callers[10].failures == 1);
    /* Those who wait and those who come: refused.  Those at work: not. */
    for (size_t i = STAGE_MAX_INFLIGHT; i < STAGE_MAX_INFLIGHT + 2; i++) {
        assert_row(i, callers[i].failures == 1 && callers[i].failure == FAILURE_DRAINING);
    }
    assert_int_equal(callers[10].failure, FAILURE_DRAINING);
    assert_int_equal(stage_figures(&stage).draining, 1);
    assert_int_equal(stage.drained, 0);
    assert_int_equal(callers_answered(callers, STAGE_MAX_INFLIGHT), 0);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.drained > 0);
    assert_all_answered(STAGE_MAX_INFLIGHT);
    assert_int_equal(stage_figures(&stage).total, 0);
    assert_int_equal(pool_totals(stage.pool)->sess_lost_total, 0);
    assert_int_equal(stage.lost, 0);
}

static void test_drained_at_once(void **state)
{
    (void)state;
    /* Without a session, with an idle one, with one that is being opened. */
    pool_drain(stage.pool);
    AWAIT(stage.loop, stage.drained == 1);
    pool_resume(stage.pool);
    call_and_await(0, "echo");
    pool_drain(stage.pool);
    AWAIT(stage.loop, stage.drained == 2);
    pool_resume(stage.pool);
    stage.fake.is_silent = true;
    caller_start(&callers[1], &stage, "echo");
    AWAIT(stage.loop, stage.fake.streams == 2);
    pool_drain(stage.pool);
    AWAIT(stage.loop, stage.drained == 3);
    assert_int_equal(callers[1].failure, FAILURE_DRAINING);
    assert_int_equal(stage.failed, 0);
}

static void test_aborted(void **state)
{
    (void)state;
    stage.limits.size = 1;
    assert_int_equal(stage_open(&stage), 0);
    call_all(0, STAGE_MAX_INFLIGHT + 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == STAGE_MAX_INFLIGHT);
    pool_abort(stage.pool);
    /* Before the return: what may be at work is not said to have been refused. */
    for (size_t i = 0; i < STAGE_MAX_INFLIGHT; i++) {
        assert_row(i, callers[i].failures == 1 && callers[i].failure == FAILURE_DRAIN_DEADLINE);
        assert_row(i, !callers[i].may_repeat);
    }
    assert_int_equal(callers[STAGE_MAX_INFLIGHT].failure, FAILURE_DRAINING);
    AWAIT(stage.loop, stage.drained > 0);
    /* The server sees the streams end. */
    AWAIT(stage.loop, list_is_empty(&stage.fake.sessions));
}

static void assert_closed_without_a_word(size_t count, enum failure failure)
{
    struct stage before = stage;

    assert_int_equal(stage_renew(&stage), 0);
    for (size_t i = 0; i < count; i++) {
        assert_row(i, callers[i].failures == 1 && callers[i].failure == failure);
    }
    assert_int_equal(stage.lost, before.lost);
    assert_int_equal(stage.failed, before.failed);
    assert_int_equal(stage.drained, before.drained);
}

static void test_closed_at_any_moment(void **state)
{
    (void)state;
    /* Nothing begun; a stream opening; calls out. */
    call_all(0, 2, "echo");
    assert_closed_without_a_word(2, FAILURE_DRAINING);
    stage.fake.is_silent = true;
    call_all(0, 2, "echo");
    AWAIT(stage.loop, stage.fake.streams == 1);
    assert_closed_without_a_word(2, FAILURE_DRAINING);
    stage.fake.is_silent = false;
    call_all(0, 2, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 2);
    assert_closed_without_a_word(2, FAILURE_DRAIN_DEADLINE);
}

static void test_closed_with_calls_that_have_not_left(void **state)
{
    (void)state;
    call_and_await(0, "echo");
    /* Two at once: the second one's connection is still being opened. */
    call_all(0, 2, "hold");
    callers[0].repeats = callers[1].repeats = true;
    loop_settle(stage.loop);
    assert_non_null(callers[1].call);
    assert_int_equal(parcel_handed_over(&callers[1].call->parcel), 0);
    pool_close(stage.pool);
    /* It may be repeated, yet not here any more. */
    assert_int_equal(callers[1].failures, 1);
    assert_int_equal(callers[1].failure, FAILURE_DRAINING);
    assert_int_equal(callers[0].failures, 1);
    stage.pool = NULL;
}

#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
/* With limits of its own. */
#define LIMITS_TEST(name) cmocka_unit_test_setup_teardown(name, prepare, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(test_opens_lazily),
        POOL_TEST(test_tells_its_load),
        POOL_TEST(test_opens_one_at_a_time),
        LIMITS_TEST(test_keeps_a_minimum),
        POOL_TEST(test_grows_only_when_busy),
        POOL_TEST(test_grows_to_its_size),
        POOL_TEST(test_the_most_recently_used_comes_first),
        POOL_TEST(test_the_least_loaded_when_all_are_busy),
        LIMITS_TEST(test_the_queue_is_bounded),
        LIMITS_TEST(test_calls_pass_an_empty_queue),
        POOL_TEST(test_withdrawn),
        LIMITS_TEST(test_in_front_of_all),
        POOL_TEST(test_limits_are_lowered),
        LIMITS_TEST(test_drained_when_its_calls_are_answered),
        POOL_TEST(test_drained_at_once),
        LIMITS_TEST(test_aborted),
        POOL_TEST(test_closed_at_any_moment),
        POOL_TEST(test_closed_with_calls_that_have_not_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
