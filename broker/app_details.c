/* SPDX-License-Identifier: MIT */
/* What is told of pools beside their figures: how they are configured, how long things took in the
   last minute, their sessions. */
#include <stdio.h>

#include "broker/app_priv.h"
#include "broker/runtime/clock.h"

#define COPY(field, text) (void)snprintf(field, sizeof(field), "%s", (text) == NULL ? "" : (text))

static const struct config_server *find_server(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (strcmp(config->servers[i].name, name) == 0) {
            return &config->servers[i];
        }
    }
    return NULL;
}

static uint64_t ms_of(int64_t ms)
{
    return ms < 0 ? 0 : (uint64_t)ms;
}

static void fill_config(struct config_row *row, const struct pool_row *pool,
                        const struct config_server *server)
{
    COPY(row->upstream, pool->upstream);
    COPY(row->transport, pool->transport);
    COPY(row->era, pool->era);
    COPY(row->pool_mode, server->pool_mode == CONFIG_POOL_MODE_SESSION ? "session" : "call");
    row->cap = server->pool_size;
    row->min_warm = server->min_pool_size;
    row->reserve = server->reserve_pool_size;
    row->max_inflight = server->max_inflight_per_session;
    row->queue_max = server->queue_max;
    row->queue_timeout_ms = ms_of(server->queue_timeout_ms);
    row->connect_timeout_ms = ms_of(server->connect_timeout_ms);
    row->init_timeout_ms = ms_of(server->init_timeout_ms);
    row->call_timeout_ms = ms_of(server->call_timeout_ms);
    row->idle_timeout_ms = ms_of(server->session_idle_timeout_ms);
    row->lifetime_ms = ms_of(server->session_lifetime_ms);
    row->breaker_failures = server->breaker_failures;
}

static void fill_histograms(struct pool_histograms *histograms, struct route *route)
{
    struct meters *meters = route_meters(route);
    int64_t now_ms = clock_now_ms();

    meters_latency(meters, now_ms, &histograms->latency);
    meters_wait(meters, now_ms, &histograms->wait);
    meters_create(meters, now_ms, &histograms->create);
}

static void add_sessions(void *owner, struct route *route)
{
    struct snapshot *snapshot = owner;
    struct pool *pool = route_pool(route);
    int64_t now_ms = clock_now_ms();

    LIST_FOREACH (node, pool_sessions(pool)) {
        const struct session *session = LIST_ITEM(node, struct session, in_pool);
        struct session_row *row = snapshot_add_session(snapshot);

        if (row == NULL) {
            return;
        }
        COPY(row->pool, pool_name(pool));
        COPY(row->sess, session->name);
        COPY(row->state, session_state_name(session->state));
        COPY(row->proto, session->protocol);
        row->inflight = session_calls(session);
        row->age_ms = ms_of(now_ms - session->opened_at_ms);
        row->idle_ms = session->used_at_ms == 0 ? 0 : ms_of(now_ms - session->used_at_ms);
        row->calls_total = session->calls_total;
    }
}

void app_take_details(struct app *app, struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const struct pool_row *pool = &snapshot->pools[i];
        const struct config_server *server = find_server(app->config, pool->name);
        struct route *route = router_find(app->router, span_of(pool->name));

        if (route != NULL && (snapshot->wishes & SNAPSHOT_HISTOGRAMS) != 0 &&
            snapshot->histograms != NULL) {
            fill_histograms(&snapshot->histograms[i], route);
        }
        if (server != NULL) {
            fill_config(&snapshot->configs[i], pool, server);
        }
        COPY(snapshot->configs[i].cfg_hash, snapshot->instance.cfg_hash);
    }
    if ((snapshot->wishes & SNAPSHOT_SESSIONS) != 0) {
        router_each(app->router, add_sessions, snapshot);
    }
}
