/* SPDX-License-Identifier: MIT */
/* What teplo-bench sends, when, and how it judges what comes back. */
#include "client-lib/bench/figures.h"
#include "client-lib/bench/pace.h"
#include "client-lib/bench/sse_wire.h"
#include "client-lib/bench/tool_mix.h"
#include "client-lib/bench/verdict.h"
#include "tests/unit/unit.h"

const char complaint_program[] = "test";

/* ---- pace */

/* Both functions say the same: n is due at t if and only if t is not before its moment. */
static void the_timetable_agrees_with_itself(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 999, 1000, 1000003 / 3, PACE_RATE_MAXIMUM};
    static const uint64_t numbers[] = {0, 1, 2, 6, 7, 999, 1000, 1001, 123456789, 4294967297};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        const struct pace pace = {987654321, rates[i]};

        for (size_t k = 0; k < COUNT_OF(numbers); k++) {
            int64_t due_ns = pace_due_ns(&pace, numbers[k]);

            assert_row(i * 100 + k, pace_due_count(&pace, due_ns) == numbers[k] + 1);
            assert_row(i * 100 + k, pace_due_count(&pace, due_ns - 1) == numbers[k]);
        }
    }
}

static void a_timetable_keeps_its_rate(void **state)
{
    const struct pace pace = {0, 3};

    (void)state;
    assert_int_equal(pace_due_ns(&pace, 0), 0);
    assert_int_equal(pace_due_ns(&pace, 1), 333333333);
    assert_int_equal(pace_due_ns(&pace, 2), 666666666);
    assert_int_equal(pace_due_ns(&pace, 3), 1000000000);
    assert_int_equal(pace_due_ns(&pace, 3 * 86400), INT64_C(86400000000000));
}

/* ---- tools and their arguments */

static void check_arguments(const char *list, const char *template, size_t payload, uint64_t number,
                            const char *expected)
{
    struct tool_mix mix;
    struct bytes out;
    const char *fault;

    tool_mix_init(&mix);
    bytes_init(&out, 4096);
    assert_int_equal(tool_mix_parse(&mix, list, &fault), 0);
    assert_int_equal(tool_mix_set_arguments(&mix, template, payload), 0);
    tool_write_arguments(&mix.tools[0], number, &out);
    assert_bytes(out, expected);
    bytes_done(&out);
    tool_mix_done(&mix);
}

static void arguments_are_what_the_template_says(void **state)
{
    (void)state;
    check_arguments("echo", NULL, 0, 7, "{\"n\":7}");
    check_arguments("echo", NULL, 3, 7, "{\"payload\":\"xxx\",\"n\":7}");
    check_arguments("slow:1:20ms", NULL, 0, 7, "{\"ms\":20,\"n\":7}");
    check_arguments("slow:1:2s", "{ }", 2, 7, "{\"ms\":2000,\"payload\":\"xx\"}");
    check_arguments("t", "{}", 0, 7, "{}");
    check_arguments("t", " {\"a\":\"%n-%n\",\"b\":\"5 %%\"} ", 0, 12,
                    "{\"a\":\"12-12\",\"b\":\"5 %\"}");
    check_arguments("t", "{\"a\":\"%d%\"}", 0, 1, "{\"a\":\"%d%\"}");
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const templates[] = {"", "1", "[1]", "{", "{\"a\":}", "{} {}", "\"x\""};
    const char *fault;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        struct tool_mix mix;

        tool_mix_init(&mix);
        assert_int_equal(tool_mix_parse(&mix, "t", &fault), 0);
        assert_row(i, tool_mix_set_arguments(&mix, templates[i], 4) < 0);
        tool_mix_done(&mix);
    }
}

static void a_bad_mix_is_refused(void **state)
{
    static const char *const lists[] = {
        "",     ",",    "a,",    ":1",    "a:",         "a:0",       "a:1.5",
        "a:-1", "a:1:", "a:1:5", "a:1:x", "a:99999999", "a:1:5ms:9", "a,b,c,d,e,f,g,h,i"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct tool_mix mix;
        const char *fault = NULL;

        tool_mix_init(&mix);
        assert_row(i, tool_mix_parse(&mix, lists[i], &fault) < 0);
        assert_row(i, fault != NULL);
        tool_mix_done(&mix);
    }
}

static void tools_come_by_their_weight_everywhere(void **state)
{
    struct tool_mix mix;
    const char *fault;

    (void)state;
    tool_mix_init(&mix);
    assert_int_equal(tool_mix_parse(&mix, "fast:90,slow:9:500ms,rare:1", &fault), 0);
    for (uint64_t start = 0; start < 100000; start += 25000) {
        int counts[3] = {0};

        for (uint64_t n = start; n < start + 1000; n++) {
            counts[tool_mix_choose(&mix, n)]++;
        }
        assert_in_range(counts[0], 895, 905);
        assert_in_range(counts[1], 86, 94);
        assert_in_range(counts[2], 8, 12);
    }
    tool_mix_done(&mix);
}

/* ---- verdicts */

static enum verdict judge(const char *text)
{
    struct message message;
    struct message_fault fault;

    assert_int_equal(message_parse(span_of(text), &json_limits_default, &message, &fault), 0);
    return verdict_of(&message);
}

#define ERROR_WITH(data)                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"m\"" data "}}"
#define OUTCOME_OF(word) ERROR_WITH(",\"data\":{\"teplo\":{\"outcome\":\"" word "\"}}")

static void answers_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"), VERDICT_RESULT);
    assert_int_equal(judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":false}}"),
                     VERDICT_RESULT);
    assert_int_equal(judge("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true}}"),
                     VERDICT_TOOL_ERROR);
    assert_int_equal(judge(ERROR_WITH("")), VERDICT_ERROR);
    assert_int_equal(judge(OUTCOME_OF("else")), VERDICT_ERROR);
    assert_int_equal(judge(OUTCOME_OF("not_executed")), VERDICT_NOT_EXECUTED);
    assert_int_equal(judge(OUTCOME_OF("unknown")), VERDICT_UNKNOWN);
    assert_int_equal(judge(OUTCOME_OF("result_lost")), VERDICT_RESULT_LOST);
}

static void an_echo_is_recognised_however_it_is_written(void **state)
{
    static const struct {
        const char *result;
        const char *arguments;
        bool is_echo;
    } rows[] = {
        {"{\"n\":1}", "{\"n\":1}", true},
        {"{\"resultType\":\"complete\",\"n\":1}", "{\"n\":1}", true},
        {"{\"n\":2}", "{\"n\":1}", false},
        {"{\"n\":12}", "{\"n\":1,\"b\":2}", false},
        {"{\"content\":[{\"text\":\"{\\\"n\\\": 1, \\\"b\\\": \\\"x\\\"}\"}]}",
         "{\"n\":1,\"b\":\"x\"}", true},
        {"{\"content\":[{\"text\":\"{\\\"n\\\": 1, \\\"b\\\": \\\"y\\\"}\"}]}",
         "{\"n\":1,\"b\":\"x\"}", false},
        {"{\"n\":1", "{\"n\":1,\"b\":2}", false},
        {"{}", "{}", true},
        {"{}", "{\"n\":1}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, verdict_is_echo(span_of(rows[i].result), span_of(rows[i].arguments)) ==
                          rows[i].is_echo);
    }
}

/* ---- what others counted */

static void figures_are_named_by_their_place_and_added_up(void **state)
{
    static struct figures before;
    static struct figures after;

    (void)state;
    figures_read(SPAN("{\"posts\":5,\"http\":{\"GET\":2},\"ms\":1.5,\"name\":\"x\"}"), &before);
    figures_read(SPAN("{\"posts\":9,\"http\":{\"GET\":2,\"POST\":7},"
                      "\"rows\":[{\"n\":1},{\"n\":2},3]}"),
                 &after);
    assert_true(before.is_known && after.is_known);
    assert_int_equal(before.count, 2);
    assert_int_equal(figures_growth(&before, &after, "posts"), 4);
    assert_int_equal(figures_growth(&before, &after, "http.GET"), 0);
    assert_int_equal(figures_growth(&before, &after, "http.POST"), 7);
    assert_int_equal(figures_growth(&before, &after, "rows.n"), 3);
    assert_int_equal(figures_growth(&before, &after, "nothing"), 0);
    figures_read(SPAN("no JSON"), &after);
    assert_false(after.is_known);
}

/* ---- places */

static void urls_are_taken_apart(void **state)
{
    struct http_place place;

    (void)state;
    assert_null(http_place_find("http://127.0.0.1:8123/a/sse?x=1", &place));
    assert_string_equal(place.host, "127.0.0.1:8123");
    assert_string_equal(place.path, "/a/sse?x=1");
    assert_null(http_place_find("http://127.0.0.1", &place));
    assert_string_equal(place.path, "/");
    assert_null(http_place_find("http://[::1]:80/sse", &place));
    assert_string_equal(place.host, "[::1]:80");
    assert_non_null(http_place_find("https://127.0.0.1/", &place));
    assert_non_null(http_place_find("http://", &place));
    assert_non_null(http_place_find("http:///sse", &place));
    assert_non_null(http_place_find("http://[::1/", &place));
    assert_non_null(http_place_find("http://127.0.0.1:no/", &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_timetable_agrees_with_itself),
        cmocka_unit_test(a_timetable_keeps_its_rate),
        cmocka_unit_test(arguments_are_what_the_template_says),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(a_bad_mix_is_refused),
        cmocka_unit_test(tools_come_by_their_weight_everywhere),
        cmocka_unit_test(answers_are_told_apart),
        cmocka_unit_test(an_echo_is_recognised_however_it_is_written),
        cmocka_unit_test(figures_are_named_by_their_place_and_added_up),
        cmocka_unit_test(urls_are_taken_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
