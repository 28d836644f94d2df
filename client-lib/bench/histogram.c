/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/histogram.h"

#include <stddef.h>

enum { FINE = 1 << HISTOGRAM_FINE_BITS, HALF_BITS = HISTOGRAM_FINE_BITS - 1 };

static size_t bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < FINE) {
        return (size_t)value;
    }
    shift = (unsigned)(63 - __builtin_clzll(value)) - HALF_BITS;
    return ((size_t)shift << HALF_BITS) + (size_t)(value >> shift);
}

/* The greatest value of a bucket. */
static int64_t end_of(size_t bucket)
{
    size_t shift;
    size_t leading;

    if (bucket < FINE) {
        return (int64_t)bucket;
    }
    shift = (bucket >> HALF_BITS) - 1;
    leading = bucket - (shift << HALF_BITS);
    return (int64_t)(((leading + 1) << shift) - 1);
}

void histogram_add(struct histogram *histogram, int64_t duration_ns)
{
    const int64_t longest = (INT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;
    int64_t value = duration_ns < 0 ? 0 : duration_ns;

    value = value > longest ? longest : value;
    histogram->counts[bucket_of((uint64_t)value)]++;
    histogram->count++;
    histogram->sum_ns += value;
    histogram->most_ns = value > histogram->most_ns ? value : histogram->most_ns;
}

int64_t histogram_percentile_ns(const struct histogram *histogram, uint64_t parts)
{
    uint64_t wanted = (histogram->count * parts + HISTOGRAM_WHOLE - 1) / HISTOGRAM_WHOLE;
    uint64_t passed = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        passed += histogram->counts[i];
        if (passed > 0 && passed >= wanted) {
            return end_of(i) < histogram->most_ns ? end_of(i) : histogram->most_ns;
        }
    }
    return histogram->most_ns;
}

int64_t histogram_mean_ns(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->sum_ns / (int64_t)histogram->count;
}
