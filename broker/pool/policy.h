/* SPDX-License-Identifier: MIT */
/*
 * The pool's decisions: figures in, decision out.  Knows no objects, no loop, no clock.
 */
#ifndef TEPLO_POOL_POLICY_H
#define TEPLO_POOL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/pool/breaker.h"

/* CALL: any session serves any client.  SESSION: one client, one session, closed with it. */
enum pool_mode { POOL_MODE_CALL, POOL_MODE_SESSION };

struct pool_limits {
    enum pool_mode mode;
    size_t size;                /* sessions at most */
    size_t minimum;             /* sessions kept even when idle */
    size_t reserve;             /* sessions more, while somebody waits for too long */
    int64_t reserve_timeout_ms; /* that long */
    size_t max_connecting;      /* sessions opened at a time, while all goes well; 0 counts as 1 */
    size_t max_inflight;        /* calls on one session */
    size_t target_inflight;     /* calls on the best session that make the pool grow; 0: half */
    size_t party_inflight;      /* calls of one client on all sessions; 0: no limit */
    size_t queue_max;
    size_t queue_max_bytes; /* of requests that wait; 0: no limit */
    struct breaker_limits breaker;
    int64_t slow_start_ms;
    unsigned retry_budget; /* per cent of the calls under way that may be repeats */
    unsigned retry_budget_minimum;
    bool is_adaptive; /* fewer calls at a time while the server says that they are too many */
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
    size_t opening;         /* sessions not ready yet */
    size_t open;            /* ready, checking */
    size_t checking;        /* of those: being pinged, and back in a moment, as a rule */
    size_t leaving;         /* draining */
    size_t forsaken;        /* of those: the server says that it does not know them */
    size_t waiting;         /* waiters in the queue that could go, if there were sessions */
    size_t unserved;        /* mode SESSION: clients that wait and have no session */
    size_t spare;           /* mode SESSION: open sessions without a client */
    size_t least_load;      /* calls on the least loaded ready session; 0 if there is none */
    size_t inflight;        /* calls on all sessions */
    size_t active;          /* ready sessions with calls */
    int64_t oldest_wait_ms; /* of those who wait; 0: nobody */
    bool has_opened;        /* a session was ready once */
    bool is_listening;      /* somebody listens where the server was not: it is back */
    enum breaker_state breaker;
    int64_t breaker_until_ms; /* while it is open */
    int64_t now_ms;
    int64_t retry_at_ms;      /* no attempt to open before, unless somebody waits */
    int64_t failed_at_ms;     /* the last failure */
    int64_t failing_since_ms; /* the first of the failures in a row; 0: none */
};

enum pool_action {
    POOL_ACTION_NONE,
    POOL_ACTION_OPEN,   /* open one session now */
    POOL_ACTION_RETRY,  /* look again at retry_at_ms */
    POOL_ACTION_REFUSE, /* tell all who wait: the server is down */
};

enum {
    /* How long a server that does not let us in is believed to be restarting: long enough for one
       that was there, short for one that never was. */
    POOL_PATIENCE_MS = 10000,
    POOL_PATIENCE_NEW_MS = 1000,
    /* While somebody waits, attempts are so far apart, however long the back-off has become; and
       never closer, after the first repetition. */
    POOL_WAITED_RETRY_MS = 500,
    /* A session that is being pinged for longer is not waited for: another one is opened. */
    POOL_CHECK_TRUST_MS = 250,
};

/* How long failures are put down to a restart. */
int64_t policy_patience_ms(const struct pool_view *view);
/* When an attempt to open may begin. */
int64_t policy_next_attempt_ms(const struct pool_view *view);

enum pool_action policy_decide(const struct pool_limits *limits, const struct pool_view *view);

/* A session with LOAD calls may take one more at all. */
bool policy_has_room(const struct pool_limits *limits, size_t load);
/* ... without the pool growing first. */
bool policy_is_below_target(const struct pool_limits *limits, size_t load);

/* Calls that all sessions together may carry RECOVERED_MS after the breaker closed. */
size_t policy_slow_start(const struct pool_limits *limits, int64_t recovered_ms);
/* One repeat more, of REPEATS under way among INFLIGHT and WAITING calls? */
bool policy_may_repeat(const struct pool_limits *limits, size_t repeats, size_t calls);

/* Calls at a time, from CURRENT: the server said that they are too many. */
size_t policy_lessen(size_t current);
/* ... a while went well, with at most USED calls at a time; MOST: never more. */
size_t policy_raise(size_t current, size_t used, size_t most);

/*
 * Full jitter: uniform in [0, min * 2^(failures-1)], capped; from the second failure on at least
 * POOL_WAITED_RETRY_MS, if the cap allows it.  RANDOM is any 32 bits.
 */
int64_t policy_backoff_ms(const struct pool_limits *limits, unsigned failures, uint32_t random);
/* Lifetimes are shortened by up to a tenth, so that sessions opened together do not end together.
 */
int64_t policy_lifetime_ms(const struct pool_limits *limits, uint32_t random);
/* VALUE_MS, a tenth more or less. */
int64_t policy_jitter_ms(int64_t value_ms, uint32_t random);

/* One session as upkeep sees it. */
struct session_view {
    bool is_ready;
    bool is_leaving; /* it takes no more calls, and ends with those it has */
    bool is_bound;   /* mode SESSION: it is a client's, and ends with it alone */
    size_t load;
    int64_t idle_ms;     /* since its last answer */
    int64_t unproven_ms; /* since its last proof of life */
    int64_t overdue_ms;  /* past its lifetime; negative before */
};

enum { POOL_BUSY_PING_MS = 20000 };

enum session_care {
    CARE_NONE,
    CARE_CHECK,  /* ping it, and no call until it answers */
    CARE_PING,   /* ping it beside its calls, so that the server does not take it for idle */
    CARE_RETIRE, /* drain it: closes at once when idle */
};

/*
 * OPEN sessions are there; SINCE_RETIRED_MS ago one was retired for its age (retirements
 * are spaced, so that a pool never loses its sessions all at once).
 */
enum session_care policy_care(const struct pool_limits *limits, const struct session_view *view,
                              size_t open, int64_t since_retired_ms);

#endif
