/* SPDX-License-Identifier: MIT */
/*
 * The timetable of an open loop: call number n is due at a moment that depends on nothing but
 * n, so that a server that stalls cannot make the load wait for it and hide the stall
 * (coordinated omission).  Pure arithmetic, without a clock.
 */
#ifndef TEPLO_BENCH_PACE_H
#define TEPLO_BENCH_PACE_H

#include <stdint.h>

enum { PACE_RATE_MAXIMUM = 1000000 };

struct pace {
    int64_t start_ns; /* when call 0 is due */
    uint64_t rate;    /* calls a second, 1 to PACE_RATE_MAXIMUM */
};

int64_t pace_due_ns(const struct pace *pace, uint64_t number);
/* How many calls are due at NOW: the least number that is not. */
uint64_t pace_due_count(const struct pace *pace, int64_t now_ns);

#endif
