/* SPDX-License-Identifier: MIT */
#include "broker/routing/router.h"

#include <errno.h>

#include "broker/routing/journal.h"
#include "broker/routing/requester.h"
#include "proto/base/mem.h"

enum { SCRATCH_KEEP = 1 << 18, ENVELOPE_ROOM = 4096 };

/* A route and its places in the router. */
struct place {
    struct route *route;
    struct list_node in_places; /* of `places`, or of `retired` */
    struct deferred removal;
    struct router *router;
};

struct router {
    struct loop *loop;
    struct router_limits limits;
    struct hashmap by_name; /* struct place, of `places` only */
    struct list places;
    struct list retired; /* replaced or removed: their last calls are ending */
    struct list requesters;
    struct bytes scratch;
    int64_t last_party;
    struct ledger *ledger; /* borrowed, or NULL */
    struct journal *journal;
    bool draining;
    const struct router_events *events;
    void *owner;
    struct reapable reapable;
};

struct router *router_new(struct loop *loop, const struct router_limits *limits,
                          const struct router_events *events, void *owner)
{
    struct router *router = MEM_NEW(struct router);

    if (router == NULL) {
        return NULL;
    }
    router->journal = journal_new();
    if (router->journal == NULL) {
        mem_free(router);
        return NULL;
    }
    router->loop = loop;
    router->events = events;
    router->owner = owner;
    hashmap_init(&router->by_name);
    list_init(&router->places);
    list_init(&router->retired);
    list_init(&router->requesters);
    bytes_init(&router->scratch, 0);
    router_set_limits(router, limits);
    return router;
}

void router_set_limits(struct router *router, const struct router_limits *limits)
{
    router->limits = *limits;
    router->scratch.maximum = ENVELOPE_ROOM + (limits->response_max_bytes > limits->frame_max_bytes
                                                   ? limits->response_max_bytes
                                                   : limits->frame_max_bytes);
}

void router_set_ledger(struct router *router, struct ledger *ledger)
{
    router->ledger = ledger;
}

struct ledger *router_ledger(const struct router *router)
{
    return router->ledger;
}

struct journal *router_journal(const struct router *router)
{
    return router->journal;
}

static void free_place(struct place *place)
{
    list_remove(place->in_places.on, &place->in_places);
    deferred_cancel(&place->removal);
    requesters_fail_route(place->router, place->route);
    route_close(place->route);
    mem_free(place);
}

static void reap(void *owner)
{
    struct router *router = owner;

    hashmap_done(&router->by_name);
    bytes_done(&router->scratch);
    journal_free(router->journal);
    mem_free(router);
}

void router_close(struct router *router)
{
    struct list_node *node;

    if (router == NULL) {
        return;
    }
    while ((node = list_first(&router->places)) != NULL) {
        free_place(LIST_ITEM(node, struct place, in_places));
    }
    while ((node = list_first(&router->retired)) != NULL) {
        free_place(LIST_ITEM(node, struct place, in_places));
    }
    CHECK(list_is_empty(&router->requesters));
    loop_reap(router->loop, &router->reapable, reap, router);
}

/* From a deferred: the route may be in the middle of telling us. */
static void on_removal(void *owner)
{
    struct place *place = owner;
    struct router *router = place->router;

    free_place(place);
    router->events->on_drained(router->owner);
}

int router_add(struct router *router, struct route *route)
{
    struct place *place;

    if (router_find(router, span_of(route_name(route))) != NULL) {
        return -EEXIST;
    }
    place = MEM_NEW(struct place);
    if (place == NULL || hashmap_add(&router->by_name, span_of(route_name(route)), place) < 0) {
        mem_free(place);
        return -ENOMEM;
    }
    place->route = route;
    place->router = router;
    deferred_init(&place->removal, router->loop, on_removal, place);
    list_append(&router->places, &place->in_places);
    if (router->draining) {
        pool_drain(route_pool(route));
    }
    return 0;
}

void router_retire(struct router *router, struct route *route)
{
    struct place *place = hashmap_take(&router->by_name, span_of(route_name(route)));

    CHECK(place != NULL && place->route == route);
    list_remove(&router->places, &place->in_places);
    list_append(&router->retired, &place->in_places);
    pool_drain(route_pool(route));
}

struct route *router_find(const struct router *router, struct span name)
{
    struct place *place = hashmap_find(&router->by_name, name);

    return place == NULL ? NULL : place->route;
}

size_t router_find_url(const struct router *router, const struct peer *peer, const struct url *url,
                       struct route **ret_route)
{
    size_t count = 0;

    LIST_FOREACH (node, &router->places) {
        struct route *route = LIST_ITEM(node, struct place, in_places)->route;
        const struct url *own = &pool_server(route_pool(route))->url;

        if (access_may_use(route_access(route), peer) && url_same_origin(own, url) &&
            strcmp(own->target, url->target) == 0) {
            *ret_route = route;
            count++;
        }
    }
    return count;
}

struct route *router_only(const struct router *router, const struct peer *peer)
{
    struct route *only = NULL;

    LIST_FOREACH (node, &router->places) {
        struct route *route = LIST_ITEM(node, struct place, in_places)->route;

        if (!access_may_use(route_access(route), peer)) {
            continue;
        }
        if (only != NULL) {
            return NULL;
        }
        only = route;
    }
    return only;
}

void router_each(struct router *router, void (*visit)(void *owner, struct route *route),
                 void *owner)
{
    LIST_FOREACH_SAFE (node, &router->places) {
        visit(owner, LIST_ITEM(node, struct place, in_places)->route);
    }
}

size_t router_count(const struct router *router)
{
    return router->places.count;
}

void router_names(const struct router *router, const struct peer *peer, struct bytes *out)
{
    const char *comma = "";

    LIST_FOREACH (node, &router->places) {
        const struct route *route = LIST_ITEM(node, struct place, in_places)->route;

        if (access_may_use(route_access(route), peer)) {
            bytes_printf(out, "%s\"%s\"", comma, route_name(route));
            comma = ", ";
        }
    }
}

void router_drain(struct router *router)
{
    router->draining = true;
    LIST_FOREACH_SAFE (node, &router->places) {
        pool_drain(route_pool(LIST_ITEM(node, struct place, in_places)->route));
    }
}

void router_resume(struct router *router)
{
    router->draining = false;
    LIST_FOREACH_SAFE (node, &router->places) {
        pool_resume(route_pool(LIST_ITEM(node, struct place, in_places)->route));
    }
}

static void abort_places(const struct list *places)
{
    LIST_FOREACH (node, places) {
        pool_abort(route_pool(LIST_ITEM(node, struct place, in_places)->route));
    }
}

void router_abort(struct router *router)
{
    router->draining = true;
    abort_places(&router->places);
    abort_places(&router->retired);
}

void router_recheck(struct router *router)
{
    LIST_FOREACH (node, &router->places) {
        pool_recheck(route_pool(LIST_ITEM(node, struct place, in_places)->route));
    }
}

bool router_is_draining(const struct router *router)
{
    return router->draining;
}

static bool has_session(const struct list *places)
{
    LIST_FOREACH (node, places) {
        struct route *route = LIST_ITEM(node, struct place, in_places)->route;

        if (!list_is_empty(pool_sessions(route_pool(route)))) {
            return true;
        }
    }
    return false;
}

bool router_is_idle(struct router *router)
{
    return !has_session(&router->places) && !has_session(&router->retired);
}

struct loop *router_loop(const struct router *router)
{
    return router->loop;
}

const struct router_limits *router_limits(const struct router *router)
{
    return &router->limits;
}

struct bytes *router_scratch(struct router *router)
{
    bytes_trim(&router->scratch, SCRATCH_KEEP);
    return &router->scratch;
}

int64_t router_mint_party(struct router *router)
{
    return ++router->last_party;
}

static void leave_places(const struct list *places, int64_t party)
{
    LIST_FOREACH (node, places) {
        pool_leave(route_pool(LIST_ITEM(node, struct place, in_places)->route), party);
    }
}

void router_leave(struct router *router, int64_t party)
{
    leave_places(&router->places, party);
    leave_places(&router->retired, party);
}

struct requester *router_find_party(const struct router *router, int64_t party)
{
    LIST_FOREACH (node, &router->requesters) {
        struct requester *requester = LIST_ITEM(node, struct requester, in_router);

        if (requester->party == party) {
            return requester;
        }
    }
    return NULL;
}

void router_add_requester(struct router *router, struct requester *requester)
{
    list_append(&router->requesters, &requester->in_router);
}

void router_remove_requester(struct router *router, struct requester *requester)
{
    list_remove(&router->requesters, &requester->in_router);
}

const struct list *router_requesters(const struct router *router)
{
    return &router->requesters;
}

void router_on_drained(struct router *router, struct route *route)
{
    LIST_FOREACH (node, &router->retired) {
        struct place *place = LIST_ITEM(node, struct place, in_places);

        if (place->route == route) {
            deferred_schedule(&place->removal);
            return;
        }
    }
    router->events->on_drained(router->owner);
}

void router_report(struct router *router, const char *route, const char *type,
                   const char *error_class, const char *text)
{
    router->events->on_report(router->owner, route, type, error_class, text);
}
