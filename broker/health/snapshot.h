/* SPDX-License-Identifier: MIT */
/*
 * The figures of one moment: plain structs, filled by who knows them (the app), read by who
 * tells them (Redis, admin output).  The fields are tables in proto/redis.  Knows neither pools nor
 * Redis.
 *
 * Moments (`_at_ms`) are given on the monotonic clock; who tells them adds the distance to
 * the clock of the reader.  No secret belongs in here: `upstream` is scheme://host[:port]/path.
 */
#ifndef TEPLO_HEALTH_SNAPSHOT_H
#define TEPLO_HEALTH_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/check.h"
#include "proto/base/histogram.h"

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

/* The configuration of a pool. */
struct config_row {
#define CONFIG_TEXT(name, size) char name[size];
#define CONFIG_COUNT(name) uint64_t name;
#define CONFIG_MOMENT(name) int64_t name;
#include "proto/redis/config_fields.def"
#undef CONFIG_TEXT
#undef CONFIG_COUNT
#undef CONFIG_MOMENT
};

/* One upstream session: a row of tbl:sess.  `sess` is our own name of it, never the server's id. */
struct session_row {
    char pool[33];
    char sess[48];
    char state[16];
    uint64_t inflight;
    uint64_t age_ms;
    uint64_t idle_ms;
    uint64_t calls_total;
    char proto[24];
};

/* Of the last minute. */
struct pool_histograms {
    struct histogram latency;
    struct histogram wait;
    struct histogram create;
};

/* Pools, and sessions, beyond are not told. */
enum { SNAPSHOT_POOLS_MAXIMUM = 1024, SNAPSHOT_SESSIONS_MAXIMUM = 256 };

/* What costs more than a few copies, and is taken only on request. */
enum snapshot_wish { SNAPSHOT_HISTOGRAMS = 1, SNAPSHOT_SESSIONS = 2 };

struct snapshot {
    unsigned wishes; /* bits of enum snapshot_wish: set after clearing, heeded by who fills */
    struct instance_row instance;
    struct pool_row *pools;
    struct config_row *configs;         /* as many, in the same order */
    struct pool_histograms *histograms; /* as many; NULL if they were never wished for */
    size_t pool_count;
    size_t pool_capacity;
    size_t histogram_capacity;
    struct session_row *sessions;
    size_t session_count;
    size_t session_capacity;
};

/* Fills SNAPSHOT, which is empty.  Must not close or free who calls it. */
typedef void (*snapshot_take_fn)(void *owner, struct snapshot *snapshot);

void snapshot_init(struct snapshot *snapshot);
void snapshot_done(struct snapshot *snapshot);
/* All zero again, and no wishes; memory kept. */
void snapshot_clear(struct snapshot *snapshot);
/* A zeroed row, good until the next call; NULL without memory or at the maximum. */
MUST_CHECK struct pool_row *snapshot_add_pool(struct snapshot *snapshot, const char *name);
/* The same for a session. */
MUST_CHECK struct session_row *snapshot_add_session(struct snapshot *snapshot);

#endif
