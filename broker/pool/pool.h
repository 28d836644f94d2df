/* SPDX-License-Identifier: MIT */
/*
 * The sessions of one server, and those who wait for one.  Called by routing, calls
 * upstream/session.  Knows no request, no client and no HTTP: decisions about numbers
 * are in policy.c, upkeep over time in keeper.c.
 */
#ifndef TEPLO_POOL_POOL_H
#define TEPLO_POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/pool/health_signal.h"
#include "broker/pool/policy.h"
#include "broker/pool/queue.h"
#include "broker/runtime/loop.h"
#include "broker/upstream/session.h"

struct pool;

/* Totals since the start; the names are those of the Redis row (proto/REDIS.md). */
struct pool_totals {
    uint64_t sess_opened_total; /* reached READY */
    uint64_t sess_closed_total;
    uint64_t sess_lost_total;   /* of those closed: not by us */
    uint64_t sess_failed_total; /* never reached READY */
    uint64_t create_ms_sum;
    uint64_t wait_n;
    uint64_t wait_ms_sum;
    uint64_t queue_full_total;
    uint64_t breaker_trips_total;
    uint64_t repeats_total;
    uint64_t repeats_denied_total; /* over the retry budget */
    uint64_t probes_ok_total;      /* of closed sessions; pool_figures has all */
    uint64_t probes_fail_total;
    uint64_t received_bytes; /* of closed sessions; pool_figures has all */
};

/* All mandatory. */
struct pool_events {
    /* A session is ready, TOOK_MS after it was begun.  pool_identity() is fresh. */
    void (*on_ready)(void *owner, struct pool *pool, int64_t took_ms);
    /* A session ended that we did not end: what was learnt from the server may be old. */
    void (*on_lost)(void *owner, struct pool *pool, const struct transport_end *end);
    /* A session could not be opened. */
    void (*on_failed)(void *owner, struct pool *pool, const struct transport_end *end);
    /* PARTY: mode SESSION, the client whose session it came on; else PARTY_NOBODY. */
    void (*on_notice)(void *owner, struct pool *pool, int64_t party, const struct message *notice);
    /* Mode SESSION: the session that was PARTY's alone is gone, and with it what it held. */
    void (*on_bereaved)(void *owner, struct pool *pool, int64_t party);
    /* So many sessions have calls now, of so many that there may be; at each change of either, but
       not within a turn. */
    void (*on_load)(void *owner, struct pool *pool, size_t active, size_t cap);
    void (*on_health)(void *owner, struct pool *pool, enum health before);
    void (*on_breaker)(void *owner, struct pool *pool, enum breaker_state before);
    /* How did the calls of the last minute go?  About once a second while there are any. */
    void (*on_window)(void *owner, struct pool *pool, struct health_window *ret_window);
    /* A drained pool has no session left. */
    void (*on_drained)(void *owner, struct pool *pool);
};

/*
 * Who waits for a session; embedded by it.  Exactly one of the two runs, never before
 * pool_acquire returned, unless pool_withdraw comes first.
 */
struct pool_waiter {
    /* SESSION is READY, with room for one call, until the return. */
    void (*on_session)(struct pool_waiter *waiter, struct session *session);
    void (*on_refused)(struct pool_waiter *waiter, enum failure failure, const char *detail);
    int64_t party_number;        /* who it waits for; set before it is acquired */
    size_t bytes;                /* of its request; set before */
    struct party *party;         /* the queue's, once acquired */
    struct list_node in_waiters; /* its party's waiters, or the pool's list of refused ones */
    struct list_node in_arrivals;
    int64_t since_ms;
    enum failure refusal;
};

enum pool_state { POOL_SERVING, POOL_DRAINING };

/* All figures, for tables and for Redis. */
struct pool_figures {
    size_t connecting, idle, active, testing, draining, broken, total;
    size_t waiting;
    int64_t oldest_wait_ms;
    size_t inflight;
    uint64_t received_bytes; /* by event streams, since the start */
    uint64_t probes_ok;      /* since the start */
};

/* SERVER's reference is taken over.  NULL without memory. */
MUST_CHECK struct pool *pool_new(struct loop *loop, struct server *server,
                                 const struct pool_limits *limits, const struct pool_events *events,
                                 void *owner);
/* As pool_drain, and now: calls out get DRAIN_DEADLINE, waiters DRAINING, before the return. */
void pool_abort(struct pool *pool);
/* The same, then silence to the owner; freed at the end of the turn. */
void pool_close(struct pool *pool);
void pool_set_limits(struct pool *pool, const struct pool_limits *limits);

void pool_acquire(struct pool *pool, struct pool_waiter *waiter);
/* The same, in front of all who wait: for what waited its turn already. */
void pool_acquire_again(struct pool *pool, struct pool_waiter *waiter);
/* Silence.  Idempotent. */
void pool_withdraw(struct pool *pool, struct pool_waiter *waiter);
/* CALL was made for WAITER, in its on_session: it counts as its party's until it is settled. */
void pool_count_call(struct pool *pool, const struct pool_waiter *waiter, struct call *call);
/* The client is gone.  In mode SESSION its session ends, once its calls have. */
void pool_leave(struct pool *pool, int64_t party_number);

/*
 * One call is to be sent again although a session had it already: allowed, by the retry budget?
 * Then pool_end_repeat is due at its end.
 */
MUST_CHECK bool pool_begin_repeat(struct pool *pool);
void pool_end_repeat(struct pool *pool);
/* Somebody has been waiting for so long that the queue no longer empties: wait shorter. */
bool pool_is_standing(const struct pool *pool, int64_t longer_than_ms);
/* Time has leapt (the process was stopped): what was idle must prove itself before it is used. */
void pool_recheck(struct pool *pool);

/* Refuse whoever waits or comes; close sessions as their calls end; on_drained, then or now. */
void pool_drain(struct pool *pool);
void pool_resume(struct pool *pool);

const char *pool_name(const struct pool *pool);
struct server *pool_server(const struct pool *pool);
const struct pool_limits *pool_limits(const struct pool *pool);
/* The raw result of the last initialize; none before the first session. */
struct span pool_identity(const struct pool *pool);
const char *pool_protocol(const struct pool *pool);
/* At least one session is open. */
bool pool_is_up(const struct pool *pool);
enum pool_state pool_state(const struct pool *pool);
/* Why the last attempt failed; NULL after a success or before any. */
const struct transport_end *pool_last_failure(const struct pool *pool);
/* When an attempt failed last; 0: never. */
int64_t pool_failed_at_ms(const struct pool *pool);
/* When to come again, in ms: until the next attempt to open a session, or a guess at the queue. */
int64_t pool_retry_after_ms(const struct pool *pool);
enum breaker_state pool_breaker(const struct pool *pool);
enum health pool_health(const struct pool *pool, const char **ret_reason, int64_t *ret_since_ms);
void pool_figures(const struct pool *pool, struct pool_figures *ret_figures);
struct pool_totals *pool_totals(struct pool *pool);
/* Sessions in order of use, most recent first: struct session by in_pool. */
const struct list *pool_sessions(const struct pool *pool);

#endif
