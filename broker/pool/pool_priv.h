/* SPDX-License-Identifier: MIT */
/* What pool.c (its life), pool_dispatch.c (who gets a session), pool_sessions.c (what sessions
   tell), pool_health.c, keeper.c and pool_figures.c share. */
#ifndef TEPLO_POOL_POOL_PRIV_H
#define TEPLO_POOL_POOL_PRIV_H

#include "broker/pool/health_model.h"
#include "broker/pool/pool.h"
#include "broker/upstream/listen_watch.h"

/*
 * Invariants (pool_check_invariants):
 *  1. Every session that is not CLOSED is on `sessions`, most recently used first.
 *  2. At most limits.max_connecting sessions are being opened.
 *  3. sessions.count <= limits.size + limits.reserve, but for a limit lowered meanwhile.
 *  4. No session carries more than limits.max_inflight calls, with the same exception.
 *  5. In mode SESSION, a session serves one party and a party has one session.
 */
struct pool {
    struct loop *loop;
    struct server *server; /* counted */
    enum pool_state state;
    struct pool_limits limits;
    struct list sessions; /* struct session, owned */
    struct queue queue;   /* struct pool_waiter, borrowed; at most queue_max */
    struct list refused;  /* struct pool_waiter, borrowed, whose on_refused is due */
    struct deferred dispatch;
    struct timer retry; /* until retry_at_ms, while somebody waits */
    struct timer keeper;
    unsigned failures; /* attempts that failed in a row */
    int64_t retry_at_ms;
    int64_t failed_at_ms;
    int64_t failing_since_ms; /* 0: not failing */
    struct breaker breaker;
    struct listen_watch *watch; /* owned; NULL: not needed yet */
    bool seen_deaf;             /* since the last failure nobody listened there */
    size_t repeats;             /* calls under way for a second time */
    size_t adaptive;            /* calls at a time that the server was found to bear */
    size_t used;                /* calls at a time since `adaptive` was looked at last */
    int64_t raised_at_ms;
    size_t told_active; /* by on_load */
    size_t told_cap;
    int64_t standing_since_ms; /* since then the queue was never empty; 0: it is */
    int64_t retired_at_ms;
    unsigned next_number;
    struct transport_end last_failure; /* failure NONE: none */
    struct health_memory health;
    unsigned hard_facts;             /* as of the last look at its health */
    int64_t looked_ms;               /* then */
    bool is_urgent;                  /* look again */
    bool is_quiet;                   /* nothing will change by itself */
    enum breaker_state told_breaker; /* by on_breaker */
    uint64_t ratelimited;            /* calls and sessions refused with 429 */
    int64_t unauthorized_ms;         /* a call was refused for its credentials, last; 0: never */
    struct bytes identity;
    const char *protocol;
    struct pool_totals totals;
    const struct pool_events *events;
    void *owner;
    bool closing;
    struct reapable reapable;
};

/* pool.c: as policy.c sees it. */
void pool_view(const struct pool *pool, struct pool_view *view);

/* pool_dispatch.c */
void dispatch_start(struct pool *pool);
void dispatch_stop(struct pool *pool);
void dispatch_refuse_all(struct pool *pool, enum failure failure);
void dispatch_tell_refused(struct pool *pool);
/* The server has too much to do, or is not to be had at all: fewer calls at a time. */
void pool_note_overload(struct pool *pool);

/* pool_sessions.c */
void pool_open_session(struct pool *pool);
/* SESSION's own idle timeout and keep-alive interval, anew from the limits. */
void pool_jitter(const struct pool *pool, struct session *session);

/* pool_health.c: judge the health anew if it may have changed, and tell if it has. */
void pool_update_health(struct pool *pool);
/* ... a hard fact has, in this turn. */
void pool_urge_health(struct pool *pool);

/* keeper.c */
void keeper_start(struct pool *pool);
/* If there is something to look after, and it has stopped because there was nothing. */
void keeper_ensure(struct pool *pool);
void keeper_stop(struct pool *pool);

#endif
