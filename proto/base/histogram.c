/* SPDX-License-Identifier: MIT */
#include "proto/base/histogram.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define FIRST_BOUND_MS 0.064
/* 11 days: what lasts longer counts as that, so that every number has few digits. */
#define LONGEST_MS 1e9
#define SUM_MOST_MS 999999999999.0

enum { BY_OCTAVE = 8 };

/* Two to the power of so many eighths. */
static const double roots[BY_OCTAVE] = {
    1,
    1.0905077326652577,
    1.1892071150027210,
    1.2968395546510096,
    1.4142135623730951,
    1.5422108254079408,
    1.6817928305074290,
    1.8340080864093424,
};
static const double half_bucket = 1.0442737824274138; /* 2^(1/16) */

void histogram_clear(struct histogram *histogram)
{
    *histogram = (struct histogram){.count = 0};
}

/* A bucket's upper bound belongs to it. */
static size_t bucket_of(double ms)
{
    int exponent;
    double fraction;
    size_t index;

    if (!(ms > FIRST_BOUND_MS)) {
        return 0;
    }
    fraction = 2 * frexp(ms / FIRST_BOUND_MS, &exponent);
    index = (size_t)(exponent - 1) * BY_OCTAVE;
    for (size_t i = 0; i < BY_OCTAVE && fraction > roots[i]; i++) {
        index++;
    }
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

static double upper_bound_ms(size_t bucket)
{
    return ldexp(FIRST_BOUND_MS * roots[bucket % BY_OCTAVE], (int)(bucket / BY_OCTAVE));
}

/* How many of TIMES are added to BUCKET, which may be full: all buckets add up to `count`. */
static uint32_t add_times(struct histogram *histogram, size_t bucket, uint32_t times)
{
    uint32_t room = UINT32_MAX - histogram->buckets[bucket];
    uint32_t added = times < room ? times : room;

    histogram->buckets[bucket] += added;
    histogram->count += added;
    return added;
}

void histogram_add(struct histogram *histogram, double ms)
{
    double counted = ms > 0 ? ms : 0; /* not a number: 0 */

    counted = counted < LONGEST_MS ? counted : LONGEST_MS;
    if (add_times(histogram, bucket_of(counted), 1) == 1) {
        histogram->sum_ms += counted;
        histogram->max_ms = counted > histogram->max_ms ? counted : histogram->max_ms;
    }
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    uint64_t added = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        added += add_times(to, i, from->buckets[i]);
    }
    to->max_ms = from->max_ms > to->max_ms ? from->max_ms : to->max_ms;
    if (added == from->count) {
        to->sum_ms += from->sum_ms;
    } else {
        /* A bucket is full: the mean stays about what it is. */
        to->sum_ms += from->sum_ms * ((double)added / (double)from->count);
        to->sum_ms = to->sum_ms > to->max_ms ? to->sum_ms : to->max_ms;
    }
}

/* The one whose duration has RANK, which is 1 to `count`. */
static size_t bucket_at(const struct histogram *histogram, double rank)
{
    uint64_t before = 0;
    size_t bucket = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS && (double)before < rank; i++) {
        before += histogram->buckets[i];
        bucket = i;
    }
    return bucket;
}

double histogram_quantile_ms(const struct histogram *histogram, double q)
{
    size_t bucket;
    double middle;

    if (histogram->count == 0) {
        return 0;
    }
    bucket = bucket_at(histogram, q * (double)histogram->count);
    if (bucket == HISTOGRAM_BUCKETS - 1) {
        return histogram->max_ms;
    }
    middle = upper_bound_ms(bucket) / half_bucket;
    return middle < histogram->max_ms ? middle : histogram->max_ms;
}

/* ---- as text */

/* At most three places, and no zero at the end. */
static void write_ms(double ms, struct bytes *out)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%.3f", ms < SUM_MOST_MS ? ms : SUM_MOST_MS);

    while (text[length - 1] == '0') {
        length--;
    }
    if (text[length - 1] == '.') {
        length--;
    }
    bytes_append(out, text, (size_t)length);
}

void histogram_write(const struct histogram *histogram, struct bytes *out)
{
    bytes_printf(out, "n=%" PRIu64 " sum_ms=", histogram->count);
    write_ms(histogram->sum_ms, out);
    bytes_append_text(out, " max_ms=");
    write_ms(histogram->max_ms, out);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] > 0) {
            bytes_printf(out, " %zu:%" PRIu32, i, histogram->buckets[i]);
        }
    }
}

/* What is read, from its front. */
static bool take(struct span *text, const char *word)
{
    struct span expected = span_of(word);

    if (!span_starts_with(*text, expected)) {
        return false;
    }
    text->at += expected.length;
    text->length -= expected.length;
    return true;
}

/* As it is written: no sign, no zero in front.  At most MOST. */
static bool take_number(struct span *text, uint64_t most, uint64_t *ret)
{
    uint64_t number = 0;
    size_t digits = 0;

    while (digits < text->length && text->at[digits] >= '0' && text->at[digits] <= '9') {
        uint64_t digit = (uint64_t)(text->at[digits] - '0');

        if (number > (most - digit) / 10 || (digits == 1 && text->at[0] == '0')) {
            return false;
        }
        number = number * 10 + digit;
        digits++;
    }
    text->at += digits;
    text->length -= digits;
    *ret = number;
    return digits > 0;
}

static bool take_ms(struct span *text, double *ret)
{
    uint64_t whole;
    unsigned thousandths = 0;
    unsigned weight = 100;
    char last = '1';

    if (!take_number(text, (uint64_t)SUM_MOST_MS, &whole)) {
        return false;
    }
    if (take(text, ".")) {
        last = '0';
        while (weight > 0 && text->length > 0 && text->at[0] >= '0' && text->at[0] <= '9') {
            last = text->at[0];
            thousandths += weight * (unsigned)(last - '0');
            weight /= 10;
            text->at++;
            text->length--;
        }
    }
    *ret = (double)whole + thousandths / 1000.0;
    return last != '0';
}

/* One after the other, each once, none empty. */
static bool take_buckets(struct span *text, struct histogram *read, size_t *ret_last)
{
    uint64_t next = 0;

    while (text->length > 0) {
        uint64_t bucket;
        uint64_t times;

        if (!take(text, " ") || !take_number(text, HISTOGRAM_BUCKETS - 1, &bucket) ||
            bucket < next || !take(text, ":") || !take_number(text, UINT32_MAX, &times) ||
            times == 0) {
            return false;
        }
        (void)add_times(read, bucket, (uint32_t)times);
        *ret_last = bucket;
        next = bucket + 1;
    }
    return true;
}

/* Numbers that belong together; those in the text are rounded to thousandths. */
static bool is_plausible(const struct histogram *read, size_t last)
{
    const double rounded = 0.0006;

    if (read->count == 0) {
        return read->sum_ms == 0 && read->max_ms == 0;
    }
    return read->max_ms <= LONGEST_MS && read->sum_ms <= SUM_MOST_MS &&
           bucket_of(read->max_ms - rounded) <= last && bucket_of(read->max_ms + rounded) >= last &&
           read->sum_ms >= read->max_ms - rounded &&
           read->sum_ms <= ((double)read->count * (read->max_ms + rounded)) * (1 + 1e-9);
}

int histogram_read(struct histogram *histogram, struct span text)
{
    struct histogram read = {.count = 0};
    uint64_t count;
    size_t last = 0;

    if (!take(&text, "n=") || !take_number(&text, UINT64_MAX, &count) || !take(&text, " sum_ms=") ||
        !take_ms(&text, &read.sum_ms) || !take(&text, " max_ms=") ||
        !take_ms(&text, &read.max_ms) || !take_buckets(&text, &read, &last) ||
        read.count != count || !is_plausible(&read, last)) {
        return -EINVAL;
    }
    histogram_merge(histogram, &read);
    return 0;
}

/* ---- the last minute */

/* Drops what is too old, so that the newest slot is NOW's. */
static void advance(struct rolling *rolling, int64_t now_ms)
{
    int64_t number = now_ms / ROLLING_SLOT_MS;

    for (int i = 0; i < ROLLING_SLOTS && rolling->slot_number < number; i++) {
        /* Those that are seven back from NOW, at most all of them. */
        int64_t cleared = number - i;

        if (cleared > rolling->slot_number) {
            histogram_clear(&rolling->slots[cleared % ROLLING_SLOTS]);
        }
    }
    if (number > rolling->slot_number) {
        rolling->slot_number = number;
    }
}

void rolling_add(struct rolling *rolling, int64_t now_ms, double ms)
{
    advance(rolling, now_ms);
    histogram_add(&rolling->slots[rolling->slot_number % ROLLING_SLOTS], ms);
}

void rolling_sum(struct rolling *rolling, int64_t now_ms, struct histogram *sum)
{
    advance(rolling, now_ms);
    histogram_clear(sum);
    for (size_t i = 0; i < ROLLING_SLOTS; i++) {
        histogram_merge(sum, &rolling->slots[i]);
    }
}
