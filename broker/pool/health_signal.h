/* SPDX-License-Identifier: MIT */
/*
 * What of the facts about a pool is bad, and what is clear.  Pure.  Only the server's faults and
 * those of the way to it count: what a tool answers never does.
 */
#ifndef TEPLO_POOL_HEALTH_SIGNAL_H
#define TEPLO_POOL_HEALTH_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/pool/health.h"

enum health_signal {
#define HEALTH_SIGNAL(NAME, level, hold_ms, clear_ms, reason) HEALTH_SIGNAL_##NAME,
#include "broker/pool/health_signals.def"
#undef HEALTH_SIGNAL
    HEALTH_SIGNAL_COUNT
};

struct health_signal_kind {
    enum health level;
    int64_t hold_ms;
    int64_t clear_ms;
    enum health_reason reason;
};
extern const struct health_signal_kind health_signal_kinds[HEALTH_SIGNAL_COUNT];

/* Evidence is bad from `bad` on, and clear up to `clear`; between them it is neither. */
struct health_threshold {
    double bad;
    double clear;
};

struct health_thresholds {
    uint64_t calls_minimum;            /* in the last minute, for shares and quantiles to count */
    struct health_threshold err_pct;   /* degraded */
    struct health_threshold many_pct;  /* unhealthy */
    struct health_threshold p95_times; /* of the baseline */
    struct health_threshold p95_ms;    /* and: a fast server may be three times as slow */
    struct health_threshold wait_ms;
    struct health_threshold lost_pct; /* of the sessions, in the last minute */
    uint64_t lost_minimum;
    struct health_threshold ratelimited; /* calls, in the last minute */
    unsigned probes_fall;
    unsigned probes_rise;
    int64_t no_session_ms; /* a server that restarts is away for less */
};
extern const struct health_thresholds health_thresholds;

/* The last minute, from whoever sees the calls. */
struct health_window {
    uint64_t calls;
    uint64_t faults;    /* of them: failed at the server or on the way to it */
    double p95_ms;      /* of their latency; 0: unknown */
    int64_t last_ok_ms; /* the server answered a call, last; 0: never */
};

/* What is known now. */
struct health_facts {
    bool is_draining;
    bool has_opened;    /* a session was ready once */
    bool has_failure;   /* the last attempt failed, and none succeeded since */
    bool is_settled;    /* and trying again soon cannot help */
    bool is_auth;       /* it was the credentials */
    bool gave_up;       /* the breaker is not closed */
    int64_t failing_ms; /* since the first of the failures in a row */
    size_t open;        /* sessions */
    size_t minimum;
    int64_t oldest_wait_ms;
    /* Totals since the start. */
    uint64_t lost;        /* sessions */
    uint64_t ratelimited; /* calls that the server refused with 429 */
    uint64_t probes_ok;
    uint64_t probes_failed;
    int64_t unauthorized_ms; /* a call was refused with 401 or 403, last; 0: never */
    struct health_window window;
};

/* What follows from the facts before. */
struct health_past {
    uint64_t lost; /* in the last minute */
    uint64_t ratelimited;
    unsigned probes_ok; /* in a row */
    unsigned probes_failed;
    double baseline_ms; /* p95 of the last hour; 0: not known yet */
};

enum health_evidence { HEALTH_BAD, HEALTH_BETWEEN, HEALTH_CLEAR };

enum health_evidence health_signal_look(enum health_signal health_signal,
                                        const struct health_facts *facts,
                                        const struct health_past *past);

#endif
