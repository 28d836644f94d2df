/* SPDX-License-Identifier: MIT */
/*
 * The figures of one moment: plain structs, filled by who knows them (the app), read by who
 * tells them (Redis, admin output).  The fields are in pool_fields.def and
 * instance_fields.def.  Knows neither pools nor Redis.
 *
 * Moments (`_at_ms`) are given on the monotonic clock; who tells them adds the distance to
 * the clock of the reader.  No secret belongs in here: `upstream` is scheme://host[:port]/path.
 */
#ifndef TEPLO_HEALTH_SNAPSHOT_H
#define TEPLO_HEALTH_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/check.h"

struct pool_row {
    char name[33]; /* part of the key, not a field */
#define POOL_TEXT(name, size, fold) char name[size];
#define POOL_COUNT(name, fold) uint64_t name;
#define POOL_DECIMAL(name, fold) double name;
#define POOL_MOMENT(name, fold) int64_t name;
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
};

struct instance_row {
#define INSTANCE_TEXT(name, size) char name[size];
#define INSTANCE_COUNT(name) uint64_t name;
#define INSTANCE_DECIMAL(name) double name;
#define INSTANCE_MOMENT(name) int64_t name;
#include "proto/redis/instance_fields.def"
#undef INSTANCE_TEXT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
};

/* Pools beyond are not told. */
enum { SNAPSHOT_POOLS_MAXIMUM = 1024 };

struct snapshot {
    struct instance_row instance;
    struct pool_row *pools;
    size_t pool_count;
    size_t pool_capacity;
};

/* Fills SNAPSHOT, which is empty.  Must not close or free who calls it. */
typedef void (*snapshot_take_fn)(void *owner, struct snapshot *snapshot);

void snapshot_init(struct snapshot *snapshot);
void snapshot_done(struct snapshot *snapshot);
/* All zero again, memory kept. */
void snapshot_clear(struct snapshot *snapshot);
/* A zeroed row, good until the next call; NULL without memory or at the maximum. */
MUST_CHECK struct pool_row *snapshot_add_pool(struct snapshot *snapshot, const char *name);

#endif
