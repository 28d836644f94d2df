/* SPDX-License-Identifier: MIT */
/* What a time line takes from a request, and the journal that keeps the lines. */
#include "unit.h"

#include "broker/routing/journal.h"
#include "broker/routing/timeline.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "-00f067aa0ba902b7"

static struct timeline describe(const char *params)
{
    struct timeline timeline = {.attempts = 0};
    struct message message;
    struct message_fault fault;
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":%s}",
                   params);
    assert_int_equal(message_parse(span_of(text), &json_limits_default, &message, &fault), 0);
    timeline_describe(&timeline, &message, MCP_TOOLS_CALL);
    return timeline;
}

static void a_tool_is_decoded_and_cut(void **state)
{
    static const struct {
        const char *params;
        const char *tool;
    } rows[] = {
        {"{\"name\":\"read_file\"}", "read_file"},
        {"{\"name\":\"read\\u005ffile\"}", "read_file"},
        {"{\"name\":\"\\u0434\\u0456\\u044f\"}", "дія"},
        {"{\"name\":\"a\\nb\\u0000c\"}", "a b c"},
        {"{\"name\":7}", ""},
        {"{}", ""},
        {"{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        /* Not in the middle of a character. */
        {"{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaд\"}",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct timeline timeline = describe(rows[i].params);

        assert_string_equal(timeline.tool, rows[i].tool);
        assert_int_equal(timeline.method, MCP_TOOLS_CALL);
    }
}

static void a_trace_is_taken_only_if_it_is_one(void **state)
{
    static const struct {
        const char *parent;
        const char *trace;
    } rows[] = {
        {"\"00-" TRACE PARENT "-01\"", TRACE},
        {"\"01-" TRACE PARENT "-01-more\"", TRACE},
        {"\"ff-" TRACE PARENT "-01\"", ""},
        {"\"00-" TRACE PARENT "\"", TRACE},
        {"\"00-" TRACE "-00f067aa0ba902b\"", ""},
        {"\"00-4bf92f3577b34da6a3ce929d0e0e473G" PARENT "-01\"", ""},
        {"\"00-4BF92F3577B34DA6A3CE929D0E0E4736" PARENT "-01\"", ""},
        {"\"00-00000000000000000000000000000000" PARENT "-01\"", ""},
        {"\"00_" TRACE PARENT "-01\"", ""},
        {"\"\"", ""},
        {"null", ""},
        {"[\"00-" TRACE PARENT "-01\"]", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char params[256];

        (void)snprintf(params, sizeof(params), "{\"name\":\"a\",\"_meta\":{\"traceparent\":%s}}",
                       rows[i].parent);
        assert_string_equal(describe(params).trace, rows[i].trace);
    }
    /* Of the request itself alone. */
    assert_string_equal(describe("{\"traceparent\":\"00-" TRACE PARENT "-01\",\"_meta\":{}}").trace,
                        "");
}

static void each_failure_is_a_result(void **state)
{
    (void)state;
    assert_string_equal(call_result_name(call_result_of(FAILURE_DENIED)), "not_executed");
    assert_string_equal(call_result_name(call_result_of(FAILURE_TIMEOUT)), "unknown");
    assert_string_equal(call_result_name(call_result_of(FAILURE_MALFORMED)), "result_lost");
    for (int i = 1; i < FAILURE_COUNT; i++) {
        assert_row(i, call_result_of((enum failure)i) != CALL_RESULT_OK);
    }
}

/* ---- the journal */

static struct journal *journal;

static int open_journal(void **state)
{
    (void)state;
    journal = journal_new();
    return journal == NULL ? -1 : 0;
}

static int close_journal(void **state)
{
    (void)state;
    journal_free(journal);
    return 0;
}

static void add(int64_t number, enum call_result result)
{
    struct timeline timeline = {.client = number, .result = result};

    journal_add(journal, "pool", result == CALL_RESULT_OK ? NULL : "timeout", &timeline);
}

static void a_failed_one_survives_good_ones(void **state)
{
    (void)state;
    assert_null(journal_recent(journal, 0));
    assert_null(journal_failed(journal, 0));
    add(1, CALL_RESULT_UNKNOWN);
    for (int64_t i = 2; i < 1000; i++) {
        add(i, CALL_RESULT_OK);
    }
    assert_int_equal(journal_failed(journal, 0)->timeline.client, 1);
    assert_string_equal(journal_failed(journal, 0)->pool, "pool");
    assert_string_equal(journal_failed(journal, 0)->error_class, "timeout");
    assert_null(journal_failed(journal, 1));
    for (size_t i = 0; i < JOURNAL_RECENT; i++) {
        assert_row(i, journal_recent(journal, i)->timeline.client == 999 - (int64_t)i);
    }
    assert_null(journal_recent(journal, JOURNAL_RECENT));
    assert_string_equal(journal_recent(journal, 0)->error_class, "");
}

static void all_that_did_not_end_well_has_failed(void **state)
{
    (void)state;
    for (int i = 0; i < CALL_RESULT_COUNT; i++) {
        add(i, (enum call_result)i);
    }
    for (size_t i = 0; i + 1 < CALL_RESULT_COUNT; i++) {
        assert_row(i, journal_failed(journal, i)->timeline.result != CALL_RESULT_OK);
    }
    assert_null(journal_failed(journal, CALL_RESULT_COUNT - 1));
    for (int i = 0; i < 3 * JOURNAL_FAILED; i++) {
        add(i, CALL_RESULT_CANCELLED);
    }
    assert_int_equal(journal_failed(journal, JOURNAL_FAILED - 1)->timeline.client,
                     2 * JOURNAL_FAILED);
    assert_null(journal_failed(journal, JOURNAL_FAILED));
}

static void long_names_are_cut(void **state)
{
    struct timeline timeline = {.client = 1};

    (void)state;
    journal_add(journal, "a-name-that-is-longer-than-a-pool-may-have",
                "a-class-that-is-longer-than-any", &timeline);
    assert_int_equal(strlen(journal_recent(journal, 0)->pool), 32);
    assert_int_equal(strlen(journal_recent(journal, 0)->error_class), 23);
}

static bool make_journal(void)
{
    struct journal *made = journal_new();

    journal_free(made);
    return made != NULL;
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    each_allocation_fails(make_journal);
}

#define JOURNAL_TEST(name) cmocka_unit_test_setup_teardown(name, open_journal, close_journal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tool_is_decoded_and_cut),
        cmocka_unit_test(a_trace_is_taken_only_if_it_is_one),
        cmocka_unit_test(each_failure_is_a_result),
        JOURNAL_TEST(a_failed_one_survives_good_ones),
        JOURNAL_TEST(all_that_did_not_end_well_has_failed),
        JOURNAL_TEST(long_names_are_cut),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
