/* SPDX-License-Identifier: MIT */
/*
 * The pool's decisions: figures in, decision out.  Knows no objects, no loop, no clock.
 */
#ifndef TEPLO_POOL_POLICY_H
#define TEPLO_POOL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_limits {
    size_t size;         /* sessions at most */
    size_t minimum;      /* sessions kept even when idle */
    size_t max_inflight; /* calls on one session */
    size_t queue_max;
    int64_t lifetime_ms;
    int64_t idle_timeout_ms;
    int64_t check_delay_ms;
    int64_t keepalive_ms;
    int64_t cancel_grace_ms;
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
};

/* A pool as its decisions see it. */
struct pool_view {
    size_t opening;    /* sessions not ready yet */
    size_t open;       /* ready, checking */
    size_t checking;   /* of those: being pinged, and back in a moment */
    size_t leaving;    /* draining */
    size_t waiting;    /* waiters in the queue */
    size_t least_load; /* calls on the least loaded ready session; 0 if there is none */
    bool has_opened;   /* a session was ready once */
    bool is_settled;   /* the last failure: trying again soon cannot help */
    int64_t now_ms;
    int64_t retry_at_ms;      /* no attempt to open before, unless somebody waits */
    int64_t failed_at_ms;     /* the last failure */
    int64_t failing_since_ms; /* the first of the failures in a row; 0: none */
};

enum pool_action {
    POOL_ACTION_NONE,
    POOL_ACTION_OPEN,   /* open one session now */
    POOL_ACTION_RETRY,  /* look again at retry_at_ms */
    POOL_ACTION_REFUSE, /* tell all who wait: the server is down; and look again at retry_at_ms */
};

enum {
    /* How long calls are kept waiting for a server that does not let us in: long enough for one
       that restarts, short for one that was never there. */
    POOL_PATIENCE_MS = 10000,
    POOL_PATIENCE_NEW_MS = 1000,
    /* While somebody waits, attempts are so far apart, however long the back-off has become. */
    POOL_WAITED_RETRY_MS = 500,
};

/* Nobody is kept waiting: without a session, and failing for good or for long. */
bool policy_is_hopeless(const struct pool_view *view);
/* When an attempt to open may begin. */
int64_t policy_next_attempt_ms(const struct pool_view *view);

enum pool_action policy_decide(const struct pool_limits *limits, const struct pool_view *view);

/* A session with LOAD calls may take one more without the pool growing first. */
bool policy_has_room(const struct pool_limits *limits, size_t load);
bool policy_is_below_target(const struct pool_limits *limits, size_t load);

/* Full jitter: uniform in [0, min * 2^(failures-1)], capped.  RANDOM is any 32 bits. */
int64_t policy_backoff_ms(const struct pool_limits *limits, unsigned failures, uint32_t random);
/* Lifetimes are shortened by up to a tenth, so that sessions opened together do not end together.
 */
int64_t policy_lifetime_ms(const struct pool_limits *limits, uint32_t random);

/* One session as upkeep sees it. */
struct session_view {
    bool is_ready;
    size_t load;
    int64_t idle_ms;     /* since its last answer */
    int64_t unproven_ms; /* since its last proof of life */
    int64_t overdue_ms;  /* past its lifetime; negative before */
};

enum session_care {
    CARE_NONE,
    CARE_CHECK,  /* ping it */
    CARE_RETIRE, /* drain it: closes at once when idle */
};

/*
 * OPEN sessions are there; SINCE_RETIRED_MS ago one was retired for its age (retirements
 * are spaced, so that a pool never loses its sessions all at once).
 */
enum session_care policy_care(const struct pool_limits *limits, const struct session_view *view,
                              size_t open, int64_t since_retired_ms);

#endif
