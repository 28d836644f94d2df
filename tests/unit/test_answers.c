/* SPDX-License-Identifier: MIT */
/* Results of every kind, as each provider wants them back. */
#include "toolset_unit.h"

#include "answer_lint.h"

static const char listing[] = "[{\"name\":\"look\",\"inputSchema\":{\"type\":\"object\"}}]";

/* The answers to PAIRS, for teplo_free: they pass the lint as answers to CALLS. */
static struct span answer(enum teplo_provider provider, uint32_t flags, struct span calls,
                          struct span pairs)
{
    struct teplo_toolset *toolset = toolset_open(provider, flags, NULL, span_of(listing));
    struct span answers = toolset_turn(toolset, teplo_toolset_answers, pairs);
    const char *complaint = NULL;

    if (span_is_none(answers)) {
        vector_fail("answers", span_of(teplo_toolset_error(toolset)), SPAN_NONE);
    } else {
        complaint = answer_lint(provider, calls, answers);
    }
    if (complaint != NULL) {
        vector_fail("lint", answers, span_of(complaint));
    }
    teplo_toolset_free(toolset);
    return answers;
}

static const char call_one[] = "[{\"id\":\"call_1\",\"index\":0,\"name\":\"look\"}]";

/* "pair" is the members beside "call". */
static void play(struct span vector)
{
    struct span pair = json_find(vector, "pair");
    struct bytes pairs;

    bytes_init(&pairs, 1000000);
    bytes_append_text(&pairs, "[{\"call\":");
    bytes_append(&pairs, call_one + 1, sizeof(call_one) - 3);
    bytes_append_text(&pairs, pair.length > 2 ? "," : "");
    bytes_append(&pairs, pair.at + 1, pair.length - 1);
    bytes_append_text(&pairs, "]");
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        struct span expected = json_find(vector, toolset_providers[i].word);
        struct span answers;

        if (span_is_none(expected)) {
            continue;
        }
        answers = answer(toolset_providers[i].provider, flags_of(json_find(vector, "flags")),
                         span_of(call_one), bytes_span(&pairs));
        vector_expect(toolset_providers[i].word, answers, expected);
        toolset_turn_done(answers);
    }
    bytes_done(&pairs);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_play(TEPLO_VECTORS "/results.jsonl", play);
}

/* Several calls: one answer each, in the order of the calls, whatever became of them. */
static void test_several(void **state)
{
    static const char calls[] =
        "[{\"id\":\"a\",\"name\":\"look\"},{\"id\":null,\"name\":\"Look\"},"
        "{\"id\":\"a\",\"name\":\"look\"},{\"id\":\"d\",\"name\":\"nobody\"},"
        "{\"name\":\"look\"}]";
    static const char pairs[] =
        "[{\"call\":{\"id\":\"a\",\"index\":0,\"name\":\"look\"},"
        "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"first\"}]}},"
        "{\"call\":{\"id\":\"a\",\"index\":2,\"name\":\"look\"},"
        "\"error\":{\"class\":\"Timeout\",\"message\":\"too slow\",\"outcome\":\"unknown\"}},"
        "{\"call\":{\"id\":null,\"index\":1,\"name\":\"Look\"},"
        "\"result\":{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/png\","
        "\"data\":\"AAAA\"}]}},"
        "{\"call\":{\"id\":\"d\",\"index\":3,\"name\":\"nobody\",\"error\":"
        "{\"class\":\"NoSuchTool\",\"message\":\"There is no tool.\"}}},"
        "{\"call\":{\"index\":4,\"name\":\"look\"}}]";

    (void)state;
    vector_name = "several";
    vector_failed = false;
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        struct span answers =
            answer(toolset_providers[i].provider, 0, span_of(calls), span_of(pairs));

        assert_non_null(memmem(answers.at, answers.length, "first", 5));
        assert_non_null(memmem(answers.at, answers.length,
                               "Timeout: too slow. It may have run, or may still", 48));
        assert_non_null(memmem(answers.at, answers.length, "NoSuchTool: There is no tool.", 29));
        assert_non_null(memmem(answers.at, answers.length, "NoResult: nothing came back", 27));
        assert_non_null(memmem(answers.at, answers.length, "AAAA", 4));
        toolset_turn_done(answers);
    }
    assert_false(vector_failed);
}

static void test_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        struct span answers = answer(toolset_providers[i].provider, 0, SPAN("[]"), SPAN(" [ ] "));

        assert_span(answers, "[]");
        toolset_turn_done(answers);
    }
}

/* A text of LENGTH bytes whose characters have two. */
static void append_long(struct bytes *pairs, size_t length)
{
    bytes_append_text(pairs, "[{\"call\":{\"id\":\"call_1\",\"name\":\"look\"},\"result\":"
                             "{\"content\":[{\"type\":\"text\",\"text\":\"x");
    for (size_t i = 1; i < length; i += 2) {
        bytes_append_text(pairs, "\xd0\xb4");
    }
    bytes_append_text(pairs, "\"},{\"type\":\"text\",\"text\":\"behind\"}]}}]");
}

/* A megabyte is cut, between two characters, and says so; what is behind it counts too. */
static void test_long_text(void **state)
{
    static const char mark[] = "\\n[cut: 786440 more bytes of text are left out]";
    struct bytes pairs;

    (void)state;
    vector_name = "long text";
    vector_failed = false;
    bytes_init(&pairs, 10000000);
    append_long(&pairs, 1048577);
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        struct span answers =
            answer(toolset_providers[i].provider, 0, span_of(call_one), bytes_span(&pairs));

        assert_in_range(answers.length, 262144, 262144 + 300);
        assert_non_null(memmem(answers.at, answers.length, mark, sizeof(mark) - 1));
        assert_null(memmem(answers.at, answers.length, "behind", 6));
        toolset_turn_done(answers);
    }
    assert_false(vector_failed);
    bytes_done(&pairs);
}

static void test_refused(void **state)
{
    static const struct {
        struct span pairs;
        const char *complaint;
    } rows[] = {
        {SPAN_INIT("{}"), "the pairs of calls and results are no array, or more than 1024"},
        {SPAN_INIT("[1]"), "element 0 of the pairs has no \"call\" that is an object"},
        {SPAN_INIT("[{\"call\":{}},{\"call\":null}]"),
         "element 1 of the pairs has no \"call\" that is an object"},
        {SPAN_INIT("[{\"call\":{},\"result\":NaN}]"),
         "the array of pairs is not JSON that can be read: a word other than true, "
         "false and null, at byte 21"},
    };
    struct teplo_toolset *toolset = toolset_open(TEPLO_GEMINI, 0, NULL, span_of(listing));
    char *json = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(
            teplo_toolset_answers(toolset, rows[i].pairs.at, rows[i].pairs.length, &json, NULL),
            TEPLO_E_INVAL);
        assert_string_equal(teplo_toolset_error(toolset), rows[i].complaint);
    }
    assert_int_equal(teplo_toolset_answers(NULL, "[]", 2, &json, NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_toolset_answers(toolset, NULL, 0, &json, NULL), TEPLO_E_INVAL);
    assert_null(json);
    teplo_toolset_free(toolset);
}

static enum teplo_provider scarce_provider;

static bool answer_scarcely(void)
{
    static const char pairs[] =
        "[{\"call\":{\"id\":\"a\",\"name\":\"x\\ud800\"},\"result\":{\"content\":["
        "{\"type\":\"text\",\"text\":\"{\\\"a\\\":1}\"},"
        "{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AAAA\"},"
        "{\"type\":\"resource\",\"resource\":{\"uri\":\"u\",\"text\":\"t\\ud800\"}},"
        "{\"type\":\"resource_link\",\"name\":\"n\",\"uri\":\"u\"}],\"isError\":false}},"
        "{\"call\":{\"id\":\"b\",\"name\":\"x\"},\"result\":{\"content\":[],"
        "\"structuredContent\":{\"a\":\"\\ud800\"}}},"
        "{\"call\":{\"id\":\"c\",\"name\":\"x\"},\"error\":{\"class\":\"Timeout\"}}]";
    struct teplo_toolset *toolset = NULL;
    char *json = NULL;
    size_t length;
    int error = teplo_toolset_new(scarce_provider, 0, &toolset);

    if (error == 0) {
        error = teplo_toolset_answers(toolset, pairs, sizeof(pairs) - 1, &json, &length);
    }
    assert_true(error == 0 || error == TEPLO_E_NOMEM);
    assert_true((error == 0) == (json != NULL));
    teplo_free(json);
    teplo_toolset_free(toolset);
    return error == 0;
}

static void test_memory_out(void **state)
{
    size_t before = mem_in_use();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        scarce_provider = toolset_providers[i].provider;
        each_allocation_fails(answer_scarcely);
    }
    assert_int_equal(mem_in_use(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_several),
        cmocka_unit_test(test_none),    cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_memory_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
