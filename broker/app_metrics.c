/* SPDX-License-Identifier: MIT */
/* /metrics: copies what there is to tell, then writes it over as many turns as it takes. */
#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "broker/app_priv.h"
#include "proto/base/mem.h"

#define TEXT_OF(number) #number
#define VERSION_OF(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

struct scrape {
    struct metrics metrics;
    struct metrics_writer writer;
};

static bool write_more(void *work, struct bytes *body)
{
    struct scrape *scrape = work;

    return metrics_write(&scrape->writer, body);
}

static void free_scrape(void *work)
{
    struct scrape *scrape = work;

    metrics_done(&scrape->metrics);
    mem_free(scrape);
}

/* ---- what there is to tell */

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static uint64_t count_paused(const struct app *app)
{
    uint64_t count = 0;

    LIST_FOREACH (node, &app->clients.all) {
        count += LIST_ITEM(node, struct client, in_clients)->channel.holds != 0;
    }
    return count;
}

static void fill_other(struct app *app, struct metrics_other *other)
{
    struct readiness readiness;

    app_readiness(app, &readiness);
    *other =
        (struct metrics_other){.requests = clients_waiting(&app->clients),
                               .paused = count_paused(app),
                               .ready = readiness.is_ready,
                               .reporter = redis_publisher_state(app->publisher).is_reporter,
                               .memory_bytes = mem_in_use(),
                               .memory_limit_bytes = app->config->mem_limit_bytes,
                               .ledger_live = ledger_live(app->ledger),
                               .ledger_records = ledger_records(app->ledger),
                               .ledger_total = ledger_total(app->ledger),
                               .cpu_s = cpu_seconds(),
                               .started_s = (double)app->started_wall_ms / 1000,
                               .version = TEPLO_VERSION,
                               .curl = curl_version_info(CURLVERSION_NOW)->version,
                               .libevent = event_get_version(),
                               .hiredis = VERSION_OF(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH),
                               .config_hash = app->digest};
}

/* Host and port of `scheme://host:port`. */
static void fill_address(struct metrics_pool *pool, const char *origin)
{
    const char *host = strstr(origin, "://");
    const char *port = strrchr(origin, ':');
    int length;

    if (host == NULL || port < host + 3) {
        return;
    }
    host += 3;
    length = (int)(port - host);
    if (length >= 2 && host[0] == '[') {
        host++;
        length -= 2;
    }
    (void)snprintf(pool->server_address, sizeof(pool->server_address), "%.*s", length, host);
    (void)snprintf(pool->server_port, sizeof(pool->server_port), "%.5s", port + 1);
}

/* ---- what each pool measured */

static size_t count_operations(struct app *app, const struct snapshot *snapshot)
{
    size_t count = 0;

    for (size_t i = 0; i < snapshot->pool_count; i++) {
        struct route *route = router_find(app->router, span_of(snapshot->pools[i].name));
        size_t of_pool = 0;

        while (route != NULL && meters_operation(route_meters(route), of_pool) != NULL) {
            of_pool++;
        }
        count += of_pool;
    }
    return count;
}

/* Once merged they stay so: what was `_other` would seem to fall if some got their names back. */
static enum metrics_tools tools_of(struct app *app, const struct snapshot *snapshot)
{
    if (app->config->metrics_tools == CONFIG_METRICS_TOOLS_OFF) {
        return METRICS_TOOLS_UNTOLD;
    }
    if (metrics_series(snapshot->pool_count, count_operations(app, snapshot)) >
        METRICS_SERIES_MAXIMUM) {
        app->metrics_are_merged = true;
    }
    return app->metrics_are_merged ? METRICS_TOOLS_MERGED : METRICS_TOOLS_NAMED;
}

static int fill_pool(struct metrics_pool *pool, struct route *route, enum metrics_tools tools)
{
    const struct meters *meters = route_meters(route);
    const struct operation *operation;
    int r = 0;

    fill_address(pool, pool_server(route_pool(route))->url.origin);
    for (enum meter_kind kind = METER_WAIT; kind < METER_KINDS; kind++) {
        pool->meters[kind] = *meters_since_start(meters, kind);
    }
    for (size_t i = 0; r == 0 && (operation = meters_operation(meters, i)) != NULL; i++) {
        r = metrics_add_operation(pool, operation, tools);
    }
    return r;
}

static int fill_pools(struct app *app, struct metrics *metrics)
{
    enum metrics_tools tools = tools_of(app, &metrics->snapshot);
    int r = metrics_make_pools(metrics);

    for (size_t i = 0; r == 0 && i < metrics->snapshot.pool_count; i++) {
        struct route *route = router_find(app->router, span_of(metrics->snapshot.pools[i].name));

        if (route != NULL) {
            r = fill_pool(&metrics->pools[i], route, tools);
        }
    }
    return r;
}

static int fill(struct app *app, struct metrics *metrics)
{
    app_take_snapshot(app, &metrics->snapshot);
    redis_publisher_fill(app->publisher, &metrics->snapshot.instance);
    fill_other(app, &metrics->other);
    metrics->lag = app->lag;
    metrics->operation_bounds_s = operation_bounds_s;
    metrics->meter_bounds_s = meter_bounds_s;
    return fill_pools(app, metrics);
}

void app_show_metrics(void *owner, const struct http_request *request, struct http_answer *answer)
{
    struct app *app = owner;
    enum metrics_format format =
        http_request_wants_openmetrics(request) ? METRICS_OPENMETRICS : METRICS_TEXT;
    struct scrape *scrape = MEM_NEW(struct scrape);

    if (scrape == NULL) {
        answer->body.failed = true;
        return;
    }
    metrics_init(&scrape->metrics);
    if (fill(app, &scrape->metrics) < 0) {
        answer->body.failed = true;
        free_scrape(scrape);
        return;
    }
    metrics_writer_init(&scrape->writer, &scrape->metrics, format);
    answer->type = metrics_content_type(format);
    answer->more = write_more;
    answer->done = free_scrape;
    answer->work = scrape;
}
