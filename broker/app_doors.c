/* SPDX-License-Identifier: MIT */
/* The listening sockets: bound here, or given to us by whoever started us. */
#include <errno.h>
#include <stdio.h>

#include "broker/app_priv.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

static void on_accept(void *owner, int fd);

/* Where NAME.sock is, and the socket for it that we were given, if there is one. */
static struct listener_place place_of(struct app *app, const char *name, char *path, size_t size)
{
    struct listener_place place = {.path = path, .fd = -1};
    bool is_ours = true;

    (void)snprintf(path, size, "%s/%s.sock", app->dir.path, name);
    place.fd = activation_take(&app->activation, name, path, &is_ours);
    place.is_foreign = !is_ours;
    return place;
}

int app_open_door(struct app *app, const char *route, struct bytes *message)
{
    struct door *door = MEM_NEW(struct door);
    struct listener_place place;
    char path[128];

    if (door == NULL) {
        bytes_printf(message, "out of memory");
        return -1;
    }
    door->app = app;
    (void)snprintf(door->route, sizeof(door->route), "%s", route == NULL ? "" : route);
    place = place_of(app, app_door_name(door), path, sizeof(path));
    place.mode = (mode_t)app->config->socket_mode;
    door->listener = listener_open(app->loop, &place, on_accept, door);
    if (door->listener == NULL) {
        bytes_printf(message, "cannot listen on %s: %s", path, strerror(errno));
        mem_free(door);
        return -1;
    }
    list_append(&app->doors, &door->in_doors);
    return 0;
}

const char *app_door_name(const struct door *door)
{
    return door->route[0] == '\0' ? "teplo" : door->route;
}

int app_open_admin(struct app *app, struct bytes *message)
{
    char path[128];
    struct listener_place place = place_of(app, "admin", path, sizeof(path));

    place.mode = 0600;
    app->admin = admin_open(app->loop, &place, &app_admin_actions, app->http, app);
    if (app->admin == NULL) {
        bytes_printf(message, "cannot listen on %s: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

static void forget(struct app *app, struct door *door)
{
    list_remove(&app->doors, &door->in_doors);
    mem_free(door);
}

void app_close_door(struct app *app, struct door *door)
{
    listener_close(door->listener);
    forget(app, door);
}

void app_close_doors(struct app *app)
{
    struct list_node *node;

    while ((node = list_first(&app->doors)) != NULL) {
        app_close_door(app, LIST_ITEM(node, struct door, in_doors));
    }
}

void app_leave_doors(struct app *app)
{
    struct list_node *node;

    while ((node = list_first(&app->doors)) != NULL) {
        struct door *door = LIST_ITEM(node, struct door, in_doors);

        listener_leave(door->listener);
        forget(app, door);
    }
    if (app->admin != NULL) {
        admin_hand_over(app->admin);
    }
    app_leave_metrics(app);
}

static void on_accept(void *owner, int fd)
{
    struct door *door = owner;

    clients_accept(&door->app->clients, fd, door->route[0] == '\0' ? NULL : door->route);
}
