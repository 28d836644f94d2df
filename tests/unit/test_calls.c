/* SPDX-License-Identifier: MIT */
/* Whole responses of each provider, and what they ask for. */
#include "toolset_unit.h"

static const char listing[] =
    "[{\"name\":\"query_graph\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
    "{\"query\":{\"type\":\"string\"},\"graphs\":{\"type\":\"array\",\"items\":{}}},"
    "\"required\":[\"query\"]}},"
    "{\"name\":\"a.b/c\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
    "{\"n\":{\"type\":\"integer\"}}}}]";

static void play(struct span vector)
{
    struct teplo_toolset *toolset =
        toolset_open(provider_of(json_find(vector, "provider")), 0, "grynya", span_of(listing));
    struct span turn = toolset_turn(toolset, teplo_toolset_calls, json_find(vector, "response"));
    struct bytes refused;

    bytes_init(&refused, 10000);
    if (span_is_none(turn)) {
        vector_expect("refused", span_of(teplo_toolset_error(toolset)),
                      vector_text(vector, "refused", &refused));
    } else {
        vector_expect("turn", turn, json_find(vector, "turn"));
    }
    bytes_done(&refused);
    toolset_turn_done(turn);
    teplo_toolset_free(toolset);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_play(TEPLO_VECTORS "/calls.jsonl", play);
}

static void test_no_json(void **state)
{
    static const struct {
        struct span text;
        const char *complaint;
    } rows[] = {
        {SPAN_INIT(""), "the response is not JSON that can be read: there is no JSON value, at "
                        "byte 0"},
        {SPAN_INIT("{\"choices\":[}"), "the response is not JSON that can be read: a byte that "
                                       "cannot stand here, at byte 12"},
        {SPAN_INIT("{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"),
         "the response is not JSON that can be read: bytes that are not UTF-8, at byte 35"},
    };
    struct teplo_toolset *toolset = toolset_open(TEPLO_OPENAI_CHAT, 0, "grynya", span_of(listing));
    char *json = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(
            teplo_toolset_calls(toolset, rows[i].text.at, rows[i].text.length, &json, NULL),
            TEPLO_E_INVAL);
        assert_string_equal(teplo_toolset_error(toolset), rows[i].complaint);
    }
    assert_int_equal(teplo_toolset_calls(NULL, "{}", 2, &json, NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_toolset_calls(toolset, NULL, 0, &json, NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_toolset_calls(toolset, "{}", 2, NULL, NULL), TEPLO_E_INVAL);
    assert_null(json);
    teplo_toolset_free(toolset);
}

/* As many as may be are read, each with its answer to come; one more is refused. */
static void test_many_calls(void **state)
{
    struct teplo_toolset *toolset = toolset_open(TEPLO_ANTHROPIC, 0, NULL, span_of(listing));
    struct bytes response;

    (void)state;
    for (size_t count = 1024; count <= 1025; count++) {
        struct span turn;
        struct span calls;

        bytes_init(&response, 1000000);
        bytes_append_text(&response, "{\"content\":[");
        for (size_t i = 0; i < count; i++) {
            bytes_printf(&response,
                         "%s{\"type\":\"tool_use\",\"id\":\"%zu\",\"name\":\"x\",\"input\":{}}",
                         i == 0 ? "" : ",", i);
        }
        bytes_append_text(&response, "]}");
        turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
        calls = json_find(turn, "calls");
        if (count == 1024) {
            assert_true(json_string_is(json_find(element_of(calls, 1023), "id"), "1023"));
        } else {
            assert_true(span_is_none(turn));
            assert_string_equal(teplo_toolset_error(toolset),
                                "more than 1024 calls in one response");
        }
        toolset_turn_done(turn);
        bytes_done(&response);
    }
    teplo_toolset_free(toolset);
}

static const char memory_response[] =
    "{\"choices\":[{\"message\":{\"content\":\"a\\ud800\",\"tool_calls\":["
    "{\"id\":\"1\",\"function\":{\"name\":\"query_graph\",\"arguments\":"
    "\"{\\\"query\\\":\\\"\\\\ud800\\\",\\\"graphs\\\":\\\"[1]\\\",\\\"x\\\":null}\"}},"
    "{\"id\":\"2\",\"function\":{\"name\":\"nobody\",\"arguments\":\"{}\"}},"
    "{\"id\":\"3\",\"function\":{\"name\":\"query_graph\",\"arguments\":\"[\"}}]}}]}";

static bool read_scarcely(enum teplo_provider provider)
{
    struct teplo_toolset *toolset = NULL;
    char *json = NULL;
    size_t length = 0;
    int error = teplo_toolset_new(provider, 0, &toolset);

    if (error == 0) {
        error = teplo_toolset_add(toolset, "grynya", listing, sizeof(listing) - 1);
    }
    if (error == 0) {
        error = teplo_toolset_calls(toolset, memory_response, sizeof(memory_response) - 1, &json,
                                    &length);
    }
    assert_true(error == 0 || error == TEPLO_E_NOMEM);
    assert_true((error == 0) == (json != NULL));
    teplo_free(json);
    teplo_toolset_free(toolset);
    return error == 0;
}

static bool read_chat_scarcely(void)
{
    return read_scarcely(TEPLO_OPENAI_CHAT);
}

static void test_memory_out(void **state)
{
    size_t before = mem_in_use();

    (void)state;
    each_allocation_fails(read_chat_scarcely);
    assert_int_equal(mem_in_use(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_many_calls),
        cmocka_unit_test(test_memory_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
