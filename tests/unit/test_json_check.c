/* SPDX-License-Identifier: MIT */
/* The checker.  The cursor: test_json_walk.c; strings and integers: test_json_text.c. */
#include "unit.h"

#include <errno.h>

#include "proto/json_scan.h"

struct refusal {
    struct span text;
    enum json_fault fault;
    size_t at;
};

static int check(struct span text, struct json_error *ret_error)
{
    return json_check(text, &json_limits_default, ret_error);
}

static bool is_json(struct span text)
{
    struct json_error error;

    return check(text, &error) == 0;
}

static void test_accepts(void **state)
{
    static const struct span rows[] = {
        /* Scalars are texts too since RFC 7159. */
        SPAN_INIT("null"),
        SPAN_INIT("true"),
        SPAN_INIT("false"),
        SPAN_INIT("0"),
        SPAN_INIT("\"\""),
        /* White space: all four kinds, on both sides. */
        SPAN_INIT(" \t\r\n null \t\r\n "),
        SPAN_INIT("{}"),
        SPAN_INIT("[]"),
        SPAN_INIT("{ }"),
        SPAN_INIT("[\r\n]"),
        SPAN_INIT("[[],{},[{}]]"),
        SPAN_INIT("{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"e\"}"),
        SPAN_INIT("{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }"),
        /* Keys: empty, equal. What equal keys mean is the reader's business. */
        SPAN_INIT("{\"\":1}"),
        SPAN_INIT("{\"a\":1,\"a\":2}"),
        /* Numbers keep their bytes, so no size is too much. */
        SPAN_INIT("-0"),
        SPAN_INIT("-0.0"),
        SPAN_INIT("1e400"),
        SPAN_INIT("-1e400"),
        SPAN_INIT("1E+1"),
        SPAN_INIT("1e-99999999999999999999"),
        SPAN_INIT("0.000000000000000000000000000000000000000000000000000000000001"),
        SPAN_INIT("9007199254740993"),
        SPAN_INIT("123456789012345678901234567890123456789012345678901234567890"),
        /* Every escape. */
        SPAN_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\uabCD\""),
        /* Half a surrogate pair: Python and JavaScript send them; decoding refuses. */
        SPAN_INIT("\"\\ud800\""),
        SPAN_INIT("\"\\udc00\\ud800\""),
        SPAN_INIT("\"\\ud83d\\ude00\""),
        /* DEL and the C1 controls are no JSON controls. */
        SPAN_INIT("\"\x7f\""),
        SPAN_INIT("\"\xc2\x80\xc2\x9f\""),
        /* Raw line separators of JavaScript, a BOM inside a string, noncharacters. */
        SPAN_INIT("\"\xe2\x80\xa8\xe2\x80\xa9\""),
        SPAN_INIT("\"\xef\xbb\xbf\""),
        SPAN_INIT("\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\""),
        /* Two, three and four bytes, first and last of each length. */
        SPAN_INIT("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\""),
        /* Brackets in strings are no brackets. */
        SPAN_INIT("[\"]\",\"}\",\"[{\"]"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, is_json(rows[i]));
    }
}

static const struct refusal refusals[] = {
    /* Nothing there. */
    {SPAN_INIT(""), JSON_FAULT_EMPTY, 0},
    {SPAN_INIT(" \r\n"), JSON_FAULT_EMPTY, 3},
    /* Cut off, at every kind of place. */
    {SPAN_INIT("{"), JSON_FAULT_TRUNCATED, 1},
    {SPAN_INIT("[ "), JSON_FAULT_TRUNCATED, 2},
    {SPAN_INIT("[1"), JSON_FAULT_TRUNCATED, 2},
    {SPAN_INIT("[1,"), JSON_FAULT_TRUNCATED, 3},
    {SPAN_INIT("{\"a\""), JSON_FAULT_TRUNCATED, 4},
    {SPAN_INIT("{\"a\":"), JSON_FAULT_TRUNCATED, 5},
    {SPAN_INIT("{\"a\":1"), JSON_FAULT_TRUNCATED, 6},
    {SPAN_INIT("{\"a\":1,"), JSON_FAULT_TRUNCATED, 7},
    {SPAN_INIT("\"abc"), JSON_FAULT_TRUNCATED, 4},
    {SPAN_INIT("\"abc\\"), JSON_FAULT_TRUNCATED, 5},
    {SPAN_INIT("\"abc\\\""), JSON_FAULT_TRUNCATED, 6},
    {SPAN_INIT("\"\\u00"), JSON_FAULT_TRUNCATED, 5},
    {SPAN_INIT("-"), JSON_FAULT_TRUNCATED, 1},
    {SPAN_INIT("1."), JSON_FAULT_TRUNCATED, 2},
    {SPAN_INIT("1e"), JSON_FAULT_TRUNCATED, 2},
    {SPAN_INIT("1e+"), JSON_FAULT_TRUNCATED, 3},
    {SPAN_INIT("tru"), JSON_FAULT_TRUNCATED, 3},
    {SPAN_INIT("[n"), JSON_FAULT_TRUNCATED, 2},
    /* Commas too many, and other bytes out of place. */
    {SPAN_INIT("[1,]"), JSON_FAULT_UNEXPECTED, 3},
    {SPAN_INIT("[,1]"), JSON_FAULT_UNEXPECTED, 1},
    {SPAN_INIT("[1,,2]"), JSON_FAULT_UNEXPECTED, 3},
    {SPAN_INIT("{\"a\":1,}"), JSON_FAULT_UNEXPECTED, 7},
    {SPAN_INIT("{,}"), JSON_FAULT_UNEXPECTED, 1},
    {SPAN_INIT("{1:2}"), JSON_FAULT_UNEXPECTED, 1},
    {SPAN_INIT("{a:1}"), JSON_FAULT_UNEXPECTED, 1},
    {SPAN_INIT("{'a':1}"), JSON_FAULT_UNEXPECTED, 1},
    {SPAN_INIT("{\"a\" 1}"), JSON_FAULT_UNEXPECTED, 5},
    {SPAN_INIT("{\"a\",1}"), JSON_FAULT_UNEXPECTED, 4},
    {SPAN_INIT("{\"a\":}"), JSON_FAULT_UNEXPECTED, 5},
    {SPAN_INIT("[1 2]"), JSON_FAULT_UNEXPECTED, 3},
    {SPAN_INIT("[1:2]"), JSON_FAULT_UNEXPECTED, 2},
    {SPAN_INIT("[1}"), JSON_FAULT_UNEXPECTED, 2},
    {SPAN_INIT("{\"a\":1]"), JSON_FAULT_UNEXPECTED, 6},
    {SPAN_INIT("[{\"a\":[}]"), JSON_FAULT_UNEXPECTED, 7},
    {SPAN_INIT("]"), JSON_FAULT_UNEXPECTED, 0},
    {SPAN_INIT("\xff"), JSON_FAULT_UNEXPECTED, 0},
    {SPAN_INIT("\0"), JSON_FAULT_UNEXPECTED, 0},
    {SPAN_INIT("[/*c*/1]"), JSON_FAULT_UNEXPECTED, 1},
    /* White space that JSON does not know: form feed, no-break space. */
    {SPAN_INIT("[\f1]"), JSON_FAULT_UNEXPECTED, 1},
    {SPAN_INIT("[\xc2\xa0"
               "1]"),
     JSON_FAULT_UNEXPECTED, 1},
    /* Something behind: a second value, a NUL, a BOM, the rest of a word or number. */
    {SPAN_INIT("{}{}"), JSON_FAULT_TRAILING, 2},
    {SPAN_INIT("{}\0"), JSON_FAULT_TRAILING, 2},
    {SPAN_INIT("1 2"), JSON_FAULT_TRAILING, 2},
    {SPAN_INIT("nullx"), JSON_FAULT_TRAILING, 4},
    {SPAN_INIT("1.5.5"), JSON_FAULT_TRAILING, 3},
    {SPAN_INIT("0x10"), JSON_FAULT_TRAILING, 1},
    {SPAN_INIT("\"a\"\"b\""), JSON_FAULT_TRAILING, 3},
    {SPAN_INIT("{}]"), JSON_FAULT_TRAILING, 2},
    /* Raw controls in strings and keys: a newline above all. */
    {SPAN_INIT("\"a\nb\""), JSON_FAULT_CONTROL, 2},
    {SPAN_INIT("\"a\0b\""), JSON_FAULT_CONTROL, 2},
    {SPAN_INIT("\"\x1f\""), JSON_FAULT_CONTROL, 1},
    {SPAN_INIT("{\"a\tb\":1}"), JSON_FAULT_CONTROL, 3},
    {SPAN_INIT("\"\xd0\xb0\r\""), JSON_FAULT_CONTROL, 3},
    /* Escapes of other languages. */
    {SPAN_INIT("\"\\x41\""), JSON_FAULT_ESCAPE, 2},
    {SPAN_INIT("\"\\'\""), JSON_FAULT_ESCAPE, 2},
    {SPAN_INIT("\"\\0\""), JSON_FAULT_ESCAPE, 2},
    {SPAN_INIT("\"\\\0\""), JSON_FAULT_ESCAPE, 2},
    {SPAN_INIT("\"\\U0041\""), JSON_FAULT_ESCAPE, 2},
    {SPAN_INIT("\"\\u00g0\""), JSON_FAULT_ESCAPE, 5},
    {SPAN_INIT("\"\\u12\""), JSON_FAULT_ESCAPE, 5},
    /* Not UTF-8: alone, overlong, a surrogate, too high, cut by the quote, Latin-1. */
    {SPAN_INIT("\"\x80\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xc0\xaf\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xc1\xbf\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xe0\x9f\xbf\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xed\xa0\x80\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xf0\x8f\xbf\xbf\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xf4\x90\x80\x80\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"\xf8\x88\x80\x80\x80\""), JSON_FAULT_UTF8, 1},
    {SPAN_INIT("\"ab\xd0\""), JSON_FAULT_UTF8, 3},
    {SPAN_INIT("\"ab\xe2\x82\""), JSON_FAULT_UTF8, 3},
    {SPAN_INIT("\"caf\xe9\""), JSON_FAULT_UTF8, 4},
    {SPAN_INIT("\"\xd0\xb0\xff\""), JSON_FAULT_UTF8, 3},
    /* Numbers. */
    {SPAN_INIT("01"), JSON_FAULT_NUMBER, 1},
    {SPAN_INIT("-01"), JSON_FAULT_NUMBER, 2},
    {SPAN_INIT("00"), JSON_FAULT_NUMBER, 1},
    {SPAN_INIT("+1"), JSON_FAULT_NUMBER, 0},
    {SPAN_INIT(".5"), JSON_FAULT_NUMBER, 0},
    {SPAN_INIT("1.e5"), JSON_FAULT_NUMBER, 2},
    {SPAN_INIT("[1.]"), JSON_FAULT_NUMBER, 3},
    {SPAN_INIT("[-]"), JSON_FAULT_NUMBER, 2},
    {SPAN_INIT("[1e]"), JSON_FAULT_NUMBER, 3},
    {SPAN_INIT("[1e+]"), JSON_FAULT_NUMBER, 4},
    {SPAN_INIT("-Infinity"), JSON_FAULT_NUMBER, 1},
    /* Words: Python's and JavaScript's. */
    {SPAN_INIT("NaN"), JSON_FAULT_LITERAL, 0},
    {SPAN_INIT("Infinity"), JSON_FAULT_LITERAL, 0},
    {SPAN_INIT("True"), JSON_FAULT_LITERAL, 0},
    {SPAN_INIT("[nul]"), JSON_FAULT_LITERAL, 1},
    {SPAN_INIT("undefined"), JSON_FAULT_LITERAL, 0},
    /* A BOM in front, also before nothing. */
    {SPAN_INIT("\xef\xbb\xbf{}"), JSON_FAULT_BOM, 0},
    {SPAN_INIT("\xef\xbb\xbf"), JSON_FAULT_BOM, 0},
};

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct json_error error;

        assert_row(i, check(refusals[i].text, &error) == -EBADMSG);
        assert_row(i, error.fault == refusals[i].fault);
        assert_row(i, error.at == refusals[i].at);
        assert_row(i, strlen(json_fault_text(error.fault)) > 5);
    }
}

static void test_absent_text(void **state)
{
    struct json_error error;

    (void)state;
    assert_int_equal(check(SPAN_NONE, &error), -EBADMSG);
    assert_int_equal(error.fault, JSON_FAULT_EMPTY);
    assert_int_equal(error.at, 0);
}

/* Cut anywhere, an object is no JSON, and the fault is that it ends. */
static void test_every_prefix_is_refused(void **state)
{
    static const char text[] =
        "{\"key\\u0041\":[1.5e3,-0,true,{\"\xd0\xb0\":null}],\"s\":\"\\n\"} ";
    char copy[sizeof(text)];

    (void)state;
    assert_true(is_json(span_of(text)));
    for (size_t length = 1; length < sizeof(text) - 2; length++) {
        struct json_error error;

        memcpy(copy, text, length);
        assert_row(length, check((struct span){copy, length}, &error) == -EBADMSG);
        /* Inside a character, what is there is no UTF-8. */
        assert_row(length, error.fault == JSON_FAULT_TRUNCATED || error.fault == JSON_FAULT_UTF8);
        assert_row(length, error.at <= length);
    }
}

/* The checker looks at eight bytes at once: a special byte must be seen at each place. */
static void test_every_alignment(void **state)
{
    static const struct {
        char byte;
        enum json_fault fault;
    } rows[] = {
        {'\n', JSON_FAULT_CONTROL}, {'\0', JSON_FAULT_CONTROL}, {'\x1f', JSON_FAULT_CONTROL},
        {'\x80', JSON_FAULT_UTF8},  {'\xff', JSON_FAULT_UTF8},  {'"', JSON_FAULT_TRAILING},
        {'\\', JSON_FAULT_ESCAPE},  {'\x20', JSON_FAULT_NONE},  {'!', JSON_FAULT_NONE},
        {'#', JSON_FAULT_NONE},     {'[', JSON_FAULT_NONE},     {']', JSON_FAULT_NONE},
        {'\x7f', JSON_FAULT_NONE},
    };
    enum { LONGEST = 40 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t place = 1; place < LONGEST - 2; place++) {
            struct json_error error = {JSON_FAULT_NONE, place};
            char text[LONGEST];
            size_t at = place;

            memset(text, 'x', sizeof(text));
            text[0] = text[LONGEST - 1] = '"';
            text[place] = rows[i].byte;
            assert_row(i, (check((struct span){text, LONGEST}, &error) == 0) ==
                              (rows[i].fault == JSON_FAULT_NONE));
            assert_row(i, error.fault == rows[i].fault);
            at += rows[i].byte == '"' || rows[i].byte == '\\' ? 1 : 0;
            assert_row(i, error.at == at);
        }
    }
}

/* The definition of UTF-8 in the plainest words, for comparison. */
static bool is_utf8(const unsigned char *bytes, size_t length)
{
    size_t i = 0;

    while (i < length) {
        size_t more = bytes[i] < 0x80   ? 0
                      : bytes[i] < 0xc0 ? 9
                      : bytes[i] < 0xe0 ? 1
                      : bytes[i] < 0xf0 ? 2
                      : bytes[i] < 0xf8 ? 3
                                        : 9;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        uint32_t point = bytes[i];

        if (more == 9 || i + more >= length) {
            return false;
        }
        if (more > 0) {
            point &= 0x3fU >> more;
        }
        for (size_t k = 1; k <= more; k++) {
            if ((bytes[i + k] & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | (bytes[i + k] & 0x3f);
        }
        if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            return false;
        }
        i += more + 1;
    }
    return true;
}

static void test_utf8_against_its_definition(void **state)
{
    static const unsigned char edges[] = {0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                          0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
                                          0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    enum { EDGES = COUNT_OF(edges) };
    unsigned char text[6] = {'"', 0, 0, 0, 0, '"'};

    (void)state;
    for (size_t n = 0; n < (size_t)EDGES * EDGES * EDGES * EDGES; n++) {
        text[1] = edges[n % EDGES];
        text[2] = edges[n / EDGES % EDGES];
        text[3] = edges[n / EDGES / EDGES % EDGES];
        text[4] = edges[n / EDGES / EDGES / EDGES];
        assert_row(n, is_json((struct span){(const char *)text, 6}) == is_utf8(text + 1, 4));
    }
}

/* ---- limits */

static void nest(struct bytes *out, const char *open, const char *middle, const char *close,
                 size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        bytes_append_text(out, open);
    }
    bytes_append_text(out, middle);
    for (size_t i = 0; i < depth; i++) {
        bytes_append_text(out, close);
    }
}

static void test_depth(void **state)
{
    static const struct {
        size_t depth;
        uint32_t limit;
        enum json_fault fault;
    } rows[] = {
        {128, 128, JSON_FAULT_NONE},
        {129, 128, JSON_FAULT_DEPTH},
        {512, 512, JSON_FAULT_NONE},
        {513, 512, JSON_FAULT_DEPTH},
        /* What recursion would not survive on a small stack. */
        {2000, 128, JSON_FAULT_DEPTH},
        {1000000, 512, JSON_FAULT_DEPTH},
        {1, 1, JSON_FAULT_NONE},
        {0, 0, JSON_FAULT_NONE},
        {1, 0, JSON_FAULT_DEPTH},
        /* On both sides of a word of the bit stack. */
        {64, 512, JSON_FAULT_NONE},
        {65, 512, JSON_FAULT_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_limits limits = {.depth = rows[i].limit, .tokens = 10000000};
        struct json_error error = {JSON_FAULT_NONE, 0};
        struct bytes text;

        bytes_init(&text, 100000000);
        nest(&text, "[", rows[i].depth == 0 ? "1" : "", "]", rows[i].depth);
        (void)!json_check(bytes_span(&text), &limits, &error);
        assert_row(i, error.fault == rows[i].fault);
        bytes_clear(&text);
        error.fault = JSON_FAULT_NONE;
        nest(&text, "{\"k\":[", "0", "]}", rows[i].depth / 2);
        (void)!json_check(bytes_span(&text), &limits, &error);
        assert_row(i, error.fault == (rows[i].depth / 2 * 2 > rows[i].limit ? JSON_FAULT_DEPTH
                                                                            : JSON_FAULT_NONE));
        bytes_done(&text);
    }
}

/* Each level closes with its own bracket: the stack remembers which. */
static void test_depth_remembers_kinds(void **state)
{
    enum { DEPTH = 300 };
    struct json_limits limits = {.depth = JSON_DEPTH_MAXIMUM, .tokens = 1000};
    uint64_t seed = 7;
    struct json_error error;
    char text[DEPTH * 6];

    (void)state;
    for (int round = 0; round < 200; round++) {
        bool objects[DEPTH];
        size_t length = 0;
        size_t wrong = unit_random(&seed) % DEPTH;

        for (size_t i = 0; i < DEPTH; i++) {
            struct span open;

            objects[i] = unit_random(&seed) % 2 != 0;
            open = objects[i] ? SPAN("{\"\":") : SPAN("[");
            memcpy(text + length, open.at, open.length);
            length += open.length;
        }
        text[length++] = '1';
        for (size_t i = DEPTH; i > 0; i--) {
            text[length++] = objects[i - 1] ? '}' : ']';
        }
        assert_int_equal(json_check((struct span){text, length}, &limits, &error), 0);
        text[length - 1 - wrong] = objects[wrong] ? ']' : '}';
        assert_int_equal(json_check((struct span){text, length}, &limits, &error), -EBADMSG);
        assert_int_equal(error.fault, JSON_FAULT_UNEXPECTED);
        assert_int_equal(error.at, length - 1 - wrong);
    }
}

static void test_tokens(void **state)
{
    const struct json_limits limits = {.depth = 10, .tokens = 5};
    struct json_error error;

    (void)state;
    /* The array and its four elements; keys do not count. */
    assert_int_equal(json_check(SPAN("[1,2,3,4]"), &limits, &error), 0);
    assert_int_equal(json_check(SPAN("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}"), &limits, &error), 0);
    assert_int_equal(json_check(SPAN("[[],[],[],{}]"), &limits, &error), 0);
    assert_int_equal(json_check(SPAN("[1,2,3,4,5]"), &limits, &error), -EBADMSG);
    assert_int_equal(error.fault, JSON_FAULT_TOKENS);
    assert_int_equal(error.at, 9);
}

static void test_large_texts(void **state)
{
    static const char *const pieces[] = {
        "\xd0\x94\xd0\xb5\xd1\x80\xd0\xb5\xd0\xb2\xd0\xbe ",            /* Cyrillic */
        "\xf0\x9f\x98\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", /* emoji, joined */
        "plain text without anything to see. ",
        "\\\"quoted\\\" \\u0434\\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct json_error error;
        struct json_item item;
        struct json_walk walk;
        struct bytes text;

        bytes_init(&text, 4 << 20);
        bytes_append_text(&text, "{\"k\":\"");
        while (text.length < 1 << 20) {
            bytes_append_text(&text, pieces[i]);
        }
        bytes_append_text(&text, ".\"}");
        assert_row(i, check(bytes_span(&text), &error) == 0);
        walk = json_walk_of(bytes_span(&text));
        assert_row(i, json_walk_next(&walk, &item));
        assert_row(i, item.value.length == text.length - 6);
        assert_row(i, !json_walk_next(&walk, &item));
        /* One stray byte at the very end. */
        text.at[text.length - 3] = '\xff';
        assert_row(i, check(bytes_span(&text), &error) == -EBADMSG);
        assert_row(i, error.fault == JSON_FAULT_UTF8);
        bytes_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),         cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_absent_text),     cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_every_alignment), cmocka_unit_test(test_utf8_against_its_definition),
        cmocka_unit_test(test_depth),           cmocka_unit_test(test_depth_remembers_kinds),
        cmocka_unit_test(test_tokens),          cmocka_unit_test(test_large_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
