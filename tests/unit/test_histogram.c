/* SPDX-License-Identifier: MIT */
#include "proto/base/histogram.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static struct histogram histogram;

static int reset(void **state)
{
    (void)state;
    histogram_clear(&histogram);
    return 0;
}

static void assert_same(const struct histogram *a, const struct histogram *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->buckets, b->buckets, sizeof(a->buckets));
    assert_true(fabs(a->max_ms - b->max_ms) <= 0.0005);
    assert_true(fabs(a->sum_ms - b->sum_ms) <= 0.0005 + a->sum_ms * 1e-9);
}

static void an_empty_one_gives_0(void **state)
{
    struct bytes text;

    (void)state;
    bytes_init(&text, 64);
    assert_true(histogram_quantile_ms(&histogram, 0.5) == 0);
    histogram_write(&histogram, &text);
    assert_bytes(text, "n=0 sum_ms=0 max_ms=0");
    assert_int_equal(histogram_read(&histogram, bytes_span(&text)), 0);
    assert_int_equal(histogram.count, 0);
    bytes_done(&text);
}

/* ---- quantiles */

static double uniform(uint64_t *seed)
{
    return ((double)unit_random(seed) + 1) / 4294967297.0;
}

static double constant_ms(uint64_t *seed)
{
    (void)seed;
    return 7;
}

static double uniform_ms(uint64_t *seed)
{
    return 1 + 999 * uniform(seed);
}

static double exponential_ms(uint64_t *seed)
{
    return 0.1 - 20 * log(uniform(seed));
}

/* Most answer at once, and one in fifty waits for something. */
static double two_humps_ms(uint64_t *seed)
{
    return uniform(seed) < 0.02 ? 5000 + 1000 * uniform(seed) : 0.2 + uniform(seed);
}

static double log_uniform_ms(uint64_t *seed)
{
    return 0.07 * exp(uniform(seed) * log(600000 / 0.07));
}

static double heavy_tail_ms(uint64_t *seed)
{
    return 0.5 / pow(uniform(seed), 0.8);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static void quantiles_are_within_5_percent(void **state)
{
    static double (*const distributions[])(uint64_t * seed) = {
        constant_ms, uniform_ms, exponential_ms, two_humps_ms, log_uniform_ms, heavy_tail_ms};
    static const double quantiles[] = {0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999};
    static double values[20000];
    uint64_t seed = 11;

    for (size_t i = 0; i < COUNT_OF(distributions); i++) {
        (void)reset(state);
        for (size_t j = 0; j < COUNT_OF(values); j++) {
            values[j] = distributions[i](&seed);
            histogram_add(&histogram, values[j]);
        }
        qsort(values, COUNT_OF(values), sizeof(values[0]), compare);
        for (size_t j = 0; j < COUNT_OF(quantiles); j++) {
            size_t rank = (size_t)ceil(quantiles[j] * (double)COUNT_OF(values));
            double exact = values[rank - 1];
            double told = histogram_quantile_ms(&histogram, quantiles[j]);

            assert_row(i * 100 + j, fabs(told - exact) <= 0.05 * exact);
            assert_row(i * 100 + j, told <= histogram.max_ms);
        }
        assert_row(i, histogram.max_ms == values[COUNT_OF(values) - 1]);
    }
}

/* Just below a bound, on it and just above: never in a bucket whose middle is further off. */
static void the_edges_of_buckets_follow_one_another(void **state)
{
    for (int i = 1; i <= 185; i++) {
        for (int off = -1; off <= 1; off++) {
            double ms = 0.064 * pow(2, i / 8.0) * (1 + off * 1e-9);
            double told;

            (void)reset(state);
            histogram_add(&histogram, ms);
            histogram_add(&histogram, 1e6);
            told = histogram_quantile_ms(&histogram, 0.5);
            assert_row(i * 10 + off, fabs(told - ms) <= 0.045 * ms);
        }
    }
}

static void what_is_out_of_range_counts_at_the_end_of_it(void **state)
{
    (void)state;
    histogram_add(&histogram, -5);
    histogram_add(&histogram, NAN);
    histogram_add(&histogram, 0);
    histogram_add(&histogram, 0.064);
    assert_int_equal(histogram.buckets[0], 4);
    histogram_add(&histogram, INFINITY);
    histogram_add(&histogram, 12.0 * 60 * 1000);
    assert_int_equal(histogram.buckets[HISTOGRAM_BUCKETS - 1], 2);
    assert_int_equal(histogram.count, 6);
    assert_true(isfinite(histogram.sum_ms));
    assert_true(histogram_quantile_ms(&histogram, 0.99) == histogram.max_ms);
}

/* ---- merging */

static void merging_is_as_if_all_were_added_to_one(void **state)
{
    static struct histogram parts[3];
    struct histogram merged = {.count = 0};
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < 5000; i++) {
        double ms = log_uniform_ms(&seed);

        histogram_add(&histogram, ms);
        histogram_add(&parts[unit_random(&seed) % 3], ms);
    }
    for (size_t i = 0; i < 3; i++) {
        histogram_merge(&merged, &parts[i]);
    }
    assert_same(&merged, &histogram);
    assert_true(merged.max_ms == histogram.max_ms);
}

/* Two that say four thousand million each: counts stop, and the text can still be read. */
static void a_full_bucket_stays_full(void **state)
{
    static const char text_of_many[] = "n=4294967295 sum_ms=4294967295 max_ms=1 32:4294967295";
    struct histogram again = {.count = 0};
    struct bytes text;

    (void)state;
    bytes_init(&text, 256);
    assert_int_equal(histogram_read(&histogram, SPAN("n=2 sum_ms=501 max_ms=500 32:1 104:1")), 0);
    assert_int_equal(histogram_read(&histogram, span_of(text_of_many)), 0);
    assert_int_equal(histogram_read(&histogram, span_of(text_of_many)), 0);
    histogram_add(&histogram, 1);
    assert_int_equal(histogram.count, UINT32_MAX + UINT64_C(1));
    histogram_write(&histogram, &text);
    assert_int_equal(histogram_read(&again, bytes_span(&text)), 0);
    assert_same(&again, &histogram);
    bytes_done(&text);
}

/* ---- text */

static void what_is_written_is_read(void **state)
{
    uint64_t seed = 5;
    struct bytes text;

    bytes_init(&text, 8192);
    for (size_t i = 0; i < 200; i++) {
        struct histogram again = {.count = 0};

        (void)reset(state);
        for (size_t j = unit_random(&seed) % 300; j > 0; j--) {
            histogram_add(&histogram, log_uniform_ms(&seed) - 0.05);
        }
        bytes_clear(&text);
        histogram_write(&histogram, &text);
        assert_false(text.failed);
        assert_row(i, histogram_read(&again, bytes_span(&text)) == 0);
        assert_same(&again, &histogram);
    }
    bytes_done(&text);
}

static void reading_adds(void **state)
{
    struct bytes text;

    (void)state;
    bytes_init(&text, 256);
    histogram_add(&histogram, 2.5);
    assert_int_equal(histogram_read(&histogram, SPAN("n=3 sum_ms=12.5 max_ms=9.1 32:2 58:1")), 0);
    histogram_write(&histogram, &text);
    assert_bytes(text, "n=4 sum_ms=15 max_ms=9.1 32:2 43:1 58:1");
    bytes_done(&text);
}

static void what_nobody_wrote_is_refused_without_change(void **state)
{
    static const char *const texts[] = {
        "",
        "n=",
        "n=0",
        "n=0 sum_ms=0 max_ms=0 ",
        " n=0 sum_ms=0 max_ms=0",
        "n=0 sum_ms=1 max_ms=0",
        "n=0 sum_ms=0 max_ms=0 3:0",
        "n=-1 sum_ms=0 max_ms=0",
        "n=1 sum_ms=0 max_ms=0",
        "n=1 sum_ms=1 max_ms=1 32:2",      /* n is not the sum of them */
        "n=2 sum_ms=2 max_ms=1 32:1 32:1", /* twice */
        "n=2 sum_ms=2 max_ms=1 32:1 31:1", /* out of order */
        "n=1 sum_ms=1 max_ms=1 188:1",     /* no such bucket */
        "n=1 sum_ms=1 max_ms=1 32:01",     /* leading zeros, signs, spaces, exponents */
        "n=1 sum_ms=1 max_ms=1 032:1",
        "n=1 sum_ms=1 max_ms=1 +32:1",
        "n=1 sum_ms=1 max_ms=1  32:1",
        "n=1 sum_ms=1e0 max_ms=1 32:1",
        "n=1 sum_ms=1.0 max_ms=1 32:1",
        "n=1 sum_ms=1. max_ms=1 32:1",
        "n=1 sum_ms=.5 max_ms=1 32:1",
        "n=1 sum_ms=1.0001 max_ms=1 32:1",
        "n=1 sum_ms=nan max_ms=1 32:1",
        "n=1 sum_ms=1 max_ms=inf 32:1",
        "n=1 sum_ms=9 max_ms=1 32:1",      /* the sum is more than all of them */
        "n=2 sum_ms=1 max_ms=9 32:1 58:1", /* less than the longest */
        "n=1 sum_ms=5 max_ms=5 32:1",      /* the longest is in no bucket */
        "n=1 sum_ms=1 max_ms=1 60:1",
        "n=4294967296 sum_ms=1 max_ms=1 32:4294967296",
        "n=18446744073709551616 sum_ms=1 max_ms=1 32:1",
        "n=1 sum_ms=9999999999999 max_ms=9999999999999 187:1",
        "n=1 sum_ms=1 max_ms=1 32:1\n",
        "n=1 sum_ms=1 max_ms=1 32:1;wait n=0",
    };

    (void)state;
    histogram_add(&histogram, 3);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct histogram before = histogram;

        assert_row(i, histogram_read(&histogram, span_of(texts[i])) == -EINVAL);
        assert_row(i, memcmp(&before, &histogram, sizeof(before)) == 0);
    }
    assert_int_equal(histogram_read(&histogram, SPAN_NONE), -EINVAL);
}

/* ---- the last minute */

static void the_oldest_ten_seconds_are_dropped_whole(void **state)
{
    static struct rolling rolling;
    const int64_t start_ms = INT64_C(5000000000);

    (void)state;
    for (int64_t second = 0; second < 300; second++) {
        int64_t now_ms = start_ms + second * 1000;
        uint64_t expected = second < 60 ? (uint64_t)second + 1 : 61 + (uint64_t)second % 10;

        rolling_add(&rolling, now_ms, (double)(second + 1));
        rolling_sum(&rolling, now_ms, &histogram);
        assert_row(second, histogram.count == expected);
        assert_row(second, histogram.max_ms == (double)(second + 1));
    }
    rolling_sum(&rolling, start_ms + 359 * 1000, &histogram);
    assert_int_equal(histogram.count, 10);
    rolling_sum(&rolling, start_ms + 360 * 1000, &histogram);
    assert_int_equal(histogram.count, 0);
    assert_true(histogram.max_ms == 0);
}

/* A clock that stands still or steps back a little loses nothing. */
static void a_long_silence_leaves_nothing_behind(void **state)
{
    static struct rolling rolling;

    (void)state;
    rolling_add(&rolling, 1, 5);
    rolling_add(&rolling, INT64_C(40000000), 6);
    rolling_add(&rolling, INT64_C(39989999), 7);
    rolling_sum(&rolling, INT64_C(40000000), &histogram);
    assert_int_equal(histogram.count, 2);
    assert_true(histogram.max_ms == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_gives_0, reset),
        cmocka_unit_test_setup(quantiles_are_within_5_percent, reset),
        cmocka_unit_test_setup(the_edges_of_buckets_follow_one_another, reset),
        cmocka_unit_test_setup(what_is_out_of_range_counts_at_the_end_of_it, reset),
        cmocka_unit_test_setup(merging_is_as_if_all_were_added_to_one, reset),
        cmocka_unit_test_setup(a_full_bucket_stays_full, reset),
        cmocka_unit_test_setup(what_is_written_is_read, reset),
        cmocka_unit_test_setup(reading_adds, reset),
        cmocka_unit_test_setup(what_nobody_wrote_is_refused_without_change, reset),
        cmocka_unit_test_setup(the_oldest_ten_seconds_are_dropped_whole, reset),
        cmocka_unit_test_setup(a_long_silence_leaves_nothing_behind, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
