/* SPDX-License-Identifier: MIT */
/*
 * The calls sent on one session and not yet settled: ids and progress tokens that
 * we minted, and who waits for what.
 */
#ifndef TEPLO_UPSTREAM_CALLS_H
#define TEPLO_UPSTREAM_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/runtime/loop.h"
#include "broker/upstream/transport.h"
#include "proto/base/hashmap.h"
#include "proto/message.h"

struct session;
struct call;

/*
 * Told to who made a call, all mandatory.  Exactly one of on_answer and on_failed
 * comes, unless the call is abandoned first; never before session_call returned.
 * The call is gone after it.
 */
struct call_events {
    /* The server's own result or error; the spans live until the return. */
    void (*on_answer)(void *owner, const struct message *answer);
    void (*on_progress)(void *owner, const struct message *notice);
    void (*on_failed)(void *owner, enum failure failure, const char *detail, bool may_repeat);
};

/*
 * Who wants to know what became of an abandoned call; owned by who abandons it.  on_end runs
 * exactly once if the session took the witness (is_waiting), else never: it may free the witness.
 */
struct call_witness {
    /* FAILURE_NONE: the server answered after all.  No other failure says more than it knows. */
    void (*on_end)(struct call_witness *witness, enum failure failure);
    bool is_waiting;
};

enum call_state {
    CALL_SENT,       /* handed to the transport, or being handed over */
    CALL_ACCEPTED,   /* the server took it; its answer comes by the stream */
    CALL_CANCEL_DUE, /* as ABANDONED, before the server took it: it is told to cancel once it has,
                        since two POSTs may overtake each other */
    CALL_ABANDONED,  /* nobody waits any more, yet the server may be working on it: it keeps its
                        place in the session until its answer or the end of the grace */
    CALL_SETTLED,    /* told or answered; here only until its parcel has ended, check_timeout at
                        most */
};

/* By the monotonic clock in microseconds; 0: it did not come to that. */
struct call_moments {
    int64_t sent_us;     /* the first byte of it left our hands */
    int64_t accepted_us; /* the status of its POST was read */
    int64_t first_us;    /* the first byte of its answer was */
};

struct call {
    int64_t id; /* ours: unique in the session, never used again */
    struct session *session;
    enum call_state state;
    struct parcel parcel;
    const struct call_events *events;
    void *owner;                  /* borrowed; NULL once abandoned or settled */
    void *party;                  /* the pool's: whose call it counts as, or NULL */
    struct call_witness *witness; /* of an abandoned call, borrowed; NULL: nobody asks */
    struct call_moments at;       /* as call_moments tells once its parcel has ended */
    struct timer grace;           /* runs while abandoned, and while settled with a parcel out */
    struct list_node in_lingering;
    struct reapable reapable;
};

struct calls {
    struct hashmap by_id;  /* unsettled calls */
    struct list lingering; /* settled ones whose parcel has not ended */
    int64_t last_id;
};

void calls_init(struct calls *calls);
void calls_done(struct calls *calls);
/* TOKEN is an id or progress token of ours as the server echoes it.  False: none of ours. */
bool calls_read_id(struct span token, int64_t *ret_id);
/* TOKEN is an id or progress token as the server echoes it; NULL: none of ours, or settled. */
struct call *calls_find(const struct calls *calls, struct span token);

#endif
