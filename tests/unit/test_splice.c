/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/json_scan.h"
#include "proto/splice.h"

static void assert_written(const struct splice *splice, const char *expected)
{
    struct bytes out;

    bytes_init(&out, 10000);
    splice_write(splice, &out);
    assert_false(out.failed);
    assert_bytes(out, expected);
    bytes_done(&out);
}

static struct span part(struct span text, size_t from, size_t length)
{
    return (struct span){text.at + from, length};
}

static void test_no_edits(void **state)
{
    struct splice splice;

    (void)state;
    splice_init(&splice, SPAN("{\"a\" : 1}"));
    assert_written(&splice, "{\"a\" : 1}");
    splice_init(&splice, SPAN(" { \"a\" :\r\n [ 1 ,\n2 ]\r} \n"));
    assert_written(&splice, " { \"a\" : [ 1 ,2 ]} ");
}

static void test_replaces(void **state)
{
    struct span text = SPAN("0123456789");
    struct splice splice;

    (void)state;
    splice_init(&splice, text);
    /* Out of order, at both ends, back to back; longer, shorter, empty. */
    splice_replace(&splice, part(text, 9, 1), SPAN("last"));
    splice_replace(&splice, part(text, 0, 2), SPAN("A"));
    splice_replace(&splice, part(text, 5, 2), SPAN_NONE);
    splice_replace(&splice, part(text, 2, 1), SPAN("bbb"));
    assert_written(&splice, "Abbb3478last");
}

static void test_inserts_keep_their_order(void **state)
{
    struct span text = SPAN("abc");
    struct splice splice;

    (void)state;
    splice_init(&splice, text);
    splice_insert(&splice, text.at + 1, SPAN("1"));
    splice_insert(&splice, text.at + 3, SPAN("9"));
    splice_insert(&splice, text.at + 1, SPAN("2"));
    splice_insert(&splice, text.at, SPAN("0"));
    splice_insert(&splice, text.at + 1, SPAN("3"));
    assert_written(&splice, "0a123bc9");
}

/* What is inserted where a replacement begins comes before it, whichever was asked for first. */
static void test_insert_beside_replacement(void **state)
{
    struct span text = SPAN("abcd");
    struct splice splice;

    (void)state;
    splice_init(&splice, text);
    splice_replace(&splice, part(text, 1, 2), SPAN("XX"));
    splice_insert(&splice, text.at + 1, SPAN("<"));
    splice_insert(&splice, text.at + 3, SPAN(">"));
    assert_written(&splice, "a<XX>d");
    splice_init(&splice, text);
    splice_insert(&splice, text.at + 3, SPAN(">"));
    splice_insert(&splice, text.at + 1, SPAN("<"));
    splice_replace(&splice, part(text, 1, 2), SPAN("XX"));
    assert_written(&splice, "a<XX>d");
}

/* A line end in what is put in would end the frame just as well. */
static void test_line_ends_everywhere(void **state)
{
    struct span text = SPAN("\r\n{\n\"a\":\r1\n}\n");
    struct splice splice;

    (void)state;
    splice_init(&splice, text);
    splice_insert(&splice, text.at + 4, SPAN("\n\"b\"\r\n:2,\n"));
    assert_written(&splice, "{\"b\":2,\"a\":1}");
    splice_init(&splice, SPAN("\n\n\r\r\n"));
    assert_written(&splice, "");
}

static void test_too_many_edits(void **state)
{
    struct span text = SPAN("abc");
    struct splice splice;
    struct bytes out;

    (void)state;
    splice_init(&splice, text);
    for (int i = 0; i < SPLICE_EDITS_MAXIMUM; i++) {
        splice_insert(&splice, text.at, SPAN("x"));
    }
    assert_false(splice.overflow);
    splice_insert(&splice, text.at, SPAN("x"));
    assert_true(splice.overflow);
    bytes_init(&out, 1000);
    splice_write(&splice, &out);
    assert_true(out.failed);
    assert_int_equal(out.length, 0);
    bytes_done(&out);
}

static void test_output_maximum(void **state)
{
    struct splice splice;
    struct bytes out;

    (void)state;
    splice_init(&splice, SPAN("[1,2]"));
    bytes_init(&out, 5);
    splice_write(&splice, &out);
    assert_false(out.failed);
    bytes_done(&out);
    bytes_init(&out, 4);
    splice_write(&splice, &out);
    assert_true(out.failed);
    bytes_done(&out);
    /* It is the outcome that must fit, not the text with its line ends. */
    splice_init(&splice, SPAN("[1,\r\n\r\n\r\n2]"));
    bytes_init(&out, 5);
    splice_write(&splice, &out);
    assert_false(out.failed);
    assert_bytes(out, "[1,2]");
    bytes_done(&out);
}

/* Drops the keys that begin with x. */
static bool drop_x(struct span key, void *context)
{
    int *asked = context;

    (*asked)++;
    return json_string_starts(key, "x");
}

static void test_drop_members(void **state)
{
    static const struct {
        struct span object;
        const char *expected;
        int members;
        bool stays;
    } rows[] = {
        {SPAN_INIT("{}"), "{}", 0, false},
        {SPAN_INIT("{\"a\":1}"), "{\"a\":1}", 1, true},
        {SPAN_INIT("{\"x\":1}"), "{}", 1, false},
        {SPAN_INIT("{ \"x\" : 1 }"), "{  }", 1, false},
        {SPAN_INIT("{\"x\":1,\"x2\":2}"), "{}", 2, false},
        /* First, middle, last. */
        {SPAN_INIT("{\"x\":1,\"a\":2}"), "{\"a\":2}", 2, true},
        {SPAN_INIT("{\"x\":1,\"x\":1 , \"a\":2}"), "{\"a\":2}", 3, true},
        {SPAN_INIT("{\"a\":1,\"x\":2,\"b\":3}"), "{\"a\":1,\"b\":3}", 3, true},
        {SPAN_INIT("{\"a\":1,\"x\":2,\"x\":{},\"b\":3}"), "{\"a\":1,\"b\":3}", 4, true},
        {SPAN_INIT("{\"a\":1 , \"x\":2}"), "{\"a\":1}", 2, true},
        {SPAN_INIT("{\"a\":1,\"x\":2,\"x\":[3]}"), "{\"a\":1}", 3, true},
        /* On both sides of each that stays. */
        {SPAN_INIT("{\"x\":1,\"a\":2,\"x\":3,\"b\":4,\"x\":5}"), "{\"a\":2,\"b\":4}", 5, true},
        /* By decoded key, and at this level alone. */
        {SPAN_INIT("{\"\\u0078\":1,\"a\":{\"x\":1}}"), "{\"a\":{\"x\":1}}", 2, true},
        /* No object. */
        {SPAN_INIT("[\"x\"]"), "[\"x\"]", 0, false},
        {SPAN_INIT("5"), "5", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct splice splice;
        int asked = 0;

        splice_init(&splice, rows[i].object);
        assert_row(i,
                   splice_drop_members(&splice, rows[i].object, drop_x, &asked) == rows[i].stays);
        assert_row(i, asked == rows[i].members);
        assert_written(&splice, rows[i].expected);
    }
}

/* Every choice of members of an object leaves JSON, and never touches a value that stays. */
static void test_drop_leaves_room_for_edits(void **state)
{
    enum { MEMBERS = 8 };

    (void)state;
    for (unsigned mask = 0; mask < 1U << MEMBERS; mask++) {
        struct bytes object;
        struct bytes out;
        struct json_error error;
        struct json_item item;
        struct json_walk walk;
        struct splice splice;
        int asked = 0;
        unsigned kept = 0;

        bytes_init(&object, 1000);
        for (unsigned i = 0; i < MEMBERS; i++) {
            bytes_printf(&object, "%s \"%c%u\" :\n%u ", i == 0 ? "{" : ",",
                         (mask >> i & 1) != 0 ? 'x' : 'k', i, i);
        }
        bytes_append_char(&object, '}');
        splice_init(&splice, bytes_span(&object));
        (void)splice_drop_members(&splice, bytes_span(&object), drop_x, &asked);
        walk = json_walk_of(bytes_span(&object));
        while (json_walk_next(&walk, &item)) {
            if (!json_string_starts(item.key, "x")) {
                splice_replace(&splice, item.value, SPAN("true"));
            }
        }
        bytes_init(&out, 1000);
        splice_write(&splice, &out);
        assert_int_equal(json_check(bytes_span(&out), &json_limits_default, &error), 0);
        walk = json_walk_of(bytes_span(&out));
        while (json_walk_next(&walk, &item)) {
            assert_span(item.value, "true");
            kept++;
        }
        assert_int_equal(kept, MEMBERS - (unsigned)__builtin_popcount(mask));
        bytes_done(&out);
        bytes_done(&object);
    }
}

/* ---- our own mistakes */

struct two_edits {
    size_t from;
    size_t length;
    size_t from2;
    size_t length2;
    bool aborts;
};

static void edit_twice(const void *context)
{
    const struct two_edits *row = context;
    struct span text = SPAN("0123456789");
    struct splice splice;

    splice_init(&splice, text);
    splice_replace(&splice, part(text, row->from, row->length), SPAN("x"));
    splice_replace(&splice, part(text, row->from2, row->length2), SPAN("x"));
}

static void test_misuse_aborts(void **state)
{
    static const struct two_edits rows[] = {
        /* Touching is no overlap. */
        {2, 2, 4, 2, false},
        {4, 2, 2, 2, false},
        /* Overlaps, the later one asked for first or second; the same twice; inside. */
        {2, 3, 4, 2, true},
        {4, 2, 2, 3, true},
        {2, 2, 2, 2, true},
        {2, 6, 4, 1, true},
        {4, 1, 2, 6, true},
        /* An insert inside a replacement. */
        {2, 3, 3, 0, true},
        {3, 0, 2, 3, true},
        /* At the end of the text, and behind it. */
        {10, 0, 8, 2, false},
        {11, 0, 0, 0, true},
        {9, 2, 0, 0, true},
        {9, SIZE_MAX, 0, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, does_abort(edit_twice, &rows[i]) == rows[i].aborts);
    }
}

static bool write_long(void)
{
    static const char text[] = "{\"a\":1,\n\"b\":2}";
    struct splice splice;
    struct bytes out;
    bool succeeded;

    bytes_init(&out, 100000);
    splice_init(&splice, span_of(text));
    splice_insert(&splice, text + 1, SPAN("\"c\":\n3,"));
    for (int i = 0; i < 100; i++) {
        splice_write(&splice, &out);
    }
    succeeded = !out.failed;
    bytes_done(&out);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(write_long);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_edits),
        cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_inserts_keep_their_order),
        cmocka_unit_test(test_insert_beside_replacement),
        cmocka_unit_test(test_line_ends_everywhere),
        cmocka_unit_test(test_too_many_edits),
        cmocka_unit_test(test_output_maximum),
        cmocka_unit_test(test_drop_members),
        cmocka_unit_test(test_drop_leaves_room_for_edits),
        cmocka_unit_test(test_misuse_aborts),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
