/* SPDX-License-Identifier: MIT */
#include "broker/app.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/app_priv.h"
#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"
#include "broker/system/limits.h"
#include "broker/system/notify.h"
#include "proto/base/mem.h"

enum { LAG_INTERVAL_MS = 500, LEAP_MS = 2000 };

static void on_report(void *owner, const char *route, const char *type, const char *error_class,
                      const char *text);
static void on_router_drained(void *owner);
static void on_client_gone(void *owner);
static void on_drain_timer(void *owner);
static void on_drain_check(void *owner);
static void on_lag_timer(void *owner);
static void signal_cb(evutil_socket_t number, short what, void *arg);

static const struct router_events router_events = {on_report, on_router_drained};

/* ---- start */

static int start_signals(struct app *app)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2};

    (void)signal(SIGPIPE, SIG_IGN);
    /* What rotates logs sends it; ours go to a pipe or the journal. */
    (void)signal(SIGUSR1, SIG_IGN);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        /* libevent puts this back at the end: a late signal must not turn a stop into a kill. */
        (void)signal(numbers[i], SIG_IGN);
        app->signals[i] = evsignal_new(loop_base(app->loop), numbers[i], signal_cb, app);
        if (app->signals[i] == NULL || event_add(app->signals[i], NULL) < 0) {
            return -1;
        }
    }
    return 0;
}

static void start_publisher(struct app *app)
{
    const struct config_redis *redis = &app->config->redis;
    struct redis_options options = {.access = {.url = redis->url,
                                               .username = redis->username,
                                               .password = redis->password,
                                               .sentinel_username = redis->sentinel_username,
                                               .sentinel_password = redis->sentinel_password,
                                               .tls_ca = redis->tls_ca,
                                               .tls_cert = redis->tls_cert,
                                               .tls_key = redis->tls_key,
                                               .tls_server_name = redis->tls_server_name},
                                    .name_space = app->config->redis.namespace,
                                    .tick_ms = app->config->redis.tick_ms,
                                    .instance = app->instance,
                                    .forget_ms = app->config->redis.forget_after_ms,
                                    .max_bytes = app->config->redis.max_bytes_bytes,
                                    .series_pools = app->config->redis.ts_max_pools};

    if (app->config->redis.url[0] == '\0') {
        log_event(LOG_LEVEL_INFO, "redis_off", "why=\"no redis url is configured\"");
        return;
    }
    app->publisher = redis_publisher_new(app->loop, &options, app_take_snapshot, app);
    if (app->publisher == NULL) {
        log_event(LOG_LEVEL_WARN, "redis_off", "why=\"out of memory\"");
    }
}

/* Descriptors: two a session (stream and lane), one a client, some of our own. */
static void size_process(struct app *app)
{
    size_t needed = app->config->max_clients + 64;
    size_t have;

    for (size_t i = 0; i < app->config->server_count; i++) {
        const struct config_server *server = &app->config->servers[i];

        needed += (size_t)(server->pool_size + server->reserve_pool_size) *
                      (1 + server->max_inflight_per_session) +
                  4;
    }
    limits_forbid_core();
    have = limits_raise_descriptors(needed);
    if (have < needed) {
        log_event(LOG_LEVEL_WARN, "few_descriptors",
                  "have=%zu wanted=%zu remedy=\"raise the hard limit (ulimit -Hn), or lower "
                  "max_clients\"",
                  have, needed);
    }
}

static int make_parts(struct app *app, struct bytes *message)
{
    struct router_limits router = app_router_limits(app->config);
    struct clients_options clients = {
        .limits = app_clients_limits(app->config), .on_gone = on_client_gone, .owner = app};

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (app->loop = loop_new()) == NULL) {
        bytes_printf(message, "out of memory");
        return -1;
    }
    app->router = router_new(app->loop, &router, &router_events, app);
    if (app->router == NULL) {
        bytes_printf(message, "out of memory");
        return -1;
    }
    clients_init(&app->clients, app->loop, app->router, &clients);
    timer_init(&app->drain_timer, app->loop, on_drain_timer, app);
    timer_init(&app->lag_timer, app->loop, on_lag_timer, app);
    timer_init(&app->watchdog.timer, app->loop, NULL, NULL);
    app_init_upgrade(app);
    deferred_init(&app->drain_check, app->loop, on_drain_check, app);
    app->streams = curl_driver_new(app->loop, 0);
    app->posts = curl_driver_new(app->loop, 0);
    if (app->streams == NULL || app->posts == NULL || start_signals(app) < 0) {
        bytes_printf(message, "out of memory");
        return -1;
    }
    return 0;
}

static int start(struct app *app, struct bytes *message)
{
    struct ledger_options ledger = {.directory = app->dir.path,
                                    .records = app->config->ledger_records};

    log_set_level((enum log_level)app->config->log_level);
    config_digest(app->config, app->digest);
    health_instance_id(app->instance);
    app->started_ms = clock_now_ms();
    app->started_wall_ms = clock_wall_ms();
    size_process(app);
    if (make_parts(app, message) < 0 ||
        runtime_dir_open(&app->dir, app->arguments->runtime_dir,
                         activation_take_lock(&app->activation), message) < 0) {
        return -1;
    }
    app->ledger = ledger_open(&ledger, message);
    if (app->ledger == NULL) {
        return -1;
    }
    router_set_ledger(app->router, app->ledger);
    if (app_make_http(app, message) < 0 || app_open_admin(app, message) < 0) {
        return -1;
    }
    start_publisher(app);
    if (app_make_routes(app, message) < 0 || app_open_metrics(app, message) < 0 ||
        app_open_door(app, NULL, message) < 0) {
        return -1;
    }
    app->turned_ms = loop_now_ms(app->loop);
    app->lag_due_ms = app->turned_ms + LAG_INTERVAL_MS;
    timer_start(&app->lag_timer, LAG_INTERVAL_MS);
    watchdog_start(&app->watchdog, app->loop);
    return 0;
}

/* ---- stop */

static void close_parts(struct app *app)
{
    if (app->loop == NULL) {
        return;
    }
    app_close_doors(app);
    if (app->router != NULL) {
        app_end_upgrade(app);
        watchdog_stop(&app->watchdog);
        timer_stop(&app->drain_timer);
        timer_stop(&app->lag_timer);
        deferred_cancel(&app->drain_check);
        clients_close_all(&app->clients);
    }
    admin_close(app->admin);
    app_close_http(app);
    router_close(app->router);
    app_end_flushes(app);
    redis_publisher_free(app->publisher);
    for (size_t i = 0; i < sizeof(app->signals) / sizeof(app->signals[0]); i++) {
        if (app->signals[i] != NULL) {
            event_free(app->signals[i]);
        }
    }
    /* What was closed is freed before the drivers that its transfers used. */
    loop_settle(app->loop);
    curl_driver_free(app->streams);
    curl_driver_free(app->posts);
    loop_free(app->loop);
}

static void on_left(void *owner)
{
    struct app *app = owner;

    loop_stop(app->loop);
}

static void leave(struct app *app)
{
    if (app->state == APP_LEAVING) {
        return;
    }
    app->state = APP_LEAVING;
    timer_stop(&app->drain_timer);
    clients_close_all(&app->clients);
    if (app->publisher == NULL) {
        loop_stop(app->loop);
        return;
    }
    redis_publisher_event(app->publisher, "stop", "info", NULL, NULL, NULL, "stopped");
    redis_publisher_close(app->publisher, on_left, app);
}

/* Whatever is still out has to be told something now. */
static void stop_now(struct app *app)
{
    log_event(LOG_LEVEL_WARN, "drain_cut", "waiting=%zu", clients_waiting(&app->clients));
    router_abort(app->router);
    leave(app);
}

static void on_drain_timer(void *owner)
{
    stop_now(owner);
}

void app_begin_shutdown(struct app *app)
{
    if (app->state == APP_DRAINING) {
        stop_now(app);
        return;
    }
    if (app->state == APP_LEAVING) {
        return;
    }
    app_end_upgrade(app);
    if (app->state == APP_SERVING) {
        notify_manager("STOPPING=1");
        timer_start(&app->drain_timer, app->config->drain_timeout_ms);
    }
    app->state = APP_DRAINING;
    log_event(LOG_LEVEL_INFO, "draining", "waiting=%zu clients=%zu", clients_waiting(&app->clients),
              app->clients.all.count);
    app_report(app, NULL, "drain", NULL, "shutting down");
    app_close_doors(app);
    router_drain(app->router);
    deferred_schedule(&app->drain_check);
}

void app_hand_over(struct app *app)
{
    app->state = APP_HANDING_OVER;
    app_report(app, NULL, "drain", NULL, "another process takes over");
    app_leave_doors(app);
    /* The directory is the successor's alone: should it die, the next one need not wait for us. */
    runtime_dir_close(&app->dir);
    clients_hand_over(&app->clients);
    timer_start(&app->drain_timer, app->config->drain_timeout_ms);
    deferred_schedule(&app->drain_check);
}

static void on_drain_check(void *owner)
{
    struct app *app = owner;

    if (app->state == APP_HANDING_OVER && list_is_empty(&app->clients.all) &&
        http_is_idle(app->http)) {
        /* All that was ever sent to us is answered: only sessions are left to end. */
        app->state = APP_DRAINING;
        router_drain(app->router);
    }
    if (app->state != APP_DRAINING) {
        return;
    }
    /* Clients that are owed nothing go first; the others as they are answered. */
    clients_finish_quiet(&app->clients);
    if (router_is_idle(app->router) && list_is_empty(&app->clients.all)) {
        leave(app);
    }
}

static void on_router_drained(void *owner)
{
    struct app *app = owner;

    if (app->state == APP_DRAINING || app->state == APP_HANDING_OVER) {
        deferred_schedule(&app->drain_check);
    }
}

static void on_client_gone(void *owner)
{
    on_router_drained(owner);
}

/* ---- events */

void app_report(struct app *app, const char *pool, const char *type, const char *error_class,
                const char *text)
{
    bool is_life = strcmp(type, "start") == 0 || strcmp(type, "reload") == 0 ||
                   strcmp(type, "drain") == 0 || strcmp(type, "stop") == 0;

    if (!is_life) {
        incidents_add(&app->incidents, clock_wall_ms(), pool, type, error_class, text);
    }
    if (app->publisher != NULL && strcmp(type, "call_failed") != 0) {
        redis_publisher_event(app->publisher, type, is_life ? "info" : "warn", pool, NULL,
                              error_class, text);
    }
}

static void on_report(void *owner, const char *route, const char *type, const char *error_class,
                      const char *text)
{
    app_report(owner, route, type, error_class, text);
}

/*
 * We stood still (stopped, or starved): servers may have closed what we take for open.  No
 * deadline is moved: time has passed for those who wait, too.
 */
static void on_leap(struct app *app, int64_t late_ms)
{
    log_event(LOG_LEVEL_WARN, "clock_leap", "late_ms=%lld", (long long)late_ms);
    router_recheck(app->router);
}

static void on_lag_timer(void *owner)
{
    struct app *app = owner;
    int64_t late_ms = clock_now_ms() - app->lag_due_ms;

    metrics_lag_add(&app->lag, late_ms);
    rolling_add(&app->lag_window, clock_now_ms(), (double)late_ms);
    if (late_ms > app->lag_max_ms) {
        app->lag_max_ms = late_ms;
    }
    if (late_ms > LEAP_MS) {
        on_leap(app, late_ms);
    }
    app->turned_ms = clock_now_ms();
    app->lag_due_ms = app->turned_ms + LAG_INTERVAL_MS;
    ledger_look(app->ledger);
    timer_start(&app->lag_timer, LAG_INTERVAL_MS);
    /* Not only clients take memory. */
    clients_watch_memory(&app->clients);
}

static void on_hangup(struct app *app)
{
    /* The manager waits for the end of an upgrade, if there is one: it is not told of two. */
    bool is_told = app->state == APP_SERVING && app->upgrade.pid == 0;
    struct bytes message;

    if (is_told) {
        notify_reloading();
    }
    bytes_init(&message, 4096);
    if (app_reload(app, &message) < 0) {
        log_event(LOG_LEVEL_ERROR, "reload_failed", "kept=old why=%s",
                  log_quote(bytes_text(&message)));
        app_report(app, NULL, "config_error", NULL, "the new configuration was refused");
    }
    bytes_done(&message);
    if (is_told) {
        notify_manager("READY=1");
    }
}

static void signal_cb(evutil_socket_t number, short what, void *arg)
{
    struct app *app = arg;

    (void)what;
    if (number == SIGHUP) {
        on_hangup(app);
    } else if (number == SIGUSR2) {
        app_upgrade(app);
    } else if (number == SIGQUIT) {
        app_begin_shutdown(app);
        if (app->state == APP_DRAINING) {
            stop_now(app);
        }
    } else {
        app_begin_shutdown(app);
    }
}

static enum app_end serve(struct app *app, struct bytes *message)
{
    enum app_end end;

    log_event(LOG_LEVEL_INFO, "serving", "version=%s pid=%d dir=%s pools=%zu digest=%s",
              TEPLO_VERSION, (int)getpid(), log_quote(app->dir.path), app->config->server_count,
              app->digest);
    app_report(app, NULL, "start", NULL, "serving");
    if (activation_tell_ready(&app->activation) < 0) {
        /* Too late: its sockets are not ours to answer. */
        app_leave_doors(app);
        bytes_printf(message, "the process that started this one goes on itself");
        return APP_FAILED;
    }
    activation_done(&app->activation);
    notify_manager("READY=1");
    end = loop_run(app->loop) == 0 ? APP_STOPPED : APP_FAILED;
    log_event(LOG_LEVEL_INFO, "stopped", "clients_served=%llu",
              (unsigned long long)app->clients.accepted_total);
    return end;
}

enum app_end app_run(const struct arguments *arguments, struct bytes *message)
{
    struct app *app = MEM_NEW(struct app);
    enum app_end end = APP_FAILED;

    if (app == NULL) {
        return APP_FAILED;
    }
    app->arguments = arguments;
    app->dir.lock_fd = -1;
    activation_read(&app->activation);
    list_init(&app->doors);
    list_init(&app->flushes);
    app->config = config_load(&arguments->config, message);
    if (app->config == NULL) {
        activation_done(&app->activation);
        mem_free(app);
        return APP_BAD_CONFIG;
    }
    if (start(app, message) == 0) {
        end = serve(app, message);
    } else if (app->activation.ready_fd >= 0) {
        app_leave_doors(app); /* whoever started us serves on */
    }
    close_parts(app);
    activation_done(&app->activation);
    ledger_close(app->ledger);
    runtime_dir_close(&app->dir);
    config_free(app->config);
    curl_global_cleanup();
    mem_free(app);
    return end;
}
