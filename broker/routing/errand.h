/* SPDX-License-Identifier: MIT */
/*
 * One request on its way to a server: waits for a session, is sent, is answered.
 * It is sent again only when it certainly did not run, or when whoever started it says
 * that running twice does no harm.  Ends exactly once, by its deadline at the latest.
 * Used by request.c for clients' requests and by catalog.c for lists.
 */
#ifndef TEPLO_ROUTING_ERRAND_H
#define TEPLO_ROUTING_ERRAND_H

#include <stdint.h>

#include "broker/pool/pool.h"
#include "broker/routing/timeline.h"
#include "broker/runtime/loop.h"
#include "proto/failure.h"
#include "proto/message.h"

struct errand;

/* Exactly one of on_answer and on_failed runs, never before errand_start returned. */
struct errand_events {
    /* The server's own answer; spans live until the return. */
    void (*on_answer)(void *owner, const struct message *answer);
    void (*on_progress)(void *owner, const struct message *notice);
    /* All fields filled but `call`; strings live until the return. */
    void (*on_failed)(void *owner, const struct failure_report *report);
    /* Each time before it is handed to a session; NULL: nobody wants to know. */
    void (*on_sending)(void *owner);
};

struct errand_limits {
    int64_t party; /* the client it is for, as the pool's queue counts them */
    int64_t queue_timeout_ms;
    int64_t queue_standing_ms;   /* in its place while the queue does not empty; 0: never */
    int64_t call_timeout_ms;     /* silence after sending; progress restarts it */
    int64_t call_timeout_max_ms; /* after sending, in all */
    int64_t deadline_ms;         /* from the start, in all; 0: none */
    bool is_repeatable;          /* running twice does no harm */
};

enum errand_state { ERRAND_WAITING, ERRAND_SENT, ERRAND_OVER };

struct errand {
    struct pool *pool;
    const struct message *message; /* borrowed from the owner */
    struct errand_limits limits;
    const struct errand_events *events;
    void *owner;
    struct loop *loop;
    enum errand_state state;
    struct pool_waiter waiter;
    struct call *call;            /* borrowed from its session, while SENT */
    struct call_witness *witness; /* borrowed; to be told what becomes of a call nobody waits for
                                     any more: set by the owner after the start, or NULL */
    struct timer timer;
    int64_t started_ms;
    int64_t sent_ms;
    int64_t waiting_since_ms;
    int64_t queue_left_ms;  /* of the time that it may wait for sessions, in all */
    bool is_repeat;         /* under the pool's retry budget */
    enum failure uncertain; /* why an attempt may have run, or NONE; no later failure may hide it */
    int attempts;           /* times that a session took it */
    /* For its time line; of the last attempt, but for the first. */
    int64_t first_session_us;
    int64_t session_us;
    struct call_moments at;
    char session[TIMELINE_SESSION_SIZE];
};

void errand_start(struct errand *errand, struct pool *pool, const struct message *message,
                  const struct errand_limits *limits, const struct errand_events *events,
                  void *owner);
/* It waits, and may do so no longer: on_failed runs before the return. */
void errand_refuse(struct errand *errand, enum failure failure, const char *detail);
/*
 * Silence.  What was sent goes on (or is cancelled, as HOW says).  Idempotent.  The witness waits
 * afterwards if the end is still to come; if not, the last try did not run.
 */
void errand_abandon(struct errand *errand, enum abandon how);
/* It is over: what it knows of TIMELINE, whose begun_us is set. */
void errand_fill(const struct errand *errand, struct timeline *timeline);

#endif
