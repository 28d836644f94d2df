/* SPDX-License-Identifier: MIT */
/* The app's parts: app.c (start, stop), app_config.c (options into parts, reload),
   app_admin.c (what admin.sock offers), app_snapshot.c (figures). */
#ifndef TEPLO_BROKER_APP_PRIV_H
#define TEPLO_BROKER_APP_PRIV_H

#include "broker/app.h"
#include "broker/control/admin.h"
#include "broker/control/config.h"
#include "broker/downstream/client.h"
#include "broker/downstream/listener.h"
#include "broker/health/incidents.h"
#include "broker/health/process_figures.h"
#include "broker/health/redis_publisher.h"
#include "broker/health/snapshot.h"
#include "broker/routing/router.h"
#include "broker/runtime/loop.h"
#include "broker/system/runtime_dir.h"
#include "broker/upstream/curl_driver.h"

/* A listening socket and the pool it is bound to. */
struct door {
    struct app *app;
    struct listener *listener;
    char route[ROUTE_NAME_SIZE]; /* empty: any pool */
    struct list_node in_doors;
};

/*
 * SERVING -> DRAINING (no new clients or calls; those out end) -> LEAVING (Redis is told)
 * -> the loop stops.
 */
enum app_state { APP_SERVING, APP_DRAINING, APP_LEAVING };

struct app {
    const struct arguments *arguments; /* borrowed from main */
    struct config *config;
    struct loop *loop;
    struct runtime_dir dir;
    struct curl_driver *streams;
    struct curl_driver *posts;
    struct router *router;
    struct clients clients;
    struct list doors;
    struct admin *admin;
    struct redis_publisher *publisher; /* NULL: no Redis */
    struct list flushes;               /* of app_admin.c: waiting for Redis */
    struct incidents incidents;
    struct process_figures process;
    enum app_state state;
    struct timer drain_timer;
    struct deferred drain_check;
    struct event *signals[4];
    struct timer lag_timer; /* how late it fires is how late everything is */
    int64_t lag_due_ms;
    int64_t lag_max_ms;
    int64_t started_ms;
    int64_t started_wall_ms;
    char instance[40];
    char digest[13];
};

/* app.c */
void app_begin_shutdown(struct app *app);
void app_report(struct app *app, const char *pool, const char *type, const char *error_class,
                const char *text);
/* A socket for ROUTE (NULL: teplo.sock).  0, or -1 with MESSAGE. */
MUST_CHECK int app_open_door(struct app *app, const char *route, struct bytes *message);
void app_close_door(struct app *app, struct door *door);

/* app_config.c */
MUST_CHECK int app_make_routes(struct app *app, struct bytes *message);
/* The servers in force, or -1 with MESSAGE: nothing has changed then. */
int app_reload(struct app *app, struct bytes *message);
void app_apply_limits(struct app *app);
struct clients_limits app_clients_limits(const struct config *config);
struct router_limits app_router_limits(const struct config *config);

/* app_admin.c */
/* Tell those who wait for a flush that nothing was written. */
void app_end_flushes(struct app *app);
extern const struct admin_actions app_admin_actions;

/* app_snapshot.c */
void app_take_snapshot(void *owner, struct snapshot *snapshot);

#endif
