/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/durations.h"

#include <stddef.h>

enum { FINE = 1 << DURATIONS_FINE_BITS, HALF_BITS = DURATIONS_FINE_BITS - 1 };

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

void durations_add(struct durations *durations, int64_t duration_ns)
{
    const int64_t longest = (INT64_C(1) << DURATIONS_VALUE_BITS) - 1;
    int64_t value = duration_ns < 0 ? 0 : duration_ns;

    value = value > longest ? longest : value;
    durations->counts[bucket_of((uint64_t)value)]++;
    durations->count++;
    durations->sum_ns += value;
    durations->most_ns = value > durations->most_ns ? value : durations->most_ns;
}

int64_t durations_percentile_ns(const struct durations *durations, uint64_t parts)
{
    uint64_t wanted = (durations->count * parts + DURATIONS_WHOLE - 1) / DURATIONS_WHOLE;
    uint64_t passed = 0;

    for (size_t i = 0; i < DURATIONS_BUCKETS; i++) {
        passed += durations->counts[i];
        if (passed > 0 && passed >= wanted) {
            return end_of(i) < durations->most_ns ? end_of(i) : durations->most_ns;
        }
    }
    return durations->most_ns;
}

int64_t durations_mean_ns(const struct durations *durations)
{
    return durations->count == 0 ? 0 : durations->sum_ns / (int64_t)durations->count;
}
