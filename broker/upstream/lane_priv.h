/* SPDX-License-Identifier: MIT */
/* One connection of lanes.c: opens, carries one exchange at a time, ends. */
#ifndef TEPLO_UPSTREAM_LANE_PRIV_H
#define TEPLO_UPSTREAM_LANE_PRIV_H

#include "broker/upstream/lanes.h"

/*
 * OPENING: libcurl connects, for the exchange it carries.  BUSY: carries an exchange.
 * IDLE: carries none, watched for its end.  CLOSED: waits for the reaper.
 */
enum lane_state { LANE_OPENING, LANE_BUSY, LANE_IDLE, LANE_CLOSED };

struct lane {
    struct lanes *set;
    enum lane_state state;
    struct transfer transfer;
    evutil_socket_t fd; /* libcurl's */
    struct event readable;
    struct event writable;
    struct exchange *exchange; /* borrowed; OPENING and BUSY */
    int64_t idle_since_ms;
    int64_t idled_ms;          /* how long it was idle before this exchange; -1: it is new */
    struct list_node in_state; /* the set's list of busy (or opening) lanes, or of idle ones */
    struct reapable reapable;
};

/* NULL without memory. */
MUST_CHECK struct lane *lane_open(struct lanes *set, struct exchange *exchange);
/* IDLE and fit for use: young enough, and its socket shows neither an end nor bytes. */
bool lane_is_fresh(const struct lane *lane);
/* IDLE -> BUSY. */
void lane_carry(struct lane *lane, struct exchange *exchange);
/* Its exchange, if any, is let go without a word. */
void lane_close(struct lane *lane);

/* lanes.c, told by a lane.  `lane` is IDLE or CLOSED. */
void lanes_on_end(struct lanes *set, struct exchange *exchange, enum delivery_end end);
void lanes_on_room(struct lanes *set);
/* The server closed a lane that had been idle for AGE_MS. */
void lanes_on_idle_close(struct lanes *set, int64_t age_ms);
/* How long a lane may have been idle to be used again; below 0: never. */
int64_t lanes_reuse_ms(const struct lanes *set);

struct lanes {
    struct loop *loop;
    struct curl_driver *driver;
    char *origin;
    bool is_encrypted; /* https */
    int64_t connect_timeout_ms;
    int64_t idle_reuse_max_ms;
    int64_t learnt_reuse_ms; /* from closes seen; INT64_MAX: none was early */
    size_t maximum;
    struct list busy;  /* OPENING and BUSY */
    struct list idle;  /* most recently used last */
    struct list queue; /* exchanges waiting for a lane, in order */
    struct list ended; /* exchanges whose on_end is due */
    struct deferred report;
    struct lanes_figures figures;
    struct reapable reapable;
    bool closing;
};

#endif
