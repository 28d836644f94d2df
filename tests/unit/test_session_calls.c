/* SPDX-License-Identifier: MIT */
/* The traffic of one session: calls that end in all the ways they can, and what a server says. */
#include "session_unit.h"

/* ---- how calls end */

static void test_outcomes(void **state)
{
    static const struct {
        const char *tool;
        enum failure failure;
        bool may_repeat;
        bool is_lost; /* and the session with it */
    } rows[] = {
        {"echo", FAILURE_NONE, false, false},
        /* The POST was heard and its connection ended. */
        {"drop", FAILURE_CONNECTION_LOST, false, false},
        /* Accepted, then the stream ended. */
        {"cut", FAILURE_SESSION_LOST, false, true},
        /* Statuses (test_delivery.c has all of them). */
        {"http_404", FAILURE_SESSION_GONE, true, true},
        {"gone_400", FAILURE_SESSION_GONE, true, true},
        {"gone_410", FAILURE_SESSION_GONE, true, true},
        {"gone_401", FAILURE_REFUSED, false, false},
        {"gone_409", FAILURE_SERVER_ERROR, false, false},
        {"gone_422", FAILURE_REFUSED, false, false},
        {"gone_500", FAILURE_SERVER_ERROR, false, false},
        /* An answer in the body of a refusal is the answer. */
        {"error_400", FAILURE_NONE, false, false},
        {"error_503", FAILURE_NONE, false, false},
        /* Also in words that are, perhaps, of the session; which is not used again. */
        {"lapsed_400", FAILURE_NONE, false, true},
        {"lapsed_404", FAILURE_NONE, false, true},
        {"lapsed_409", FAILURE_NONE, false, true},
        {"lapsed_422", FAILURE_NONE, false, true},
        /* So are words on the stream; the session is not used again. */
        {"gone", FAILURE_NONE, false, true},
        {"http_400", FAILURE_REFUSED, false, false},
        {"http_429", FAILURE_REFUSED, false, false},
        {"http_302", FAILURE_REFUSED, false, false},
        {"http_409", FAILURE_SERVER_ERROR, false, false},
        {"http_500", FAILURE_SERVER_ERROR, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned lost = stage.lost;

        call_and_await(0, rows[i].tool);
        assert_row(i, callers[0].failure == rows[i].failure);
        assert_row(i, callers[0].answers == (rows[i].failure == FAILURE_NONE));
        assert_row(i, callers[0].errors == (strncmp(rows[i].tool, "error", 5) == 0 ||
                                            strncmp(rows[i].tool, "lapsed", 6) == 0 ||
                                            strcmp(rows[i].tool, "gone") == 0));
        assert_row(i, callers[0].may_repeat == rows[i].may_repeat);
        /* Heard exactly once, whatever became of it. */
        assert_row(i, stage.fake.calls == i + 1);
        assert_row(i, stage.lost == lost + (rows[i].is_lost ? 1 : 0));
        assert_row(i, stage_figures(&stage).inflight == 0);
    }
}

static void test_a28_what_the_operator_says_of_statuses(void **state)
{
    (void)state;
    status_set_add(&stage.server_limits.delivery.not_executed, 503);
    status_set_add(&stage.server_limits.delivery.session_lost, 400);
    server_set_limits(stage.server, &stage.server_limits);
    call_and_await(0, "http_503");
    assert_int_equal(callers[0].failure, FAILURE_REFUSED);
    assert_true(callers[0].may_repeat);
    assert_int_equal(stage.lost, 0);
    call_and_await(1, "http_400");
    assert_int_equal(callers[1].failure, FAILURE_SESSION_GONE);
    assert_true(callers[1].may_repeat);
    assert_int_equal(stage.lost, 1);
}

static void test_a_forgotten_session(void **state)
{
    (void)state;
    call_and_await(0, "echo");
    fake_mcp_forget(&stage.fake);
    callers[1].repeats = true;
    call_and_await(1, "echo");
    /* 404, then once more on a new session: heard once. */
    assert_int_equal(callers[1].answers, 1);
    assert_int_equal(callers[1].sessions, 2);
    assert_int_equal(stage.fake.calls, 2);
    assert_int_equal(stage.lost, 1);
}

/* Each hears for itself that it was not taken; only what had been accepted is unknown. */
static void test_a17_forgotten_under_a_burst(void **state)
{
    (void)state;
    hold(0, "hold");
    fake_mcp_forget(&stage.fake);
    for (size_t i = 1; i < CALLERS; i++) {
        callers[i].repeats = true;
        caller_start(&callers[i], &stage, "echo");
    }
    /* At once, though what the session had accepted is waited for. */
    AWAIT(stage.loop, callers_answered(callers, CALLERS) == CALLERS - 1);
    assert_int_equal(callers_told(&callers[0], 1), 0);
    fake_http_end(fake_http_first(&stage.fake.http));
    AWAIT(stage.loop, callers[0].failures == 1);
    assert_int_equal(callers[0].failure, FAILURE_SESSION_LOST);
    assert_int_equal(stage.fake.calls, CALLERS);
    assert_int_equal(stage.lost, 1);
}

/* What a server says to one call is no word on another's, accepted or not. */
static void test_a17_refused_beside_healthy_calls(void **state)
{
    static const char *const tools[] = {"http_404", "gone_400", "gone_410", "lapsed_400", "gone"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        unsigned lost = stage.lost;

        hold(0, "hold");
        hold(1, "late");
        call_and_await(2, tools[i]);
        assert_row(i, stage_figures(&stage).draining == 1);
        /* The others of the queue go on, on another session. */
        settle();
        assert_row(i, callers[CALLERS - 1].session == i + 2);
        assert_row(i, callers_told(callers, 2) == 0);
        fake_mcp_accept(&stage.fake);
        fake_mcp_release(&stage.fake);
        AWAIT(stage.loop, callers_answered(callers, 2) == 2);
        AWAIT(stage.loop, stage.lost == lost + 1);
        assert_string_equal(stage.end.error_class, "session");
    }
}

static void test_one_loss_fails_all_that_are_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        hold(i, "hold");
    }
    fake_mcp_cut_streams(&stage.fake);
    AWAIT(stage.loop, callers_told(callers, 5) == 5);
    for (size_t i = 0; i < 5; i++) {
        assert_row(i, callers[i].failure == FAILURE_SESSION_LOST && !callers[i].may_repeat);
    }
}

static void test_what_has_not_left_may_be_repeated(void **state)
{
    (void)state;
    hold(0, "hold");
    caller_start(&callers[1], &stage, "echo");
    loop_settle(stage.loop);
    caller_start(&callers[2], &stage, "echo");
    loop_settle(stage.loop);
    /* The third opens a connection: nothing of it has left when the session goes. */
    assert_int_equal(parcel_handed_over(&callers[2].call->parcel), 0);
    session_close(stage_session(&stage, 0),
                  &(struct transport_end){.failure = FAILURE_UNAVAILABLE, .error_class = "reset"});
    assert_int_equal(callers[0].failure, FAILURE_SESSION_LOST);
    assert_false(callers[0].may_repeat);
    assert_int_equal(callers[2].failure, FAILURE_UNAVAILABLE);
    assert_true(callers[2].may_repeat);
}

/* ---- answers before the 202 */

static void test_an_early_answer(void **state)
{
    (void)state;
    call_and_await(0, "early");
    assert_int_equal(callers[0].answers, 1);
    assert_int_equal(stage_figures(&stage).inflight, 0);
    fake_mcp_accept(&stage.fake);
    settle();
}

static void test_an_early_answer_before_the_session_ends(void **state)
{
    (void)state;
    call_and_await(0, "early");
    /* Drained: without calls it closes at once, and is freed at the end of the turn. */
    pool_drain(stage.pool);
    AWAIT(stage.loop, stage.drained == 1);
    /* The reply comes to a session that is no more. */
    fake_mcp_accept(&stage.fake);
    pool_resume(stage.pool);
    settle();
}

static void test_an_early_answer_before_the_end(void **state)
{
    (void)state;
    stage.server_limits.conn_reuse = CONN_REUSE_ALWAYS;
    /* The reply never comes: what waits for it goes with the pool. */
    call_and_await(0, "early");
    assert_int_equal(stage_renew(&stage), 0);
    call_and_await(0, "echo");
    assert_int_equal(callers[0].answers, 1);
    assert_int_equal(stage.fake.http.peers.count, 2);
}

/* ---- what the server says */

#define PROGRESS(token)                                                                            \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"                                             \
    "progress\",\"params\":{\"progressToken\":" token ",\"progress\":1}}"

static void test_progress(void **state)
{
    (void)state;
    hold(0, "hold");
    fake_mcp_tell(&stage.fake, PROGRESS("2"));
    AWAIT(stage.loop, callers[0].notices == 1);
    /* As a string, as some servers echo it. */
    fake_mcp_tell(&stage.fake, PROGRESS("\"2\""));
    AWAIT(stage.loop, callers[0].notices == 2);
    /* Of nobody's, of no token, of one that is no number. */
    fake_mcp_tell(&stage.fake, PROGRESS("77"));
    fake_mcp_tell(&stage.fake, PROGRESS("null"));
    fake_mcp_tell(&stage.fake, PROGRESS("\"x\""));
    /* After the answer. */
    fake_mcp_release(&stage.fake);
    fake_mcp_tell(&stage.fake, PROGRESS("2"));
    AWAIT(stage.loop, callers[0].answers == 1);
    settle();
    assert_int_equal(callers[0].notices, 2);
    assert_int_equal(stage.notices, 0);
}

static void test_answers_to_nobody(void **state)
{
    static const char *const texts[] = {
        /* Given out and answered; ids never given out, three; of no kind. */
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":-3,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"m\"}}",
    };

    (void)state;
    call_and_await(0, "echo");
    caller_start(&callers[1], &stage, "hold");
    AWAIT(stage.loop, stage.fake.held.count == 1);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        fake_mcp_tell(&stage.fake, texts[i]);
    }
    settle();
    assert_int_equal(callers_told(&callers[1], 1), 0);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[1].answers == 1);
    assert_int_equal(stage.lost, 0);
}

/* More than three: such a server may give one call's answer to another. */
static void test_a13_answers_to_ids_never_given(void **state)
{
    static const char *const texts[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":78,\"error\":{\"code\":1,\"message\":\"m\"}}",
    };

    (void)state;
    hold(0, "hold");
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_row(i, stage_figures(&stage).draining == 0);
        fake_mcp_tell(&stage.fake, texts[i]);
        if (i + 1 < COUNT_OF(texts)) {
            settle();
        }
    }
    AWAIT(stage.loop, stage_figures(&stage).draining == 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[0].answers == 1);
    settle();
    assert_int_equal(callers[CALLERS - 1].session, 2);
    assert_string_equal(stage.end.error_class, "proto");
}

/* Late ones, and those of a server that answers twice, are no such thing, however many. */
static void test_a13_late_answers(void **state)
{
    (void)state;
    call_and_await(0, "echo");
    for (int i = 0; i < 20; i++) {
        fake_mcp_tell(&stage.fake, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    }
    settle();
    assert_int_equal(callers[0].answers, 1);
    assert_int_equal(callers[CALLERS - 1].session, 1);
}

/* ---- pings beside calls */

static void test_b14_pinged_while_busy(void **state)
{
    struct session *session;

    (void)state;
    hold(0, "hold");
    session = stage_session(&stage, 0);
    session->checked_at_ms = 0;
    session_ping(session);
    assert_true(session_may_take(session));
    AWAIT(stage.loop, session->checked_at_ms != 0);
    assert_int_equal(stage.fake.pings, 1);
    assert_int_equal(session->checks_passed, 1);
    /* So is one that takes no more calls; and then its calls end as ever. */
    pool_drain(stage.pool);
    assert_false(session_may_take(session));
    session_ping(session);
    AWAIT(stage.loop, stage.fake.pings == 2);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[0].answers == 1);
    AWAIT(stage.loop, stage.drained == 1);
    assert_int_equal(stage.lost, 0);
}

static void test_b14_a_busy_server_need_not_answer_pings(void **state)
{
    (void)state;
    stage.fake.ignores_pings = true;
    stage.server_limits.check_timeout_ms = SHORT_MS;
    server_set_limits(stage.server, &stage.server_limits);
    hold(0, "hold");
    for (unsigned i = 1; i <= 3; i++) {
        session_ping(stage_session(&stage, 0));
        AWAIT(stage.loop, stage.fake.pings == i);
    }
    settle();
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[0].answers == 1);
    assert_int_equal(stage.lost, 0);
}

static void test_b14_a_ping_of_a_forgotten_session(void **state)
{
    (void)state;
    hold(0, "hold");
    fake_mcp_forget(&stage.fake);
    session_ping(stage_session(&stage, 0));
    AWAIT(stage.loop, stage_figures(&stage).draining == 1);
    /* What it had accepted may be answered by the stream, as long as there is one. */
    assert_int_equal(callers_told(&callers[0], 1), 0);
    fake_http_end(fake_http_first(&stage.fake.http));
    AWAIT(stage.loop, stage.lost == 1);
    assert_int_equal(callers[0].failure, FAILURE_SESSION_LOST);
}

static void test_an_answer_with_a_string_id(void **state)
{
    (void)state;
    hold(0, "hold");
    fake_mcp_tell(&stage.fake, "{\"jsonrpc\":\"2.0\",\"id\":\"2\",\"result\":{}}");
    AWAIT(stage.loop, callers[0].answers == 1);
    /* The right one comes too late to count twice. */
    fake_mcp_release(&stage.fake);
    settle();
    assert_int_equal(callers[0].answers, 1);
}

static void test_requests_of_the_server(void **state)
{
    (void)state;
    settle();
    fake_mcp_tell(&stage.fake, "{\"jsonrpc\":\"2.0\",\"id\":\"s1\",\"method\":\"ping\"}");
    AWAIT(stage.loop, stage.fake.replies == 1);
    /* Refused, and answered: it must not be left waiting. */
    fake_mcp_tell(&stage.fake,
                  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"sampling/createMessage\"}");
    AWAIT(stage.loop, stage.fake.replies == 2);
    fake_mcp_tell(&stage.fake,
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    AWAIT(stage.loop, stage.notices == 1);
}

static void test_a_malformed_answer(void **state)
{
    (void)state;
    hold(0, "hold");
    fake_mcp_tell(&stage.fake, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1,\"result\":2}");
    AWAIT(stage.loop, callers[0].failures == 1);
    /* It ran, and its answer cannot be given. */
    assert_int_equal(callers[0].failure, FAILURE_MALFORMED);
    assert_int_equal(failure_outcome(callers[0].failure), OUTCOME_RESULT_LOST);
    assert_false(callers[0].may_repeat);
    settle();
    assert_int_equal(callers[CALLERS - 1].session, 1);
}

static void test_a_server_that_talks_nonsense(void **state)
{
    (void)state;
    hold(0, "hold");
    for (int i = 0; i < 6; i++) {
        fake_mcp_tell(&stage.fake, "nonsense");
    }
    /* It gets no new calls; the one that is out may still end well. */
    AWAIT(stage.loop, stage_figures(&stage).draining == 1);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[0].answers == 1);
    settle();
    assert_int_equal(callers[CALLERS - 1].session, 2);
}

static void use_response_max(size_t bytes)
{
    stage.server_limits.response_max_bytes = bytes;
    assert_int_equal(stage_renew(&stage), 0);
}

static void test_an_answer_that_is_too_long(void **state)
{
    char text[1024];

    (void)state;
    use_response_max(512);
    hold(0, "hold");
    hold(1, "hold");
    (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"x\":\"%0*d\"}}",
                   512, 0);
    fake_mcp_tell(&stage.fake, text);
    AWAIT(stage.loop, callers[0].failures == 1);
    assert_int_equal(callers[0].failure, FAILURE_TOO_LARGE);
    /* It ran; and the others go on. */
    assert_int_equal(failure_outcome(callers[0].failure), OUTCOME_RESULT_LOST);
    assert_false(callers[0].may_repeat);
    fake_mcp_release(&stage.fake);
    AWAIT(stage.loop, callers[1].answers == 1);
    assert_int_equal(stage.lost, 0);
}

static void test_an_identity_that_is_too_long(void **state)
{
    (void)state;
    use_response_max(64);
    caller_start(&callers[0], &stage, "echo");
    /* At once, and not when the time for initialize is over. */
    AWAIT(stage.loop, stage.failed >= 1);
    assert_string_equal(stage.end.error_class, "oversize");
    assert_non_null(strstr(stage.end.detail, "max_response"));
    pool_withdraw(stage.pool, &callers[0].waiter);
}

static void test_an_endpoint_named_twice(void **state)
{
    (void)state;
    settle();
    fake_http_send(fake_http_first(&stage.fake.http),
                   SPAN("event: endpoint\ndata: /elsewhere\n\n"));
    AWAIT(stage.loop, stage.lost == 1);
    assert_string_equal(stage.end.error_class, "proto");
}

#define CALLS_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALLS_TEST(test_outcomes),
        CALLS_TEST(test_a28_what_the_operator_says_of_statuses),
        CALLS_TEST(test_a_forgotten_session),
        CALLS_TEST(test_a17_forgotten_under_a_burst),
        CALLS_TEST(test_a17_refused_beside_healthy_calls),
        CALLS_TEST(test_one_loss_fails_all_that_are_out),
        CALLS_TEST(test_what_has_not_left_may_be_repeated),
        CALLS_TEST(test_an_early_answer),
        CALLS_TEST(test_an_early_answer_before_the_session_ends),
        CALLS_TEST(test_an_early_answer_before_the_end),
        CALLS_TEST(test_progress),
        CALLS_TEST(test_answers_to_nobody),
        CALLS_TEST(test_a13_answers_to_ids_never_given),
        CALLS_TEST(test_a13_late_answers),
        CALLS_TEST(test_b14_pinged_while_busy),
        CALLS_TEST(test_b14_a_busy_server_need_not_answer_pings),
        CALLS_TEST(test_b14_a_ping_of_a_forgotten_session),
        CALLS_TEST(test_an_answer_with_a_string_id),
        CALLS_TEST(test_requests_of_the_server),
        CALLS_TEST(test_a_malformed_answer),
        CALLS_TEST(test_a_server_that_talks_nonsense),
        CALLS_TEST(test_an_answer_that_is_too_long),
        CALLS_TEST(test_an_identity_that_is_too_long),
        CALLS_TEST(test_an_endpoint_named_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
