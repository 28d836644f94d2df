/* SPDX-License-Identifier: MIT */
/* Calls that nobody waits for any more, and a session that ends with the last of them. */
#include "session_unit.h"

static void test_abandoned_and_cancelled(void **state)
{
    struct call *call;

    (void)state;
    hold(0, "hold");
    settle();
    call = callers[0].call;
    session_abandon(call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    AWAIT(stage.loop, stage.fake.cancels == 1);
    /* The server may be working on it: it keeps its place. */
    assert_int_equal(stage_figures(&stage).inflight, 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage_figures(&stage).inflight == 0);
    assert_int_equal(callers_told(&callers[0], 1), 0);
}

static void test_abandoned_in_silence(void **state)
{
    (void)state;
    hold(0, "hold");
    session_abandon(callers[0].call, ABANDON_SILENTLY, SHORT_MS, NULL);
    assert_int_equal(stage_figures(&stage).inflight, 1);
    /* Not for ever. */
    AWAIT(stage.loop, stage_figures(&stage).inflight == 0);
    assert_int_equal(stage.fake.cancels, 0);
    assert_int_equal(stage.lost, 0);
    /* An answer after the grace is nobody's. */
    fake_mcp_release(&stage.fake);
    settle();
    assert_int_equal(callers_told(&callers[0], 1), 0);
}

static void test_cancelled_before_it_is_accepted(void **state)
{
    (void)state;
    hold(0, "late");
    session_abandon(callers[0].call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    settle();
    /* Two POSTs may overtake each other: the cancel waits for the 202. */
    assert_int_equal(stage.fake.cancels, 0);
    fake_mcp_accept(&stage.fake);
    AWAIT(stage.loop, stage.fake.cancels == 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, stage_figures(&stage).inflight == 0);
}

static void test_abandoned_before_it_has_left(void **state)
{
    (void)state;
    settle();
    /* The only lane is taken. */
    stage.server_limits.lanes_max = 1;
    server_set_limits(stage.server, &stage.server_limits);
    hold(0, "late");
    caller_start(&callers[1], &stage, "echo");
    AWAIT(stage.loop, callers[1].call != NULL);
    session_abandon(callers[1].call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    /* Taken back: nobody need be told, and no place is kept. */
    assert_int_equal(stage_figures(&stage).inflight, 1);
    fake_mcp_accept(&stage.fake);
    settle();
    assert_int_equal(stage.fake.calls, 3);
    assert_int_equal(stage.fake.cancels, 0);
    assert_int_equal(callers_told(&callers[1], 1), 0);
}

static void test_abandoned_when_the_session_ends(void **state)
{
    (void)state;
    hold(0, "hold");
    hold(1, "late");
    session_abandon(callers[0].call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    session_abandon(callers[1].call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    fake_mcp_cut_streams(&stage.fake);
    AWAIT(stage.loop, stage.lost == 1);
    assert_int_equal(callers_told(callers, 2), 0);
}

static void use_one_lane(void)
{
    stage.server_limits.lanes_max = 1;
    server_set_limits(stage.server, &stage.server_limits);
}

/* A server that works before it accepts, and hangs. */
static void test_a_call_given_up_gives_its_connection_back(void **state)
{
    (void)state;
    use_one_lane();
    hold(0, "late");
    session_abandon(callers[0].call, ABANDON_SILENTLY, SHORT_MS, NULL);
    assert_int_equal(stage_figures(&stage).inflight, 1);
    settle();
    assert_int_equal(callers_told(&callers[0], 1), 0);
    assert_int_equal(stage_figures(&stage).inflight, 0);
    assert_int_equal(stage.lost, 0);
}

/* One that answers, and never accepts. */
static void test_an_answered_call_gives_its_connection_back(void **state)
{
    (void)state;
    stage.server_limits.check_timeout_ms = SHORT_MS;
    use_one_lane();
    call_and_await(0, "early");
    assert_int_equal(callers[0].answers, 1);
    settle();
    assert_int_equal(stage.lost, 0);
}

/* The session outlives the call into it that ends its last one. */
static void test_the_last_call_of_a_drained_session(void **state)
{
    struct session *session;

    (void)state;
    use_one_lane();
    /* Answered, and its POST keeps the only lane: the next call has not left. */
    call_and_await(0, "early");
    caller_start(&callers[1], &stage, "echo");
    AWAIT(stage.loop, callers[1].call != NULL);
    session = stage_session(&stage, 0);
    pool_drain(stage.pool);
    assert_true(call_never_left(callers[1].call));
    session_abandon(callers[1].call, ABANDON_AND_CANCEL, STAGE_LONG_MS, NULL);
    assert_ptr_equal(stage_session(&stage, 0), session);
    assert_int_equal(session->state, SESSION_DRAINING);
    AWAIT(stage.loop, stage.drained == 1);
    assert_null(stage_session(&stage, 0));
    assert_int_equal(callers_told(&callers[1], 1), 0);
    assert_int_equal(stage.fake.calls, 1);
}

#define ABANDON_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ABANDON_TEST(test_abandoned_and_cancelled),
        ABANDON_TEST(test_abandoned_in_silence),
        ABANDON_TEST(test_cancelled_before_it_is_accepted),
        ABANDON_TEST(test_abandoned_before_it_has_left),
        ABANDON_TEST(test_abandoned_when_the_session_ends),
        ABANDON_TEST(test_a_call_given_up_gives_its_connection_back),
        ABANDON_TEST(test_an_answered_call_gives_its_connection_back),
        ABANDON_TEST(test_the_last_call_of_a_drained_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
