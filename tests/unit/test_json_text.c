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
        {SPAN_INIT("\"id\""), "id", true, true},
        {SPAN_INIT("\"id\""), "i", false, true},
        {SPAN_INIT("\"i\""), "id", false, false},
        {SPAN_INIT("\"ID\""), "id", false, false},
        {SPAN_INIT("\"\""), "", true, true},
        {SPAN_INIT("\"a\""), "", false, true},
        /* The same key in other words. */
        {SPAN_INIT("\"\\u0069d\""), "id", true, true},
        {SPAN_INIT("\"i\\u0064\""), "id", true, true},
        {SPAN_INIT("\"tools\\/call\""), "tools/call", true, true},
        {SPAN_INIT("\"tools\\u002fcall\""), "tools/call", true, true},
        {SPAN_INIT("\"tools\\u002Fcall!\""), "tools/call", false, true},
        {SPAN_INIT("\"\\\"\\\\\\b\\f\\n\\r\\t\""), "\"\\\b\f\n\r\t", true, true},
        /* A text with a backslash is that text, and no escape. */
        {SPAN_INIT("\"\\\\u0069\""), "\\u0069", true, true},
        {SPAN_INIT("\"\\u0069\""), "\\u0069", false, false},
        /* A NUL does not end the comparison. */
        {SPAN_INIT("\"id\\u0000\""), "id", false, true},
        {SPAN_INIT("\"id\\u0000evil\""), "id", false, true},
        /* Beyond ASCII, escaped and not. */
        {SPAN_INIT("\"\\u0434\""), "\xd0\xb4", true, true},
        {SPAN_INIT("\"\xd0\xb4\\n\""), "\xd0\xb4\n", true, true},
        {SPAN_INIT("\"\\ud83d\\ude00\""), "\xf0\x9f\x98\x80", true, true},
        {SPAN_INIT("\"\\ud83d\""), "\xed\xa0\xbd", false, false},
        /* No strings at all. */
        {SPAN_INIT("id"), "id", false, false},
        {SPAN_INIT("\""), "", false, false},
        {SPAN_INIT("5"), "5", false, false},
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
        {SPAN_INIT("\"id\""), SPAN_INIT("\"id\""), true},
        {SPAN_INIT("\"id\""), SPAN_INIT("\"\\u0069d\""), true},
        {SPAN_INIT("\"\\u0069d\""), SPAN_INIT("\"i\\u0064\""), true},
        {SPAN_INIT("\"id\""), SPAN_INIT("\"id2\""), false},
        {SPAN_INIT("\"id\\u0032\""), SPAN_INIT("\"id\""), false},
        {SPAN_INIT("\"id\""), SPAN_INIT("\"id\\u0032\""), false},
        {SPAN_INIT("\"\\ud83d\\ude00\""), SPAN_INIT("\"\xf0\x9f\x98\x80\""), true},
        {SPAN_INIT("\"\\uD83D\\uDE00\""), SPAN_INIT("\"\\ud83d\\ude00\""), true},
        /* Halves of pairs are equal to themselves alone, so that they too can be told apart. */
        {SPAN_INIT("\"\\ud83d\""), SPAN_INIT("\"\\ud83d\""), true},
        {SPAN_INIT("\"\\ud83d\""), SPAN_INIT("\"\\uD83D\""), true},
        {SPAN_INIT("\"\\ud83d\""), SPAN_INIT("\"\\ud83e\""), false},
        {SPAN_INIT("\"\\n\""), SPAN_INIT("\"\\u000a\""), true},
        {SPAN_INIT("\"\\u0000\""), SPAN_INIT("\"\""), false},
        {SPAN_INIT("5"), SPAN_INIT("5"), false},
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
        {SPAN_INIT("\"\""), SPAN_INIT("")},
        {SPAN_INIT("\"abc\""), SPAN_INIT("abc")},
        {SPAN_INIT("\"a\\nb\""), SPAN_INIT("a\nb")},
        {SPAN_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SPAN_INIT("\"\\/\b\f\n\r\t")},
        {SPAN_INIT("\"\\u0000\""), SPAN_INIT("\0")},
        /* One, two, three and four bytes. */
        {SPAN_INIT("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\""),
         SPAN_INIT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
        {SPAN_INIT("\"\xd0\xb4\\u0434\""), SPAN_INIT("\xd0\xb4\xd0\xb4")},
        /* Half pairs: a high one alone, a low one alone, in the wrong order, before a letter. */
        {SPAN_INIT("\"\\ud83d\""), {NULL, 0}},
        {SPAN_INIT("\"\\ude00\""), {NULL, 0}},
        {SPAN_INIT("\"\\ude00\\ud83d\""), {NULL, 0}},
        {SPAN_INIT("\"\\udc00\\udc00\""), {NULL, 0}},
        {SPAN_INIT("\"\\udbff\\udbff\""), {NULL, 0}},
        {SPAN_INIT("\"\\ud83dx\""), {NULL, 0}},
        {SPAN_INIT("\"\\ud83d\\n\""), {NULL, 0}},
        {SPAN_INIT("\"\\ud83d\\ud83d\\ude00\""), {NULL, 0}},
        /* No string. */
        {SPAN_INIT("abc"), {NULL, 0}},
        {SPAN_INIT("\""), {NULL, 0}},
        {{NULL, 0}, {NULL, 0}},
        /* What the checker would not let through. */
        {SPAN_INIT("\"\\q\""), {NULL, 0}},
        {SPAN_INIT("\"\\u12\""), {NULL, 0}},
        {SPAN_INIT("\"\\u12g4\""), {NULL, 0}},
        {SPAN_INIT("\"\\\""), {NULL, 0}},
        {SPAN_INIT("\"\\n\xff\""), {NULL, 0}},
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
        {SPAN_INIT("\"abc\""), 4, "abc"},
        {SPAN_INIT("\"abc\""), 3, NULL},
        {SPAN_INIT("\"\""), 1, ""},
        {SPAN_INIT("\"\""), 0, NULL},
        {SPAN_INIT("\"tools\\/call\""), 11, "tools/call"},
        {SPAN_INIT("\"\\u0434\""), 3, "\xd0\xb4"},
        {SPAN_INIT("\"\\u0434\""), 2, NULL},
        /* A C string ends at its NUL: two readers, two strings. */
        {SPAN_INIT("\"a\\u0000b\""), 10, NULL},
        {SPAN_INIT("\"\\ud800\""), 10, NULL},
        {SPAN_INIT("7"), 10, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char buffer[16] = "untouched";
        bool copied = json_string_copy(rows[i].string, buffer, rows[i].size);

        assert_row(i, copied == (rows[i].text != NULL));
        assert_string_equal(buffer, copied ? rows[i].text : "untouched");
    }
}

static void test_show(void **state)
{
    static const struct {
        struct span string;
        size_t size;
        const char *text;
    } rows[] = {
        {SPAN_INIT("\"abc\""), 4, "abc"},
        {SPAN_INIT("\"abc\""), 3, "ab"},
        {SPAN_INIT("\"abc\""), 1, ""},
        {SPAN_INIT("\"a\x7f"
                   "b\\u0000c\\n\""),
         10, "a b c "},
        {SPAN_INIT("\"a\x7f"
                   "b\""),
         10, "a b"},
        /* Cut between characters, however they are written. */
        {SPAN_INIT("\"a\xd0\xb4\""), 4, "a\xd0\xb4"},
        {SPAN_INIT("\"a\xd0\xb4\""), 3, "a"},
        {SPAN_INIT("\"a\\u0434\""), 4, "a\xd0\xb4"},
        {SPAN_INIT("\"a\\u0434\""), 3, "a"},
        {SPAN_INIT("\"\xf0\x9f\x98\x80\""), 4, ""},
        {SPAN_INIT("\"ab\\ud800\""), 10, ""},
        {SPAN_INIT("7"), 10, ""},
        {{NULL, 0}, 10, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char buffer[16] = "touched";

        json_string_show(rows[i].string, buffer, rows[i].size);
        assert_string_equal(buffer, rows[i].text);
    }
}

static void test_quote(void **state)
{
    static const struct {
        struct span text;
        const char *string;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {SPAN_INIT(""), "\"\""},
        {SPAN_INIT("plain"), "\"plain\""},
        {SPAN_INIT("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {SPAN_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {SPAN_INIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
        {SPAN_INIT("\xd0\xb4\xf0\x9f\x98\x80"), "\"\xd0\xb4\xf0\x9f\x98\x80\""},
        /* U+FFFD for each byte that is no part of a character. */
        {SPAN_INIT("a\xff"
                   "b"),
         "\"a\xef\xbf\xbd"
         "b\""},
        {SPAN_INIT("\xd0"), "\"\xef\xbf\xbd\""},
        {SPAN_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
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
        {SPAN_INIT("0"), true, true, 0},
        {SPAN_INIT("-0"), true, true, 0},
        {SPAN_INIT("5"), true, true, 5},
        {SPAN_INIT("-17"), true, true, -17},
        /* Beyond what a double holds. */
        {SPAN_INIT("9007199254740993"), true, true, 9007199254740993},
        {SPAN_INIT("1152921504606846976"), true, true, 1152921504606846976},
        {SPAN_INIT("9223372036854775807"), true, true, INT64_MAX},
        {SPAN_INIT("-9223372036854775808"), true, true, INT64_MIN},
        {SPAN_INIT("9223372036854775808"), true, false, 0},
        {SPAN_INIT("-9223372036854775809"), true, false, 0},
        {SPAN_INIT("99999999999999999999999999"), true, false, 0},
        {SPAN_INIT("1.0"), false, false, 0},
        {SPAN_INIT("1e3"), false, false, 0},
        {SPAN_INIT("01"), false, false, 0},
        {SPAN_INIT("-"), false, false, 0},
        {SPAN_INIT("-01"), false, false, 0},
        {SPAN_INIT("+1"), false, false, 0},
        {SPAN_INIT(" 1"), false, false, 0},
        {SPAN_INIT("\"1\""), false, false, 0},
        {SPAN_INIT("true"), false, false, 0},
        {SPAN_INIT(""), false, false, 0},
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
        {SPAN_INIT("{}"), 0, false},
        {SPAN_INIT("{\"a\":1}"), 0, true},
        {SPAN_INIT("{\"a\":1,\"b\":2}"), 2, false},
        {SPAN_INIT("{\"a\":1,\"b\":2,\"c\":3}"), 2, true},
        {SPAN_INIT("{\"a\":1,\"a\":1}"), 64, true},
        {SPAN_INIT("{\"a\":1,\"b\":{\"a\":1}}"), 64, false},
        {SPAN_INIT("{\"a\":1,\"A\":2}"), 64, false},
        {SPAN_INIT("{\"name\":1,\"n\\u0061me\":2}"), 64, true},
        {SPAN_INIT("{\"\":1,\"\\u0000\":2}"), 64, false},
        {SPAN_INIT("[1,1]"), 64, false},
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
        cmocka_unit_test(test_string_is),     cmocka_unit_test(test_string_equal),
        cmocka_unit_test(test_decode),        cmocka_unit_test(test_decode_does_not_fit),
        cmocka_unit_test(test_copy),          cmocka_unit_test(test_show),
        cmocka_unit_test(test_quote),         cmocka_unit_test(test_quote_and_decode),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_duplicates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
