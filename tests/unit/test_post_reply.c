/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdio.h>

#include "broker/upstream/post_reply.h"

enum { ID = 7 };

static void test_kinds(void **state)
{
    static const struct {
        const char *body;
        enum delivery_reply kind;
    } rows[] = {
        {"", DELIVERY_REPLY_EMPTY},
        {"<html><body>502 Bad Gateway</body></html>", DELIVERY_REPLY_OTHER},
        {"{}", DELIVERY_REPLY_OTHER},
        /* As the official servers say it. */
        {"Could not find session", DELIVERY_REPLY_SESSION_GONE},
        {"Invalid session ID", DELIVERY_REPLY_SESSION_GONE},
        {"session_id is required", DELIVERY_REPLY_SESSION_GONE},
        {"No transport found for sessionId", DELIVERY_REPLY_SESSION_GONE},
        {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32001,\"message\":\"Session not found\"},"
         "\"id\":null}",
         DELIVERY_REPLY_SESSION_GONE},
        {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":"
         "\"Bad Request: No valid session ID provided\"},\"id\":null}",
         DELIVERY_REPLY_SESSION_GONE},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"server-error\",\"error\":{\"code\":-32600,\"message\":"
         "\"Not Found: Session has been terminated\"}}",
         DELIVERY_REPLY_SESSION_GONE},
        /* As others do. */
        {"{\"error\":\"SESSION NOT FOUND\"}", DELIVERY_REPLY_SESSION_GONE},
        {"Bad Request: Missing session ID", DELIVERY_REPLY_SESSION_GONE},
        /* With our id. */
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32602,\"message\":\"no\"}}",
         DELIVERY_REPLY_ANSWER},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"error\":{\"code\":-32602,\"message\":\"no\"}}",
         DELIVERY_REPLY_ANSWER},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32600,\"message\":"
         "\"Session not found\"}}",
         DELIVERY_REPLY_GONE_ANSWER},
        /* Only the message counts, not what is quoted behind it. */
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1,\"message\":\"no\","
         "\"data\":\"Session not found\"}}",
         DELIVERY_REPLY_ANSWER},
        /* Another's, nobody's, a result, and half of one. */
        {"{\"jsonrpc\":\"2.0\",\"id\":8,\"error\":{\"code\":1,\"message\":\"no\"}}",
         DELIVERY_REPLY_OTHER},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"no\"}}",
         DELIVERY_REPLY_OTHER},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}", DELIVERY_REPLY_OTHER},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1,\"mess", DELIVERY_REPLY_OTHER},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}", DELIVERY_REPLY_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message answer = {.text = SPAN_NONE};

        assert_row(i, post_reply_kind(span_of(rows[i].body), ID, &answer) == rows[i].kind);
        assert_row(i, span_is_none(answer.text) == (rows[i].kind != DELIVERY_REPLY_ANSWER &&
                                                    rows[i].kind != DELIVERY_REPLY_GONE_ANSWER));
    }
}

static void test_no_body(void **state)
{
    struct message answer;

    (void)state;
    assert_int_equal(post_reply_kind(SPAN_NONE, ID, &answer), DELIVERY_REPLY_EMPTY);
}

/* A notification has no id that an answer could have. */
static void test_a_message_without_an_id(void **state)
{
    static const struct span error =
        SPAN_INIT("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":1,\"message\":\"no\"}}");
    struct message answer;

    (void)state;
    assert_int_equal(post_reply_kind(error, 0, &answer), DELIVERY_REPLY_OTHER);
}

/* As a validation error does.  BEGIN and END: what the words, and PADDING blanks, stand between. */
static void assert_quoted(const char *begin, const char *end, size_t padding,
                          enum delivery_reply kind)
{
    char text[8192];
    char blanks[4097] = "";
    struct message answer;

    memset(blanks, ' ', padding);
    (void)snprintf(text, sizeof(text), "%sSession not found%s%s", begin, blanks, end);
    assert_int_equal(post_reply_kind(span_of(text), ID, &answer), kind);
}

static void test_a_long_text_that_quotes_the_words(void **state)
{
    static const struct {
        const char *begin;
        const char *end;
    } forms[] = {{"", ""},
                 {"{\"detail\":\"", "\"}"},
                 {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"", "\"}}"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        assert_quoted(forms[i].begin, forms[i].end, 16, DELIVERY_REPLY_SESSION_GONE);
        assert_quoted(forms[i].begin, forms[i].end, 256, DELIVERY_REPLY_OTHER);
        assert_quoted(forms[i].begin, forms[i].end, 4096, DELIVERY_REPLY_OTHER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_no_body),
        cmocka_unit_test(test_a_message_without_an_id),
        cmocka_unit_test(test_a_long_text_that_quotes_the_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
