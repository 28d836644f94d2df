/* SPDX-License-Identifier: MIT */
/*
 * When to stop asking a server that does not let us in.  CLOSED: sessions are opened as they are
 * needed.  OPEN: nobody is kept waiting and nothing is tried.  HALF OPEN: one session may be
 * opened, as the probe; never a client's call.  Pure: figures in, state out.
 */
#ifndef TEPLO_POOL_BREAKER_H
#define TEPLO_POOL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker_limits {
    unsigned failures; /* sessions that failed in a row; 0: it never opens */
    int64_t open_ms;   /* after the first trip; n times as long after the n-th in a row */
    int64_t open_max_ms;
};

/* All zero: closed, and never was open. */
struct breaker {
    unsigned trips;          /* in a row */
    int64_t open_until_ms;   /* while trips > 0 */
    int64_t recovered_at_ms; /* when it closed last; 0: it never was open */
};

/* One failure as the breaker sees it. */
struct breaker_failure {
    unsigned failures;   /* in a row, with this one */
    int64_t failing_ms;  /* since the first of them */
    int64_t patience_ms; /* a server that restarts fails more often than it is broken */
    bool is_settled;     /* trying again soon cannot help */
    int64_t now_ms;
    uint32_t random; /* any 32 bits */
};

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_ms);
const char *breaker_state_name(enum breaker_state state);
void breaker_on_failure(struct breaker *breaker, const struct breaker_limits *limits,
                        const struct breaker_failure *failure);
void breaker_on_success(struct breaker *breaker, int64_t now_ms);
/* Something says that the server is back: probe now. */
void breaker_hint(struct breaker *breaker, int64_t now_ms);

#endif
