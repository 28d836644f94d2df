/* SPDX-License-Identifier: MIT */
/*
 * /metrics: what one scrape tells, copied when it begins (struct metrics), and its text, written
 * piece by piece since it may take longer than a turn of the loop should (struct metrics_writer).
 * The families are metrics.def.  Pure: filled by the app, knows neither pools nor HTTP.
 *
 * No secret belongs in here: no session id, no argument; of a server's URL only host and port.
 */
#ifndef TEPLO_HEALTH_METRICS_H
#define TEPLO_HEALTH_METRICS_H

#include "broker/health/snapshot.h"
#include "broker/routing/meters.h"
#include "proto/base/bytes.h"

/* Bounds in seconds: 0.001 0.005 0.01 0.05 0.1 0.5 1 5 10. */
enum { METRICS_LAG_BUCKETS = 10 };

/* How late the loop was, since the start. */
struct metrics_lag {
    uint64_t count;
    uint64_t sum_ms;
    uint64_t buckets[METRICS_LAG_BUCKETS]; /* not cumulative */
};
void metrics_lag_add(struct metrics_lag *lag, int64_t late_ms);

/* Figures that neither row has. */
struct metrics_other {
    uint64_t requests;
    uint64_t paused;
    uint64_t ready;
    uint64_t reporter;
    uint64_t memory_bytes;
    uint64_t memory_limit_bytes;
    uint64_t ledger_live;
    uint64_t ledger_records;
    uint64_t ledger_total;
    double cpu_s;
    double started_s;
    /* Texts of the INFO families; borrowed, and good as long as the metrics. */
    const char *version;
    const char *curl;
    const char *libevent;
    const char *hiredis;
    const char *config_hash;
};

/* What a row of the snapshot does not have. */
struct metrics_pool {
    char server_address[256];
    char server_port[6];
    struct meter_buckets meters[METER_KINDS];
    struct operation *operations; /* owned */
    size_t operation_count;
    size_t operation_capacity;
};

/*
 * How operations are told apart.  By name; or all tools as `_other`, which was decided once there
 * were too many to name; or without a tool at all.
 */
enum metrics_tools { METRICS_TOOLS_NAMED, METRICS_TOOLS_MERGED, METRICS_TOOLS_UNTOLD };

enum { METRICS_SERIES_MAXIMUM = 20000 };

struct metrics {
    struct snapshot snapshot;
    struct metrics_pool *pools; /* owned; one for each of the snapshot's, in its order */
    struct metrics_other other;
    struct metrics_lag lag;
    const double *operation_bounds_s; /* of OPERATION_BUCKETS - 1; borrowed */
    const double *meter_bounds_s;     /* of METER_BUCKETS - 1 */
};

void metrics_init(struct metrics *metrics);
void metrics_done(struct metrics *metrics);
/* After the snapshot was filled: room for what its rows lack.  -ENOMEM. */
MUST_CHECK int metrics_make_pools(struct metrics *metrics);
/* Adds OPERATION to what is told alike.  -ENOMEM. */
MUST_CHECK int metrics_add_operation(struct metrics_pool *pool, const struct operation *operation,
                                     enum metrics_tools tools);
/* Series that so many pools and operations, each by its name, would make. */
size_t metrics_series(size_t pools, size_t operations);

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

const char *metrics_content_type(enum metrics_format format);

struct metrics_bound {
    char text[16];
};

struct metrics_writer {
    const struct metrics *metrics; /* borrowed */
    enum metrics_format format;
    size_t family;  /* the METRIC that is written now, by its place in the table */
    size_t pool;    /* and the pool for which it is next */
    bool is_headed; /* its HELP and TYPE are written */
    /* The bounds as texts, made once: most lines have one. */
    struct metrics_bound operation_bounds[OPERATION_BUCKETS - 1];
    struct metrics_bound meter_bounds[METER_BUCKETS - 1];
    struct metrics_bound lag_bounds[METRICS_LAG_BUCKETS - 1];
};

void metrics_writer_init(struct metrics_writer *writer, const struct metrics *metrics,
                         enum metrics_format format);
/* Some 256 KiB more to OUT; false: that was the end. */
MUST_CHECK bool metrics_write(struct metrics_writer *writer, struct bytes *out);

#endif
