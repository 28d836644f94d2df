/* SPDX-License-Identifier: MIT */
/*
 * The life of one MCP session on a server.
 *
 *   NEW -> CONNECTING -> INITIALIZING -> READY <-> CHECKING
 *              |              |            |  \       |
 *              v              v            v   v      v
 *            CLOSED <---------+---------- CLOSED <- DRAINING
 *
 *   CONNECTING    the transport is being opened; nothing of MCP was said
 *   INITIALIZING  `initialize` is out, or `initialized` is not yet accepted
 *   READY         takes calls; several at a time
 *   CHECKING      idle, and pinged before it is trusted again; takes no calls
 *   DRAINING      takes no calls; closes later in the turn that settles its last one, never
 *                 within the call that did
 *   CLOSED        tells nothing any more; the reaper frees it
 *
 * Knows neither pools nor clients, and no HTTP.
 */
#ifndef TEPLO_UPSTREAM_SESSION_H
#define TEPLO_UPSTREAM_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "broker/upstream/calls.h"
#include "broker/upstream/server.h"
#include "broker/upstream/transport.h"
#include "proto/message.h"

struct session;

enum session_state {
#define STATE(name, text, successors) SESSION_##name,
#include "broker/upstream/session_states.def"
#undef STATE
    SESSION_STATE_COUNT
};

/* Why the server refused a call. */
enum session_refusal {
    SESSION_REFUSES_CREDENTIALS, /* HTTP 401, 403 */
    SESSION_REFUSES_RATE,        /* 429 */
    SESSION_REFUSES_LOAD,        /* 503 */
};

/* Told to the pool, all mandatory. */
struct session_events {
    /* INITIALIZING -> READY. */
    void (*on_ready)(void *owner, struct session *session);
    /* Any change of state but to CLOSED, and any change of the number of calls. */
    void (*on_changed)(void *owner, struct session *session);
    /* CALL got its answer, or will get none: it has left the session's table.  Told, or about to
       be; also for those nobody waits for any more. */
    void (*on_settled)(void *owner, struct session *session, const struct call *call);
    /* The server refused a call for what the call is not to blame for. */
    void (*on_refused)(void *owner, struct session *session, enum session_refusal why);
    /* The last event.  END says why; its calls have been told. */
    void (*on_closed)(void *owner, struct session *session, const struct transport_end *end);
    /* A notification of the server that belongs to no call. */
    void (*on_notice)(void *owner, struct session *session, const struct message *notice);
};

/* In lists of the pool. */
struct session {
    struct server *server; /* counted */
    char name[48];         /* "pool/7": for logs and tables */
    enum session_state state;
    struct transport *transport; /* owned */
    struct calls calls;
    struct list notes;      /* our own messages under way that nobody waits for */
    struct bytes identity;  /* the raw result of initialize */
    const char *protocol;   /* the negotiated revision */
    unsigned announcements; /* times that `initialized` was sent */
    struct parcel opening;  /* initialize, then initialized */
    int64_t check_id;       /* the id of the ping out, 0: none */
    struct parcel check;
    struct timer timer; /* init_timeout or check_timeout */
    int64_t opened_at_ms;
    int64_t ready_at_ms;
    int64_t used_at_ms;      /* the last answer, or READY */
    int64_t checked_at_ms;   /* the last proof of life */
    int64_t retire_at_ms;    /* the pool's: when its lifetime is over */
    int64_t idle_limit_ms;   /* the pool's: how long it may be idle */
    int64_t keepalive_ms;    /* the pool's: how often it is pinged */
    int64_t pinged_at_ms;    /* the pool's: the last ping */
    void *party;             /* the pool's: whom alone it serves, or NULL */
    const char *drained_for; /* the error class of a drain for cause; NULL: retired by us */
    const char *drain_cause; /* what the server does, in words */
    unsigned faults;         /* texts that were no messages, answers to ids never given out */
    uint64_t calls_total;
    uint64_t checks_passed;
    struct deferred emptied;  /* when the last call of a DRAINING one is settled: to close it */
    struct list_node in_pool; /* the pool's: its list of sessions */
    const struct session_events *events;
    void *owner;
    struct reapable reapable;
};

/* NULL without memory.  Opens at once; what follows is told by EVENTS, after the return. */
MUST_CHECK struct session *session_open(struct server *server, unsigned number,
                                        const struct session_events *events, void *owner);
/*
 * Close now, telling END to the calls still open and to on_closed.  Idempotent; the
 * pool calls it with an END of its own to retire an idle session.
 */
void session_close(struct session *session, const struct transport_end *end);
/* Take no more calls, close when the last is settled (later in this turn, when there is none). */
void session_drain(struct session *session);
/* READY and without calls: ping, and be CHECKING until the answer. */
void session_check(struct session *session);
/*
 * Ping a session that is READY or DRAINING and has calls out, so that a server that closes idle
 * sessions hears of it.  No state changes: a server that is busy need not answer, and only its
 * word that it does not know the session keeps new calls away.
 */
void session_ping(struct session *session);
/* DRAINING, since the server says that it does not know it any more. */
bool session_is_forsaken(const struct session *session);
/* It takes one more call. */
bool session_may_take(const struct session *session);

/*
 * Send the request MESSAGE as a call: id and progress token replaced by ours, what is
 * local to a hop removed.  NULL: no memory.  The session must be READY.
 */
MUST_CHECK struct call *session_call(struct session *session, const struct message *message,
                                     int64_t timeout_ms, const struct call_events *events,
                                     void *owner);
enum abandon { ABANDON_SILENTLY, ABANDON_AND_CANCEL };
/*
 * Nobody waits for CALL any more: silence for its owner.  The call keeps its place until its
 * answer comes, GRACE_MS at most; then its POST is taken back, status or none.  With
 * ABANDON_AND_CANCEL the server is told.  WITNESS, unless NULL, is told how it ended; but not if
 * the call never left: then it did not run, and is_waiting stays false.
 */
void session_abandon(struct call *call, enum abandon how, int64_t grace_ms,
                     struct call_witness *witness);

/* No byte of CALL has left our hands. */
bool call_never_left(const struct call *call);
/* So far; also in the events that are its last. */
struct call_moments call_moments(const struct call *call);
size_t session_calls(const struct session *session);            /* unsettled, abandoned included */
uint64_t session_received_bytes(const struct session *session); /* by its event stream */
bool session_is_open(const struct session *session);            /* initialized, not closed */
const char *session_state_name(enum session_state state);
bool session_may_become(enum session_state from, enum session_state to);

#endif
