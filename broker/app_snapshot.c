/* SPDX-License-Identifier: MIT */
/* The figures of this moment, from whoever has them: for Redis and for admin.sock. */
#include <stdio.h>

#include "broker/app_priv.h"
#include "broker/runtime/clock.h"

static void copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from == NULL ? "" : from);
}
#define COPY(field, text) copy(field, sizeof(field), text)

static void fill_sessions(struct pool_row *row, struct pool *pool)
{
    struct pool_figures figures;
    const struct pool_totals *totals = pool_totals(pool);

    pool_figures(pool, &figures);
    row->s_connecting = figures.connecting;
    row->s_idle = figures.idle;
    row->s_active = figures.active;
    row->s_testing = figures.testing;
    row->s_draining = figures.draining;
    row->s_broken = figures.broken;
    row->s_total = figures.total;
    row->streams_open = figures.total - figures.broken;
    row->waiting = figures.waiting;
    row->maxwait_ms = (double)figures.oldest_wait_ms;
    row->inflight = figures.inflight;
    row->sess_opened_total = totals->sess_opened_total;
    row->sess_closed_total = totals->sess_closed_total;
    row->sess_lost_total = totals->sess_lost_total;
    row->create_ms_sum = (double)totals->create_ms_sum;
    row->wait_n = totals->wait_n;
    row->wait_ms_sum = (double)totals->wait_ms_sum;
    row->probes_ok_total = figures.probes_ok;
    row->probes_fail_total = totals->probes_fail_total;
    row->down_bytes_total = figures.received_bytes;
}

static void fill_lanes(struct pool_row *row, const struct server *server)
{
    const struct lanes_figures *lanes = lanes_figures(server->lanes);

    COPY(row->upstream, server->url.shown);
    row->up_posts_total = lanes->posts;
    row->up_bytes_total = lanes->sent_bytes;
    row->down_bytes_total += lanes->received_bytes;
}

static void fill_outcomes(struct pool_row *row, const struct route_totals *totals)
{
    for (int i = 1; i < FAILURE_COUNT; i++) {
        switch (failure_outcome((enum failure)i)) {
        case OUTCOME_EXECUTED:
            break;
        case OUTCOME_NOT_EXECUTED:
            row->not_executed_total += totals->by_failure[i];
            break;
        case OUTCOME_UNKNOWN:
            row->unknown_total += totals->by_failure[i];
            break;
        case OUTCOME_RESULT_LOST:
            row->result_lost_total += totals->by_failure[i];
            break;
        }
    }
#define ERROR_CLASS(name) row->e_##name##_total = totals->by_class[ERROR_CLASS_##name];
#include "broker/routing/error_classes.def"
#undef ERROR_CLASS
}

static void fill_calls(struct pool_row *row, struct route *route)
{
    const struct route_totals *totals = route_totals(route);
    const struct catalog_totals *lists = catalog_totals(route_catalog(route));

    row->calls_total = totals->calls_total;
    row->ok_total = totals->ok_total;
    row->tool_err_total = totals->tool_err_total;
    row->rpc_err_total = totals->rpc_err_total;
    row->cancelled_total = totals->cancelled_total;
    row->retries_total = totals->retries_total;
    row->use_ms_sum = (double)totals->use_us_sum / 1000;
    row->coalesced_total = lists->coalesced_total;
    row->cache_hit_total = lists->cache_hit_total;
    row->cache_miss_total = lists->cache_miss_total;
    COPY(row->last_err_class, totals->last_error_class);
    row->last_err_at_ms = totals->last_error_ms;
    row->last_ok_at_ms = totals->last_ok_ms;
    fill_outcomes(row, totals);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100 * (double)part / (double)whole;
}

/* The last minute. */
static void fill_window(struct pool_row *row, struct meters *meters, int64_t now_ms)
{
    struct histogram histogram;
    struct meters_window window;

    meters_latency(meters, now_ms, &histogram);
    row->lat_p50_ms = histogram_quantile_ms(&histogram, 0.5);
    row->lat_p95_ms = histogram_quantile_ms(&histogram, 0.95);
    row->lat_p99_ms = histogram_quantile_ms(&histogram, 0.99);
    row->lat_max_ms = histogram.max_ms;
    meters_wait(meters, now_ms, &histogram);
    row->wait_p50_ms = histogram_quantile_ms(&histogram, 0.5);
    row->wait_p95_ms = histogram_quantile_ms(&histogram, 0.95);
    row->wait_p99_ms = histogram_quantile_ms(&histogram, 0.99);
    meters_create(meters, now_ms, &histogram);
    row->create_p95_ms = histogram_quantile_ms(&histogram, 0.95);
    meters_window(meters, now_ms, &window);
    row->rps = (double)window.ended / window.seconds;
    row->err_pct = percent(window.upstream_faults, window.ended);
    row->tool_err_pct = percent(window.tool_errors, window.ended);
    row->util_pct = meters_utilisation_pct(meters, now_ms);
}

static void fill_health(struct pool_row *row, struct pool *pool)
{
    enum breaker_state breaker = pool_breaker(pool);
    const char *reason;
    int64_t since_ms;
    enum health health = pool_health(pool, &reason, &since_ms);

    COPY(row->health, health_name(health));
    row->health_code = (uint64_t)health;
    row->health_since_at_ms = since_ms;
    COPY(row->health_reason, reason);
    COPY(row->breaker, breaker_state_name(breaker));
    row->breaker_code = (uint64_t)breaker;
    row->breaker_opens_total = pool_totals(pool)->breaker_trips_total;
}

static void add_pool(void *owner, struct route *route)
{
    struct snapshot *snapshot = owner;
    struct pool *pool = route_pool(route);
    struct pool_row *row = snapshot_add_pool(snapshot, route_name(route));

    if (row == NULL) {
        return;
    }
    COPY(row->transport, "sse");
    COPY(row->era, "legacy");
    COPY(row->proto, pool_protocol(pool));
    row->updated_at_ms = clock_now_ms();
    row->cap = pool_limits(pool)->size;
    row->min_warm = pool_limits(pool)->minimum;
    fill_sessions(row, pool);
    fill_lanes(row, pool_server(pool));
    fill_calls(row, route);
    fill_window(row, route_meters(route), row->updated_at_ms);
    fill_health(row, pool);
}

static void sum_up(struct snapshot *snapshot)
{
    struct instance_row *instance = &snapshot->instance;

    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const struct pool_row *pool = &snapshot->pools[i];

        instance->inflight += pool->inflight;
        instance->waiting += pool->waiting;
        instance->s_total += pool->s_total - pool->s_broken;
        instance->calls_total += pool->calls_total;
        instance->err_total +=
            pool->not_executed_total + pool->unknown_total + pool->result_lost_total;
        instance->up_bytes_total += pool->up_bytes_total;
        instance->down_bytes_total += pool->down_bytes_total;
    }
}

static const char *state_name(const struct app *app)
{
    switch (app->state) {
    case APP_SERVING:
        return router_is_draining(app->router) ? "draining" : "serving";
    case APP_HANDING_OVER:
    case APP_DRAINING:
        return "draining";
    case APP_LEAVING:
        return "stopping";
    }
    return "-";
}

static void fill_instance_health(const struct app *app, struct instance_row *instance)
{
    struct instance_health health;

    app_judge(app, &health);
    instance->health_code = (uint64_t)health.health;
    COPY(instance->health, health_name(health.health));
    COPY(instance->health_reason, health.reason);
}

void app_take_snapshot(void *owner, struct snapshot *snapshot)
{
    struct app *app = owner;
    struct instance_row *instance = &snapshot->instance;
    int64_t now_ms = clock_now_ms();
    struct histogram lag;

    process_figures_fill(&app->process, instance);
    COPY(instance->version, TEPLO_VERSION);
    instance->started_at_ms = app->started_ms;
    instance->uptime_s = (double)(now_ms - app->started_ms) / 1000;
    COPY(instance->state, state_name(app));
    (void)snprintf(instance->sock, sizeof(instance->sock), "%.50s/teplo.sock", app->dir.path);
    instance->providers = app->clients.all.count;
    rolling_sum(&app->lag_window, now_ms, &lag);
    instance->lag_p99_ms = histogram_quantile_ms(&lag, 0.99);
    instance->lag_max_ms = (double)app->lag_max_ms;
    COPY(instance->cfg_hash, app->digest);
    router_each(app->router, add_pool, snapshot);
    instance->pools = snapshot->pool_count;
    sum_up(snapshot);
    fill_instance_health(app, instance);
    app_take_details(app, snapshot);
}
