/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/health/incidents.h"

static struct incidents incidents;

static int start_empty(void **state)
{
    (void)state;
    incidents = (struct incidents){.count = 0};
    return 0;
}

static void add_numbered(int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "incident %d", (int)number);
    incidents_add(&incidents, number, "demo", "call_failed", "timeout", text);
}

static void test_empty(void **state)
{
    (void)state;
    assert_null(incidents_at(&incidents, 0));
    assert_null(incidents_at(&incidents, SIZE_MAX));
}

static void test_newest_first(void **state)
{
    (void)state;
    add_numbered(1);
    add_numbered(2);
    assert_string_equal(incidents_at(&incidents, 0)->text, "incident 2");
    assert_string_equal(incidents_at(&incidents, 1)->text, "incident 1");
    assert_null(incidents_at(&incidents, 2));
}

static void test_equal_ones_are_counted(void **state)
{
    (void)state;
    incidents_add(&incidents, 10, "demo", "session_fail", "connect", "refused");
    incidents_add(&incidents, 20, "demo", "session_fail", "connect", "refused");
    incidents_add(&incidents, 30, "demo", "session_fail", "connect", "refused");
    assert_int_equal(incidents_at(&incidents, 0)->n, 3);
    assert_int_equal(incidents_at(&incidents, 0)->first_wall_ms, 10);
    assert_int_equal(incidents_at(&incidents, 0)->wall_ms, 30);
    assert_null(incidents_at(&incidents, 1));
}

static void test_any_difference_counts_apart(void **state)
{
    (void)state;
    incidents_add(&incidents, 1, "demo", "session_fail", "connect", "refused");
    incidents_add(&incidents, 2, "other", "session_fail", "connect", "refused");
    incidents_add(&incidents, 3, "other", "session_lost", "connect", "refused");
    incidents_add(&incidents, 4, "other", "session_lost", "reset", "refused");
    incidents_add(&incidents, 5, "other", "session_lost", "reset", "ended");
    assert_int_equal(incidents.count, 5);
    /* Only the newest is compared: what alternates is told as it happened. */
    incidents_add(&incidents, 6, "demo", "session_fail", "connect", "refused");
    assert_int_equal(incidents.count, 6);
}

static void test_the_oldest_goes(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 3 * INCIDENTS_MAXIMUM + 5; i++) {
        add_numbered(i);
        assert_int_equal(incidents_at(&incidents, 0)->wall_ms, i);
    }
    for (size_t i = 0; i < INCIDENTS_MAXIMUM; i++) {
        assert_int_equal(incidents_at(&incidents, i)->wall_ms,
                         (int64_t)(3 * INCIDENTS_MAXIMUM + 4 - i));
    }
    assert_null(incidents_at(&incidents, INCIDENTS_MAXIMUM));
}

static void test_long_and_missing_texts(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    incidents_add(&incidents, 1, text, text, text, text);
    incidents_add(&incidents, 2, text, text, text, text);
    /* Cut, and still known as the same. */
    assert_int_equal(incidents_at(&incidents, 0)->n, 2);
    assert_int_equal(strlen(incidents_at(&incidents, 0)->text),
                     sizeof(incidents_at(&incidents, 0)->text) - 1);
    incidents_add(&incidents, 3, NULL, NULL, NULL, NULL);
    assert_string_equal(incidents_at(&incidents, 0)->pool, "-");
    assert_string_equal(incidents_at(&incidents, 0)->text, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, start_empty),
        cmocka_unit_test_setup(test_newest_first, start_empty),
        cmocka_unit_test_setup(test_equal_ones_are_counted, start_empty),
        cmocka_unit_test_setup(test_any_difference_counts_apart, start_empty),
        cmocka_unit_test_setup(test_the_oldest_goes, start_empty),
        cmocka_unit_test_setup(test_long_and_missing_texts, start_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
