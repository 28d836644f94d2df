/* SPDX-License-Identifier: MIT */
/*
 * Counts of durations, in buckets that widen with the value (log-linear): exact below
 * 512 ns, and within 0.4 % of the value above it.  Fixed memory, no time of its own.
 */
#ifndef TEPLO_BENCH_DURATIONS_H
#define TEPLO_BENCH_DURATIONS_H

#include <stdint.h>

enum {
    DURATIONS_FINE_BITS = 9,   /* so many leading bits of a value count */
    DURATIONS_VALUE_BITS = 43, /* 2.4 hours in ns; what is longer counts as that */
    DURATIONS_BUCKETS = (DURATIONS_VALUE_BITS - DURATIONS_FINE_BITS + 2)
                        << (DURATIONS_FINE_BITS - 1),
    DURATIONS_WHOLE = 100000, /* parts of a percentile: 99.9 % is 99900 */
};

/* All zeroes is an empty one. */
struct durations {
    uint64_t counts[DURATIONS_BUCKETS];
    uint64_t count;
    int64_t sum_ns;
    int64_t most_ns;
};

/* A negative duration counts as 0. */
void durations_add(struct durations *durations, int64_t duration_ns);
/*
 * The least value that PARTS of DURATIONS_WHOLE of the durations do not exceed, rounded up
 * to the end of its bucket but never above the longest; 0 when empty.
 */
int64_t durations_percentile_ns(const struct durations *durations, uint64_t parts);
int64_t durations_mean_ns(const struct durations *durations);

#endif
