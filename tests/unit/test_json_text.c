/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "proto/json_scan.h"

static void test_string_is(void **state)
{
    static const struct {
        struct span string;
        const char *text;
        bool is;
        bool starts;
    } rows[] = {
        {LITERAL("\"id\""), "id", true, true},
        {LITERAL("\"id\""), "i", false, true},
        {LITERAL("\"i\""), "id", false, false},
        {LITERAL("\"ID\""), "id", false, false},
        {LITERAL("\"\""), "", true, true},
        {LITERAL("\"a\""), "", false, true},
        /* The same key in other words. */
        {LITERAL("\"\\u0069d\""), "id", true, true},
        {LITERAL("\"i\\u0064\""), "id", true, true},
        {LITERAL("\"tools\\/call\""), "tools/call", true, true},
        {LITERAL("\"tools\\u002fcall\""), "tools/call", true, true},
        {LITERAL("\"tools\\u002Fcall!\""), "tools/call", false, true},
        {LITERAL("\"\\\"\\\\\\b\\f\\n\\r\\t\""), "\"\\\b\f\n\r\t", true, true},
        /* A text with a backslash is that text, and no escape. */
        {LITERAL("\"\\\\u0069\""), "\\u0069", true, true},
        {LITERAL("\"\\u0069\""), "\\u0069", false, false},
        /* A NUL does not end the comparison. */
        {LITERAL("\"id\\u0000\""), "id", false, true},
        {LITERAL("\"id\\u0000evil\""), "id", false, true},
        /* Beyond ASCII, escaped and not. */
        {LITERAL("\"\\u0434\""), "\xd0\xb4", true, true},
        {LITERAL("\"\xd0\xb4\\n\""), "\xd0\xb4\n", true, true},
        {LITERAL("\"\\ud83d\\ude00\""), "\xf0\x9f\x98\x80", true, true},
        {LITERAL("\"\\ud83d\""), "\xed\xa0\xbd", false, false},
        /* No strings at all. */
        {LITERAL("id"), "id", false, false},
        {LITERAL("\""), "", false, false},
        {LITERAL("5"), "5", false, false},
        {{NULL, 0}, "", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, json_string_is(rows[i].string, rows[i].text) == rows[i].is);
        assert_row(i, json_string_starts(rows[i].string, rows[i].text) == rows[i].starts);
    }
}

static void test_string_equal(void **state)
{
    static const struct {
        struct span a;
        struct span b;
        bool equal;
    } rows[] = {
        {LITERAL("\"id\""), LITERAL("\"id\""), true},
        {LITERAL("\"id\""), LITERAL("\"\\u0069d\""), true},
        {LITERAL("\"\\u0069d\""), LITERAL("\"i\\u0064\""), true},
        {LITERAL("\"id\""), LITERAL("\"id2\""), false},
        {LITERAL("\"id\\u0032\""), LITERAL("\"id\""), false},
        {LITERAL("\"id\""), LITERAL("\"id\\u0032\""), false},
        {LITERAL("\"\\ud83d\\ude00\""), LITERAL("\"\xf0\x9f\x98\x80\""), true},
        {LITERAL("\"\\uD83D\\uDE00\""), LITERAL("\"\\ud83d\\ude00\""), true},
        /* Halves of pairs are equal to themselves alone, so that they too can be told apart. */
        {LITERAL("\"\\ud83d\""), LITERAL("\"\\ud83d\""), true},
        {LITERAL("\"\\ud83d\""), LITERAL("\"\\uD83D\""), true},
        {LITERAL("\"\\ud83d\""), LITERAL("\"\\ud83e\""), false},
        {LITERAL("\"\\n\""), LITERAL("\"\\u000a\""), true},
        {LITERAL("\"\\u0000\""), LITERAL("\"\""), false},
        {LITERAL("5"), LITERAL("5"), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, json_string_equal(rows[i].a, rows[i].b) == rows[i].equal);
        assert_row(i, json_string_equal(rows[i].b, rows[i].a) == rows[i].equal);
    }
}

static void test_decode(void **state)
{
    static const struct {
        struct span string;
        struct span text; /* none: refused */
    } rows[] = {
        {LITERAL("\"\""), LITERAL("")},
        {LITERAL("\"abc\""), LITERAL("abc")},
        {LITERAL("\"a\\nb\""), LITERAL("a\nb")},
        {LITERAL("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), LITERAL("\"\\/\b\f\n\r\t")},
        {LITERAL("\"\\u0000\""), LITERAL("\0")},
        /* One, two, three and four bytes. */
        {LITERAL("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\""),
         LITERAL("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
        {LITERAL("\"\xd0\xb4\\u0434\""), LITERAL("\xd0\xb4\xd0\xb4")},
        /* Half pairs: a high one alone, a low one alone, in the wrong order, before a letter. */
        {LITERAL("\"\\ud83d\""), {NULL, 0}},
        {LITERAL("\"\\ude00\""), {NULL, 0}},
        {LITERAL("\"\\ude00\\ud83d\""), {NULL, 0}},
        {LITERAL("\"\\ud83dx\""), {NULL, 0}},
        {LITERAL("\"\\ud83d\\n\""), {NULL, 0}},
        {LITERAL("\"\\ud83d\\ud83d\\ude00\""), {NULL, 0}},
        /* No string. */
        {LITERAL("abc"), {NULL, 0}},
        {LITERAL("\""), {NULL, 0}},
        {{NULL, 0}, {NULL, 0}},
        /* What the checker would not let through. */
        {LITERAL("\"\\q\""), {NULL, 0}},
        {LITERAL("\"\\u12\""), {NULL, 0}},
        {LITERAL("\"\\n\xff\""), {NULL, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes out;
        bool accepted = !span_is_none(rows[i].text);

        bytes_init(&out, 100);
        bytes_append_char(&out, '=');
        assert_row(i, json_string_decode(rows[i].string, &out) == accepted);
        assert_row(i, !out.failed && out.at[0] == '=');
        assert_row(i, out.length == 1 + rows[i].text.length);
        assert_row(i, !accepted || memcmp(out.at + 1, rows[i].text.at, out.length - 1) == 0);
        bytes_done(&out);
    }
}

static void test_decode_does_not_fit(void **state)
{
    struct bytes out;

    (void)state;
    bytes_init(&out, 2);
    assert_false(json_string_decode(SPAN("\"a\\nb\""), &out));
    assert_true(out.failed);
    bytes_clear(&out);
    assert_false(json_string_decode(SPAN("\"abc\""), &out));
    assert_true(out.failed);
    bytes_done(&out);
}

static void test_copy(void **state)
{
    static const struct {
        struct span string;
        size_t size;
        const char *text; /* NULL: refused */
    } rows[] = {
        {LITERAL("\"abc\""), 4, "abc"},
        {LITERAL("\"abc\""), 3, NULL},
        {LITERAL("\"\""), 1, ""},
        {LITERAL("\"\""), 0, NULL},
        {LITERAL("\"tools\\/call\""), 11, "tools/call"},
        {LITERAL("\"\\u0434\""), 3, "\xd0\xb4"},
        {LITERAL("\"\\u0434\""), 2, NULL},
        /* A C string ends at its NUL: two readers, two strings. */
        {LITERAL("\"a\\u0000b\""), 10, NULL},
        {LITERAL("\"\\ud800\""), 10, NULL},
        {LITERAL("7"), 10, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char buffer[16] = "untouched";
        bool copied = json_string_copy(rows[i].string, buffer, rows[i].size);

        assert_row(i, copied == (rows[i].text != NULL));
        assert_string_equal(buffer, copied ? rows[i].text : "untouched");
    }
}

static void test_quote(void **state)
{
    static const struct {
        struct span text;
        const char *string;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {LITERAL(""), "\"\""},
        {LITERAL("plain"), "\"plain\""},
        {LITERAL("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {LITERAL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {LITERAL("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
        {LITERAL("\xd0\xb4\xf0\x9f\x98\x80"), "\"\xd0\xb4\xf0\x9f\x98\x80\""},
        /* U+FFFD for each byte that is no part of a character. */
        {LITERAL("a\xff"
                 "b"),
         "\"a\xef\xbf\xbd"
         "b\""},
        {LITERAL("\xd0"), "\"\xef\xbf\xbd\""},
        {LITERAL("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_error error;
        struct bytes out;

        bytes_init(&out, 1000);
        json_quote(&out, rows[i].text);
        assert_bytes(out, rows[i].string);
        assert_row(i, json_check(bytes_span(&out), &json_limits_default, &error) == 0);
        bytes_done(&out);
    }
}

/* Whatever the text: quoted, it is JSON, and decoded again it is the same. */
static void test_quote_and_decode(void **state)
{
    uint64_t seed = 42;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct json_error error;
        struct bytes quoted;
        struct bytes decoded;
        struct bytes again;
        char text[24];
        size_t length = unit_random(&seed) % sizeof(text);

        for (size_t i = 0; i < length; i++) {
            text[i] = (char)(unit_random(&seed) % 256);
        }
        bytes_init(&quoted, 1000);
        bytes_init(&decoded, 1000);
        bytes_init(&again, 1000);
        json_quote(&quoted, (struct span){text, length});
        assert_int_equal(json_check(bytes_span(&quoted), &json_limits_default, &error), 0);
        assert_true(json_string_decode(bytes_span(&quoted), &decoded));
        json_quote(&again, bytes_span(&decoded));
        assert_same_span(bytes_span(&again), bytes_span(&quoted));
        bytes_done(&quoted);
        bytes_done(&decoded);
        bytes_done(&again);
    }
}

static bool quote_and_decode(void)
{
    struct bytes quoted;
    struct bytes decoded;
    bool succeeded;

    bytes_init(&quoted, 10000);
    bytes_init(&decoded, 10000);
    for (int i = 0; i < 20; i++) {
        json_escape(&quoted, SPAN("some \"text\"\n that \xff grows"));
    }
    bytes_clear(&decoded);
    succeeded = !quoted.failed;
    quoted.failed = false;
    quoted.length = 0;
    json_quote(&quoted, SPAN("a\nb"));
    succeeded = !quoted.failed && json_string_decode(bytes_span(&quoted), &decoded) && succeeded;
    bytes_done(&quoted);
    bytes_done(&decoded);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(quote_and_decode);
}

static void test_integers(void **state)
{
    static const struct {
        struct span token;
        bool integer;
        bool fits;
        int64_t number;
    } rows[] = {
        {LITERAL("0"), true, true, 0},
        {LITERAL("-0"), true, true, 0},
        {LITERAL("5"), true, true, 5},
        {LITERAL("-17"), true, true, -17},
        /* Beyond what a double holds. */
        {LITERAL("9007199254740993"), true, true, 9007199254740993},
        {LITERAL("1152921504606846976"), true, true, 1152921504606846976},
        {LITERAL("9223372036854775807"), true, true, INT64_MAX},
        {LITERAL("-9223372036854775808"), true, true, INT64_MIN},
        {LITERAL("9223372036854775808"), true, false, 0},
        {LITERAL("-9223372036854775809"), true, false, 0},
        {LITERAL("99999999999999999999999999"), true, false, 0},
        {LITERAL("1.0"), false, false, 0},
        {LITERAL("1e3"), false, false, 0},
        {LITERAL("01"), false, false, 0},
        {LITERAL("-"), false, false, 0},
        {LITERAL("-01"), false, false, 0},
        {LITERAL("+1"), false, false, 0},
        {LITERAL(" 1"), false, false, 0},
        {LITERAL("\"1\""), false, false, 0},
        {LITERAL("true"), false, false, 0},
        {LITERAL(""), false, false, 0},
        {{NULL, 0}, false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t number = 77;

        assert_row(i, json_is_integer(rows[i].token) == rows[i].integer);
        assert_row(i, json_to_int(rows[i].token, &number) == rows[i].fits);
        assert_row(i, number == (rows[i].fits ? rows[i].number : 77));
    }
}

static void test_duplicates(void **state)
{
    static const struct {
        struct span object;
        size_t most;
        bool duplicates;
    } rows[] = {
        {LITERAL("{}"), 0, false},
        {LITERAL("{\"a\":1}"), 0, true},
        {LITERAL("{\"a\":1,\"b\":2}"), 2, false},
        {LITERAL("{\"a\":1,\"b\":2,\"c\":3}"), 2, true},
        {LITERAL("{\"a\":1,\"a\":1}"), 64, true},
        {LITERAL("{\"a\":1,\"b\":{\"a\":1}}"), 64, false},
        {LITERAL("{\"a\":1,\"A\":2}"), 64, false},
        {LITERAL("{\"name\":1,\"n\\u0061me\":2}"), 64, true},
        {LITERAL("{\"\":1,\"\\u0000\":2}"), 64, false},
        {LITERAL("[1,1]"), 64, false},
        {{NULL, 0}, 64, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, json_has_duplicates(rows[i].object, rows[i].most) == rows[i].duplicates);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_string_is),
        cmocka_unit_test(test_string_equal),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_does_not_fit),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_quote_and_decode),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_duplicates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
