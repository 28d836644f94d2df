/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_budget.h"

/* Measured with Redis 7.0 on 64 bits, with figures of a busy fleet. */
enum {
    FIXED_BYTES = 300000,     /* above all the 2000 events */
    BROKER_BYTES = 1100,      /* i:, its member of inst, its row of tbl:inst */
    POOL_BYTES = 5000,        /* f:, base:, cfg:, its member of pools, its row of tbl:pools */
    BROKER_POOL_BYTES = 2900, /* p:, h: */
    SESSION_BYTES = 160,      /* its row of tbl:sess */
    SERIES_BYTES = 310000,    /* 360 samples in ts10s:, 1440 in ts1m: */
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct redis_budget redis_budget_of(const struct redis_load *load, size_t max_pools,
                                    uint64_t max_bytes)
{
    uint64_t rows_bytes = FIXED_BYTES + (uint64_t)load->brokers * BROKER_BYTES +
                          (uint64_t)load->pools * POOL_BYTES +
                          (uint64_t)load->brokers * load->pools * BROKER_POOL_BYTES +
                          (uint64_t)load->sessions * SESSION_BYTES;
    uint64_t series = max_bytes > rows_bytes ? (max_bytes - rows_bytes) / SERIES_BYTES : 0;
    struct redis_budget budget = {.has_fleet_series = series > 0};

    if (series > 0) {
        budget.series_pools = (size_t)least(series - 1, least(max_pools, load->pools));
    }
    budget.bytes = rows_bytes + (series > 0 ? budget.series_pools + 1 : 0) * SERIES_BYTES;
    return budget;
}
