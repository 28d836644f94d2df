/* SPDX-License-Identifier: MIT */
/*
 * One server as clients see it: its pool, its lists, its rules for tools, its totals.
 * Called by request.c, greeting.c and notices.c; calls pool and catalog.
 */
#ifndef TEPLO_ROUTING_ROUTE_H
#define TEPLO_ROUTING_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/pool/pool.h"
#include "broker/routing/access.h"
#include "broker/routing/catalog.h"
#include "broker/routing/meters.h"
#include "proto/mcp.h"

struct route;
struct router;

/* What goes wrong, by kind: the e_<class>_total of the Redis row. */
enum error_class {
#define ERROR_CLASS(name) ERROR_CLASS_##name,
#include "broker/routing/error_classes.def"
#undef ERROR_CLASS
    ERROR_CLASS_COUNT
};

/* What becomes of a call that was sent when its client is gone. */
enum orphan_policy {
    ORPHAN_DETACH, /* it runs to its end: a cancelled write could leave half of it behind */
    ORPHAN_CANCEL, /* the server is told to cancel it */
};

/* How "unknown" is told: as the error that it is, or as a result that a model reads. */
enum unknown_form { UNKNOWN_IS_ERROR, UNKNOWN_IS_TOOL_ERROR };

struct route_tool {
    const char *name;
    bool is_repeatable;      /* the operator says that running it twice does no harm */
    int64_t call_timeout_ms; /* -1: the route's */
    enum orphan_policy orphans;
};

struct route_options {
    struct pool_limits pool;
    struct errand_limits errand; /* deadline_ms and is_repeatable are set per request */
    int64_t list_ttl_ms;
    size_t list_max_bytes;
    enum orphan_policy orphans;
    enum unknown_form unknown;
    const struct route_tool *tools; /* copied */
    size_t tool_count;
};

/* Totals since the start, named as in the Redis row. */
struct route_totals {
    uint64_t calls_total; /* requests handed to the server, or meant to be */
    uint64_t ok_total;
    uint64_t tool_err_total; /* results that say isError */
    uint64_t rpc_err_total;  /* the server's own errors */
    uint64_t cancelled_total;
    uint64_t retries_total;
    uint64_t by_failure[FAILURE_COUNT];
    uint64_t by_class[ERROR_CLASS_COUNT];
    const char *last_error_class; /* NULL: none yet */
    int64_t last_error_ms;
    uint64_t use_us_sum;            /* from sending to the end */
    uint64_t notices_dropped_total; /* of the server, for no client in particular */
    int64_t last_ok_ms;             /* monotonic; 0: never */
};

/* SERVER's reference is taken over, also on failure.  NULL without memory. */
MUST_CHECK struct route *route_new(struct loop *loop, struct router *router, struct server *server,
                                   const struct route_options *options);
/* At once; requests on it are failed first. */
void route_close(struct route *route);
MUST_CHECK int route_set_options(struct route *route, const struct route_options *options);

/*
 * Who may use it from now on: RULES are moved in, and empty afterwards.  Requests that wait and
 * that they deny are answered so; what was sent goes on.
 */
void route_set_access(struct route *route, struct access_rules *rules);
const struct access_rules *route_access(const struct route *route);

const char *route_name(const struct route *route);
struct pool *route_pool(struct route *route);
struct catalog *route_catalog(struct route *route);
struct route_totals *route_totals(struct route *route);
struct meters *route_meters(struct route *route);
struct router *route_router(struct route *route);

/* The limits for MESSAGE, a request of METHOD. */
struct errand_limits route_limits_of(const struct route *route, const struct message *message,
                                     enum mcp_method method);
/* For MESSAGE, a request of METHOD. */
enum orphan_policy route_orphan_policy(const struct route *route, const struct message *message,
                                       enum mcp_method method);
enum unknown_form route_unknown_form(const struct route *route);
/* Any session serves any client: nothing that belongs to one session is possible. */
bool route_is_shared(const struct route *route);
/* The server's capabilities name NAME, as of its last session. */
bool route_has_capability(const struct route *route, const char *name);
/* NAME.listChanged is true in them. */
bool route_tells_changes(const struct route *route, const char *name);

/* Count a failed call, and what is wrong with the server. */
void route_count_failure(struct route *route, enum failure failure);
/*
 * What went wrong when a request that began at BEGUN_MS failed: the class of the failure, or of why
 * the server is not to be had; `breaker` if that was known before it came; else the failure's own
 * reason.  Constant, or as long as the pool.
 */
const char *route_error_class(const struct route *route, enum failure failure, int64_t begun_ms);
void route_count_class(struct route *route, const char *error_class);

/* What clients are told of changed lists, several changes at once: bits of 1 << enum catalog_kind.
 */
void route_note_changed(struct route *route, unsigned kinds);

#endif
