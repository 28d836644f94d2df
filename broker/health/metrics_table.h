/* SPDX-License-Identifier: MIT */
/* metrics.def as a table: each family followed by where its samples come from. */
#ifndef TEPLO_HEALTH_METRICS_TABLE_H
#define TEPLO_HEALTH_METRICS_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum metrics_entry_kind {
    METRICS_ENTRY_FAMILY,
    METRICS_ENTRY_POOL,
    METRICS_ENTRY_POOL_REST,
    METRICS_ENTRY_POOL_IS,
    METRICS_ENTRY_METER,
    METRICS_ENTRY_OPERATIONS,
    METRICS_ENTRY_BROKER,
    METRICS_ENTRY_OTHER,
    METRICS_ENTRY_REDIS,
    METRICS_ENTRY_BROKER_IS,
    METRICS_ENTRY_REDIS_IS,
    METRICS_ENTRY_LAG,
    METRICS_ENTRY_FACT,
};

enum metrics_type {
    METRICS_TYPE_COUNTER,
    METRICS_TYPE_GAUGE,
    METRICS_TYPE_HISTOGRAM,
    METRICS_TYPE_INFO
};

enum metrics_number { METRICS_NUMBER_COUNT, METRICS_NUMBER_DECIMAL };

struct metrics_entry {
    enum metrics_entry_kind kind;
    /* Of a family. */
    const char *name;
    enum metrics_type type;
    const char *unit; /* empty: none */
    const char *help;
    /* Of what follows it. */
    enum metrics_number number;
    size_t offset; /* of the field in its struct */
    size_t less;   /* of POOL_REST: of the one that is taken off */
    double per;
    uint64_t code;     /* of an IS */
    const char *label; /* empty: none */
    const char *word;
};

extern const struct metrics_entry metrics_entries[];
extern const size_t metrics_entry_count;

#endif
