/* SPDX-License-Identifier: MIT */
/*
 * What one route measures of its requests: the last minute (for Redis rows, `show pools`, health)
 * and everything since the start by operation (for /metrics).  Owned by the route; fed by
 * conclusion.c, once a request, and by the route with what its pool tells.  Bounded: a tool that
 * comes after OPERATIONS_MAXIMUM counts as `_other`.  NOW_MS never goes back.
 */
#ifndef TEPLO_ROUTING_METERS_H
#define TEPLO_ROUTING_METERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/routing/timeline.h"
#include "proto/base/histogram.h"

/* The boundaries of OpenTelemetry's MCP metrics, in seconds; one bucket more is +Inf. */
enum { OPERATION_BUCKETS = 15, OPERATIONS_MAXIMUM = 256, OPERATION_ERROR_SIZE = 24 };
extern const double operation_bounds_s[OPERATION_BUCKETS - 1];

struct operation_buckets {
    uint64_t count;
    double sum_s;
    uint64_t buckets[OPERATION_BUCKETS]; /* not cumulative */
};

/* One series of mcp_client_operation_duration_seconds and its twin of the downstream side. */
struct operation {
    enum mcp_method method;
    char tool[TIMELINE_TOOL_SIZE];         /* empty: no tool; `_other` */
    char error_type[OPERATION_ERROR_SIZE]; /* empty: none; `tool_error`, a JSON-RPC code, an error
                                              class; `_other` */
    struct operation_buckets client; /* from sending to the end: the server and the way to it */
    struct operation_buckets server; /* from reading the request to answering it */
};

/* Counts of the last 60 to 70 s, of calls and fetches. */
struct meters_window {
    uint64_t ended;           /* all that ended, however */
    uint64_t upstream_faults; /* of them: failed by the server or the way to it */
    uint64_t tool_errors;
    double seconds; /* that the window spans; less after the start, at least 1 */
};

struct meters;

/* NULL without memory. */
MUST_CHECK struct meters *meters_new(int64_t now_ms);
void meters_free(struct meters *meters);

/*
 * At the end of a request.  ERROR_TYPE is NULL if it ended well, `tool_error`, a JSON-RPC code, or
 * an error class.  What is LOCAL counts as an operation alone.
 */
void meters_note_call(struct meters *meters, int64_t now_ms, const struct timeline *timeline,
                      const char *error_type);
/* It counts against the server: failed by it or on the way to it. */
bool meters_is_upstream_fault(const char *error_type);
/* A session was opened in MS. */
void meters_note_create(struct meters *meters, int64_t now_ms, double ms);
/* At every change of the number of active sessions or of their cap: for the utilisation. */
void meters_note_active(struct meters *meters, int64_t now_ms, size_t active, size_t cap);

/* Latency from sending to the end, wait for the first session (also in vain), time to open one. */
void meters_latency(struct meters *meters, int64_t now_ms, struct histogram *ret);
void meters_wait(struct meters *meters, int64_t now_ms, struct histogram *ret);
void meters_create(struct meters *meters, int64_t now_ms, struct histogram *ret);
void meters_window(struct meters *meters, int64_t now_ms, struct meters_window *ret);
/* Time-weighted active / cap of the last minute, 0 to 100. */
double meters_utilisation_pct(struct meters *meters, int64_t now_ms);

/* Since the start; NULL past the end.  In order of appearance: an index stays an operation's. */
const struct operation *meters_operation(const struct meters *meters, size_t index);
/* Checkout waits, session creation, session use (seconds, cumulative since the start), by the
   boundaries of /metrics. */
enum meter_kind { METER_WAIT, METER_CREATE, METER_USE, METER_KINDS };
enum { METER_BUCKETS = 11 };
extern const double meter_bounds_s[METER_BUCKETS - 1]; /* 1 5 10 50 100 500 ms, 1 5 10 30 s */
struct meter_buckets {
    uint64_t count;
    double sum_s;
    uint64_t buckets[METER_BUCKETS];
};
const struct meter_buckets *meters_since_start(const struct meters *meters, enum meter_kind kind);

#endif
