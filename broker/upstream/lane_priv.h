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
    evutil_socket_t fd; /* libcurl's, or its own */
    bool owns_fd;       /* libcurl has no part in the connection any more */
    struct event readable;
    struct event writable;
    struct exchange *exchange; /* borrowed; OPENING and BUSY */
    struct timer patience;     /* while the server is asked */
    int64_t idle_since_us;
    struct list_node in_state; /* the set's list of busy (or opening) lanes, or of idle ones */
    struct reapable reapable;
};

/* NULL without memory. */
MUST_CHECK struct lane *lane_open(struct lanes *set, struct exchange *exchange);
/* IDLE, and its socket shows neither an end nor bytes. */
bool lane_is_alive(const struct lane *lane);
/* IDLE -> BUSY, after an idleness of IDLED_US. */
void lane_carry(struct lane *lane, struct exchange *exchange, enum keep_alive_use use,
                int64_t idled_us);
/* Its exchange, if any, is let go without a word. */
void lane_close(struct lane *lane);

/* lanes.c, told by a lane.  `lane` is IDLE or CLOSED. */
void lanes_on_end(struct lanes *set, struct exchange *exchange, enum delivery_end end);
void lanes_on_room(struct lanes *set);
/* EXCHANGE was not heard on a lane that had been kept alive: it goes on to a new one. */
void lanes_on_unheard(struct lanes *set, struct exchange *exchange);
void lanes_on_idle(struct lanes *set, struct lane *lane);
void lanes_on_closed(struct lanes *set, const struct lane *lane);

struct lanes {
    struct loop *loop;
    struct curl_driver *driver;
    char *origin;
    bool is_encrypted; /* https */
    int64_t connect_timeout_ms;
    size_t maximum;
    struct keep_alive keep;
    struct lane *witness; /* an idle lane that is left alone (keep_alive.h); NULL: none is */
    struct timer proof;   /* when the witness has been */
    struct list busy;     /* OPENING and BUSY */
    struct list idle;     /* most recently used last */
    struct list queue;    /* exchanges waiting for a lane, in order */
    struct list ended;    /* exchanges whose on_end is due */
    struct deferred report;
    struct lanes_figures figures;
    struct reapable reapable;
    bool closing;
};

#endif
