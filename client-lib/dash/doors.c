/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/doors.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "client-lib/cli/duration.h"

enum { SWEEP_MS = 200, PATIENCE_MS = 10000, PATIENCE_FULL_MS = 2000 };

static void on_sweep(evutil_socket_t fd, short what, void *argument);

bool doors_init(struct doors *doors, struct event_base *base, struct evconnlistener *listener)
{
    const struct timeval often = {0, SWEEP_MS * 1000};

    *doors = (struct doors){.base = base, .listener = listener};
    doors->sweep = event_new(base, -1, EV_PERSIST, on_sweep, doors);
    return doors->sweep != NULL && event_add(doors->sweep, &often) == 0;
}

/* evhttp frees a bufferevent by taking its callbacks off first. */
static bool is_left(struct bufferevent *bufev)
{
    bufferevent_event_cb on_event;

    bufferevent_getcb(bufev, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void free_door(struct door *door)
{
    (void)bufferevent_decref(door->bufev);
    *door = (struct door){0};
}

void doors_done(struct doors *doors)
{
    for (int i = 0; i < DOORS; i++) {
        if (doors->door[i].bufev != NULL) {
            free_door(&doors->door[i]);
        }
    }
    if (doors->sweep != NULL) {
        event_free(doors->sweep);
    }
}

static struct door *find_door(struct doors *doors, const struct bufferevent *bufev)
{
    for (int i = 0; i < DOORS; i++) {
        if (doors->door[i].bufev == bufev) {
            return &doors->door[i];
        }
    }
    return NULL;
}

struct bufferevent *doors_open(struct event_base *base, void *argument)
{
    struct doors *doors = argument;
    struct bufferevent *bufev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct door *door = find_door(doors, NULL);

    /* Several may come in one turn: the one without a door has none of our times, but evhttp's. */
    if (bufev != NULL && door != NULL) {
        bufferevent_incref(bufev);
        *door = (struct door){.bufev = bufev, .since_ms = duration_now_ms()};
    }
    if (find_door(doors, NULL) == NULL) {
        doors->is_full = true;
        (void)evconnlistener_disable(doors->listener);
    }
    return bufev;
}

void doors_greet(struct doors *doors, struct bufferevent *bufev)
{
    const int yes = 1;
    struct door *door = bufev == NULL ? NULL : find_door(doors, bufev);

    if (door == NULL) {
        return;
    }
    door->since_ms = duration_now_ms();
    if (!door->is_greeted) {
        /* The end of an answer does not wait for the client's acknowledgement of its beginning. */
        (void)setsockopt(bufferevent_getfd(bufev), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        door->is_greeted = true;
    }
}

/* evhttp reads the end of the connection, and frees what belongs to it. */
static void cut(struct door *door)
{
    evutil_socket_t fd = bufferevent_getfd(door->bufev);

    door->is_cut = true;
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *argument)
{
    struct doors *doors = argument;
    int64_t now_ms = duration_now_ms();
    int64_t patience_ms = doors->is_full ? PATIENCE_FULL_MS : PATIENCE_MS;

    (void)fd;
    (void)what;
    for (int i = 0; i < DOORS; i++) {
        struct door *door = &doors->door[i];

        if (door->bufev == NULL) {
            continue;
        }
        if (is_left(door->bufev)) {
            free_door(door);
        } else if (!door->is_cut && now_ms - door->since_ms > patience_ms) {
            cut(door);
        }
    }
    if (doors->is_full && find_door(doors, NULL) != NULL) {
        doors->is_full = false;
        (void)evconnlistener_enable(doors->listener);
    }
}
