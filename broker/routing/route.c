/* SPDX-License-Identifier: MIT */
#include "broker/routing/route.h"

#include <stdio.h>

#include "broker/routing/conclusion.h"
#include "broker/routing/notices.h"
#include "broker/routing/requester.h"
#include "broker/routing/router.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

/* Servers send change notices in bursts, one a session: clients get one. */
enum {
    DEADLINE_MAXIMUM_MS = 604800000,
    CHANGE_DELAY_MS = 50,
    ALL_KINDS = (1 << CATALOG_KINDS) - 1
};

struct route {
    struct loop *loop;
    struct router *router; /* borrowed */
    struct pool *pool;
    struct catalog *catalog;
    struct errand_limits errand;
    enum orphan_policy orphans;
    enum unknown_form unknown;
    struct route_tool *tools; /* owned, names too */
    size_t tool_count;
    struct access_rules access;
    struct route_totals totals;
    struct meters *meters; /* owned */
    struct timer change_timer;
    unsigned changed; /* kinds to tell clients of */
    bool lost_any;    /* a session was lost: after the next one everything may have changed */
    struct reapable reapable;
};

static void on_pool_ready(void *owner, struct pool *pool, int64_t took_ms);
static void on_pool_lost(void *owner, struct pool *pool, const struct transport_end *end);
static void on_pool_failed(void *owner, struct pool *pool, const struct transport_end *end);
static void on_pool_notice(void *owner, struct pool *pool, int64_t party,
                           const struct message *notice);
static void on_pool_bereaved(void *owner, struct pool *pool, int64_t party);
static void on_pool_load(void *owner, struct pool *pool, size_t active, size_t cap);
static void on_pool_health(void *owner, struct pool *pool, enum health before);
static void on_pool_breaker(void *owner, struct pool *pool, enum breaker_state before);
static void on_pool_window(void *owner, struct pool *pool, struct health_window *ret_window);
static void on_pool_drained(void *owner, struct pool *pool);
static void on_fetch(void *owner, const struct timeline *timeline);
static void on_change_timer(void *owner);

static const struct pool_events pool_events = {.on_ready = on_pool_ready,
                                               .on_lost = on_pool_lost,
                                               .on_failed = on_pool_failed,
                                               .on_notice = on_pool_notice,
                                               .on_bereaved = on_pool_bereaved,
                                               .on_load = on_pool_load,
                                               .on_health = on_pool_health,
                                               .on_breaker = on_pool_breaker,
                                               .on_window = on_pool_window,
                                               .on_drained = on_pool_drained};
static const struct catalog_events catalog_events = {on_fetch};

static void free_tools(struct route_tool *tools, size_t count)
{
    for (size_t i = 0; tools != NULL && i < count; i++) {
        mem_free((void *)(uintptr_t)tools[i].name);
    }
    mem_free(tools);
}

static struct route_tool *copy_tools(const struct route_options *options)
{
    struct route_tool *tools = mem_new((options->tool_count + 1) * sizeof(*tools));

    for (size_t i = 0; tools != NULL && i < options->tool_count; i++) {
        tools[i] = options->tools[i];
        tools[i].name = mem_copy_text(options->tools[i].name, strlen(options->tools[i].name));
        if (tools[i].name == NULL) {
            free_tools(tools, i);
            return NULL;
        }
    }
    return tools;
}

static struct catalog_limits catalog_limits_of(const struct route_options *options)
{
    struct catalog_limits limits = {.errand = options->errand,
                                    .ttl_ms = options->list_ttl_ms,
                                    .list_max_bytes = options->list_max_bytes};

    limits.errand.is_repeatable = true;
    return limits;
}

static void reap(void *owner)
{
    struct route *route = owner;

    free_tools(route->tools, route->tool_count);
    access_rules_done(&route->access);
    meters_free(route->meters);
    mem_free(route);
}

struct route *route_new(struct loop *loop, struct router *router, struct server *server,
                        const struct route_options *options)
{
    struct route *route = MEM_NEW(struct route);
    struct catalog_limits limits = catalog_limits_of(options);

    if (route == NULL) {
        server_unref(server);
        return NULL;
    }
    route->loop = loop;
    route->router = router;
    route->errand = options->errand;
    route->orphans = options->orphans;
    route->unknown = options->unknown;
    route->tools = copy_tools(options);
    route->tool_count = options->tool_count;
    route->meters = meters_new(loop_now_ms(loop));
    timer_init(&route->change_timer, loop, on_change_timer, route);
    route->pool = pool_new(loop, server, &options->pool, &pool_events, route);
    if (route->pool == NULL) {
        server_unref(server);
    } else {
        route->catalog = catalog_new(loop, route->pool, &limits, &catalog_events, route);
    }
    if (route->tools == NULL || route->meters == NULL || route->catalog == NULL) {
        route_close(route);
        return NULL;
    }
    return route;
}

void route_close(struct route *route)
{
    timer_stop(&route->change_timer);
    catalog_close(route->catalog);
    pool_close(route->pool);
    loop_reap(route->loop, &route->reapable, reap, route);
}

int route_set_options(struct route *route, const struct route_options *options)
{
    struct route_tool *tools = copy_tools(options);
    struct catalog_limits limits = catalog_limits_of(options);

    if (tools == NULL) {
        return -1;
    }
    free_tools(route->tools, route->tool_count);
    route->tools = tools;
    route->tool_count = options->tool_count;
    route->errand = options->errand;
    route->orphans = options->orphans;
    route->unknown = options->unknown;
    catalog_set_limits(route->catalog, &limits);
    pool_set_limits(route->pool, &options->pool);
    return 0;
}

static void tell_tools_changed(struct route *route)
{
    route->changed |= 1U << CATALOG_TOOLS;
    if (!route->change_timer.armed) {
        timer_start(&route->change_timer, CHANGE_DELAY_MS);
    }
}

void route_set_access(struct route *route, struct access_rules *rules)
{
    bool is_same = access_rules_equal(&route->access, rules);

    access_rules_done(&route->access);
    route->access = *rules;
    *rules = (struct access_rules){0};
    if (!is_same) {
        requesters_fail_denied(route->router, route);
        /* The server's list is as it was; what clients see of it is not. */
        tell_tools_changed(route);
    }
}

const struct access_rules *route_access(const struct route *route)
{
    return &route->access;
}

const char *route_name(const struct route *route)
{
    return pool_name(route->pool);
}

struct pool *route_pool(struct route *route)
{
    return route->pool;
}

struct catalog *route_catalog(struct route *route)
{
    return route->catalog;
}

struct route_totals *route_totals(struct route *route)
{
    return &route->totals;
}

struct meters *route_meters(struct route *route)
{
    return route->meters;
}

struct router *route_router(struct route *route)
{
    return route->router;
}

/* The operator's rules for the tool that MESSAGE calls, or NULL. */
static const struct route_tool *find_tool(const struct route *route, const struct message *message,
                                          enum mcp_method method)
{
    struct span name = method == MCP_TOOLS_CALL ? message_param(message, "name") : SPAN_NONE;

    for (size_t i = 0; !span_is_none(name) && i < route->tool_count; i++) {
        if (json_string_is(name, route->tools[i].name)) {
            return &route->tools[i];
        }
    }
    return NULL;
}

struct errand_limits route_limits_of(const struct route *route, const struct message *message,
                                     enum mcp_method method)
{
    struct errand_limits limits = route->errand;
    const struct route_tool *tool = find_tool(route, message, method);
    int64_t deadline_ms;

    limits.is_repeatable = method != MCP_OTHER && mcp_method_route(method) == MCP_ROUTE_PASS_SAFE;
    if (tool != NULL) {
        limits.is_repeatable = tool->is_repeatable;
        if (tool->call_timeout_ms >= 0) {
            limits.call_timeout_ms = tool->call_timeout_ms;
        }
    }
    /* On a session of its own a lost session means that the server forgot this client: the repeat
       would not run where the first one did. */
    limits.is_repeatable = limits.is_repeatable && route_is_shared(route);
    if (json_to_int(mcp_own_meta(message, "deadlineMs"), &deadline_ms) && deadline_ms > 0) {
        limits.deadline_ms = deadline_ms < DEADLINE_MAXIMUM_MS ? deadline_ms : DEADLINE_MAXIMUM_MS;
    }
    return limits;
}

enum orphan_policy route_orphan_policy(const struct route *route, const struct message *message,
                                       enum mcp_method method)
{
    const struct route_tool *tool = find_tool(route, message, method);

    if (method != MCP_OTHER && mcp_method_route(method) == MCP_ROUTE_PASS_SAFE) {
        return ORPHAN_CANCEL;
    }
    return tool != NULL ? tool->orphans : route->orphans;
}

enum unknown_form route_unknown_form(const struct route *route)
{
    return route->unknown;
}

bool route_is_shared(const struct route *route)
{
    return pool_limits(route->pool)->mode == POOL_MODE_CALL;
}

bool route_has_capability(const struct route *route, const char *name)
{
    struct span capabilities = json_find(pool_identity(route->pool), "capabilities");

    return json_kind_of(json_find(capabilities, name)) == JSON_OBJECT;
}

bool route_tells_changes(const struct route *route, const char *name)
{
    struct span capabilities = json_find(pool_identity(route->pool), "capabilities");

    return json_kind_of(json_find(json_find(capabilities, name), "listChanged")) == JSON_TRUE;
}

/* ---- counting */

static const char *const class_names[] = {
#define ERROR_CLASS(name) #name,
#include "broker/routing/error_classes.def"
#undef ERROR_CLASS
};

void route_count_class(struct route *route, const char *error_class)
{
    for (size_t i = 0; i < ERROR_CLASS_COUNT; i++) {
        if (strcmp(class_names[i], error_class) == 0) {
            route->totals.by_class[i]++;
            route->totals.last_error_class = class_names[i];
            route->totals.last_error_ms = loop_now_ms(route->loop);
        }
    }
}

static const char *const classes_of_failures[FAILURE_COUNT] = {
    [FAILURE_OVERLOADED] = "queue_full",     [FAILURE_QUEUE_TIMEOUT] = "queue_timeout",
    [FAILURE_REFUSED] = "http4xx",           [FAILURE_SESSION_GONE] = "session",
    [FAILURE_CONNECTION_LOST] = "ambiguous", [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_SERVER_ERROR] = "http5xx",      [FAILURE_SESSION_LOST] = "ambiguous",
    [FAILURE_DRAIN_DEADLINE] = "ambiguous",  [FAILURE_TOO_LARGE] = "oversize",
    [FAILURE_MALFORMED] = "proto",
};

void route_count_failure(struct route *route, enum failure failure)
{
    route->totals.by_failure[failure]++;
    if (classes_of_failures[failure] != NULL) {
        route_count_class(route, classes_of_failures[failure]);
    }
}

/* Why there is no session for what began at BEGUN_MS. */
static const char *unavailable_class(const struct route *route, int64_t begun_ms)
{
    const struct transport_end *last = pool_last_failure(route->pool);

    if (last == NULL) {
        return "connect"; /* sessions open, and no connection for a POST came about */
    }
    return pool_failed_at_ms(route->pool) >= begun_ms ? last->error_class : "breaker";
}

const char *route_error_class(const struct route *route, enum failure failure, int64_t begun_ms)
{
    if (failure == FAILURE_UNAVAILABLE) {
        return unavailable_class(route, begun_ms);
    }
    /* Ours, although what has become of the call is as unclear as ever. */
    return failure == FAILURE_DRAIN_DEADLINE || classes_of_failures[failure] == NULL
               ? failure_reason(failure)
               : classes_of_failures[failure];
}

/* ---- what the pool tells */

void route_note_changed(struct route *route, unsigned kinds)
{
    for (unsigned i = 0; i < CATALOG_KINDS; i++) {
        if ((kinds & (1U << i)) != 0) {
            catalog_invalidate(route->catalog, (enum catalog_kind)i);
        }
    }
    route->changed |= kinds;
    if (!route->change_timer.armed) {
        timer_start(&route->change_timer, CHANGE_DELAY_MS);
    }
}

static void on_change_timer(void *owner)
{
    struct route *route = owner;
    unsigned changed = route->changed;

    route->changed = 0;
    notices_tell_changed(route, changed);
}

static void on_pool_ready(void *owner, struct pool *pool, int64_t took_ms)
{
    struct route *route = owner;

    (void)pool;
    meters_note_create(route->meters, loop_now_ms(route->loop), (double)took_ms);
    if (route->lost_any) {
        /* Notices may have been missed while the server was away. */
        route->lost_any = false;
        route_note_changed(route, ALL_KINDS);
    }
}

static void on_pool_lost(void *owner, struct pool *pool, const struct transport_end *end)
{
    struct route *route = owner;

    (void)pool;
    route->lost_any = true;
    route_count_class(route, end->error_class);
    for (unsigned i = 0; i < CATALOG_KINDS; i++) {
        catalog_invalidate(route->catalog, (enum catalog_kind)i);
    }
    router_report(route->router, route_name(route), "session_lost", end->error_class, end->detail);
}

static void on_pool_failed(void *owner, struct pool *pool, const struct transport_end *end)
{
    struct route *route = owner;

    (void)pool;
    route_count_class(route, end->error_class);
    router_report(route->router, route_name(route), "session_fail", end->error_class, end->detail);
}

static void on_pool_notice(void *owner, struct pool *pool, int64_t party,
                           const struct message *notice)
{
    (void)pool;
    notices_on_notice(owner, party, notice);
}

static void on_pool_bereaved(void *owner, struct pool *pool, int64_t party)
{
    struct route *route = owner;
    struct requester *requester = router_find_party(route->router, party);

    (void)pool;
    if (requester != NULL) {
        requester_bereave(requester, route);
    }
}

static void on_pool_load(void *owner, struct pool *pool, size_t active, size_t cap)
{
    struct route *route = owner;

    (void)pool;
    meters_note_active(route->meters, loop_now_ms(route->loop), active, cap);
}

static void on_fetch(void *owner, const struct timeline *timeline)
{
    conclusion_note(owner, timeline);
}

static void on_pool_health(void *owner, struct pool *pool, enum health before)
{
    struct route *route = owner;
    const char *reason;
    int64_t since_ms;
    enum health now = pool_health(pool, &reason, &since_ms);

    log_event(now == HEALTH_HEALTHY || now == HEALTH_DRAINING ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
              "health", "pool=%s from=%s to=%s reason=%s", pool_name(pool), health_name(before),
              health_name(now), reason);
    router_report(route->router, pool_name(pool), "health", reason, health_name(now));
}

static void on_pool_breaker(void *owner, struct pool *pool, enum breaker_state before)
{
    struct route *route = owner;
    const struct transport_end *last = pool_last_failure(pool);
    enum breaker_state now = pool_breaker(pool);

    log_event(now == BREAKER_OPEN ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "breaker",
              "pool=%s from=%s to=%s", pool_name(pool), breaker_state_name(before),
              breaker_state_name(now));
    router_report(route->router, pool_name(pool), "breaker",
                  last == NULL ? NULL : last->error_class, breaker_state_name(now));
}

static void on_pool_window(void *owner, struct pool *pool, struct health_window *ret_window)
{
    struct route *route = owner;
    int64_t now_ms = loop_now_ms(route->loop);
    struct meters_window window;
    struct histogram latency;

    (void)pool;
    meters_window(route->meters, now_ms, &window);
    meters_latency(route->meters, now_ms, &latency);
    *ret_window = (struct health_window){.calls = window.ended,
                                         .faults = window.upstream_faults,
                                         .p95_ms = histogram_quantile_ms(&latency, 0.95),
                                         .last_ok_ms = route->totals.last_ok_ms};
}

static void on_pool_drained(void *owner, struct pool *pool)
{
    struct route *route = owner;

    (void)pool;
    router_on_drained(route->router, route);
}
