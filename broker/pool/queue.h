/* SPDX-License-Identifier: MIT */
/*
 * Those who wait for a session, fairly: in order of arrival within a party (a client), and the
 * parties in turn.  So a client with a thousand calls delays another's by one call, not by a
 * thousand.  Called by pool_dispatch.c.  Knows no sessions and no clock.
 */
#ifndef TEPLO_POOL_QUEUE_H
#define TEPLO_POOL_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/check.h"
#include "proto/base/hashmap.h"
#include "proto/base/list.h"

struct pool_waiter;
struct session;

/* The broker itself: lists, greetings.  Its calls in flight are not limited. */
enum { PARTY_NOBODY = 0 };

/* One client as a pool sees it.  Owned by the queue; freed when it is gone and owes nothing. */
struct party {
    int64_t number;
    struct list waiters; /* struct pool_waiter, borrowed, in order of arrival */
    size_t bytes;        /* of those */
    size_t inflight;     /* its calls on sessions, abandoned ones included */
    struct list_node in_ring;
    struct session *session; /* borrowed: the one that serves it alone (pool_mode session) */
    bool is_gone;
};

/*
 * Invariants: a party is on the ring exactly if it has waiters and may have another call in
 * flight.  arrivals holds every waiter, and bytes the sum of their sizes; ready is how many of
 * them could go now, if there were sessions for all.
 */
struct queue {
    struct hashmap parties; /* struct party by number, owned */
    struct list ring;       /* struct party, the one whose turn it is first */
    struct list arrivals;   /* struct pool_waiter by in_arrivals, oldest first */
    size_t bytes;
    size_t ready;
    size_t max_inflight; /* of one party; 0: no limit */
};

void queue_init(struct queue *queue, size_t max_inflight);
/* Nobody waits any more. */
void queue_done(struct queue *queue);
void queue_set_max_inflight(struct queue *queue, size_t max_inflight);

/* Behind all of its party, and the party behind all others if it did not wait.  -ENOMEM. */
MUST_CHECK int queue_append(struct queue *queue, struct pool_waiter *waiter);
/* In front of all: for what waited its turn already.  -ENOMEM. */
MUST_CHECK int queue_prepend(struct queue *queue, struct pool_waiter *waiter);
/* Out of the queue; idempotent.  Its party keeps its turn. */
void queue_remove(struct queue *queue, struct pool_waiter *waiter);

/* Whose turn it is, or NULL: nobody waits, or only parties at their limit. */
struct party *queue_turn(const struct queue *queue);
/* The first of PARTY, which has waiters, out of the queue; then it is the next party's turn. */
struct pool_waiter *queue_take(struct queue *queue, struct party *party);
/* PARTY cannot be served now: the next one's turn. */
void queue_pass(struct queue *queue, struct party *party);
/* Who waits longest, or NULL. */
struct pool_waiter *queue_oldest(const struct queue *queue);
/* The same, but for those whose party is at its limit. */
struct pool_waiter *queue_oldest_ready(const struct queue *queue);
/*
 * Whose latest waiter would have to go so that WAITER, which is not in the queue yet, fits into it:
 * the party with the most waiters (or bytes, if MAX_BYTES is what is exceeded; 0: no limit), if it
 * still has as much as WAITER's own then.  NULL: nobody's, or that would not be enough.
 */
struct pool_waiter *queue_victim(const struct queue *queue, const struct pool_waiter *waiter,
                                 size_t max_bytes);

/* PARTY has one more call in flight, or one less. */
void queue_count_call(struct queue *queue, struct party *party);
void queue_count_settled(struct queue *queue, struct party *party);

/* NULL: it never waited here. */
struct party *queue_find_party(const struct queue *queue, int64_t number);
/* The client is gone: its party goes once it owes nothing. */
void queue_leave(struct queue *queue, struct party *party);
/* PARTY lost its session: as queue_leave says, if it is gone. */
void queue_release(struct queue *queue, struct party *party);
/* Parties that wait and have no session of their own. */
size_t queue_unserved(const struct queue *queue);

#endif
