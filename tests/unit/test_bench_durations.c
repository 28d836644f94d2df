/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/durations.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

const char complaint_program[] = "test";

static struct durations durations;

static int reset(void **state)
{
    (void)state;
    durations = (struct durations){.count = 0};
    return 0;
}

static void an_empty_one_is_all_zero(void **state)
{
    (void)state;
    assert_int_equal(durations_percentile_ns(&durations, 50000), 0);
    assert_int_equal(durations_mean_ns(&durations), 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (int64_t value = 1; value <= 100; value++) {
        durations_add(&durations, value);
    }
    assert_int_equal(durations_percentile_ns(&durations, 0), 1);
    assert_int_equal(durations_percentile_ns(&durations, 1000), 1);
    assert_int_equal(durations_percentile_ns(&durations, 1001), 2);
    assert_int_equal(durations_percentile_ns(&durations, 50000), 50);
    assert_int_equal(durations_percentile_ns(&durations, 99000), 99);
    assert_int_equal(durations_percentile_ns(&durations, 99001), 100);
    assert_int_equal(durations_percentile_ns(&durations, 100000), 100);
    assert_int_equal(durations_mean_ns(&durations), 50);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

/* Against the sorted list: never below the true value, at most 0.4 % above it. */
static void every_percentile_is_within_its_bucket(void **state)
{
    static int64_t values[20011];
    static const uint64_t parts[] = {1, 10000, 50000, 90000, 99000, 99900, 99990, 100000};
    uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        values[i] = (int64_t)(unit_random(&seed) >> (unit_random(&seed) % 30));
        durations_add(&durations, values[i]);
    }
    qsort(values, COUNT_OF(values), sizeof(values[0]), compare);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        size_t rank = (COUNT_OF(values) * parts[i] + DURATIONS_WHOLE - 1) / DURATIONS_WHOLE;
        int64_t exact = values[rank - 1];
        int64_t told = durations_percentile_ns(&durations, parts[i]);

        assert_row(i, told >= exact && told - exact <= exact / 256);
    }
    assert_int_equal(durations.most_ns, values[COUNT_OF(values) - 1]);
}

static void the_edges_of_buckets_follow_one_another(void **state)
{
    (void)state;
    for (int bit = 1; bit < DURATIONS_VALUE_BITS; bit++) {
        for (int64_t off = -1; off <= 1; off++) {
            int64_t value = (INT64_C(1) << bit) + off;
            int64_t told;

            (void)reset(NULL);
            durations_add(&durations, value);
            durations_add(&durations, (INT64_C(1) << DURATIONS_VALUE_BITS) - 1);
            told = durations_percentile_ns(&durations, 50000);
            assert_row(bit, told >= value && told - value <= value / 256);
        }
    }
}

static void what_is_out_of_range_counts_at_the_end_of_it(void **state)
{
    (void)state;
    durations_add(&durations, -5);
    durations_add(&durations, INT64_MAX);
    assert_int_equal(durations_percentile_ns(&durations, 50000), 0);
    assert_int_equal(durations_percentile_ns(&durations, 100000),
                     (INT64_C(1) << DURATIONS_VALUE_BITS) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_is_all_zero, reset),
        cmocka_unit_test_setup(small_values_are_exact, reset),
        cmocka_unit_test_setup(every_percentile_is_within_its_bucket, reset),
        cmocka_unit_test_setup(the_edges_of_buckets_follow_one_another, reset),
        cmocka_unit_test_setup(what_is_out_of_range_counts_at_the_end_of_it, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
