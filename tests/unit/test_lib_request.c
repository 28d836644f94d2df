/* SPDX-License-Identifier: MIT */
/* The pure parts of libteplo: lines, answers, deadlines, options, UUIDs. */
#include "tests/unit/unit.h"

#include <errno.h>

#include "client-lib/lib/answer.h"
#include "client-lib/lib/call_options.h"
#include "client-lib/lib/deadlines.h"
#include "client-lib/lib/options.h"
#include "client-lib/lib/reconnect.h"
#include "client-lib/lib/request.h"
#include "client-lib/lib/uuid.h"

#define CALL "0195d3a2-6c1e-7b52-9b1f-3f5a1f0c2d4e"

static struct request_wish wish_of(const char *body)
{
    return (struct request_wish){
        .ticket = 7, .method = "tools/call", .tool = "add", .body = span_of(body), .client = "me"};
}

static int begin(const struct request_wish *wish, struct bytes *out, struct request_fault *fault)
{
    bytes_init(out, REQUEST_LINE_MAXIMUM);
    fault->text[0] = '\0';
    return request_begin(wish, out, fault);
}

static void assert_line(const struct request_wish *wish, int64_t left_ms, const char *expected)
{
    struct request_fault fault;
    struct bytes begun;
    struct bytes line;

    assert_int_equal(begin(wish, &begun, &fault), TEPLO_OK);
    bytes_init(&line, REQUEST_LINE_MAXIMUM);
    request_finish(bytes_span(&begun), left_ms, &line);
    assert_bytes(line, expected);
    bytes_done(&begun);
    bytes_done(&line);
}

static void assert_refused(const struct request_wish *wish, const char *why)
{
    struct request_fault fault;
    struct bytes begun;

    assert_int_equal(begin(wish, &begun, &fault), TEPLO_E_INVAL);
    assert_string_equal(fault.text, why);
    bytes_done(&begun);
}

#define ENVELOPE                                                                                   \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{},"                                           \
    "\"io.modelcontextprotocol/clientInfo\":{\"version\":\"" TEPLO_VERSION "\",\"name\":\"me\"}"

static void test_arguments_go_byte_for_byte(void **state)
{
    struct request_wish wish = wish_of(" {\"n\" : 1e400, \"t\":\"\\ud800\",\r\n\"n\":-0} ");

    (void)state;
    assert_line(&wish, -1,
                "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
                "\"add\",\"arguments\": {\"n\" : 1e400, \"t\":\"\\ud800\",\"n\":-0} ," ENVELOPE
                "}}}\n");
}

static void test_a_request_says_what_the_broker_needs(void **state)
{
    struct request_wish wish = wish_of(NULL);

    (void)state;
    wish.pool = "gr\"aph";
    wish.call = CALL;
    wish.flags = TEPLO_F_PROGRESS;
    wish.meta = SPAN(" {\"traceparent\" :\"00-1\",\n\"a\":{}} ");
    assert_line(&wish, 1500,
                "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
                "\"add\",\"arguments\":{}," ENVELOPE
                ",\"dev.teplo/pool\":\"gr\\\"aph\",\"dev.teplo/call\":\"" CALL
                "\",\"progressToken\":7,\"traceparent\":\"00-1\",\"a\":{},"
                "\"dev.teplo/deadlineMs\":1500}}}\n");
    wish = (struct request_wish){.ticket = 8, .method = "tools/list", .client = "me"};
    assert_line(&wish, 0,
                "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/list\",\"params\":{" ENVELOPE
                ",\"dev.teplo/deadlineMs\":1}}}\n");
    wish.body = SPAN("{\"uri\":\"x\",\"_meta\":{\"k\":1},\"z\":[]}");
    assert_line(&wish, -1,
                "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/list\",\"params\":{\"uri\":\"x\","
                "\"z\":[]," ENVELOPE ",\"k\":1}}}\n");
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *body;
        const char *why;
    } bodies[] = {
        {"[1]", "arguments: a JSON object is needed (byte 0)"},
        {" 5", "arguments: a JSON object is needed (byte 1)"},
        {"", "arguments: not JSON: there is no JSON value (byte 0)"},
        {"{\"a\":01}", "arguments: not JSON: a malformed number (byte 6)"},
        {"{} {}", "arguments: not JSON: bytes after the end of the value (byte 3)"},
    };
    static const struct {
        const char *meta;
        const char *why;
    } metas[] = {
        {"{\"dev.teplo/pool\":\"x\"}",
         "callopts.meta: \"dev.teplo/pool\" is the library's own key"},
        {"{\"dev.tepl\\u006f/x\":1}",
         "callopts.meta: \"dev.tepl\\u006f/x\" is the library's own key"},
        {"{\"progressToken\":1}", "callopts.meta: \"progressToken\" is the library's own key"},
        {"{\"io.modelcontextprotocol/clientInfo\":1}",
         "callopts.meta: \"io.modelcontextprotocol/clientInfo\" is the library's own key"},
        {"{\"a\":1,\"\\u0061\":2}", "callopts.meta has a key twice, or more than 56"},
        {"null", "callopts.meta: a JSON object is needed (byte 0)"},
    };
    struct request_wish wish;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        wish = wish_of(bodies[i].body);
        assert_refused(&wish, bodies[i].why);
    }
    for (size_t i = 0; i < COUNT_OF(metas); i++) {
        wish = wish_of("{}");
        wish.meta = span_of(metas[i].meta);
        assert_refused(&wish, metas[i].why);
    }
    wish = wish_of("{}");
    wish.tool = "\xff";
    assert_refused(&wish, "the tool's name is empty, or not UTF-8");
    wish = (struct request_wish){.method = "initialize", .client = "me"};
    assert_refused(&wish, "initialize is not needed: this library needs no handshake");
    wish.method = "notifications/cancelled";
    assert_refused(&wish, "a notification has no answer: notifications/cancelled is no request");
    wish.method = "a\"b";
    assert_refused(&wish, "the method must be 1 to 128 printable ASCII characters");
    wish.method = "x";
    wish.body = SPAN("{\"a\":1,\"a\":2}");
    assert_refused(&wish, "params has a key twice, or more than 64");
    wish.body = SPAN("{\"_meta\":{}}");
    wish.meta = SPAN("{}");
    assert_refused(&wish, "both params._meta and callopts.meta are given");
    wish.body.length = (size_t)REQUEST_LINE_MAXIMUM + 1;
    assert_int_equal(request_begin(&wish, &(struct bytes){0}, &(struct request_fault){{0}}),
                     TEPLO_E_TOOBIG);
}

/* BEFORE, N of INSIDE, N of CLOSE behind them, AFTER. */
static struct bytes repeated(const char *before, size_t n, const char *inside, const char *close,
                             const char *after)
{
    struct bytes text;

    bytes_init(&text, REQUEST_LINE_MAXIMUM);
    bytes_append_text(&text, before);
    for (size_t i = 0; i < n; i++) {
        bytes_append_text(&text, inside);
    }
    for (size_t i = 0; i < n; i++) {
        bytes_append_text(&text, close);
    }
    bytes_append_text(&text, after);
    assert_false(text.failed);
    return text;
}

/* Whether the library takes WISH; what it takes is a message for the broker. */
static bool is_taken(const struct request_wish *wish, const char *why)
{
    struct request_fault fault;
    struct bytes begun;
    struct bytes line;
    struct message message;
    struct message_fault message_fault;
    int r = begin(wish, &begun, &fault);

    if (r < 0) {
        assert_int_equal(r, TEPLO_E_INVAL);
        assert_non_null(strstr(fault.text, why));
    } else {
        bytes_init(&line, REQUEST_LINE_MAXIMUM);
        request_finish(bytes_span(&begun), 1, &line);
        assert_int_equal(
            message_parse(bytes_span(&line), &json_limits_default, &message, &message_fault), 0);
        bytes_done(&line);
    }
    bytes_done(&begun);
    return r == 0;
}

/* What is within the broker's limits alone may be beyond them in a line. */
static void test_the_limits_are_those_of_the_line(void **state)
{
    static const struct {
        const char *tool;
        bool is_meta;
        size_t deepest;
    } rows[] = {{"add", false, 126}, {NULL, false, 127}, {"add", true, 126}};
    struct request_wish wish;
    struct bytes text;
    size_t taken = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t depth = 124; depth <= 129; depth++) {
            text = repeated("{\"a\":", depth - 1, "[", "]", "}");
            wish = wish_of(NULL);
            wish.method = rows[i].tool == NULL ? "x" : "tools/call";
            wish.tool = rows[i].tool;
            *(rows[i].is_meta ? &wish.meta : &wish.body) = bytes_span(&text);
            assert_row(i, is_taken(&wish, "nested too deeply") == (depth <= rows[i].deepest));
            bytes_done(&text);
        }
    }
    for (size_t values = 999980; values <= 1000000; values += 5) {
        text = repeated("{\"a\":[0", values - 3, ",0", "", "]}");
        wish = wish_of(NULL);
        wish.body = bytes_span(&text);
        taken += is_taken(&wish, "too many values") ? 1 : 0;
        bytes_done(&text);
    }
    assert_true(taken > 0 && taken < 5);
    text = repeated("{\"a\":[0", 499995, ",0", "", "]}");
    wish = wish_of(NULL);
    wish.body = wish.meta = bytes_span(&text);
    assert_false(is_taken(&wish, "too many values"));
    bytes_done(&text);
}

/* However little too long it is: that is not for want of memory. */
static void test_too_long_a_line(void **state)
{
    static const size_t shorter[] = {0, 1, 64, 150, 220, 300};
    char *body = mem_new(REQUEST_LINE_MAXIMUM);
    struct request_wish wish = wish_of(NULL);
    struct request_fault fault;
    struct bytes begun;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(shorter); i++) {
        size_t length = REQUEST_LINE_MAXIMUM - shorter[i];

        memset(body, ' ', length);
        body[0] = '{';
        body[length - 1] = '}';
        wish.body = (struct span){body, length};
        assert_row(i, begin(&wish, &begun, &fault) == TEPLO_E_TOOBIG);
        bytes_done(&begun);
    }
    mem_free(body);
}

static void test_natures(void **state)
{
    (void)state;
    assert_int_equal(request_nature_of("tools/call"), REQUEST_CALLS);
    assert_int_equal(request_nature_of("vendor/thing"), REQUEST_CALLS);
    assert_int_equal(request_nature_of("tasks/cancel"), REQUEST_CALLS);
    assert_int_equal(request_nature_of("tools/list"), REQUEST_READS);
    assert_int_equal(request_nature_of("resources/read"), REQUEST_READS);
    assert_int_equal(request_nature_of("teplo/outcome"), REQUEST_READS);
    assert_int_equal(request_nature_of("server/discover"), REQUEST_READS);
    assert_int_equal(request_nature_of("subscriptions/listen"), REQUEST_LISTENS);
}

/* ---- answers */

static struct teplo_result *answer_of(const char *text)
{
    struct teplo_result *result = result_new(1, TEPLO_K_ANSWER);
    struct message message;
    struct message_fault fault;

    assert_non_null(result);
    assert_int_equal(message_parse(span_of(text), &json_limits_default, &message, &fault), 0);
    answer_read(&message, result);
    return result;
}

static void test_results(void **state)
{
    struct teplo_result *result =
        answer_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\": {\"content\":[{\"type\":\"text\","
                  "\"text\":\"a\\ud83d\\ude00\\u0000\"},{\"type\":\"image\",\"text\":\"no\"},"
                  "{\"type\":\"text\",\"text\":\"b\\ud800\"}],\"isError\":true} }");
    size_t length;

    (void)state;
    assert_int_equal(teplo_result_status(result), TEPLO_OK);
    assert_int_equal(teplo_result_is_error(result), 1);
    assert_int_equal(teplo_result_outcome(result), TEPLO_EXECUTED);
    assert_string_equal(teplo_result_message(result, &length), "");
    assert_memory_equal(teplo_result_text(result, &length), "a\xf0\x9f\x98\x80\0\nb\xef\xbf\xbd",
                        length + 1);
    assert_int_equal(length, 11);
    assert_ptr_equal(teplo_result_text(result, NULL), teplo_result_text(result, &length));
    assert_non_null(teplo_result_json(result, &length));
    assert_int_equal(teplo_result_json(result, NULL)[length], '\0');
    assert_null(teplo_result_rpc_data(result, &length));
    assert_int_equal(length, 0);
    assert_int_equal(teplo_result_retry_after_ms(result), -1);
    teplo_result_free(result);
    result = answer_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}");
    assert_string_equal(teplo_result_json(result, NULL), "5");
    assert_string_equal(teplo_result_text(result, &length), "");
    teplo_result_free(result);
}

static void assert_error(const char *error, int status, enum teplo_outcome outcome,
                         const char *reason)
{
    char text[1024];
    struct teplo_result *result;

    (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":%s}", error);
    result = answer_of(text);
    assert_int_equal(teplo_result_status(result), status);
    assert_int_equal(teplo_result_outcome(result), outcome);
    assert_string_equal(teplo_result_reason(result), reason);
    assert_null(teplo_result_json(result, NULL));
    assert_string_equal(teplo_result_text(result, NULL), "");
    teplo_result_free(result);
}

/* Each row of failures.def as the broker says it. */
static void test_refusals_of_the_broker(void **state)
{
    (void)state;
    for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
        enum failure failure = (enum failure)i;
        struct failure_report report = failure_report_of(failure, "detail");
        struct teplo_result *result;
        struct bytes out;

        report.retry_after_ms = 40;
        bytes_init(&out, 4096);
        reply_failure(&out, SPAN("1"), &report);
        bytes_append_char(&out, '\0');
        result = answer_of(out.at);
        assert_row(i, teplo_result_status(result) == answer_status(failure));
        assert_row(i, teplo_result_status(result) < 0);
        assert_row(i, (int)teplo_result_outcome(result) == (int)failure_outcome(failure));
        assert_string_equal(teplo_result_reason(result), failure_reason(failure));
        assert_row(i, teplo_result_rpc_code(result) == failure_code(failure));
        assert_row(i, teplo_result_retry_after_ms(result) == 40);
        assert_row(i, strstr(teplo_result_message(result, NULL), "detail") != NULL);
        assert_row(i, teplo_result_rpc_data(result, NULL) != NULL);
        teplo_result_free(result);
        bytes_done(&out);
    }
}

static void test_errors(void **state)
{
    (void)state;
    assert_error("{\"code\":-32602,\"message\":\"there is no pool\",\"data\":{\"teplo\":{\"v\":1,"
                 "\"outcome\":\"not_executed\",\"reason\":\"no_pool\",\"pools\":[]}}}",
                 TEPLO_E_NO_POOL, TEPLO_NOT_EXECUTED, "no_pool");
    assert_error("{\"code\":-32600,\"message\":\"still under way\",\"data\":{\"teplo\":{\"v\":1,"
                 "\"outcome\":\"not_executed\",\"reason\":\"bad_request\"}}}",
                 TEPLO_E_RPC, TEPLO_NOT_EXECUTED, "bad_request");
    assert_error("{\"code\":-32602,\"message\":\"there is no pool\"}", TEPLO_E_RPC, TEPLO_EXECUTED,
                 "");
    assert_error("{\"code\":-32603,\"message\":\"boom\",\"data\":[1]}", TEPLO_E_RPC, TEPLO_EXECUTED,
                 "");
    /* A server's own error may look like ours, but for the code. */
    assert_error("{\"code\":-32000,\"message\":\"m\",\"data\":{\"teplo\":{\"v\":1,\"outcome\":"
                 "\"not_executed\",\"reason\":\"draining\"}}}",
                 TEPLO_E_RPC, TEPLO_EXECUTED, "");
    /* A later broker's word: what it says of the outcome counts. */
    assert_error("{\"code\":-31010,\"message\":\"m\",\"data\":{\"teplo\":{\"v\":1,\"outcome\":"
                 "\"result_lost\",\"reason\":\"new_word\"}}}",
                 TEPLO_E_RESULT_LOST, TEPLO_RESULT_LOST, "new_word");
    assert_error("{\"code\":-31003,\"message\":\"m\",\"data\":{\"teplo\":{\"v\":1,"
                 "\"reason\":\"new_word\"}}}",
                 TEPLO_E_UPSTREAM, TEPLO_UNKNOWN, "new_word");
    assert_error("{\"code\":\"x\"}", TEPLO_E_RPC, TEPLO_EXECUTED, "");
}

/* "unknown": "tool_error" in a pool's configuration. */
static void test_an_unknown_outcome_as_a_failed_tool(void **state)
{
    struct failure_report report = failure_report_of(FAILURE_TIMEOUT, NULL);
    struct teplo_result *result;
    struct bytes out;

    (void)state;
    bytes_init(&out, 4096);
    reply_tool_failure(&out, SPAN("1"), &report, "");
    bytes_append_char(&out, '\0');
    result = answer_of(out.at);
    assert_int_equal(teplo_result_status(result), TEPLO_E_TIMEOUT);
    assert_int_equal(teplo_result_outcome(result), TEPLO_UNKNOWN);
    assert_string_equal(teplo_result_reason(result), "timeout");
    assert_int_equal(teplo_result_is_error(result), 1);
    assert_non_null(strstr(teplo_result_text(result, NULL), "OUTCOME UNKNOWN"));
    assert_string_not_equal(teplo_result_message(result, NULL), "");
    teplo_result_free(result);
    bytes_done(&out);
}

/* ---- the rest */

static void test_deadlines_come_in_their_order(void **state)
{
    enum { COUNT = 1000 };
    static struct deadline entries[COUNT];
    struct deadlines deadlines = {0};
    uint64_t random = 11;
    int64_t last_ms = INT64_MIN;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(deadlines_add(&deadlines, &entries[i], unit_random(&random) % 5000), 0);
    }
    for (size_t i = 0; i < COUNT; i += 3) {
        deadlines_move(&deadlines, &entries[i], unit_random(&random) % 5000);
    }
    for (size_t i = 0; i < COUNT; i += 7) {
        deadlines_remove(&deadlines, &entries[i]);
        deadlines_remove(&deadlines, &entries[i]);
        count++;
    }
    while (deadlines_first(&deadlines) != NULL) {
        struct deadline *first = deadlines_first(&deadlines);

        assert_true(first->due_ms >= last_ms);
        last_ms = first->due_ms;
        deadlines_remove(&deadlines, first);
        count++;
    }
    assert_int_equal(count, COUNT);
    deadlines_done(&deadlines);
}

static void test_options(void **state)
{
    struct teplo_options *options = teplo_options_new();
    struct teplo_options copy;
    char path[200];

    (void)state;
    assert_int_equal(options->timeout_ms, 60000);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_TIMEOUT_MS, 0), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_TIMEOUT_MS, TEPLO_NO_DEADLINE), 0);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_RECONNECT_MS, -1), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_RECONNECT_MS, 0), 0);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_MAX_IN_FLIGHT, 65537),
                     TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_MAX_MESSAGE, 1023), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_number(options, TEPLO_OPT_POOL, 1), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_number(options, (enum teplo_option)99, 1), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_number(NULL, TEPLO_OPT_TIMEOUT_MS, 1), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_text(options, TEPLO_OPT_POOL, "\xc3"), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_text(options, TEPLO_OPT_POOL, ""), TEPLO_E_INVAL);
    assert_int_equal(teplo_options_set_text(options, TEPLO_OPT_POOL, "a"), 0);
    assert_int_equal(teplo_options_set_text(options, TEPLO_OPT_POOL, "b"), 0);
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(teplo_options_set_text(options, TEPLO_OPT_SOCKET, path), TEPLO_E_INVAL);
    assert_int_equal(options_copy(&copy, options), 0);
    assert_string_equal(copy.pool, "b");
    assert_int_equal(teplo_options_set_text(options, TEPLO_OPT_POOL, NULL), 0);
    assert_null(options->pool);
    options_done(&copy);
    teplo_options_free(options);
    teplo_options_free(NULL);
}

static void test_call_options_of_other_versions(void **state)
{
    struct {
        struct teplo_callopts known;
        int64_t later;
    } given = {TEPLO_CALLOPTS_INIT, 0};
    struct teplo_callopts read;
    const char *why;

    (void)state;
    assert_int_equal(call_options_read(NULL, 5, &read, &why), TEPLO_OK);
    assert_int_equal(read.timeout_ms, 5);
    given.known.size = sizeof(given);
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_OK);
    given.later = 1;
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_E_INVAL);
    /* A caller of a first version that had less: the rest is not looked at. */
    given.known.size = offsetof(struct teplo_callopts, pool);
    given.known.pool = "not looked at";
    given.known.timeout_ms = TEPLO_NO_DEADLINE;
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_OK);
    assert_null(read.pool);
    assert_int_equal(read.timeout_ms, TEPLO_NO_DEADLINE);
    given.known.size = 4;
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_E_INVAL);
    /* Half a pointer is none. */
    for (uint32_t size = 0; size < sizeof(given.known); size++) {
        given.known.size = size;
        assert_row(size, call_options_read(&given.known, 5, &read, &why) ==
                             (size >= 8 && size % 8 == 0 ? TEPLO_OK : TEPLO_E_INVAL));
    }
    given.known = (struct teplo_callopts)TEPLO_CALLOPTS_INIT;
    given.known.flags = 4;
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_E_INVAL);
    given.known.flags = 0;
    given.known.timeout_ms = -2;
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_E_INVAL);
    given.known.timeout_ms = 0;
    given.known.call = "0195d3a2";
    assert_int_equal(call_options_read(&given.known, 5, &read, &why), TEPLO_E_INVAL);
}

static void test_uuids(void **state)
{
    char first[UUID_TEXT_SIZE];
    char second[UUID_TEXT_SIZE];

    (void)state;
    assert_int_equal(uuid_make(first), 0);
    assert_int_equal(uuid_make(second), 0);
    assert_string_not_equal(first, second);
    assert_true(uuid_is(first));
    assert_int_equal(first[14], '7');
    assert_true(uuid_is("0195D3A2-6c1e-7b52-9b1f-3f5a1f0c2d4e"));
    assert_false(uuid_is("0195d3a2-6c1e-7b52-9b1f-3f5a1f0c2d4g"));
    assert_false(uuid_is("0195d3a2-6c1e-7b52-9b1f-3f5a1f0c2d4e0"));
    assert_false(uuid_is("0195d3a206c1e-7b52-9b1f-3f5a1f0c2d4e"));
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(teplo_strerror(TEPLO_E_TIMEOUT), "no answer in time");
    assert_string_equal(teplo_strerror(-999), "an error that this version does not know");
    assert_string_equal(teplo_strerror(0), "success");
    assert_int_equal(teplo_version(), TEPLO_VERSION_NUMBER);
    assert_int_equal(teplo_abi(), TEPLO_ABI);
}

static void test_delays_grow_and_differ(void **state)
{
    bool differ = false;

    (void)state;
    for (unsigned failures = 1; failures < 40; failures++) {
        int64_t delay_ms = reconnect_delay_ms(failures);

        assert_true(delay_ms >= 2 && delay_ms <= 250);
        assert_true(failures < 8 || delay_ms >= 125);
        differ = differ || delay_ms != reconnect_delay_ms(failures);
    }
    assert_true(differ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_go_byte_for_byte),
        cmocka_unit_test(test_a_request_says_what_the_broker_needs),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_the_limits_are_those_of_the_line),
        cmocka_unit_test(test_too_long_a_line),
        cmocka_unit_test(test_natures),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_refusals_of_the_broker),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_an_unknown_outcome_as_a_failed_tool),
        cmocka_unit_test(test_deadlines_come_in_their_order),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_call_options_of_other_versions),
        cmocka_unit_test(test_uuids),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_delays_grow_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
