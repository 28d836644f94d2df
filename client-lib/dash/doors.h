/* SPDX-License-Identifier: MIT */
/*
 * How many may be connected, and for how long without a whole request.  evhttp knows only how long
 * a connection may be silent, so that a byte now and then keeps it; here each has a time by which
 * its next request must have come and its answer have gone.  When all doors are taken, others wait
 * in the listener's backlog, and whoever is idle has to go soon.
 *
 * Owned by dash_server.  Each bufferevent is held by us beside evhttp; evhttp has let go of it when
 * its callbacks are gone, and then we do.
 */
#ifndef TEPLO_DASH_DOORS_H
#define TEPLO_DASH_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/check.h"

struct bufferevent;
struct evconnlistener;
struct event;
struct event_base;

enum { DOORS = 64 };

struct door {
    struct bufferevent *bufev; /* held; NULL: free */
    int64_t since_ms;          /* of the last answer, or of the connection */
    bool is_greeted;
    bool is_cut;
};

struct doors {
    struct event_base *base;         /* borrowed */
    struct evconnlistener *listener; /* borrowed; asleep while all are taken */
    struct event *sweep;
    struct door door[DOORS];
    bool is_full;
};

MUST_CHECK bool doors_init(struct doors *doors, struct event_base *base,
                           struct evconnlistener *listener);
/* After evhttp has let go of all. */
void doors_done(struct doors *doors);

/* For evhttp_set_bevcb, with the doors as its argument. */
struct bufferevent *doors_open(struct event_base *base, void *doors);
/* BUFEV has a whole request: its time begins anew. */
void doors_greet(struct doors *doors, struct bufferevent *bufev);

#endif
