/* SPDX-License-Identifier: MIT */
/*
 * All routes by name, and all requesters.  Decides which route a message means.
 */
#ifndef TEPLO_ROUTING_ROUTER_H
#define TEPLO_ROUTING_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/routing/route.h"
#include "proto/base/bytes.h"
#include "proto/json_scan.h"

struct journal;
struct ledger;
struct requester;
struct router;
struct url;

/* All mandatory. */
struct router_events {
    /* Something an operator wants to see: for `show errors` and for Redis. */
    void (*on_report)(void *owner, const char *route, const char *type, const char *error_class,
                      const char *text);
    /* A drained router has no session left, or a route that was replaced is gone. */
    void (*on_drained)(void *owner);
};

struct router_limits {
    size_t max_inflight_per_client; /* requests of one client that a pool may have at a time */
    size_t max_queued_per_client;   /* and that may wait beside them */
    struct json_limits json;        /* of clients' messages */
    size_t memory_max_bytes;        /* in use by the program, from which on requests are refused */
    size_t frame_max_bytes;         /* of requests, for scratch space */
    size_t response_max_bytes;      /* of answers */
};

MUST_CHECK struct router *router_new(struct loop *loop, const struct router_limits *limits,
                                     const struct router_events *events, void *owner);
/* Closes every route now.  Requesters must be closed.  Freed at the end of the turn. */
void router_close(struct router *router);
void router_set_limits(struct router *router, const struct router_limits *limits);
/* Where calls that may write are recorded; it outlives the router.  NULL, the default: nowhere. */
void router_set_ledger(struct router *router, struct ledger *ledger);

/* The route is the router's from now on.  -EEXIST (route untouched), -ENOMEM. */
MUST_CHECK int router_add(struct router *router, struct route *route);
/* Refuse new requests for it, let those out end, close it then. */
void router_retire(struct router *router, struct route *route);
struct route *router_find(const struct router *router, struct span name);
/* How many routes that PEER may use have a server at URL; *RET_ROUTE is one of them, if any. */
size_t router_find_url(const struct router *router, const struct peer *peer, const struct url *url,
                       struct route **ret_route);
/* The only route that PEER may use, or NULL. */
struct route *router_only(const struct router *router, const struct peer *peer);
/* Routes in order of the configuration: calls VISIT for each. */
void router_each(struct router *router, void (*visit)(void *owner, struct route *route),
                 void *owner);
size_t router_count(const struct router *router);
/* Append `"a", "b"`, the routes that PEER may use: for messages. */
void router_names(const struct router *router, const struct peer *peer, struct bytes *out);

/* Refuse new calls everywhere; on_drained when the last session is gone. */
void router_drain(struct router *router);
void router_resume(struct router *router);
/* Answer whatever waits for a server, now: DRAIN_DEADLINE or DRAINING. */
void router_abort(struct router *router);
/* Time has leapt: idle sessions prove themselves before they are used. */
void router_recheck(struct router *router);
bool router_is_draining(const struct router *router);
/* No session is left on any route. */
bool router_is_idle(struct router *router);

/* For the rest of routing/. */
struct loop *router_loop(const struct router *router);
const struct router_limits *router_limits(const struct router *router);
struct ledger *router_ledger(const struct router *router);
/* Of the last requests, whatever their route. */
struct journal *router_journal(const struct router *router);
/* Scratch for one reply: cleared; to be sent before the next use. */
struct bytes *router_scratch(struct router *router);
/* A number that no other requester has or had: pools count a client's calls by it.  From 1 on. */
int64_t router_mint_party(struct router *router);
/* The client with that number is gone: tell every pool. */
void router_leave(struct router *router, int64_t party);
/* NULL: it is gone. */
struct requester *router_find_party(const struct router *router, int64_t party);
void router_add_requester(struct router *router, struct requester *requester);
void router_remove_requester(struct router *router, struct requester *requester);
const struct list *router_requesters(const struct router *router);
void router_on_drained(struct router *router, struct route *route);
void router_report(struct router *router, const char *route, const char *type,
                   const char *error_class, const char *text);

#endif
