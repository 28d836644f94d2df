/* SPDX-License-Identifier: MIT */
/* A pool over time: servers that fail and come back, sessions that age, idle and prove themselves.
 */
#include "unit.h"

#include "broker/pool/pool_priv.h"
#include "tests/support/await.h"
#include "tests/support/stage.h"

enum { CALLERS = 16, SHORT_MS = 40 };

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

static void open_stage(void)
{
    assert_int_equal(stage_open(&stage), 0);
}

static void call_and_await(size_t i, const char *tool)
{
    caller_start(&callers[i], &stage, tool);
    AWAIT(stage.loop, callers_told(&callers[i], 1) == 1);
}

/* So that three sessions are open, and idle. */
static void open_three(void)
{
    for (size_t i = 0; i < STAGE_SIZE * STAGE_MAX_INFLIGHT; i++) {
        caller_start(&callers[i], &stage, "hold");
    }
    AWAIT(stage.loop, stage.fake.held.count == STAGE_SIZE * STAGE_MAX_INFLIGHT);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, CALLERS) == STAGE_SIZE * STAGE_MAX_INFLIGHT);
}

/* ---- servers that cannot be reached */

static void test_waits_for_a_server_that_comes(void **state)
{
    (void)state;
    open_stage();
    fake_http_refuse(&stage.fake.http);
    caller_start(&callers[0], &stage, "echo");
    AWAIT(stage.loop, stage.failed >= 2);
    assert_string_equal(stage.end.error_class, "connect");
    assert_non_null(pool_last_failure(stage.pool));
    assert_int_equal(callers[0].failures, 0);
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    AWAIT(stage.loop, callers[0].answers == 1);
    assert_null(pool_last_failure(stage.pool));
    assert_int_equal(pool_retry_after_ms(stage.pool), 0);
}

static void test_gives_up_after_a_while(void **state)
{
    int64_t started_at_ms;

    (void)state;
    open_stage();
    fake_http_refuse(&stage.fake.http);
    started_at_ms = clock_now_ms();
    call_and_await(0, "echo");
    assert_int_equal(callers[0].failure, FAILURE_UNAVAILABLE);
    /* With the reason of the last attempt. */
    assert_non_null(strstr(callers[0].detail, fake_mcp_url(&stage.fake)));
    assert_true(clock_now_ms() - started_at_ms >= POOL_PATIENCE_NEW_MS);
    assert_true(stage.failed > 1);
    assert_int_equal(pool_totals(stage.pool)->sess_failed_total, stage.failed);
    /* The breaker is open: the next one is refused without an attempt... */
    assert_int_equal(pool_breaker(stage.pool), BREAKER_OPEN);
    assert_int_equal(pool_totals(stage.pool)->breaker_trips_total, 1);
    stage.failed = 0;
    call_and_await(1, "echo");
    assert_int_equal(callers[1].failure, FAILURE_UNAVAILABLE);
    assert_int_equal(stage.failed, 0);
    assert_true(pool_retry_after_ms(stage.pool) > 0);
    /* ... until one is the probe's, which fails: open for longer. */
    AWAIT(stage.loop, pool_breaker(stage.pool) == BREAKER_HALF_OPEN);
    call_and_await(2, "echo");
    assert_int_equal(callers[2].failure, FAILURE_UNAVAILABLE);
    assert_int_equal(stage.failed, 1);
    assert_int_equal(pool_breaker(stage.pool), BREAKER_OPEN);
    assert_true(pool_retry_after_ms(stage.pool) > stage.limits.breaker.open_ms);
    /* And the next probe finds the server there. */
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    AWAIT(stage.loop, pool_breaker(stage.pool) == BREAKER_HALF_OPEN);
    call_and_await(3, "echo");
    assert_int_equal(callers[3].answers, 1);
    assert_int_equal(pool_breaker(stage.pool), BREAKER_CLOSED);
}

static void test_gives_up_at_once_when_somebody_must_mend_it(void **state)
{
    static const int statuses[] = {401, 404, 421, 302};

    (void)state;
    open_stage();
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        stage.fake.stream_status = statuses[i];
        call_and_await(i, "echo");
        assert_row(i, callers[i].failure == FAILURE_UNAVAILABLE);
        assert_row(i, stage.end.is_settled);
        assert_int_equal(stage_renew(&stage), 0);
    }
    assert_int_equal(stage.fake.calls, 0);
}

static void test_a_stream_that_never_names_its_endpoint(void **state)
{
    (void)state;
    stage.server_limits.init_timeout_ms = SHORT_MS;
    open_stage();
    stage.fake.is_silent = true;
    caller_start(&callers[0], &stage, "echo");
    AWAIT(stage.loop, stage.failed >= 1);
    assert_string_equal(stage.end.error_class, "timeout");
    stage.fake.is_silent = false;
    AWAIT(stage.loop, callers[0].answers == 1);
}

static void test_an_unknown_revision(void **state)
{
    (void)state;
    open_stage();
    stage.fake.protocol = "1999-01-01";
    caller_start(&callers[0], &stage, "echo");
    AWAIT(stage.loop, stage.failed >= 1);
    assert_non_null(strstr(stage.end.detail, "2024-11-05"));
    stage.fake.protocol = "2024-11-05";
    AWAIT(stage.loop, callers_told(callers, 1) == 1);
}

/* ---- sessions that are lost */

static void test_opens_again_after_a_loss(void **state)
{
    (void)state;
    open_stage();
    call_and_await(0, "echo");
    fake_mcp_cut_streams(&stage.fake);
    AWAIT(stage.loop, stage.lost == 1);
    assert_string_equal(stage.end.error_class, "reset");
    assert_int_equal(stage_figures(&stage).connecting, 0);
    call_and_await(1, "echo");
    assert_int_equal(callers[1].answers, 1);
    assert_int_equal(stage.ready, 2);
    assert_int_equal(pool_totals(stage.pool)->sess_lost_total, 1);
}

/* Failures of yesterday do not count against a server that has been well since. */
static void test_old_failures_are_forgotten(void **state)
{
    enum { WELL_MS = 1200 };

    (void)state;
    stage.limits.idle_timeout_ms = WELL_MS;
    open_stage();
    fake_http_refuse(&stage.fake.http);
    caller_start(&callers[0], &stage, "echo");
    AWAIT(stage.loop, stage.failed >= 1);
    stage.pool->failing_since_ms -= POOL_PATIENCE_MS;
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    AWAIT(stage.loop, callers[0].answers == 1);
    /* Its session goes by itself, idle. */
    AWAIT(stage.loop, stage_figures(&stage).total == 0);
    assert_int_equal(stage.lost, 0);
    /* The server restarts just then: the next one waits for it. */
    fake_http_refuse(&stage.fake.http);
    stage.failed = 0;
    caller_start(&callers[1], &stage, "echo");
    AWAIT(stage.loop, stage.failed >= 2);
    assert_int_equal(callers[1].failures, 0);
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    AWAIT(stage.loop, callers[1].answers == 1);
}

/* ---- age and rest */

static void test_idle_sessions_close(void **state)
{
    (void)state;
    stage.limits.idle_timeout_ms = SHORT_MS;
    open_stage();
    open_three();
    AWAIT(stage.loop, stage_figures(&stage).total == 0);
    assert_int_equal(pool_totals(stage.pool)->sess_closed_total, STAGE_SIZE);
    assert_int_equal(stage.lost, 0);
    AWAIT(stage.loop, list_is_empty(&stage.fake.sessions));
    /* And the pool opens again, lazily. */
    call_and_await(0, "echo");
    assert_int_equal(callers[0].answers, 1);
}

static void test_idle_sessions_close_down_to_the_minimum(void **state)
{
    (void)state;
    stage.limits.idle_timeout_ms = SHORT_MS;
    stage.limits.minimum = 1;
    open_stage();
    open_three();
    AWAIT(stage.loop, stage_figures(&stage).total == 1);
    /* The most recently used one stays, and is not opened anew again and again. */
    assert_int_equal(pool_totals(stage.pool)->sess_closed_total, STAGE_SIZE - 1);
    call_and_await(0, "echo");
    assert_int_equal(stage.fake.streams, STAGE_SIZE);
}

static void test_a_busy_session_is_not_idle(void **state)
{
    (void)state;
    stage.limits.idle_timeout_ms = SHORT_MS;
    open_stage();
    caller_start(&callers[0], &stage, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    /* Another session comes and goes meanwhile. */
    caller_start(&callers[1], &stage, "hold");
    AWAIT(stage.loop, stage.ready == 2);
    AWAIT(stage.loop, pool_totals(stage.pool)->sess_closed_total == 1);
    assert_int_equal(stage_figures(&stage).active, 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, 2) == 2);
}

static void test_old_sessions_drain(void **state)
{
    (void)state;
    stage.limits.lifetime_ms = SHORT_MS;
    open_stage();
    /* Alone it stays, however old: there would be nobody to take calls. */
    caller_start(&callers[0], &stage, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    assert_int_equal(stage_figures(&stage).draining, 0);
    caller_start(&callers[1], &stage, "hold");
    AWAIT(stage.loop, stage_figures(&stage).draining == 1);
    /* Its calls go on; new ones go elsewhere. */
    assert_int_equal(stage_figures(&stage).inflight, 2);
    call_and_await(2, "echo");
    assert_int_equal(callers[2].answers, 1);
    assert_int_not_equal(callers[2].session, callers[0].session);
    assert_int_equal(callers[0].failures, 0);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers_answered(callers, 2) == 2);
    AWAIT(stage.loop, pool_totals(stage.pool)->sess_closed_total >= 1);
    assert_int_equal(stage.lost, 0);
}

/* Sessions that age at a gallop, and not one call that notices. */
static void test_retirement_fails_no_call(void **state)
{
    (void)state;
    stage.limits.lifetime_ms = SHORT_MS;
    open_stage();
    while (pool_totals(stage.pool)->sess_closed_total < 10) {
        for (size_t i = 0; i < CALLERS; i++) {
            caller_start(&callers[i], &stage, "echo");
        }
        AWAIT(stage.loop, callers_told(callers, CALLERS) == CALLERS);
        assert_int_equal(callers_answered(callers, CALLERS), CALLERS);
    }
    assert_int_equal(stage.lost + stage.failed, 0);
}

/* ---- proof of life */

static void test_checked_before_use(void **state)
{
    (void)state;
    stage.limits.check_delay_ms = SHORT_MS;
    open_stage();
    call_and_await(0, "echo");
    assert_int_equal(stage.fake.pings, 0);
    AWAIT(stage.loop, loop_now_ms(stage.loop) - stage_session(&stage, 0)->checked_at_ms > SHORT_MS);
    stage.fake.ignores_pings = true;
    caller_start(&callers[1], &stage, "echo");
    AWAIT(stage.loop, stage.fake.pings == 1);
    /* The call waits for the ping's answer: the session's third, after initialize and a call. */
    assert_int_equal(stage_figures(&stage).testing, 1);
    assert_int_equal(stage.fake.calls, 1);
    fake_mcp_tell(&stage.fake, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
    AWAIT(stage.loop, callers[1].answers == 1);
    assert_int_equal(callers[1].session, callers[0].session);
    assert_int_equal(stage.fake.streams, 1);
    assert_int_equal(stage_figures(&stage).probes_ok, 1);
}

/* Some servers echo a number as text: to initialize, to calls and to pings alike. */
static void test_ids_that_come_back_as_text(void **state)
{
    (void)state;
    stage.limits.check_delay_ms = SHORT_MS;
    stage.fake.quotes_ids = true;
    open_stage();
    call_and_await(0, "echo");
    AWAIT(stage.loop, loop_now_ms(stage.loop) - stage_session(&stage, 0)->checked_at_ms > SHORT_MS);
    call_and_await(1, "echo");
    assert_int_equal(stage.fake.pings, 1);
    assert_int_equal(stage.fake.streams, 1);
}

static void test_a_dead_session_is_found_by_the_check(void **state)
{
    (void)state;
    stage.limits.check_delay_ms = SHORT_MS;
    stage.server_limits.check_timeout_ms = SHORT_MS;
    open_stage();
    call_and_await(0, "echo");
    stage.fake.ignores_pings = true;
    AWAIT(stage.loop, loop_now_ms(stage.loop) - stage_session(&stage, 0)->checked_at_ms > SHORT_MS);
    call_and_await(1, "echo");
    /* The call never met it, and ran once, on another one. */
    assert_int_equal(callers[1].answers, 1);
    assert_int_not_equal(callers[1].session, callers[0].session);
    assert_int_equal(stage.fake.calls, 2);
    assert_int_equal(stage.lost, 1);
    assert_string_equal(stage.end.error_class, "timeout");
    assert_int_equal(pool_totals(stage.pool)->probes_fail_total, 1);
}

static void test_a_ping_that_we_did_not_wait_for_has_not_failed(void **state)
{
    (void)state;
    stage.limits.check_delay_ms = SHORT_MS;
    open_stage();
    call_and_await(0, "echo");
    stage.fake.ignores_pings = true;
    AWAIT(stage.loop, loop_now_ms(stage.loop) - stage_session(&stage, 0)->checked_at_ms > SHORT_MS);
    caller_start(&callers[1], &stage, "echo");
    AWAIT(stage.loop, stage.fake.pings == 1);
    pool_abort(stage.pool);
    AWAIT(stage.loop, stage.drained == 1);
    assert_int_equal(callers[1].failures, 1);
    assert_int_equal(pool_totals(stage.pool)->probes_fail_total, 0);
}

static void test_a_forgotten_session_is_found_by_the_check(void **state)
{
    (void)state;
    stage.limits.check_delay_ms = SHORT_MS;
    open_stage();
    call_and_await(0, "echo");
    fake_mcp_forget(&stage.fake);
    AWAIT(stage.loop, loop_now_ms(stage.loop) - stage_session(&stage, 0)->checked_at_ms > SHORT_MS);
    call_and_await(1, "echo");
    assert_int_equal(callers[1].answers, 1);
    assert_string_equal(stage.end.error_class, "session");
}

static void test_kept_alive(void **state)
{
    (void)state;
    stage.limits.keepalive_ms = SHORT_MS;
    open_stage();
    call_and_await(0, "echo");
    AWAIT(stage.loop, stage.fake.pings >= 3);
    /* One that stops answering is found without a call. */
    stage.server_limits.check_timeout_ms = SHORT_MS;
    server_set_limits(stage.server, &stage.server_limits);
    stage.fake.ignores_pings = true;
    AWAIT(stage.loop, stage.lost == 1);
}

#define KEEPER_TEST(name) cmocka_unit_test_setup_teardown(name, prepare, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(test_waits_for_a_server_that_comes),
        KEEPER_TEST(test_gives_up_after_a_while),
        KEEPER_TEST(test_gives_up_at_once_when_somebody_must_mend_it),
        KEEPER_TEST(test_a_stream_that_never_names_its_endpoint),
        KEEPER_TEST(test_an_unknown_revision),
        KEEPER_TEST(test_opens_again_after_a_loss),
        KEEPER_TEST(test_old_failures_are_forgotten),
        KEEPER_TEST(test_idle_sessions_close),
        KEEPER_TEST(test_idle_sessions_close_down_to_the_minimum),
        KEEPER_TEST(test_a_busy_session_is_not_idle),
        KEEPER_TEST(test_old_sessions_drain),
        KEEPER_TEST(test_retirement_fails_no_call),
        KEEPER_TEST(test_checked_before_use),
        KEEPER_TEST(test_ids_that_come_back_as_text),
        KEEPER_TEST(test_a_dead_session_is_found_by_the_check),
        KEEPER_TEST(test_a_ping_that_we_did_not_wait_for_has_not_failed),
        KEEPER_TEST(test_a_forgotten_session_is_found_by_the_check),
        KEEPER_TEST(test_kept_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
