/* SPDX-License-Identifier: MIT */
/*
 * How a pool is doing: what is known now and what was before, in; the state and its reasons, out.
 * Pure; it is to be asked once a second while something may change, and whenever a hard fact has.
 *
 *  - Worse as soon as a signal goes on (health_signals.def): at once for a hard fact, after its
 *    hold otherwise.
 *  - Better by one level at a time, HEALTH_UP_MS each; but a breaker that closes is a fact.
 *  - More than HEALTH_CHANGES changes within HEALTH_CHANGES_MS are flapping: it gets no better for
 *    HEALTH_FLAPPING_MS.
 */
#ifndef TEPLO_POOL_HEALTH_MODEL_H
#define TEPLO_POOL_HEALTH_MODEL_H

#include "broker/pool/health_signal.h"
#include "broker/pool/health_tally.h"

enum {
    HEALTH_UP_MS = 30000,
    HEALTH_CHANGES = 4,
    HEALTH_CHANGES_MS = 600000,
    HEALTH_FLAPPING_MS = 300000,
    /* How far back the baseline of the latency reaches, and how long it takes to be known. */
    HEALTH_BASELINE_MS = 3600000,
    HEALTH_BASELINE_LEAST_MS = 300000,
    HEALTH_REASONS = 3,
};

struct health_signal_state {
    bool is_on;
    bool is_clear;    /* by the last look */
    int64_t since_ms; /* off: bad since; on: clear since; 0: it is not */
};

/* p95 of the last hour that had calls: a mean in which what is older counts less. */
struct health_baseline {
    double mean_ms;
    int64_t age_ms; /* time that went into it */
    int64_t at_ms;
};

struct health_memory {
    enum health health;                 /* what is shown */
    char reason[HEALTH_REASONS_SIZE];   /* tokens, worst first, or "-" */
    int64_t since_ms;                   /* of what is shown */
    enum health level;                  /* the same, but while it is draining */
    int64_t level_ms;                   /* since when */
    int64_t changes_ms[HEALTH_CHANGES]; /* of the level, the last first */
    int64_t flapping_ms;                /* until then; 0: not */
    struct health_signal_state signals[HEALTH_SIGNAL_COUNT];
    struct health_tally lost;
    struct health_tally ratelimited;
    uint64_t probes_ok; /* totals at the last look */
    uint64_t probes_failed;
    struct health_past past;
    struct health_baseline baseline;
};

/* Nothing is known: HEALTH_UNKNOWN, unused. */
struct health_memory health_model_begin(int64_t now_ms);
/* NOW_MS, monotonic, is greater than 0. */
struct health_memory health_model_next(const struct health_memory *before,
                                       const struct health_facts *facts, int64_t now_ms);
/* The same facts will give the same answer, however late it becomes. */
bool health_model_is_steady(const struct health_memory *memory);

#endif
