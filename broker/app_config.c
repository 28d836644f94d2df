/* SPDX-License-Identifier: MIT */
/* Options become the small structs of the parts; a reload applies wholly or not at all. */
#include <stdio.h>

#include "broker/app_priv.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

static enum conn_reuse conn_reuse_of(uint32_t choice)
{
    static const enum conn_reuse reuses[] = {[CONFIG_CONN_REUSE_PROBE] = CONN_REUSE_PROBE,
                                             [CONFIG_CONN_REUSE_FRESH] = CONN_REUSE_FRESH,
                                             [CONFIG_CONN_REUSE_ALWAYS] = CONN_REUSE_ALWAYS};

    return reuses[choice];
}

static struct server_limits server_limits_of(const struct config *config,
                                             const struct config_server *server)
{
    return (struct server_limits){
        .connect_timeout_ms = server->connect_timeout_ms,
        .init_timeout_ms = server->init_timeout_ms,
        .check_timeout_ms = server->check_timeout_ms,
        .conn_reuse = conn_reuse_of(server->conn_reuse),
        .idle_reuse_max_ms = server->conn_idle_reuse_max_ms,
        .delivery = {.session_lost = server->session_lost_status,
                     .not_executed = server->not_executed_status},
        .response_max_bytes = config->max_response_bytes,
        /* A POST of every call at once, and some room for pings and cancels. */
        .lanes_max = (size_t)(server->pool_size + server->reserve_pool_size) *
                         server->max_inflight_per_session +
                     4,
    };
}

static struct pool_limits pool_limits_of(const struct config *config,
                                         const struct config_server *server)
{
    return (struct pool_limits){
        .mode = server->pool_mode == CONFIG_POOL_MODE_SESSION ? POOL_MODE_SESSION : POOL_MODE_CALL,
        .size = server->pool_size,
        .minimum = server->min_pool_size,
        .reserve = server->reserve_pool_size,
        .reserve_timeout_ms = server->reserve_pool_timeout_ms,
        .max_connecting = server->max_connecting,
        .max_inflight = server->max_inflight_per_session,
        .target_inflight = server->target_inflight,
        .party_inflight = config->max_inflight_per_client,
        .queue_max = server->queue_max,
        .queue_max_bytes = server->queue_bytes_bytes,
        .breaker = {.failures = server->breaker_failures,
                    .open_ms = server->breaker_open_ms,
                    .open_max_ms = server->breaker_open_max_ms},
        .slow_start_ms = server->slow_start_ms,
        .retry_budget = server->retry_budget,
        .retry_budget_minimum = server->retry_budget_min,
        .is_adaptive = server->aimd == CONFIG_AIMD_ON,
        .lifetime_ms = server->session_lifetime_ms,
        .idle_timeout_ms = server->session_idle_timeout_ms,
        .check_delay_ms = server->check_delay_ms,
        .keepalive_ms = server->keepalive_interval_ms,
        .cancel_grace_ms = server->cancel_grace_ms,
        .backoff_min_ms = server->backoff_min_ms,
        .backoff_max_ms = server->backoff_max_ms,
    };
}

static enum orphan_policy orphan_policy_of(int64_t choice)
{
    return choice == CONFIG_ON_CLIENT_GONE_CANCEL ? ORPHAN_CANCEL : ORPHAN_DETACH;
}

static struct route_options route_options_of(const struct config *config,
                                             const struct config_server *server)
{
    return (struct route_options){
        .pool = pool_limits_of(config, server),
        .errand = {.queue_timeout_ms = server->queue_timeout_ms,
                   .queue_standing_ms = server->queue_standing_timeout_ms,
                   .call_timeout_ms = server->call_timeout_ms,
                   .call_timeout_max_ms = server->call_timeout_max_ms},
        .list_ttl_ms = server->list_ttl_ms,
        .list_max_bytes = config->max_response_bytes,
        .orphans = orphan_policy_of(server->on_client_gone),
        .unknown = server->unknown_as == CONFIG_UNKNOWN_AS_TOOL_ERROR ? UNKNOWN_IS_TOOL_ERROR
                                                                      : UNKNOWN_IS_ERROR,
    };
}

/* The route's rules for tools, from the configuration's.  NULL: no memory. */
static struct route_tool *route_tools_of(const struct config_server *server)
{
    struct route_tool *tools = mem_new((server->tool_count + 1) * sizeof(*tools));

    for (size_t i = 0; tools != NULL && i < server->tool_count; i++) {
        tools[i] =
            (struct route_tool){.name = server->tools[i].name,
                                .is_repeatable = server->tools[i].retry == TOOL_RETRY_IDEMPOTENT,
                                .call_timeout_ms = server->tools[i].call_timeout_ms,
                                .orphans = orphan_policy_of(server->tools[i].on_client_gone < 0
                                                                ? server->on_client_gone
                                                                : server->tools[i].on_client_gone)};
    }
    return tools;
}

static int add_ids(struct access_ids *ids, const struct config_identity *identities, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = access_add_id(ids, identities[i].id);
    }
    return r;
}

static int add_patterns(struct access_patterns *patterns, char *const *texts, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = access_add_pattern(patterns, texts[i]);
    }
    return r;
}

/* -ENOMEM: RET_RULES is empty. */
static int access_rules_of(const struct config_server *server, struct access_rules *ret_rules)
{
    const struct config_access *access = &server->access;
    int r;

    *ret_rules = (struct access_rules){0};
    r = add_ids(&ret_rules->users, access->users, access->user_count);
    if (r == 0) {
        r = add_ids(&ret_rules->groups, access->groups, access->group_count);
    }
    if (r == 0) {
        r = add_patterns(&ret_rules->allowed_tools, access->allowed_tools,
                         access->allowed_tool_count);
    }
    if (r == 0) {
        r = add_patterns(&ret_rules->denied_tools, access->denied_tools, access->denied_tool_count);
    }
    if (r < 0) {
        access_rules_done(ret_rules);
    }
    return r;
}

static struct server *make_server(struct app *app, const struct config *config,
                                  const struct config_server *server)
{
    struct server_header *headers = mem_new((server->header_count + 1) * sizeof(*headers));
    struct server_options options = {.name = server->name,
                                     .url = server->url,
                                     .shown = server->url_shown,
                                     .headers = headers,
                                     .header_count = server->header_count,
                                     .limits = server_limits_of(config, server)};
    struct server *made;

    if (headers == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < server->header_count; i++) {
        headers[i] = (struct server_header){server->headers[i].name, server->headers[i].value};
    }
    made = server_new(app->loop, app->streams, app->posts, &options);
    mem_free(headers);
    return made;
}

static struct route *make_route(struct app *app, const struct config *config,
                                const struct config_server *server)
{
    struct server *made = make_server(app, config, server);
    struct route_options options = route_options_of(config, server);
    struct route_tool *tools = route_tools_of(server);
    struct access_rules access;
    struct route *route = NULL;

    options.tools = tools;
    options.tool_count = server->tool_count;
    if (access_rules_of(server, &access) == 0 && made != NULL && tools != NULL) {
        route = route_new(app->loop, app->router, made, &options);
        if (route != NULL) {
            route_set_access(route, &access);
        }
    } else {
        server_unref(made);
    }
    access_rules_done(&access);
    mem_free(tools);
    return route;
}

int app_make_routes(struct app *app, struct bytes *message)
{
    for (size_t i = 0; i < app->config->server_count; i++) {
        const struct config_server *server = &app->config->servers[i];
        struct route *route = make_route(app, app->config, server);

        if (route == NULL) {
            bytes_printf(message, "server \"%s\": its url is not usable, or memory is out",
                         server->name);
            return -1;
        }
        if (router_add(app->router, route) < 0) {
            route_close(route);
            bytes_printf(message, "server \"%s\": out of memory", server->name);
            return -1;
        }
        if (app_open_door(app, server->name, message) < 0) {
            return -1;
        }
    }
    return 0;
}

static struct channel_limits channel_limits_of(const struct config *config)
{
    return (struct channel_limits){.frame_max_bytes = config->max_frame_bytes,
                                   .output_soft_bytes = config->outbuf_soft_bytes,
                                   .output_max_bytes = config->outbuf_max_bytes,
                                   .slow_timeout_ms = config->slow_client_timeout_ms,
                                   .hello_timeout_ms = config->client_hello_timeout_ms};
}

struct clients_limits app_clients_limits(const struct config *config)
{
    return (struct clients_limits){.maximum = config->max_clients,
                                   .memory_max_bytes = config->mem_limit_bytes,
                                   .channel = channel_limits_of(config)};
}

struct router_limits app_router_limits(const struct config *config)
{
    return (struct router_limits){
        .max_inflight_per_client = config->max_inflight_per_client,
        .max_queued_per_client = config->max_queued_per_client,
        .json = {.depth = config->max_depth, .tokens = config->max_tokens},
        .memory_max_bytes = config->mem_limit_bytes,
        .frame_max_bytes = config->max_frame_bytes,
        .response_max_bytes = config->max_response_bytes};
}

void app_apply_limits(struct app *app)
{
    struct clients_limits clients = app_clients_limits(app->config);
    struct router_limits router = app_router_limits(app->config);

    log_set_level((enum log_level)app->config->log_level);
    router_set_limits(app->router, &router);
    clients_set_limits(&app->clients, &clients);
}

/* ---- reload */

/* What happens to one server of the new configuration. */
struct change {
    const struct config_server *server; /* of the new configuration */
    struct route *old;                  /* of the same name, or NULL */
    struct route *made;         /* its replacement; NULL: the old one stays, with new limits */
    struct access_rules access; /* for the old one */
};

static const struct config_server *find_server(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (strcmp(config->servers[i].name, name) == 0) {
            return &config->servers[i];
        }
    }
    return NULL;
}

static void close_made(struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].made != NULL) {
            route_close(changes[i].made);
        }
        access_rules_done(&changes[i].access);
    }
    mem_free(changes);
}

/* Make all that is new, touching nothing that is there.  NULL: MESSAGE says why. */
static struct change *prepare(struct app *app, const struct config *config, struct bytes *message)
{
    struct change *changes = mem_new((config->server_count + 1) * sizeof(*changes));

    for (size_t i = 0; changes != NULL && i < config->server_count; i++) {
        const struct config_server *server = &config->servers[i];
        const struct config_server *before = find_server(app->config, server->name);

        changes[i].server = server;
        changes[i].old = before == NULL ? NULL : router_find(app->router, span_of(server->name));
        if (changes[i].old != NULL && config_server_same_endpoint(before, server)) {
            if (access_rules_of(server, &changes[i].access) < 0) {
                bytes_printf(message, "out of memory");
                close_made(changes, i);
                return NULL;
            }
            continue;
        }
        changes[i].made = make_route(app, config, server);
        if (changes[i].made == NULL) {
            bytes_printf(message, "server \"%s\": its url is not usable, or memory is out",
                         server->name);
            close_made(changes, i);
            return NULL;
        }
    }
    if (changes == NULL) {
        bytes_printf(message, "out of memory");
    }
    return changes;
}

static void set_route_options(struct route *route, const struct config *config,
                              const struct config_server *server)
{
    struct route_options options = route_options_of(config, server);
    struct server_limits limits = server_limits_of(config, server);
    struct route_tool *tools = route_tools_of(server);

    options.tools = tools;
    options.tool_count = tools == NULL ? 0 : server->tool_count;
    server_set_limits(pool_server(route_pool(route)), &limits);
    if (tools == NULL || route_set_options(route, &options) < 0) {
        log_event(LOG_LEVEL_ERROR, "reload_incomplete", "pool=%s why=\"out of memory\"",
                  server->name);
    }
    mem_free(tools);
}

static struct door *find_door(const struct app *app, const char *route)
{
    LIST_FOREACH (node, &app->doors) {
        struct door *door = LIST_ITEM(node, struct door, in_doors);

        if (strcmp(door->route, route) == 0) {
            return door;
        }
    }
    return NULL;
}

static void apply_change(struct app *app, const struct config *config, struct change *change,
                         struct bytes *message)
{
    if (change->made == NULL) {
        /* First: more room in the pool must not let through what is denied now. */
        route_set_access(change->old, &change->access);
        set_route_options(change->old, config, change->server);
        return;
    }
    if (change->old != NULL) {
        router_retire(app->router, change->old);
    }
    if (router_add(app->router, change->made) < 0) {
        log_event(LOG_LEVEL_ERROR, "reload_incomplete", "pool=%s why=\"out of memory\"",
                  change->server->name);
        route_close(change->made);
    }
    change->made = NULL;
    if (find_door(app, change->server->name) == NULL &&
        app_open_door(app, change->server->name, message) < 0) {
        const char *text = bytes_text(message);

        log_event(LOG_LEVEL_ERROR, "reload_incomplete", "pool=%s why=%s", change->server->name,
                  log_quote(text));
    }
}

static void remove_missing(struct app *app, const struct config *config)
{
    for (size_t i = 0; i < app->config->server_count; i++) {
        const char *name = app->config->servers[i].name;
        struct door *door = find_door(app, name);
        struct route *route = router_find(app->router, span_of(name));

        if (find_server(config, name) != NULL) {
            continue;
        }
        if (door != NULL) {
            app_close_door(app, door);
        }
        if (route != NULL) {
            router_retire(app->router, route);
        }
    }
}

int app_reload(struct app *app, struct bytes *message)
{
    struct config *config;
    struct change *changes;

    if (app->state != APP_SERVING) {
        bytes_printf(message, "the broker is stopping");
        return -1;
    }
    if (app->upgrade.pid != 0) {
        /* The new process may have read the configuration already. */
        bytes_printf(message, "an upgrade is under way; try again");
        return -1;
    }
    config = config_load(&app->arguments->config, message);
    if (config == NULL) {
        return -1;
    }
    changes = prepare(app, config, message);
    if (changes == NULL) {
        config_free(config);
        return -1;
    }
    remove_missing(app, config);
    for (size_t i = 0; i < config->server_count; i++) {
        apply_change(app, config, &changes[i], message);
    }
    close_made(changes, config->server_count);
    config_free(app->config);
    app->config = config;
    config_digest(config, app->digest);
    app_apply_limits(app);
    bytes_clear(message);
    log_event(LOG_LEVEL_INFO, "reloaded", "servers=%zu digest=%s", config->server_count,
              app->digest);
    app_report(app, NULL, "reload", NULL, "the configuration was read again");
    return (int)config->server_count;
}
