/* SPDX-License-Identifier: MIT */
/*
 * The lists of one server (tools, prompts, resources, templates): fetched once however
 * many ask, all pages, kept until a change notice, a lost session or their age says otherwise.
 * While the server is down an old list is still served, marked as stale.
 */
#ifndef TEPLO_ROUTING_CATALOG_H
#define TEPLO_ROUTING_CATALOG_H

#include "broker/routing/errand.h"
#include "proto/mcp.h"

struct catalog;

/* Who waits for a list; embedded by it.  Exactly one runs, unless catalog_withdraw comes first. */
struct catalog_waiter {
    /* RESULT: the raw legacy result, whole, no nextCursor; lives until the return. */
    void (*on_list)(struct catalog_waiter *waiter, struct span result);
    /* The server's own error object. */
    void (*on_error)(struct catalog_waiter *waiter, struct span error);
    void (*on_failed)(struct catalog_waiter *waiter, const struct failure_report *report);
    struct list_node in_entry;
};

/* Mandatory. */
struct catalog_events {
    /* The server was asked for a page, in vain or not; TIMELINE lives until the return. */
    void (*on_fetch)(void *owner, const struct timeline *timeline);
};

struct catalog_totals {
    uint64_t cache_hit_total;
    uint64_t cache_miss_total;
    uint64_t coalesced_total;
};

enum catalog_kind {
    CATALOG_TOOLS,
    CATALOG_PROMPTS,
    CATALOG_RESOURCES,
    CATALOG_TEMPLATES,
    CATALOG_KINDS
};

struct catalog_limits {
    struct errand_limits errand;
    int64_t ttl_ms;
    size_t list_max_bytes;
};

MUST_CHECK struct catalog *catalog_new(struct loop *loop, struct pool *pool,
                                       const struct catalog_limits *limits,
                                       const struct catalog_events *events, void *owner);
/* Waiters must have been withdrawn or told.  Freed at the end of the turn. */
void catalog_close(struct catalog *catalog);
void catalog_set_limits(struct catalog *catalog, const struct catalog_limits *limits);

/* METHOD has the route LIST. */
enum catalog_kind catalog_kind_of(enum mcp_method method);
/* Answers by WAITER after the return. */
void catalog_ask(struct catalog *catalog, enum catalog_kind kind, struct catalog_waiter *waiter);
/* Silence.  Idempotent. */
void catalog_withdraw(struct catalog_waiter *waiter);
/* What is kept of KIND is old from now on. */
void catalog_invalidate(struct catalog *catalog, enum catalog_kind kind);
const struct catalog_totals *catalog_totals(const struct catalog *catalog);

#endif
