/* SPDX-License-Identifier: MIT */
/*
 * What is read is written as it was read, adds to what is there, and keeps its rules; what is
 * refused changes nothing.
 */
#include "fuzz.h"

#include "proto/base/histogram.h"

static const double quantiles[] = {0.01, 0.5, 0.95, 0.99};

static void check_rules(const struct histogram *histogram)
{
    uint64_t count = 0;
    double before = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += histogram->buckets[i];
    }
    PROPERTY(count == histogram->count);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        double told = histogram_quantile_ms(histogram, quantiles[i]);

        PROPERTY(told >= before && told <= histogram->max_ms);
        before = told;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    struct histogram read = {.count = 0};
    struct histogram again = {.count = 0};
    struct bytes text;

    bytes_init(&text, FUZZ_ROOM);
    histogram_add(&read, 1);
    if (histogram_read(&read, input) < 0) {
        PROPERTY(read.count == 1 && read.max_ms == 1 && read.sum_ms == 1);
    } else {
        check_rules(&read);
        histogram_clear(&read);
        PROPERTY(histogram_read(&read, input) == 0);
        histogram_write(&read, &text);
        PROPERTY(span_equal(bytes_span(&text), input));
        /* However often brokers say the same, the sum of them can be read. */
        for (int i = 0; i < 3; i++) {
            histogram_merge(&read, &read);
        }
        check_rules(&read);
        bytes_clear(&text);
        histogram_write(&read, &text);
        PROPERTY(histogram_read(&again, bytes_span(&text)) == 0 && again.count == read.count);
    }
    bytes_done(&text);
    return 0;
}
