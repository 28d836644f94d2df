/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/pool/breaker.h"

enum { NOW_MS = 1000000, OPEN_MS = 5000, OPEN_MAX_MS = 12000, PATIENCE_MS = 1000 };

static const struct breaker_limits limits = {
    .failures = 5, .open_ms = OPEN_MS, .open_max_ms = OPEN_MAX_MS};

static struct breaker_failure failure_of(unsigned failures, int64_t failing_ms)
{
    return (struct breaker_failure){.failures = failures,
                                    .failing_ms = failing_ms,
                                    .patience_ms = PATIENCE_MS,
                                    .now_ms = NOW_MS};
}

static void test_when_it_trips(void **state)
{
    static const struct {
        unsigned limit;
        unsigned failures;
        int64_t failing_ms;
        bool is_settled;
        enum breaker_state expected;
    } rows[] = {
        {5, 4, 99999, false, BREAKER_CLOSED},
        {5, 5, PATIENCE_MS - 1, false, BREAKER_CLOSED},
        {5, 5, PATIENCE_MS, false, BREAKER_OPEN},
        {5, 500, 99999, false, BREAKER_OPEN},
        /* What somebody must mend: believed when it is said twice. */
        {5, 1, 0, true, BREAKER_CLOSED},
        {5, 2, 0, true, BREAKER_OPEN},
        /* Off. */
        {0, 500, 99999, true, BREAKER_CLOSED},
        {1, 1, PATIENCE_MS, false, BREAKER_OPEN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct breaker breaker = {0};
        struct breaker_limits with_limit = limits;
        struct breaker_failure failure = failure_of(rows[i].failures, rows[i].failing_ms);

        with_limit.failures = rows[i].limit;
        failure.is_settled = rows[i].is_settled;
        breaker_on_failure(&breaker, &with_limit, &failure);
        assert_row(i, breaker_state(&breaker, NOW_MS) == rows[i].expected);
    }
}

static void test_its_whole_life(void **state)
{
    struct breaker breaker = {0};
    struct breaker_failure failure = failure_of(5, PATIENCE_MS);

    (void)state;
    breaker_on_success(&breaker, NOW_MS);
    assert_int_equal(breaker.recovered_at_ms, 0);
    breaker_on_failure(&breaker, &limits, &failure);
    assert_int_equal(breaker_state(&breaker, NOW_MS + OPEN_MS - 1), BREAKER_OPEN);
    assert_int_equal(breaker_state(&breaker, NOW_MS + OPEN_MS), BREAKER_HALF_OPEN);
    /* A probe that fails, whatever the count: twice as long, then no longer than the most. */
    failure.failures = 1;
    failure.failing_ms = 0;
    breaker_on_failure(&breaker, &limits, &failure);
    assert_int_equal(breaker.open_until_ms, NOW_MS + 2 * OPEN_MS);
    breaker_on_failure(&breaker, &limits, &failure);
    assert_int_equal(breaker.open_until_ms, NOW_MS + OPEN_MAX_MS);
    /* Up to a fifth more. */
    failure.random = UINT32_MAX;
    breaker_on_failure(&breaker, &limits, &failure);
    assert_int_equal(breaker.open_until_ms, NOW_MS + OPEN_MAX_MS * 6 / 5);
    /* Something says that the server is back. */
    breaker_hint(&breaker, NOW_MS + 1);
    assert_int_equal(breaker_state(&breaker, NOW_MS + 1), BREAKER_HALF_OPEN);
    breaker_on_success(&breaker, NOW_MS + 2);
    assert_int_equal(breaker_state(&breaker, NOW_MS + 2), BREAKER_CLOSED);
    assert_int_equal(breaker.recovered_at_ms, NOW_MS + 2);
    assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when_it_trips),
        cmocka_unit_test(test_its_whole_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
