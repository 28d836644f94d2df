/* SPDX-License-Identifier: MIT */
/*
 * Durations, counted in buckets that grow by the eighth root of two: a quantile is off by 4.4 % at
 * most, and histograms of several brokers add up to the true one (averages of quantiles would
 * not).  That is scale 3 of OpenTelemetry's exponential histograms.  Pure; no allocation.
 */
#ifndef TEPLO_PROTO_BASE_HISTOGRAM_H
#define TEPLO_PROTO_BASE_HISTOGRAM_H

#include <stdint.h>

#include "proto/base/bytes.h"
#include "proto/base/check.h"

/* Bucket 0 is all up to 64 us, the last one all above 10 minutes. */
enum { HISTOGRAM_BUCKETS = 188 };

struct histogram {
    uint64_t count;
    double sum_ms;
    double max_ms; /* exact */
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, double ms);
void histogram_merge(struct histogram *to, const struct histogram *from);
/* 0 < Q < 1.  0 when it is empty; never more than max_ms. */
double histogram_quantile_ms(const struct histogram *histogram, double q);

/* `n=3 sum_ms=12.5 max_ms=9.1 40:2 56:1`: only buckets that are not empty. */
void histogram_write(const struct histogram *histogram, struct bytes *out);
/* Adds what TEXT says.  -EINVAL: it is nothing histogram_write would write; HISTOGRAM is as before.
 */
MUST_CHECK int histogram_read(struct histogram *histogram, struct span text);

/*
 * The last minute: seven slots of ten seconds, of which the oldest is dropped whole.  What is asked
 * for is of the last 60 to 70 seconds.
 */
enum { ROLLING_SLOTS = 7, ROLLING_SLOT_MS = 10000 };

struct rolling {
    struct histogram slots[ROLLING_SLOTS];
    int64_t slot_number; /* now_ms / ROLLING_SLOT_MS of the newest */
};

void rolling_add(struct rolling *rolling, int64_t now_ms, double ms);
/* All of it into SUM, which is cleared first. */
void rolling_sum(struct rolling *rolling, int64_t now_ms, struct histogram *sum);

#endif
