/* SPDX-License-Identifier: MIT */
/* A pool shared fairly, a session for each client, and what trouble makes of it. */
#include "unit.h"

#include "broker/pool/pool_priv.h"
#include "broker/runtime/clock.h"
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

static int close_all(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static void start(size_t i, int64_t party, const char *tool)
{
    callers[i].party = party;
    caller_start(&callers[i], &stage, tool);
}

static void call_and_await(size_t i, int64_t party, const char *tool)
{
    start(i, party, tool);
    AWAIT(stage.loop, callers_told(&callers[i], 1) == 1);
}

/* ---- fairness */

static void test_a_greedy_client_delays_another_by_one_call(void **state)
{
    (void)state;
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    assert_int_equal(stage_open(&stage), 0);
    for (size_t i = 0; i < 10; i++) {
        start(i, 1, "hold");
    }
    AWAIT(stage.loop, stage.fake.held.count == 1);
    start(10, 2, "hold");
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.fake.held.count == 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.fake.held.count == 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[10].answers == 1);
    assert_in_range(callers_answered(callers, 10), 1, 2);
}

static void test_a_client_has_so_many_in_flight(void **state)
{
    (void)state;
    stage.limits.party_inflight = 2;
    assert_int_equal(stage_open(&stage), 0);
    for (size_t i = 0; i < 5; i++) {
        start(i, 1, "hold");
    }
    start(5, 2, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 3);
    assert_int_equal(callers[5].sessions, 1);
    assert_int_equal(stage_figures(&stage).waiting, 3);
    /* A call that nobody waits for any more counts until the server has answered it. */
    session_abandon(callers[0].call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    loop_settle(stage.loop);
    assert_int_equal(stage_figures(&stage).waiting, 3);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.fake.held.count == 2);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.fake.held.count == 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, 6) == 5);
}

static void test_the_client_that_filled_the_queue_pays(void **state)
{
    (void)state;
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    stage.limits.queue_max = 4;
    assert_int_equal(stage_open(&stage), 0);
    start(0, 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    for (size_t i = 1; i < 5; i++) {
        start(i, 1, "echo");
    }
    start(5, 2, "echo");
    AWAIT(stage.loop, callers_told(callers, 6) == 1);
    /* Its latest; the one that came to the full queue is in. */
    assert_int_equal(callers[4].failure, FAILURE_OVERLOADED);
    /* And it cannot push itself in. */
    start(6, 1, "echo");
    AWAIT(stage.loop, callers[6].failures == 1);
    assert_int_equal(callers[6].failure, FAILURE_OVERLOADED);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, 6) == 5);
}

static void test_the_queue_is_bounded_in_bytes(void **state)
{
    (void)state;
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    stage.limits.queue_max_bytes = 100;
    assert_int_equal(stage_open(&stage), 0);
    start(0, 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    for (size_t i = 1; i < 4; i++) {
        callers[i].bytes = 60;
        start(i, 1, "echo");
    }
    AWAIT(stage.loop, callers_told(callers, 4) == 2);
    assert_int_equal(callers[1].failures, 0);
    assert_int_equal(callers[2].failure, FAILURE_OVERLOADED);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, 4) == 2);
}

/* ---- a session each */

static void open_own(void)
{
    stage.limits.mode = POOL_MODE_SESSION;
    stage.limits.size = 2;
    assert_int_equal(stage_open(&stage), 0);
}

static void test_each_client_has_its_own(void **state)
{
    (void)state;
    open_own();
    call_and_await(0, 1, "echo");
    call_and_await(1, 2, "echo");
    call_and_await(2, 1, "echo");
    call_and_await(3, 2, "echo");
    assert_int_equal(callers[0].session, callers[2].session);
    assert_int_equal(callers[1].session, callers[3].session);
    assert_true(callers[0].session != callers[1].session);
    assert_int_equal(stage.fake.streams, 2);
    /* However busy: another client's idle session is not for it. */
    for (size_t i = 0; i < STAGE_MAX_INFLIGHT + 1; i++) {
        start(i, 1, "hold");
    }
    AWAIT(stage.loop, stage.fake.held.count == STAGE_MAX_INFLIGHT);
    assert_int_equal(callers[STAGE_MAX_INFLIGHT].sessions, 0);
    assert_int_equal(stage.fake.streams, 2);
}

static void test_one_more_waits_until_somebody_leaves(void **state)
{
    (void)state;
    open_own();
    call_and_await(0, 1, "echo");
    call_and_await(1, 2, "echo");
    start(2, 3, "echo");
    start(3, 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    assert_int_equal(callers[2].sessions, 0);
    /* Its call is out yet: the session closes after it, and is nobody else's in between. */
    pool_leave(stage.pool, 1);
    loop_settle(stage.loop);
    assert_int_equal(stage_figures(&stage).draining, 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[2].answers == 1);
    assert_int_equal(callers[3].answers, 1);
    assert_int_equal(stage.fake.streams, 3);
    assert_true(callers[2].session != callers[3].session);
    assert_int_equal(stage.bereaved, 0);
    /* Who never called has nothing to leave. */
    pool_leave(stage.pool, 99);
}

static void test_a_lost_session_is_told_to_its_client(void **state)
{
    (void)state;
    open_own();
    call_and_await(0, 7, "echo");
    fake_mcp_cut_streams(&stage.fake);
    AWAIT(stage.loop, stage.bereaved == 7);
    assert_int_equal(stage.lost, 1);
}

static void test_warm_ones_are_given_out(void **state)
{
    (void)state;
    stage.limits.minimum = 1;
    open_own();
    AWAIT(stage.loop, stage.ready == 1);
    call_and_await(0, 1, "echo");
    assert_int_equal(callers[0].session, 1);
}

/* ---- trouble */

static void test_a_local_server_that_is_back_is_seen(void **state)
{
    int64_t started_at_ms;

    (void)state;
    stage.limits.backoff_max_ms = STAGE_LONG_MS;
    stage.limits.backoff_min_ms = STAGE_LONG_MS;
    assert_int_equal(stage_open(&stage), 0);
    fake_http_refuse(&stage.fake.http);
    start(0, 1, "echo");
    AWAIT(stage.loop, stage.pool->seen_deaf);
    /* Long before another attempt is due. */
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    started_at_ms = clock_now_ms();
    AWAIT(stage.loop, callers[0].answers == 1);
    assert_true(clock_now_ms() - started_at_ms < POOL_WAITED_RETRY_MS);
    assert_int_equal(stage.failed, 1);
}

static void test_repeats_are_on_a_budget(void **state)
{
    (void)state;
    stage.limits.retry_budget_minimum = 2;
    assert_int_equal(stage_open(&stage), 0);
    assert_true(pool_begin_repeat(stage.pool));
    assert_true(pool_begin_repeat(stage.pool));
    assert_false(pool_begin_repeat(stage.pool));
    assert_int_equal(pool_totals(stage.pool)->repeats_denied_total, 1);
    pool_end_repeat(stage.pool);
    assert_true(pool_begin_repeat(stage.pool));
    pool_end_repeat(stage.pool);
    pool_end_repeat(stage.pool);
}

static void test_a_server_that_comes_back_is_not_overrun(void **state)
{
    (void)state;
    stage.limits.slow_start_ms = STAGE_LONG_MS;
    assert_int_equal(stage_open(&stage), 0);
    fake_http_refuse(&stage.fake.http);
    call_and_await(0, 1, "echo");
    assert_int_equal(pool_breaker(stage.pool), BREAKER_OPEN);
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    AWAIT(stage.loop, pool_breaker(stage.pool) == BREAKER_HALF_OPEN);
    for (size_t i = 1; i < 4; i++) {
        start(i, 1, "hold");
    }
    AWAIT(stage.loop, stage.fake.held.count == 1);
    loop_settle(stage.loop);
    assert_int_equal(stage_figures(&stage).waiting, 2);
    /* When it has been well for long enough, as many as there is room for. */
    stage.pool->breaker.recovered_at_ms -= STAGE_LONG_MS;
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage.fake.held.count == 2);
}

static void test_fewer_at_a_time_for_a_server_that_asks_for_less(void **state)
{
    size_t most = (size_t)STAGE_SIZE * STAGE_MAX_INFLIGHT;

    (void)state;
    stage.limits.is_adaptive = true;
    assert_int_equal(stage_open(&stage), 0);
    call_and_await(0, 1, "http_429");
    assert_int_equal(stage.pool->adaptive, most - most / 10);
    for (size_t i = 0; i < 100; i++) {
        pool_note_overload(stage.pool);
    }
    assert_int_equal(stage.pool->adaptive, 1);
    start(0, 1, "hold");
    start(1, 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    loop_settle(stage.loop);
    assert_int_equal(stage_figures(&stage).inflight, 1);
    /* A good while later one more. */
    stage.pool->raised_at_ms -= 1000;
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[0].answers == 1 && stage.fake.held.count == 1);
    assert_int_equal(stage.pool->adaptive, 2);
    assert_true(stage.pool->adaptive < most);
}

static void test_time_has_leapt(void **state)
{
    (void)state;
    assert_int_equal(stage_open(&stage), 0);
    call_and_await(0, 1, "echo");
    assert_int_equal(stage.fake.pings, 0);
    pool_recheck(stage.pool);
    call_and_await(1, 1, "echo");
    assert_int_equal(stage.fake.pings, 1);
}

static void test_a_queue_that_stands(void **state)
{
    (void)state;
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    assert_int_equal(stage_open(&stage), 0);
    start(0, 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    assert_false(pool_is_standing(stage.pool, 0));
    /* It never empties, although nobody waits for long. */
    start(1, 1, "echo");
    stage.pool->standing_since_ms -= 1000;
    start(2, 1, "echo");
    pool_withdraw(stage.pool, &callers[1].waiter);
    loop_settle(stage.loop);
    assert_true(pool_is_standing(stage.pool, 999));
    assert_false(pool_is_standing(stage.pool, 5000));
    callers[2].waiter.since_ms -= 1000;
    assert_in_range(pool_retry_after_ms(stage.pool), 1000, 5000);
    /* It empties: what comes then has its full time. */
    pool_withdraw(stage.pool, &callers[2].waiter);
    loop_settle(stage.loop);
    assert_false(pool_is_standing(stage.pool, 0));
}

static void test_a_queue_full_of_bytes_costs_nobody_else(void **state)
{
    (void)state;
    stage.limits.size = 1;
    stage.limits.max_inflight = 1;
    stage.limits.queue_max_bytes = 1000;
    assert_int_equal(stage_open(&stage), 0);
    start(0, 1, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    /* Two of one client fill it; another has three small ones. */
    for (size_t i = 1; i < 3; i++) {
        callers[i].bytes = 480;
        start(i, 2, "echo");
    }
    for (size_t i = 3; i < 6; i++) {
        callers[i].bytes = 10;
        start(i, 3, "echo");
    }
    callers[6].bytes = 50;
    start(6, 4, "echo");
    AWAIT(stage.loop, callers_told(callers, 7) >= 1);
    assert_int_equal(callers[2].failure, FAILURE_OVERLOADED);
    assert_int_equal(callers[5].failures, 0);
    assert_int_equal(callers[6].failures, 0);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, 7) == 6);
}

static void test_a_client_at_its_limit_opens_no_sessions(void **state)
{
    (void)state;
    stage.limits.party_inflight = 2;
    assert_int_equal(stage_open(&stage), 0);
    for (size_t i = 0; i < 30; i++) {
        start(i, 1, "hold");
    }
    AWAIT(stage.loop, stage.fake.held.count == 2);
    call_and_await(30, 2, "echo");
    assert_in_range(stage.fake.streams, 1, 2);
}

/* Its connection is half open, say: who waits is not kept for check_timeout. */
static void test_a_check_that_hangs_is_not_waited_for(void **state)
{
    (void)state;
    stage.limits.check_delay_ms = 0;
    assert_int_equal(stage_open(&stage), 0);
    call_and_await(0, 1, "echo");
    stage.fake.ignores_pings = true;
    pool_recheck(stage.pool);
    call_and_await(1, 1, "echo");
    assert_int_equal(callers[1].answers, 1);
    assert_int_equal(stage.fake.streams, 2);
}

#define LIMITS_TEST(name) cmocka_unit_test_setup_teardown(name, prepare, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMITS_TEST(test_a_greedy_client_delays_another_by_one_call),
        LIMITS_TEST(test_a_client_has_so_many_in_flight),
        LIMITS_TEST(test_the_client_that_filled_the_queue_pays),
        LIMITS_TEST(test_the_queue_is_bounded_in_bytes),
        LIMITS_TEST(test_each_client_has_its_own),
        LIMITS_TEST(test_one_more_waits_until_somebody_leaves),
        LIMITS_TEST(test_a_lost_session_is_told_to_its_client),
        LIMITS_TEST(test_warm_ones_are_given_out),
        LIMITS_TEST(test_a_local_server_that_is_back_is_seen),
        LIMITS_TEST(test_repeats_are_on_a_budget),
        LIMITS_TEST(test_a_server_that_comes_back_is_not_overrun),
        LIMITS_TEST(test_fewer_at_a_time_for_a_server_that_asks_for_less),
        LIMITS_TEST(test_time_has_leapt),
        LIMITS_TEST(test_a_queue_that_stands),
        LIMITS_TEST(test_a_queue_full_of_bytes_costs_nobody_else),
        LIMITS_TEST(test_a_client_at_its_limit_opens_no_sessions),
        LIMITS_TEST(test_a_check_that_hangs_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
