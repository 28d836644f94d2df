/* SPDX-License-Identifier: MIT */
/* When a pool looks at its health, what it looks at, and what it tells. */
#include "unit.h"

#include "broker/pool/pool_priv.h"
#include "tests/support/await.h"
#include "tests/support/stage.h"

enum { CALLERS = 4, SHORT_MS = 40 };

static struct stage stage;
static struct caller callers[CALLERS];

static int prepare(void **state)
{
    (void)state;
    memset(callers, 0, sizeof(callers));
    stage_init(&stage);
    stage.limits.idle_timeout_ms = SHORT_MS;
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

static enum health health_now(void)
{
    const char *reason;
    int64_t since_ms;

    return pool_health(stage.pool, &reason, &since_ms);
}

static const char *reason_now(void)
{
    const char *reason;
    int64_t since_ms;

    (void)pool_health(stage.pool, &reason, &since_ms);
    return reason;
}

static bool is_asleep(void)
{
    return !stage.pool->keeper.armed && stage.pool->dispatch.in_deferred.on == NULL;
}

/* No timer of a pool that nobody uses wakes the process: before its first call, and again once its
   sessions are closed. */
static void test_sleeps_unless_used(void **state)
{
    (void)state;
    open_stage();
    AWAIT(stage.loop, is_asleep());
    assert_int_equal(health_now(), HEALTH_UNKNOWN);
    call_and_await(0, "echo");
    assert_false(is_asleep());
    assert_int_equal(health_now(), HEALTH_HEALTHY);
    AWAIT(stage.loop, pool_sessions(stage.pool)->count == 0);
    AWAIT(stage.loop, is_asleep());
    assert_int_equal(health_now(), HEALTH_HEALTHY);
    assert_int_equal(stage.healths, 1);
}

/* Not while the last minute has calls: what they were may still make a difference. */
static void test_looks_while_calls_are_recent(void **state)
{
    (void)state;
    stage.window.calls = 1;
    open_stage();
    call_and_await(0, "echo");
    AWAIT(stage.loop, pool_sessions(stage.pool)->count == 0);
    AWAIT(stage.loop, stage.pool->keeper.armed);
    assert_false(stage.pool->is_quiet);
    stage.window.calls = 0;
    AWAIT(stage.loop, is_asleep());
}

static void test_tells_of_the_breaker(void **state)
{
    (void)state;
    open_stage();
    fake_http_refuse(&stage.fake.http);
    call_and_await(0, "echo");
    AWAIT(stage.loop, (stage.breakers & 1U << BREAKER_OPEN) != 0);
    assert_int_equal(health_now(), HEALTH_CIRCUIT_OPEN);
    assert_string_equal(reason_now(), "breaker,no_session");
    /* Its time is over, and nobody calls. */
    AWAIT(stage.loop, (stage.breakers & 1U << BREAKER_HALF_OPEN) != 0);
    assert_int_equal(stage.breakers & 1U << BREAKER_CLOSED, 0);
    AWAIT(stage.loop, is_asleep());
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    call_and_await(1, "echo");
    AWAIT(stage.loop, (stage.breakers & 1U << BREAKER_CLOSED) != 0);
    assert_int_equal(health_now(), HEALTH_UNHEALTHY);
    assert_string_equal(reason_now(), "recovering");
}

static void test_the_last_minute_counts(void **state)
{
    (void)state;
    stage.window = (struct health_window){.calls = 100, .faults = 30};
    open_stage();
    call_and_await(0, "echo");
    /* Held for ten seconds first; the evidence is there at once. */
    assert_int_equal(health_now(), HEALTH_HEALTHY);
    assert_true(stage.pool->health.signals[HEALTH_SIGNAL_MANY_ERRORS].since_ms > 0);
    assert_true(stage.pool->health.signals[HEALTH_SIGNAL_ERRORS].since_ms > 0);
    assert_int_equal(stage.pool->health.signals[HEALTH_SIGNAL_WAIT].since_ms, 0);
}

static void test_draining_is_told_in_its_turn(void **state)
{
    (void)state;
    open_stage();
    call_and_await(0, "echo");
    pool_drain(stage.pool);
    AWAIT(stage.loop, health_now() == HEALTH_DRAINING);
    pool_resume(stage.pool);
    AWAIT(stage.loop, health_now() == HEALTH_HEALTHY);
    assert_int_equal(stage.healths, 3);
}

#define HEALTH_TEST(name) cmocka_unit_test_setup_teardown(name, prepare, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEALTH_TEST(test_sleeps_unless_used),
        HEALTH_TEST(test_looks_while_calls_are_recent),
        HEALTH_TEST(test_tells_of_the_breaker),
        HEALTH_TEST(test_the_last_minute_counts),
        HEALTH_TEST(test_draining_is_told_in_its_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
