/* SPDX-License-Identifier: MIT */
/* Arguments, as each provider's model writes them, become what the tool is called with. */
#include <time.h>

#include "toolset_unit.h"

/* What the decoding made of it, as the vector has it. */
static void expect(struct span vector, struct span call)
{
    struct span sent = json_find(vector, "sent");
    struct span message = json_find(json_find(call, "error"), "message");
    struct bytes wanted;

    if (!span_is_none(sent)) {
        vector_expect("sent", json_find(call, "arguments"), sent);
        vector_expect("flags", json_find(call, "flags"), json_find(vector, "flagged"));
        if (!span_is_none(message)) {
            vector_fail("error", message, SPAN_NONE);
        }
        return;
    }
    bytes_init(&wanted, 10000);
    (void)vector_text(vector, "refused", &wanted);
    if (!json_string_is(json_find(json_find(call, "error"), "class"), "InvalidArguments") ||
        !span_is_none(json_find(call, "arguments"))) {
        vector_fail("class", call, SPAN("InvalidArguments"));
    }
    if (memmem(message.at, message.length, wanted.at, wanted.length) == NULL) {
        vector_fail("refused", message, bytes_span(&wanted));
    }
    bytes_done(&wanted);
}

static void play_provider(struct span vector, enum teplo_provider provider, struct span written)
{
    struct bytes listing;
    struct bytes response;
    struct teplo_toolset *toolset;
    struct span turn;

    bytes_init(&listing, 1000000);
    bytes_init(&response, 10000000);
    bytes_append_text(&listing, "[{\"name\":\"tool\",\"inputSchema\":");
    bytes_append_span(&listing, json_find(vector, "schema"));
    bytes_append_text(&listing, "}]");
    if (response_wrap(provider, written, &response)) {
        toolset = toolset_open(provider, flags_of(json_find(vector, "flags")), NULL,
                               bytes_span(&listing));
        turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
        if (span_is_none(turn)) {
            vector_fail("calls", span_of(teplo_toolset_error(toolset)), SPAN_NONE);
        }
        expect(vector, element_of(json_find(turn, "calls"), 0));
        toolset_turn_done(turn);
        teplo_toolset_free(toolset);
    }
    bytes_done(&listing);
    bytes_done(&response);
}

/* "written" is the model's text; "arguments" the same as JSON. */
static void play(struct span vector)
{
    struct span providers = json_find(vector, "providers");
    struct bytes text;
    struct span written;

    bytes_init(&text, 1000000);
    written = span_is_none(json_find(vector, "arguments")) ? vector_text(vector, "written", &text)
                                                           : json_find(vector, "arguments");
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        if (has_word(providers, toolset_providers[i].word)) {
            play_provider(vector, toolset_providers[i].provider, written);
        }
    }
    bytes_done(&text);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_play(TEPLO_VECTORS "/decoding.jsonl", play);
}

static const char any_tool[] = "[{\"name\":\"tool\",\"inputSchema\":{\"type\":\"object\","
                               "\"properties\":{\"a\":{}}}}]";

/* The one call's error message has TEXT. */
static void assert_refused(struct span written, const char *text)
{
    struct teplo_toolset *toolset = toolset_open(TEPLO_OPENAI_CHAT, 0, NULL, span_of(any_tool));
    struct bytes response;
    struct span turn;
    struct span error;

    bytes_init(&response, 100000000);
    assert_true(response_wrap(TEPLO_OPENAI_CHAT, written, &response));
    turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
    error = json_find(element_of(json_find(turn, "calls"), 0), "error");
    assert_true(json_string_is(json_find(error, "class"), "InvalidArguments"));
    assert_non_null(memmem(error.at, error.length, text, strlen(text)));
    assert_non_null(memmem(error.at, error.length, "a\\\"?: any", 9));
    toolset_turn_done(turn);
    teplo_toolset_free(toolset);
    bytes_done(&response);
}

static void fill(struct bytes *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(out, text);
    }
}

static void test_limits(void **state)
{
    struct bytes written;

    (void)state;
    bytes_init(&written, 10000000);
    bytes_append_text(&written, "{\"a\":\"");
    fill(&written, "x", 1 << 20);
    bytes_append_text(&written, "\"}");
    assert_refused(bytes_span(&written), "too large: 1048584 bytes, 1048576 at most");
    bytes_clear(&written);
    bytes_append_text(&written, "{\"a\":");
    fill(&written, "[", 64);
    fill(&written, "]", 64);
    bytes_append_text(&written, "}");
    assert_refused(bytes_span(&written), "too large: more than 64 levels");
    bytes_clear(&written);
    bytes_append_text(&written, "{\"a\":[0");
    fill(&written, ",0", 100000);
    bytes_append_text(&written, "]}");
    assert_refused(bytes_span(&written), "or 100000 values");
    bytes_done(&written);
}

/* JSON text in JSON text counts as deep as it is. */
static void test_depth_of_text(void **state)
{
    static const char listing[] =
        "[{\"name\":\"tool\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
        "{\"a\":{\"type\":\"array\"}}}}]";
    struct teplo_toolset *toolset = toolset_open(TEPLO_OPENAI_CHAT, 0, NULL, span_of(listing));
    struct bytes written;
    struct bytes response;
    struct span turn;
    struct span arguments;

    (void)state;
    bytes_init(&written, 10000000);
    bytes_init(&response, 10000000);
    for (size_t depth = 63; depth <= 64; depth++) {
        bytes_clear(&written);
        bytes_append_text(&written, "{\"a\":\"");
        fill(&written, "[", depth);
        fill(&written, "]", depth);
        bytes_append_text(&written, "\"}");
        assert_true(response_wrap(TEPLO_OPENAI_CHAT, bytes_span(&written), &response));
        turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
        arguments = json_find(element_of(json_find(turn, "calls"), 0), "arguments");
        assert_int_equal(json_kind_of(json_find(arguments, "a")),
                         depth == 63 ? JSON_ARRAY : JSON_STRING);
        toolset_turn_done(turn);
    }
    teplo_toolset_free(toolset);
    bytes_done(&written);
    bytes_done(&response);
}

/* Twelve levels of fifteen alternatives that are all alike: 10^14 ways through them. */
static void append_maze(struct bytes *out)
{
    bytes_append_text(out,
                      "[{\"name\":\"tool\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
                      "{\"m\":{\"type\":\"object\",\"additionalProperties\":"
                      "{\"$ref\":\"#/$defs/L0\"}}},\"$defs\":{");
    for (int level = 0; level < 12; level++) {
        bytes_printf(out, "\"L%d\":{\"anyOf\":[", level);
        for (int i = 0; i < 15; i++) {
            bytes_printf(out, "%s{\"$ref\":\"#/$defs/L%d\"}", i == 0 ? "" : ",", level + 1);
        }
        bytes_append_text(out, "]},");
    }
    bytes_append_text(out, "\"L12\":{\"type\":\"object\",\"properties\":{\"m\":"
                           "{\"$ref\":\"#/$defs/L0\"}}}}}}]");
}

/* A hostile schema costs a bounded time; nothing is called with what is decoded in part. */
static void test_maze(void **state)
{
    struct teplo_toolset *toolset;
    struct bytes text;
    struct bytes response;
    struct span turn;
    struct span call;

    (void)state;
    bytes_init(&text, 1000000);
    bytes_init(&response, 1000000);
    append_maze(&text);
    toolset = toolset_open(TEPLO_OPENAI_CHAT, 0, NULL, bytes_span(&text));
    bytes_clear(&text);
    bytes_append_text(&text, "{\"m\":{\"x\":{\"m\":1.0}}}");
    assert_true(response_wrap(TEPLO_OPENAI_CHAT, bytes_span(&text), &response));
    turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
    call = element_of(json_find(turn, "calls"), 0);
    assert_true(span_is_none(json_find(call, "arguments")));
    assert_true(json_string_is(json_find(json_find(call, "error"), "class"), "InvalidArguments"));
    toolset_turn_done(turn);
    teplo_toolset_free(toolset);
    bytes_done(&text);
    bytes_done(&response);
}

/* The budget is one of the response: many hostile calls take no longer than some. */
static void test_maze_of_many_calls(void **state)
{
    enum { CALLS = 40 };
    struct teplo_toolset *toolset;
    struct bytes text;
    struct bytes response;
    struct span turn;
    clock_t start;
    clock_t one = 0;

    (void)state;
    bytes_init(&text, 1000000);
    bytes_init(&response, 1000000);
    append_maze(&text);
    toolset = toolset_open(TEPLO_OPENAI_RESPONSES, 0, NULL, bytes_span(&text));
    for (int count = 1; count <= CALLS; count += CALLS - 1) {
        bytes_clear(&response);
        bytes_append_text(&response, "{\"output\":[");
        for (int i = 0; i < count; i++) {
            bytes_printf(&response,
                         "%s{\"type\":\"function_call\",\"call_id\":\"c%d\",\"name\":\"tool\","
                         "\"arguments\":\"{\\\"m\\\":{\\\"x\\\":{\\\"m\\\":1.0}}}\"}",
                         i == 0 ? "" : ",", i);
        }
        bytes_append_text(&response, "]}");
        start = clock();
        turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
        if (count == 1) {
            one = clock() - start;
        } else {
            /* Four budgets of one call are there for all of them. */
            assert_true(clock() - start < one * 20);
        }
        assert_true(json_string_is(
            json_find(json_find(element_of(json_find(turn, "calls"), (size_t)count - 1), "error"),
                      "class"),
            "InvalidArguments"));
        toolset_turn_done(turn);
    }
    teplo_toolset_free(toolset);
    bytes_done(&text);
    bytes_done(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_depth_of_text),
        cmocka_unit_test(test_maze),
        cmocka_unit_test(test_maze_of_many_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
