/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "proto/failure.h"
#include "proto/message.h"

#define ENVELOPE "{\"jsonrpc\":\"2.0\","
/* 64 bytes, for building ids of an exact length. */
#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_256 SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR

static int parse(struct span text, struct message *message, struct message_fault *fault)
{
    return message_parse(text, &json_limits_default, message, fault);
}

struct accepted {
    const char *text;
    enum message_kind kind;
    const char *id;
    const char *method;
    const char *params;
    const char *progress_token;
    const char *answer; /* result or error */
};

static const struct accepted accepted_rows[] = {
    {ENVELOPE "\"id\":1,\"method\":\"ping\"}", MESSAGE_REQUEST, "1", "\"ping\"", NULL, NULL, NULL},
    {ENVELOPE "\"method\":\"notifications/initialized\"}", MESSAGE_NOTIFICATION, NULL,
     "\"notifications/initialized\"", NULL, NULL, NULL},
    {ENVELOPE "\"id\":1,\"result\":{}}", MESSAGE_RESULT, "1", NULL, NULL, NULL, "{}"},
    {ENVELOPE "\"id\":1,\"error\":{\"code\":-1,\"message\":\"\"}}", MESSAGE_ERROR, "1", NULL, NULL,
     NULL, "{\"code\":-1,\"message\":\"\"}"},
    /* Ids: what is false or empty in some languages, text and number apart, beyond a double. */
    {ENVELOPE "\"id\":0,\"method\":\"m\"}", MESSAGE_REQUEST, "0", "\"m\"", NULL, NULL, NULL},
    {ENVELOPE "\"id\":\"\",\"method\":\"m\"}", MESSAGE_REQUEST, "\"\"", "\"m\"", NULL, NULL, NULL},
    {ENVELOPE "\"id\":\"5\",\"method\":\"m\"}", MESSAGE_REQUEST, "\"5\"", "\"m\"", NULL, NULL,
     NULL},
    {ENVELOPE "\"id\":-7,\"method\":\"m\"}", MESSAGE_REQUEST, "-7", "\"m\"", NULL, NULL, NULL},
    {ENVELOPE "\"id\":-0,\"method\":\"m\"}", MESSAGE_REQUEST, "-0", "\"m\"", NULL, NULL, NULL},
    {ENVELOPE "\"id\":1152921504606846976,\"method\":\"m\"}", MESSAGE_REQUEST,
     "1152921504606846976", "\"m\"", NULL, NULL, NULL},
    {ENVELOPE "\"id\":9007199254740993,\"result\":1}", MESSAGE_RESULT, "9007199254740993", NULL,
     NULL, NULL, "1"},
    {ENVELOPE "\"id\":\"" ID_256 "\",\"method\":\"m\"}", MESSAGE_REQUEST, "\"" ID_256 "\"", "\"m\"",
     NULL, NULL, NULL},
    /* An id keeps its escapes: it goes back as it came. */
    {ENVELOPE "\"id\":\"\\u0031\\ud800\",\"method\":\"m\"}", MESSAGE_REQUEST, "\"\\u0031\\ud800\"",
     "\"m\"", NULL, NULL, NULL},
    /* An error without a readable id: absent, or null as JSON-RPC has it. */
    {ENVELOPE "\"error\":{\"code\":1}}", MESSAGE_ERROR, NULL, NULL, NULL, NULL, "{\"code\":1}"},
    {ENVELOPE "\"id\":null,\"error\":{}}", MESSAGE_ERROR, NULL, NULL, NULL, NULL, "{}"},
    /* Any order, white space, pretty-printed with CR LF, unknown members. */
    {" {\r\n \"params\" : { \"a\" : 1 } ,\r\n \"method\" : \"m\" , \"id\" : 3 , \"x\" : [ ] ,"
     " \"jsonrpc\" : \"2.0\"\r\n} ",
     MESSAGE_REQUEST, "3", "\"m\"", "{ \"a\" : 1 }", NULL, NULL},
    /* Keys and values in escapes. */
    {"{\"json\\u0072pc\":\"2\\u002e0\",\"\\u0069d\":4,\"m\\u0065thod\":\"tools\\/call\"}",
     MESSAGE_REQUEST, "4", "\"tools\\/call\"", NULL, NULL, NULL},
    /* The result of a method may be anything. */
    {ENVELOPE "\"id\":1,\"result\":null}", MESSAGE_RESULT, "1", NULL, NULL, NULL, "null"},
    {ENVELOPE "\"id\":1,\"result\":[1]}", MESSAGE_RESULT, "1", NULL, NULL, NULL, "[1]"},
    /* params: an array is legal; what lies in it is not looked at. */
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":[{\"_meta\":1,\"_meta\":2}]}", MESSAGE_REQUEST,
     "1", "\"m\"", "[{\"_meta\":1,\"_meta\":2}]", NULL, NULL},
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{}}", MESSAGE_REQUEST, "1", "\"m\"", "{}", NULL,
     NULL},
    /* Duplicates below params are the server's business. */
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"arguments\":{\"a\":1,\"a\":2}}}",
     MESSAGE_REQUEST, "1", "\"m\"", "{\"arguments\":{\"a\":1,\"a\":2}}", NULL, NULL},
    /* And so are those in an answer. */
    {ENVELOPE "\"id\":1,\"result\":{\"a\":1,\"a\":2}}", MESSAGE_RESULT, "1", NULL, NULL, NULL,
     "{\"a\":1,\"a\":2}"},
    /* Progress tokens: number, string, null as if absent, elsewhere than in _meta. */
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"progressToken\":7}}}",
     MESSAGE_REQUEST, "1", "\"m\"", "{\"_meta\":{\"progressToken\":7}}", "7", NULL},
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"progress\\u0054oken\":\"7\"}}}",
     MESSAGE_REQUEST, "1", "\"m\"", "{\"_meta\":{\"progress\\u0054oken\":\"7\"}}", "\"7\"", NULL},
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"progressToken\":null}}}",
     MESSAGE_REQUEST, "1", "\"m\"", "{\"_meta\":{\"progressToken\":null}}", NULL, NULL},
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"progressToken\":7}}", MESSAGE_REQUEST, "1",
     "\"m\"", "{\"progressToken\":7}", NULL, NULL},
    /* _meta of another type is no meta. */
    {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":[1]}}", MESSAGE_REQUEST, "1",
     "\"m\"", "{\"_meta\":[1]}", NULL, NULL},
};

static void test_accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(accepted_rows); i++) {
        const struct accepted *row = &accepted_rows[i];
        struct message message;
        struct message_fault fault;

        assert_row(i, parse(span_of(row->text), &message, &fault) == 0);
        assert_row(i, message.kind == row->kind);
        assert_span(message.text, row->text);
        assert_span(message.id, row->id);
        assert_span(message.method, row->method);
        assert_span(message.params, row->params);
        assert_span(message.progress_token, row->progress_token);
        assert_span(message.result, row->kind == MESSAGE_RESULT ? row->answer : NULL);
        assert_span(message.error, row->kind == MESSAGE_ERROR ? row->answer : NULL);
    }
}

struct refused {
    struct span text;
    int code;
    const char *id;   /* what the answer can carry */
    const char *says; /* the whole text */
};

static const struct refused refused_rows[] = {
    /* Not JSON: what and where. */
    {SPAN_INIT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"a\nb\"}"), RPC_PARSE_ERROR, NULL,
     "not JSON: a raw control byte inside a string; it must be escaped (byte 37)"},
    {SPAN_INIT(""), RPC_PARSE_ERROR, NULL, "not JSON: there is no JSON value (byte 0)"},
    {SPAN_INIT("{\"jsonrpc\""), RPC_PARSE_ERROR, NULL,
     "not JSON: the text ends inside a value (byte 10)"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"\xff\"}"), RPC_PARSE_ERROR, "1",
     "not JSON: bytes that are not UTF-8 (byte 34)"},
    {SPAN_INIT("{}{}"), RPC_PARSE_ERROR, NULL,
     "not JSON: bytes after the end of the value (byte 2)"},
    {SPAN_INIT("\xef\xbb\xbf{}"), RPC_PARSE_ERROR, NULL,
     "not JSON: a byte order mark; send UTF-8 without it (byte 0)"},
    /* JSON, but no object. */
    {SPAN_INIT("[]"), RPC_INVALID_REQUEST, NULL,
     "a batch (array) is not accepted: send one message a line"},
    {SPAN_INIT(" [" ENVELOPE "\"id\":1,\"method\":\"m\"}]"), RPC_INVALID_REQUEST, NULL,
     "a batch (array) is not accepted: send one message a line"},
    {SPAN_INIT("\"x\""), RPC_INVALID_REQUEST, NULL, "a message is an object"},
    {SPAN_INIT("null"), RPC_INVALID_REQUEST, NULL, "a message is an object"},
    /* The version. */
    {SPAN_INIT("{}"), RPC_INVALID_REQUEST, NULL, "\"jsonrpc\":\"2.0\" is missing"},
    {SPAN_INIT("{\"id\":1,\"method\":\"m\"}"), RPC_INVALID_REQUEST, "1",
     "\"jsonrpc\":\"2.0\" is missing"},
    {SPAN_INIT("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}"), RPC_INVALID_REQUEST, "1",
     "\"jsonrpc\":\"2.0\" is missing"},
    {SPAN_INIT("{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}"), RPC_INVALID_REQUEST, "1",
     "\"jsonrpc\":\"2.0\" is missing"},
    {SPAN_INIT("{\"JSONRPC\":\"2.0\",\"id\":1,\"method\":\"m\"}"), RPC_INVALID_REQUEST, "1",
     "\"jsonrpc\":\"2.0\" is missing"},
    /* What it is. */
    {SPAN_INIT(ENVELOPE "\"id\":1}"), RPC_INVALID_REQUEST, "1", "no method, result or error"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"result\":1,\"error\":{}}"), RPC_INVALID_REQUEST, "1",
     "both a result and an error"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"result\":1}"), RPC_INVALID_REQUEST, "1",
     "both a method and a result or error"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"error\":{}}"), RPC_INVALID_REQUEST, "1",
     "both a method and a result or error"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"error\":null}"), RPC_INVALID_REQUEST, "1",
     "error must be an object"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"error\":\"no\"}"), RPC_INVALID_REQUEST, "1",
     "error must be an object"},
    {SPAN_INIT(ENVELOPE "\"result\":1}"), RPC_INVALID_REQUEST, NULL,
     "a result needs the id of its request"},
    /* Methods that two readers could read as two. */
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":5}"), RPC_INVALID_REQUEST, "1",
     "method must be a string of at most 128 bytes, without NUL"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":null}"), RPC_INVALID_REQUEST, "1",
     "method must be a string of at most 128 bytes, without NUL"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"tools/list\\u0000\"}"), RPC_INVALID_REQUEST, "1",
     "method must be a string of at most 128 bytes, without NUL"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"\\ud800\"}"), RPC_INVALID_REQUEST, "1",
     "method must be a string of at most 128 bytes, without NUL"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"" SIXTY_FOUR SIXTY_FOUR "!\"}"), RPC_INVALID_REQUEST,
     "1", "method must be a string of at most 128 bytes, without NUL"},
    /* Ids. */
    {SPAN_INIT(ENVELOPE "\"id\":null,\"method\":\"m\"}"), RPC_INVALID_REQUEST, NULL,
     "id is null: give a string or an integer"},
    {SPAN_INIT(ENVELOPE "\"id\":null,\"result\":1}"), RPC_INVALID_REQUEST, NULL,
     "id is null: give a string or an integer"},
    {SPAN_INIT(ENVELOPE "\"id\":1.0,\"method\":\"m\"}"), RPC_INVALID_REQUEST, NULL,
     "id must be a string or an integer"},
    {SPAN_INIT(ENVELOPE "\"id\":1e3,\"method\":\"m\"}"), RPC_INVALID_REQUEST, NULL,
     "id must be a string or an integer"},
    {SPAN_INIT(ENVELOPE "\"id\":true,\"method\":\"m\"}"), RPC_INVALID_REQUEST, NULL,
     "id must be a string or an integer"},
    {SPAN_INIT(ENVELOPE "\"id\":[1],\"error\":{}}"), RPC_INVALID_REQUEST, NULL,
     "id must be a string or an integer"},
    {SPAN_INIT(ENVELOPE "\"id\":\"" ID_256 "!\",\"method\":\"m\"}"), RPC_INVALID_REQUEST, NULL,
     "id is longer than 256 bytes"},
    /* Twice the same key, also in other words; the id when it is not the one in doubt. */
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"a\",\"method\":\"b\"}"), RPC_INVALID_REQUEST, "1",
     "the message has two members \"method\""},
    {SPAN_INIT(ENVELOPE "\"method\":\"a\",\"m\\u0065thod\":\"b\",\"id\":9}"), RPC_INVALID_REQUEST,
     "9", "the message has two members \"m\\u0065thod\""},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"\\u0069d\":2}"), RPC_INVALID_REQUEST, NULL,
     "the message has two members \"\\u0069d\""},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"x\":2,\"x\":2}"), RPC_INVALID_REQUEST, "1",
     "the message has two members \"x\""},
    {SPAN_INIT("{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}"),
     RPC_INVALID_REQUEST, "1", "the message has two members \"jsonrpc\""},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"result\":1,\"result\":2}"), RPC_INVALID_REQUEST, "1",
     "the message has two members \"result\""},
    {SPAN_INIT(ENVELOPE
               "\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"ok\",\"name\":\"no\"}}"),
     RPC_INVALID_REQUEST, "1", "params has two members \"name\""},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{},\"_m\\u0065ta\":{}}}"),
     RPC_INVALID_REQUEST, "1", "params has two members \"_m\\u0065ta\""},
    {SPAN_INIT(ENVELOPE
               "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"a\":1,\"\\u0061\":1}}}"),
     RPC_INVALID_REQUEST, "1", "params._meta has two members \"\\u0061\""},
    /* A long key is shown in part. */
    {SPAN_INIT(ENVELOPE "\"" SIXTY_FOUR "\":1,\"" SIXTY_FOUR "\":1}"), RPC_INVALID_REQUEST, NULL,
     "the message has two members \"0123456789abcdef0123456789abcdef0123456789abcde"},
    /* params. */
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":null}"), RPC_INVALID_REQUEST, "1",
     "params is null: leave it out"},
    {SPAN_INIT(ENVELOPE "\"method\":\"m\",\"params\":null}"), RPC_INVALID_REQUEST, NULL,
     "params is null: leave it out"},
    {SPAN_INIT(ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":\"x\"}"), RPC_INVALID_REQUEST, "1",
     "params must be an object or an array"},
    /* Tokens that a server would turn into another one. */
    {SPAN_INIT(ENVELOPE
               "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"progressToken\":1.0}}}"),
     RPC_INVALID_REQUEST, "1", "params._meta.progressToken must be a string or an integer"},
    {SPAN_INIT(ENVELOPE
               "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"progressToken\":true}}}"),
     RPC_INVALID_REQUEST, "1", "params._meta.progressToken must be a string or an integer"},
    {SPAN_INIT(ENVELOPE
               "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{\"progressToken\":\"" ID_256
               "!\"}}}"),
     RPC_INVALID_REQUEST, "1", "params._meta.progressToken is longer than 256 bytes"},
};

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused_rows); i++) {
        const struct refused *row = &refused_rows[i];
        struct message message = {.kind = MESSAGE_ERROR, .id = SPAN("untouched")};
        struct message_fault fault;

        assert_row(i, parse(row->text, &message, &fault) == -EBADMSG);
        assert_row(i, fault.code == row->code);
        assert_span(span_of(fault.text), row->says);
        assert_span(fault.id, row->id);
        assert_row(i, span_is_none(fault.id) || (fault.id.at > row->text.at &&
                                                 fault.id.at < row->text.at + row->text.length));
        assert_span(message.id, "untouched");
    }
}

static void test_too_complex(void **state)
{
    struct message message;
    struct message_fault fault;
    struct bytes text;

    (void)state;
    bytes_init(&text, 100000);
    bytes_append_text(&text, ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":");
    for (int i = 0; i < 2000; i++) {
        bytes_append_char(&text, '[');
    }
    for (int i = 0; i < 2000; i++) {
        bytes_append_char(&text, ']');
    }
    bytes_append_char(&text, '}');
    assert_int_equal(parse(bytes_span(&text), &message, &fault), -EBADMSG);
    assert_int_equal(fault.code, RPC_INVALID_REQUEST);
    assert_string_equal(fault.text, "too complex: nested too deeply (byte 173)");
    bytes_done(&text);
}

/* WHERE gets COUNT members besides those it has. */
static int parse_crowd(const char *before, const char *after, int count,
                       struct message_fault *fault)
{
    struct message message;
    struct bytes text;
    int r;

    bytes_init(&text, 100000);
    bytes_append_text(&text, before);
    for (int i = 0; i < count; i++) {
        bytes_printf(&text, "%s\"k%d\":%d", i == 0 ? "" : ",", i, i);
    }
    bytes_append_text(&text, after);
    r = parse(bytes_span(&text), &message, fault);
    /* The id is in the text that goes now. */
    fault->id = SPAN_NONE;
    bytes_done(&text);
    return r;
}

static void test_many_members(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        int room; /* members besides those there */
        const char *says;
    } rows[] = {
        {ENVELOPE "\"id\":1,\"method\":\"m\",", "}", 61, "the message has more than 64 members"},
        {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{", "}}", 64,
         "params has more than 64 members"},
        {ENVELOPE "\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{", "}}}", 64,
         "params._meta has more than 64 members"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message_fault fault;

        assert_row(i, parse_crowd(rows[i].before, rows[i].after, rows[i].room, &fault) == 0);
        assert_row(i, parse_crowd(rows[i].before, rows[i].after, rows[i].room + 1, &fault) ==
                          -EBADMSG);
        assert_string_equal(fault.text, rows[i].says);
        assert_row(i, parse_crowd(rows[i].before, rows[i].after, 5000, &fault) == -EBADMSG);
    }
    /* Members of what is not looked into are nobody's business. */
    {
        struct message_fault fault;

        assert_int_equal(parse_crowd(ENVELOPE "\"id\":1,\"result\":{", "}}", 5000, &fault), 0);
        assert_int_equal(parse_crowd(ENVELOPE
                                     "\"id\":1,\"method\":\"m\",\"params\":{\"arguments\":{",
                                     "}}}", 5000, &fault),
                         0);
    }
}

static void test_param(void **state)
{
    struct message message;
    struct message_fault fault;

    (void)state;
    assert_int_equal(parse(SPAN(ENVELOPE "\"id\":1,\"method\":\"tools/call\",\"params\":"
                                         "{\"n\\u0061me\":\"x\",\"_meta\":{\"a\":1}}}"),
                           &message, &fault),
                     0);
    assert_span(message_param(&message, "name"), "\"x\"");
    assert_span(message_param(&message, "arguments"), NULL);
    assert_span(message.meta, "{\"a\":1}");
    assert_int_equal(parse(SPAN(ENVELOPE "\"id\":1,\"method\":\"m\"}"), &message, &fault), 0);
    assert_span(message_param(&message, "name"), NULL);
}

static void test_move(void **state)
{
    static const char text[] = "  " ENVELOPE "\"id\":\"x\",\"method\":\"m\",\"params\":{\"_meta\":"
                               "{\"progressToken\":5}}} ";
    struct message message;
    struct message_fault fault;
    char copy[sizeof(text)];

    (void)state;
    assert_int_equal(parse(span_of(text), &message, &fault), 0);
    memcpy(copy, text, sizeof(text));
    message_move(&message, copy);
    assert_ptr_equal(message.text.at, copy);
    assert_span(message.text, text);
    assert_span(message.id, "\"x\"");
    assert_ptr_equal(message.id.at, strstr(copy, "\"x\""));
    assert_span(message.method, "\"m\"");
    assert_ptr_equal(message.method.at, strstr(copy, "\"m\""));
    assert_ptr_equal(message.params.at, strstr(copy, "{\"_meta"));
    assert_ptr_equal(message.meta.at, strstr(copy, "{\"progress"));
    assert_ptr_equal(message.progress_token.at, strstr(copy, "5}"));
    assert_true(span_is_none(message.result) && span_is_none(message.error));
}

static void test_peek_id(void **state)
{
    static const struct {
        const char *head;
        const char *id;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"par", "17"},
        {"{\"jsonrpc\":\"2.0\",\"id\":-3,\"method\":", "-3"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a-b\",\"method\":\"", "\"a-b\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":,\"method\":", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":{", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":17", NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"17", NULL},
        {"{\"method\":\"x\",\"id\":17", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span id = message_peek_id(span_of(rows[i].head));

        if (rows[i].id == NULL) {
            assert_true(span_is_none(id));
        } else {
            assert_true(span_is(id, rows[i].id));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),     cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_too_complex), cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_param),       cmocka_unit_test(test_move),
        cmocka_unit_test(test_peek_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
