/* SPDX-License-Identifier: MIT */
/* What one scrape tells: copied, and operations added up as they shall be told apart. */
#include "broker/health/metrics.h"

#include <errno.h>
#include <stdio.h>

#include "broker/health/metrics_table.h"
#include "proto/base/mem.h"

enum { FIRST_CAPACITY = 8, HISTOGRAM_ENDS = 2 /* sum and count */, SIDES = 2 };

/* The bounds of metrics.h, in milliseconds. */
static const int64_t lag_bounds_ms[METRICS_LAG_BUCKETS - 1] = {1,   5,    10,   50,   100,
                                                               500, 1000, 5000, 10000};

void metrics_lag_add(struct metrics_lag *lag, int64_t late_ms)
{
    size_t bucket = 0;

    while (bucket < METRICS_LAG_BUCKETS - 1 && late_ms > lag_bounds_ms[bucket]) {
        bucket++;
    }
    lag->buckets[bucket]++;
    lag->count++;
    lag->sum_ms += late_ms > 0 ? (uint64_t)late_ms : 0;
}

void metrics_init(struct metrics *metrics)
{
    *metrics = (struct metrics){0};
    snapshot_init(&metrics->snapshot);
}

void metrics_done(struct metrics *metrics)
{
    for (size_t i = 0; metrics->pools != NULL && i < metrics->snapshot.pool_count; i++) {
        mem_free(metrics->pools[i].operations);
    }
    mem_free(metrics->pools);
    metrics->pools = NULL;
    snapshot_done(&metrics->snapshot);
}

int metrics_make_pools(struct metrics *metrics)
{
    metrics->pools = mem_new((metrics->snapshot.pool_count + 1) * sizeof(*metrics->pools));
    return metrics->pools == NULL ? -ENOMEM : 0;
}

/* ---- operations */

static void add_buckets(struct operation_buckets *to, const struct operation_buckets *from)
{
    to->count += from->count;
    to->sum_s += from->sum_s;
    for (size_t i = 0; i < OPERATION_BUCKETS; i++) {
        to->buckets[i] += from->buckets[i];
    }
}

static struct operation *find_alike(struct metrics_pool *pool, const struct operation *operation,
                                    const char *tool)
{
    for (size_t i = 0; i < pool->operation_count; i++) {
        struct operation *one = &pool->operations[i];

        if (one->method == operation->method && strcmp(one->tool, tool) == 0 &&
            strcmp(one->error_type, operation->error_type) == 0) {
            return one;
        }
    }
    return NULL;
}

static struct operation *append(struct metrics_pool *pool)
{
    if (pool->operation_count == pool->operation_capacity) {
        size_t capacity =
            pool->operation_capacity == 0 ? FIRST_CAPACITY : pool->operation_capacity * 2;
        struct operation *operations = mem_resize(pool->operations, capacity * sizeof(*operations));

        if (operations == NULL) {
            return NULL;
        }
        pool->operations = operations;
        pool->operation_capacity = capacity;
    }
    return &pool->operations[pool->operation_count++];
}

static const char *told_tool(const struct operation *operation, enum metrics_tools tools)
{
    switch (tools) {
    case METRICS_TOOLS_NAMED:
        return operation->tool;
    case METRICS_TOOLS_MERGED:
        return operation->tool[0] == '\0' ? "" : "_other";
    case METRICS_TOOLS_UNTOLD:
        break;
    }
    return "";
}

int metrics_add_operation(struct metrics_pool *pool, const struct operation *operation,
                          enum metrics_tools tools)
{
    const char *tool = told_tool(operation, tools);
    /* With their names they are told apart already: no two are alike. */
    struct operation *one = tools == METRICS_TOOLS_NAMED ? NULL : find_alike(pool, operation, tool);

    if (one != NULL) {
        add_buckets(&one->client, &operation->client);
        add_buckets(&one->server, &operation->server);
        return 0;
    }
    one = append(pool);
    if (one == NULL) {
        return -ENOMEM;
    }
    *one = *operation;
    (void)snprintf(one->tool, sizeof(one->tool), "%s", tool);
    return 0;
}

size_t metrics_series(size_t pools, size_t operations)
{
    size_t of_pool = 0;

    for (size_t i = 0; i < metrics_entry_count; i++) {
        switch (metrics_entries[i].kind) {
        case METRICS_ENTRY_POOL:
        case METRICS_ENTRY_POOL_REST:
        case METRICS_ENTRY_POOL_IS:
            of_pool++;
            break;
        case METRICS_ENTRY_METER:
            of_pool += METER_BUCKETS + HISTOGRAM_ENDS;
            break;
        case METRICS_ENTRY_FAMILY:
        case METRICS_ENTRY_OPERATIONS:
        case METRICS_ENTRY_BROKER:
        case METRICS_ENTRY_OTHER:
        case METRICS_ENTRY_REDIS:
        case METRICS_ENTRY_BROKER_IS:
        case METRICS_ENTRY_REDIS_IS:
        case METRICS_ENTRY_LAG:
        case METRICS_ENTRY_FACT:
            break;
        }
    }
    return pools * of_pool + operations * SIDES * (OPERATION_BUCKETS + HISTOGRAM_ENDS);
}
