/* SPDX-License-Identifier: MIT */
/*
 * Tells Redis how the pools are doing: rows of figures every tick, and events (proto/REDIS.md).
 * Redis may be absent, slow, frozen, full, read-only or wiped: that costs dashboards, and
 * nothing else.  Nothing here blocks, waits or grows without bound.  Called by the app, calls
 * redis_link; knows no pools: the app fills a snapshot when it is asked to.
 */
#ifndef TEPLO_HEALTH_REDIS_PUBLISHER_H
#define TEPLO_HEALTH_REDIS_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/health/process_figures.h"
#include "broker/health/redis_access.h"
#include "broker/health/snapshot.h"
#include "broker/runtime/loop.h"

struct redis_publisher;

/* Borrowed for the call. */
struct redis_options {
    struct redis_access_texts access; /* redis_access_init takes them */
    const char *name_space;           /* redis_text_is_name */
    int64_t tick_ms;
    const char *instance; /* health_instance_id */
    uint64_t max_bytes;   /* of all keys of the fleet: redis_budget_of */
    size_t series_pools;  /* pools that have time series, at most */
    int64_t forget_ms;    /* a broker silent for so long is gone; 0: a minute */
};

/*
 * TAKE is called in each tick; it leaves seq, hb_at_ms, updated_at_ms and redis_* alone.  NULL:
 * no memory, or the options are not as above.
 */
MUST_CHECK struct redis_publisher *redis_publisher_new(struct loop *loop,
                                                       const struct redis_options *options,
                                                       snapshot_take_fn take, void *owner);
/*
 * Goes silent at once, also to those who wait for a flush; freed at the end of the turn.  After
 * redis_publisher_close or instead of it.  NULL is fine.
 */
void redis_publisher_free(struct redis_publisher *publisher);

/*
 * The clean end: last rows with state `stopping`, the events that wait (`stop` is added if it is
 * not among them), and this broker's heartbeat goes.  DONE is called once, later, after 500 ms at
 * most; then the publisher talks to nobody any more and waits for redis_publisher_free.
 */
void redis_publisher_close(struct redis_publisher *publisher, void (*done)(void *owner),
                           void *owner);

/* Texts are copied, cut and cleaned; NULL and "" mean absent.  SEVERITY: info, warn, error. */
void redis_publisher_event(struct redis_publisher *publisher, const char *type,
                           const char *severity, const char *pool, const char *session,
                           const char *code, const char *message);

typedef void (*redis_flush_fn)(void *owner, bool ok, uint64_t seq);

/*
 * Write the figures of now.  DONE is called once, later: OK when Redis has acknowledged all rows
 * of tick SEQ, which began after this call; not OK after 3 s, or when Redis is not there or
 * refuses.  -ENOMEM, -EBUSY (64 flushes wait): DONE is not called.
 */
MUST_CHECK int redis_publisher_flush(struct redis_publisher *publisher, redis_flush_fn done,
                                     void *owner);
/* Silence for OWNER's flushes. */
void redis_publisher_flush_cancel(struct redis_publisher *publisher, const void *owner);

struct redis_figures {
    const char *state; /* "up", "slow", "down", "readonly", "oom"; "off" without a publisher */
    double rtt_ms;
    double offset_ms;     /* how far the clock of Redis is before the one of this host */
    uint64_t drops_total; /* events that never got to Redis */
    uint64_t reconnects_total;
    uint64_t skipped_total; /* ticks, since the one before was not answered yet */
    bool is_reporter;       /* it writes the fleet's figures */
    uint64_t seq;
};

/* PUBLISHER may be NULL. */
struct redis_figures redis_publisher_state(const struct redis_publisher *publisher);
/* The same into the redis_* fields of ROW.  The publisher does it for its own rows. */
void redis_publisher_fill(const struct redis_publisher *publisher, struct instance_row *row);

#endif
