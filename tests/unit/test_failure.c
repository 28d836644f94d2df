/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/failure.h"
#include "proto/message.h"

/* What is written must be a message of ours that any reader takes for one. */
static void assert_line(struct bytes *out, enum message_kind kind, const char *expected)
{
    struct message message;
    struct message_fault fault;

    assert_false(out->failed);
    assert_int_equal(message_parse(bytes_span(out), &json_limits_default, &message, &fault), 0);
    assert_int_equal(message.kind, kind);
    assert_null(memchr(out->at, '\n', out->length));
    assert_null(memchr(out->at, '\r', out->length));
    if (expected != NULL) {
        assert_bytes(*out, expected);
    }
    bytes_clear(out);
}

static void test_result(void **state)
{
    struct bytes out;

    (void)state;
    bytes_init(&out, 1000);
    reply_result(&out, SPAN("7"), SPAN("{}"));
    assert_line(&out, MESSAGE_RESULT, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}");
    /* A body of another party may be spread over lines. */
    reply_result(&out, SPAN("\"a\""), SPAN("{\r\n \"a\":\n1}"));
    assert_line(&out, MESSAGE_RESULT, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{ \"a\":1}}");
    bytes_done(&out);
}

static void test_error(void **state)
{
    struct bytes out;

    (void)state;
    bytes_init(&out, 1000);
    reply_error(&out, SPAN("1"), RPC_METHOD_NOT_FOUND, SPAN("no \"such\"\nmethod"), SPAN_NONE);
    assert_line(&out, MESSAGE_ERROR,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,"
                "\"message\":\"no \\\"such\\\"\\nmethod\"}}");
    /* Nobody's id: null, as JSON-RPC has it. */
    reply_error(&out, SPAN_NONE, RPC_PARSE_ERROR, SPAN("x"), SPAN("{\"a\":\n[1]}"));
    assert_line(&out, MESSAGE_ERROR,
                "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                "\"message\":\"x\",\"data\":{\"a\":[1]}}}");
    bytes_done(&out);
}

static void test_failure(void **state)
{
    const struct failure_report full = {
        .failure = FAILURE_QUEUE_TIMEOUT,
        .detail = "waited 30 s; raise queue_timeout",
        .stage = "queued",
        .upstream = "grynya \"1\"",
        .call = "0190-uuid",
        .attempts = 0,
        .waited_ms = 30000,
        .elapsed_ms = 30001,
        .retry_after_ms = 250,
    };
    const struct failure_report bare = {
        .failure = FAILURE_CONNECTION_LOST,
        .attempts = -1,
        .waited_ms = -1,
        .elapsed_ms = -1,
        .retry_after_ms = -1,
    };
    const struct failure_report lost = {
        .failure = FAILURE_TOO_LARGE,
        .detail = "9 MiB",
        .attempts = 1,
        .waited_ms = -1,
        .elapsed_ms = 5,
        .retry_after_ms = -1,
    };
    struct bytes out;

    (void)state;
    bytes_init(&out, 10000);
    reply_failure(&out, SPAN("\"id\""), &full);
    assert_line(
        &out, MESSAGE_ERROR,
        "{\"jsonrpc\":\"2.0\",\"id\":\"id\",\"error\":{\"code\":-31002,\"message\":"
        "\"NOT EXECUTED: no session became free in time: waited 30 s; raise "
        "queue_timeout\",\"data\":{\"teplo\":{\"v\":1,\"outcome\":\"not_executed\","
        "\"reason\":\"queue_timeout\",\"stage\":\"queued\",\"upstream\":\"grynya \\\"1\\\"\","
        "\"call\":\"0190-uuid\",\"attempts\":0,\"waited_ms\":30000,\"elapsed_ms\":30001,"
        "\"retry_after_ms\":250,\"safe_to_retry\":true}}}}");
    reply_failure(&out, SPAN("5"), &bare);
    assert_line(&out, MESSAGE_ERROR,
                "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-31010,\"message\":"
                "\"OUTCOME UNKNOWN, do not retry blindly: the connection to the server was lost\","
                "\"data\":{\"teplo\":{\"v\":1,\"outcome\":\"unknown\",\"reason\":\"conn_lost\","
                "\"safe_to_retry\":false}}}}");
    reply_failure(&out, SPAN("5"), &lost);
    assert_line(&out, MESSAGE_ERROR,
                "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-31011,\"message\":"
                "\"RESULT LOST: the answer is longer than max_response: 9 MiB\","
                "\"data\":{\"teplo\":{\"v\":1,\"outcome\":\"result_lost\",\"reason\":\"too_large\","
                "\"attempts\":1,\"elapsed_ms\":5,\"safe_to_retry\":false}}}}");
    bytes_done(&out);
}

/* The code alone already says what the outcome is: 31001-31009, 31010, 31011. */
static void test_every_row(void **state)
{
    struct bytes out;

    (void)state;
    bytes_init(&out, 10000);
    for (unsigned i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
        enum failure failure = (enum failure)i;
        const struct failure_report report = {.failure = failure};
        int code = failure_code(failure);

        assert_row(i, code <= -31001 && code >= -31011);
        assert_row(i, (failure_outcome(failure) == OUTCOME_NOT_EXECUTED) == (code > -31010));
        assert_row(i, (failure_outcome(failure) == OUTCOME_UNKNOWN) == (code == -31010));
        assert_row(i, (failure_outcome(failure) == OUTCOME_RESULT_LOST) == (code == -31011));
        for (unsigned k = FAILURE_NONE + 1; k < i; k++) {
            assert_row(i, strcmp(failure_reason(failure), failure_reason((enum failure)k)) != 0);
        }
        reply_failure(&out, SPAN("1"), &report);
        assert_row(i, strstr(out.at, failure_text(failure)) != NULL);
        assert_line(&out, MESSAGE_ERROR, NULL);
    }
    assert_string_equal(outcome_name(OUTCOME_EXECUTED), "executed");
    bytes_done(&out);
}

static void name_no_failure(const void *context)
{
    (void)context;
    (void)failure_code(FAILURE_NONE);
}

static void name_what_is_none(const void *context)
{
    (void)context;
    (void)failure_text(FAILURE_COUNT);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    assert_true(does_abort(name_no_failure, NULL));
    assert_true(does_abort(name_what_is_none, NULL));
}

static bool reply(void)
{
    const struct failure_report report = {.failure = FAILURE_TIMEOUT, .detail = "30 s"};
    struct bytes out;
    bool succeeded;

    bytes_init(&out, 10000);
    reply_failure(&out, SPAN("1"), &report);
    reply_error(&out, SPAN("1"), 1, SPAN("text"), SPAN("{}"));
    reply_result(&out, SPAN("1"), SPAN("{}"));
    succeeded = !out.failed;
    bytes_done(&out);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result),        cmocka_unit_test(test_error),
        cmocka_unit_test(test_failure),       cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_misuse_aborts), cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
