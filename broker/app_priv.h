/* SPDX-License-Identifier: MIT */
/* The app's parts: app.c (start, stop), app_config.c (options into parts, reload),
   app_doors.c (sockets), app_upgrade.c (who comes after us), app_admin.c (what admin.sock
   offers), app_snapshot.c (figures), app_health.c (how well it is; live, ready), app_http.c
   (pages), app_metrics.c (/metrics). */
#ifndef TEPLO_BROKER_APP_PRIV_H
#define TEPLO_BROKER_APP_PRIV_H

#include "broker/app.h"
#include "broker/control/admin.h"
#include "broker/control/config.h"
#include "broker/control/http.h"
#include "broker/downstream/client.h"
#include "broker/downstream/listener.h"
#include "broker/health/incidents.h"
#include "broker/health/metrics.h"
#include "broker/health/process_figures.h"
#include "broker/health/readiness.h"
#include "broker/health/redis_publisher.h"
#include "broker/health/snapshot.h"
#include "broker/ledger/ledger.h"
#include "broker/pool/health_rollup.h"
#include "broker/routing/router.h"
#include "broker/runtime/loop.h"
#include "broker/system/activation.h"
#include "broker/system/runtime_dir.h"
#include "broker/system/watchdog.h"
#include "broker/upstream/curl_driver.h"
#include "proto/base/histogram.h"

/* A listening socket and the pool it is bound to. */
struct door {
    struct app *app;
    struct listener *listener;
    char route[ROUTE_NAME_SIZE]; /* empty: any pool */
    struct list_node in_doors;
};

/*
 * SERVING -> DRAINING (no new clients or calls; those out end) -> LEAVING (Redis is told)
 * -> the loop stops.  SERVING -> HANDING_OVER (another process takes new clients; ours are
 * answered and let go) -> DRAINING.
 */
enum app_state { APP_SERVING, APP_HANDING_OVER, APP_DRAINING, APP_LEAVING };

/* Of app_upgrade.c: the process that is to replace this one. */
struct upgrade {
    char program[4096]; /* empty: unknown */
    pid_t pid;          /* 0: none is being started */
    int ready_fd;       /* -1: none is, or it has failed and is about to end */
    struct event readable;
    struct timer timer;   /* until it must be ready; then from look to look whether it has ended */
    int looks;            /* so many more before it is killed */
    const char *why_over; /* what it failed at */
};

struct app {
    const struct arguments *arguments; /* borrowed from main */
    struct config *config;
    struct loop *loop;
    struct runtime_dir dir;
    struct curl_driver *streams;
    struct curl_driver *posts;
    struct ledger *ledger;
    struct router *router;
    struct clients clients;
    struct list doors;
    struct http *http;
    struct listener *metrics_port; /* NULL: none */
    struct admin *admin;
    struct redis_publisher *publisher; /* NULL: no Redis */
    struct list flushes;               /* of app_admin.c: waiting for Redis */
    struct incidents incidents;
    struct process_figures process;
    enum app_state state;
    struct timer drain_timer;
    struct deferred drain_check;
    struct event *signals[5];
    struct activation activation; /* until the start is over */
    struct upgrade upgrade;
    struct watchdog watchdog;
    struct timer lag_timer; /* how late it fires is how late everything is */
    int64_t lag_due_ms;
    int64_t turned_ms; /* the loop did, last */
    int64_t lag_max_ms;
    struct metrics_lag lag;    /* since the start */
    struct rolling lag_window; /* of the last minute */
    bool metrics_are_merged;   /* once tools were too many to name, they stay unnamed */
    int64_t started_ms;
    int64_t started_wall_ms;
    char instance[40];
    char digest[13];
};

/* app.c */
void app_begin_shutdown(struct app *app);
/* Another process serves: answer what has come in, let all clients go, and end. */
void app_hand_over(struct app *app);
void app_report(struct app *app, const char *pool, const char *type, const char *error_class,
                const char *text);

/* app_doors.c */
/* A socket for ROUTE (NULL: teplo.sock).  0, or -1 with MESSAGE. */
MUST_CHECK int app_open_door(struct app *app, const char *route, struct bytes *message);
MUST_CHECK int app_open_admin(struct app *app, struct bytes *message);
const char *app_door_name(const struct door *door);
void app_close_door(struct app *app, struct door *door);
void app_close_doors(struct app *app);
/* Leave all sockets, that of the admin too, to another process: they stay as they are. */
void app_leave_doors(struct app *app);

/* app_http.c */
MUST_CHECK int app_make_http(struct app *app, struct bytes *message);
/* metrics_listen, if it is set.  0, or -1 with MESSAGE. */
MUST_CHECK int app_open_metrics(struct app *app, struct bytes *message);
/* Another process has the port: who is connected is answered still. */
void app_leave_metrics(struct app *app);
void app_close_http(struct app *app);

/* app_metrics.c */
void app_show_metrics(void *owner, const struct http_request *request, struct http_answer *answer);

/* app_upgrade.c */
void app_init_upgrade(struct app *app);
void app_upgrade(struct app *app);
/* One that is being started shall not be. */
void app_end_upgrade(struct app *app);

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

/* app_health.c */
/* New calls are refused, or soon will be. */
bool app_is_draining(const struct app *app);
void app_readiness(struct app *app, struct readiness *ret_readiness);
/* All of it, for people and programs: what `teplo/health` answers.  NULL without memory. */
cJSON *app_health(void *owner);
/*
 * As well as its worst pool; pools that nobody has used yet say nothing, and a broker that has no
 * others is well.  The reason is that pool's name, "-" or "draining".
 */
struct instance_health {
    enum health health;
    char reason[ROUTE_NAME_SIZE];
};
void app_judge(const struct app *app, struct instance_health *ret_health);

/* app_snapshot.c */
void app_take_snapshot(void *owner, struct snapshot *snapshot);

/* app_details.c */
/* The rest of the snapshot, once its pools are there. */
void app_take_details(struct app *app, struct snapshot *snapshot);

#endif
