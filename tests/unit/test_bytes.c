/* SPDX-License-Identifier: MIT */
#include "unit.h"

static void test_starts_empty(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes_init(&bytes, 10);
    assert_int_equal(bytes.length, 0);
    assert_false(bytes.failed);
    assert_true(span_is_none(bytes_span(&bytes)));
    bytes_done(&bytes);
}

static void test_appends(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes_init(&bytes, 1000);
    bytes_append_text(&bytes, "a");
    bytes_append_char(&bytes, '=');
    bytes_append_int(&bytes, INT64_MIN);
    bytes_append_span(&bytes, SPAN(","));
    bytes_append_int(&bytes, 0);
    bytes_printf(&bytes, "%s%d", ",b=", 7);
    bytes_append(&bytes, NULL, 0);
    assert_bytes(bytes, "a=-9223372036854775808,0,b=7");
    bytes_done(&bytes);
}

static void test_maximum(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes_init(&bytes, 4);
    bytes_append_text(&bytes, "abcd");
    assert_false(bytes.failed);
    bytes_append(&bytes, "", 0);
    assert_false(bytes.failed);
    bytes_append_char(&bytes, 'e');
    assert_true(bytes.failed);
    assert_int_equal(bytes.length, 4);
    /* It stays failed, whatever would fit. */
    bytes_consume(&bytes, 4);
    bytes_append_char(&bytes, 'x');
    assert_true(bytes.failed);
    bytes_clear(&bytes);
    bytes_append_text(&bytes, "wxyz");
    assert_bytes(bytes, "wxyz");
    bytes_done(&bytes);
}

static void test_maximum_is_not_overflowed(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes_init(&bytes, 8);
    bytes_append_text(&bytes, "ab");
    assert_null(bytes_reserve(&bytes, SIZE_MAX));
    assert_true(bytes.failed);
    bytes_done(&bytes);
}

static void test_reserve_and_added(void **state)
{
    struct bytes bytes;
    char *room;

    (void)state;
    bytes_init(&bytes, 1000);
    bytes_append_text(&bytes, "ab");
    room = bytes_reserve(&bytes, 500);
    assert_non_null(room);
    memset(room, 'c', 500);
    bytes_added(&bytes, 3);
    assert_bytes(bytes, "abccc");
    bytes_done(&bytes);
}

static void test_consume(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes_init(&bytes, 1000);
    bytes_append_text(&bytes, "abcdef");
    bytes_consume(&bytes, 0);
    assert_bytes(bytes, "abcdef");
    bytes_consume(&bytes, 4);
    assert_bytes(bytes, "ef");
    bytes_consume(&bytes, 2);
    assert_int_equal(bytes.length, 0);
    bytes_done(&bytes);
}

static void test_text(void **state)
{
    struct bytes bytes;
    const char *text;

    (void)state;
    bytes_init(&bytes, 4);
    text = bytes_text(&bytes);
    assert_non_null(text);
    assert_string_equal(text, "");
    bytes_append_text(&bytes, "abc");
    text = bytes_text(&bytes);
    assert_non_null(text);
    assert_string_equal(text, "abc");
    assert_int_equal(bytes.length, 3);
    bytes_append_char(&bytes, 'd');
    assert_null(bytes_text(&bytes));
    bytes_done(&bytes);
}

static void test_trim(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes_init(&bytes, 10000);
    bytes_append_text(&bytes, "abc");
    bytes_trim(&bytes, 100);
    assert_int_equal(bytes.length, 0);
    assert_true(bytes.capacity > 0);
    assert_non_null(bytes_reserve(&bytes, 5000));
    bytes_trim(&bytes, 100);
    assert_int_equal(bytes.capacity, 0);
    assert_int_equal(bytes.maximum, 10000);
    bytes_append_text(&bytes, "again");
    assert_bytes(bytes, "again");
    bytes_done(&bytes);
}

static void test_take(void **state)
{
    struct bytes bytes;
    size_t length;
    char *taken;

    (void)state;
    bytes_init(&bytes, 100);
    bytes_append_text(&bytes, "mine");
    taken = bytes_take(&bytes, &length);
    assert_same_span(((struct span){taken, length}), SPAN("mine"));
    mem_free(taken);
    assert_int_equal(bytes.length, 0);
    bytes_append_text(&bytes, "next");
    assert_bytes(bytes, "next");
    bytes_done(&bytes);
}

static void test_growth_is_amortised(void **state)
{
    struct bytes bytes;
    size_t moves = 0;
    size_t capacity = 0;

    (void)state;
    bytes_init(&bytes, 1000000);
    for (int i = 0; i < 1000000; i++) {
        bytes_append_char(&bytes, 'x');
        if (bytes.capacity != capacity) {
            moves++;
            capacity = bytes.capacity;
        }
    }
    assert_false(bytes.failed);
    assert_int_equal(bytes.length, 1000000);
    assert_true(moves < 20);
    bytes_done(&bytes);
}

static bool grow_in_steps(void)
{
    struct bytes bytes;
    bool succeeded;

    bytes_init(&bytes, 100000);
    for (int i = 0; i < 1000; i++) {
        bytes_append_text(&bytes, "0123456789");
        bytes_printf(&bytes, "%d", i);
    }
    succeeded = !bytes.failed && bytes_text(&bytes) != NULL;
    bytes_done(&bytes);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(grow_in_steps);
}

static void test_spans(void **state)
{
    (void)state;
    assert_true(span_is_none(span_of(NULL)));
    assert_false(span_is_none(SPAN("")));
    assert_true(span_equal(SPAN("ab"), SPAN("ab")));
    assert_false(span_equal(SPAN("ab"), SPAN("abc")));
    assert_false(span_equal(SPAN("a\0b"), SPAN("a\0c")));
    assert_true(span_is(SPAN("ab"), "ab"));
    assert_true(span_starts_with(SPAN("abc"), SPAN("ab")));
    assert_true(span_starts_with(SPAN("abc"), SPAN("")));
    assert_false(span_starts_with(SPAN("a"), SPAN("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_maximum_is_not_overflowed),
        cmocka_unit_test(test_reserve_and_added),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_growth_is_amortised),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_spans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
