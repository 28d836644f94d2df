/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/pool/health.h"
#include "broker/pool/health_tally.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(health_name(HEALTH_HEALTHY), "healthy");
    assert_string_equal(health_name(HEALTH_UNKNOWN), "unknown");
}

static void test_reasons(void **state)
{
    (void)state;
    for (size_t i = 0; i < HEALTH_REASON_COUNT; i++) {
        const char *token = health_reason_token((enum health_reason)i);

        /* Three of them and two commas have room in 64 bytes. */
        assert_row(i, strlen(token) <= 20);
        assert_row(i, health_reason_sentence(span_of(token)) != NULL);
    }
    assert_string_equal(health_reason_sentence(SPAN("unused")), "nobody has called yet");
    assert_null(health_reason_sentence(SPAN("-")));
    assert_null(health_reason_sentence(SPAN("unuse")));
}

static void test_tally(void **state)
{
    struct health_tally tally = {0};

    (void)state;
    /* What was there before the first look counts, since totals begin at zero. */
    health_tally_note(&tally, 3, 1000);
    assert_int_equal(health_tally_sum(&tally), 3);
    health_tally_note(&tally, 3, 30000);
    health_tally_note(&tally, 5, 30001);
    assert_int_equal(health_tally_sum(&tally), 5);
    health_tally_note(&tally, 5, 69999);
    assert_int_equal(health_tally_sum(&tally), 5);
    /* The first ones are 60 s ago and more. */
    health_tally_note(&tally, 5, 70000);
    assert_int_equal(health_tally_sum(&tally), 2);
    /* Nobody looked for an hour. */
    health_tally_note(&tally, 6, 3600000);
    assert_int_equal(health_tally_sum(&tally), 1);
    health_tally_note(&tally, 6, 7200000);
    assert_int_equal(health_tally_sum(&tally), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_tally),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
