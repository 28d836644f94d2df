/* SPDX-License-Identifier: MIT */
/*
 * What the keys of a fleet weigh in Redis, and how many time series fit beside the rest.  The
 * series are nearly all of it: 0.3 MB a pool.  Pure; the formula is in proto/REDIS.md, and a test
 * holds it against a real Redis.
 */
#ifndef TEPLO_HEALTH_REDIS_BUDGET_H
#define TEPLO_HEALTH_REDIS_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What streams are cut to, about. */
enum { REDIS_EVENTS_KEPT = 2000, REDIS_SAMPLES_KEPT = 360, REDIS_MINUTES_KEPT = 1440 };

struct redis_load {
    size_t brokers;
    size_t pools;    /* of all brokers together, each once */
    size_t sessions; /* all sessions of all brokers */
};

struct redis_budget {
    bool has_fleet_series; /* ts10s:_fleet and ts1m:_fleet: the first to get room */
    size_t series_pools;   /* so many pools have ts10s: and ts1m:, the busiest ones */
    uint64_t bytes;        /* all keys, those series included */
};

/* At most MAX_POOLS get series, and none that would make it more than MAX_BYTES in all. */
struct redis_budget redis_budget_of(const struct redis_load *load, size_t max_pools,
                                    uint64_t max_bytes);

#endif
