/* SPDX-License-Identifier: MIT */
/*
 * The rows of all brokers made one: a pool of the fleet, and the fleet.  The rules are in
 * pool_fields.def.  Called by the reporter; pure, knows no Redis.  Moments are whatever the rows
 * have, NOW_MS is on the same clock.  No value in a row can do harm.
 */
#ifndef TEPLO_HEALTH_FLEET_ROLLUP_H
#define TEPLO_HEALTH_FLEET_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/health/row_field.h"
#include "broker/pool/health_rollup.h"
#include "proto/base/bytes.h"
#include "proto/base/histogram.h"

enum fleet_fold {
    FLEET_FOLD_SUM,
    FLEET_FOLD_TOTAL,
    FLEET_FOLD_MAX,
    FLEET_FOLD_LATEST,
    FLEET_FOLD_WORST,
    FLEET_FOLD_ERROR,
    FLEET_FOLD_MERGED,
    FLEET_FOLD_WINDOW,
    FLEET_FOLD_OWN,
};

/* Of pool_row_fields[i]. */
extern const enum fleet_fold fleet_folds[POOL_FIELD_COUNT];

struct fleet_row {
#define FLEET_TEXT(name, size) char name[size];
#define FLEET_COUNT(name) uint64_t name;
#define FLEET_DECIMAL(name) double name;
#define FLEET_MOMENT(name) int64_t name;
#include "proto/redis/fleet_fields.def"
#undef FLEET_TEXT
#undef FLEET_COUNT
#undef FLEET_DECIMAL
#undef FLEET_MOMENT
};

enum fleet_field_counts {
#define FLEET_TEXT(name, size) FLEET_FIELD_##name,
#define FLEET_COUNT(name) FLEET_FIELD_##name,
#define FLEET_DECIMAL(name) FLEET_FIELD_##name,
#define FLEET_MOMENT(name) FLEET_FIELD_##name,
#include "proto/redis/fleet_fields.def"
#undef FLEET_TEXT
#undef FLEET_COUNT
#undef FLEET_DECIMAL
#undef FLEET_MOMENT
    FLEET_FIELD_COUNT
};

extern const struct row_field fleet_row_fields[FLEET_FIELD_COUNT];

struct fleet_histograms {
    struct histogram lat;
    struct histogram wait;
    struct histogram create;
};

/* Adds what a broker wrote: `s3;w=60;lat n=..;wait n=..;create n=..`.  What is not that is left
   out. */
void fleet_histograms_read(struct fleet_histograms *histograms, struct span text);

/* Of a pool of the fleet. */
struct fleet_figures {
    struct pool_row row;
    uint64_t inst_live; /* brokers that have it */
    uint64_t inst_bad;  /* of these, those where it is degraded or worse */
    uint64_t inst_dead; /* silent ones, whose totals are not in the base yet */
};

/* What was told of it before. */
struct fleet_before {
    uint64_t health_code;
    int64_t health_since_at_ms;
};

/* A pool in the making: rows are added one by one. */
struct fleet_pool {
    struct fleet_figures figures; /* whole after fleet_pool_end */
    struct fleet_histograms histograms;
    struct health_rollup rollup;
    enum health worst; /* of the live rows, and why */
    char worst_reason[sizeof(((struct pool_row *)0)->health_reason)];
    int64_t latest_at_ms;
    double err_weight; /* err_pct * rps */
    double tool_err_weight;
    double util_weight; /* util_pct * cap */
};

void fleet_pool_begin(struct fleet_pool *pool, const char *name);
void fleet_pool_add_live(struct fleet_pool *pool, const struct pool_row *row);
/* Only its totals count, as do those of the base. */
void fleet_pool_add_dead(struct fleet_pool *pool, const struct pool_row *row);
void fleet_pool_add_base(struct fleet_pool *pool, const struct pool_row *base);
/* seq and updated_at_ms stay with the caller. */
void fleet_pool_end(struct fleet_pool *pool, struct fleet_before before, int64_t now_ms);

/* The totals of ROW without those that were folded into the base already: GONE. */
void fleet_row_subtract(struct pool_row *row, const struct pool_row *gone);

/* Calls that failed: not executed, unknown and lost ones. */
uint64_t fleet_errors(const struct pool_row *row);

/* The fleet in the making. */
struct fleet {
    struct fleet_row row;  /* whole after fleet_end */
    struct fleet_pool all; /* the pools together, as one */
    struct health_rollup rollup;
    enum health worst;
};

void fleet_begin(struct fleet *fleet);
/* POOL is ended. */
void fleet_add_pool(struct fleet *fleet, const struct fleet_pool *pool);
void fleet_add_live(struct fleet *fleet, const struct instance_row *row);
void fleet_add_dead(struct fleet *fleet);
void fleet_end(struct fleet *fleet, struct fleet_before before, int64_t now_ms);

/* CODE as a state of health; what is none is unknown. */
enum health fleet_health(uint64_t code);
/* For a table: the worst first, then by name. */
bool fleet_figures_is_before(const struct fleet_figures *a, const struct fleet_figures *b);

#endif
