/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_pilot.h"

#include <string.h>

enum {
    WATCH_MS = 2000,      /* between two questions whether the master is still that one */
    WATCH_AGAIN_MS = 500, /* if it is not, they say */
};

static void dial(struct redis_pilot *pilot);
static void on_connected(void *owner, struct bufferevent *stream);
static void on_failed(void *owner, enum redis_fault fault, const char *why);
static void on_found(void *owner, const char *host, uint16_t port);
static void on_not_found(void *owner, const char *why);
static void on_quiet(void *owner);
static void on_watch(void *owner);

static const struct redis_dial_events dial_events = {on_connected, on_failed, on_quiet};
static const struct redis_sentinel_events sentinel_events = {on_found, on_not_found, on_quiet};

void redis_pilot_init(struct redis_pilot *pilot, struct loop *loop,
                      const struct redis_access *access, const struct redis_pilot_events *events,
                      void *owner)
{
    *pilot = (struct redis_pilot){.events = events, .owner = owner};
    redis_aim_init(&pilot->aim, access);
    redis_sentinel_init(&pilot->sentinel, loop, access, &sentinel_events, pilot);
    redis_dial_init(&pilot->dial, loop, &dial_events, pilot);
    timer_init(&pilot->watch, loop, on_watch, pilot);
}

void redis_pilot_done(struct redis_pilot *pilot)
{
    redis_sentinel_done(&pilot->sentinel);
    redis_dial_done(&pilot->dial);
}

bool redis_pilot_is_quiet(const struct redis_pilot *pilot)
{
    return redis_sentinel_is_quiet(&pilot->sentinel) && redis_dial_is_quiet(&pilot->dial);
}

void redis_pilot_cancel(struct redis_pilot *pilot)
{
    pilot->is_watching = pilot->is_suspect = false;
    timer_stop(&pilot->watch);
    redis_sentinel_cancel(&pilot->sentinel);
    redis_dial_cancel(&pilot->dial);
}

static void on_quiet(void *owner)
{
    struct redis_pilot *pilot = owner;

    if (redis_pilot_is_quiet(pilot)) {
        pilot->events->on_quiet(pilot->owner);
    }
}

/* ---- to get there */

void redis_pilot_start(struct redis_pilot *pilot)
{
    if (redis_aim_wants_sentinels(&pilot->aim)) {
        redis_sentinel_start(&pilot->sentinel);
    } else {
        dial(pilot);
    }
}

static void dial(struct redis_pilot *pilot)
{
    pilot->target = redis_aim_target(&pilot->aim);
    redis_dial_start(&pilot->dial, &pilot->target);
}

static void on_connected(void *owner, struct bufferevent *stream)
{
    struct redis_pilot *pilot = owner;

    pilot->events->on_connected(pilot->owner, stream);
}

static void on_failed(void *owner, enum redis_fault fault, const char *why)
{
    struct redis_pilot *pilot = owner;

    pilot->events->on_failed(pilot->owner, fault, why);
}

/* ---- to stay there */

void redis_pilot_watch(struct redis_pilot *pilot)
{
    if (redis_aim_wants_sentinels(&pilot->aim)) {
        pilot->is_watching = true;
        timer_start(&pilot->watch, WATCH_MS);
    }
}

/* An old master that is replaced by command goes on as one for ten seconds. */
static void on_watch(void *owner)
{
    struct redis_pilot *pilot = owner;

    redis_sentinel_start(&pilot->sentinel);
}

/* One sentinel alone may be cut off from the others: the next one is asked before it counts. */
static void compare(struct redis_pilot *pilot, const char *host, uint16_t port)
{
    bool is_here = pilot->target.port == port && strcmp(pilot->target.host, host) == 0;

    if (!is_here && pilot->is_suspect) {
        pilot->events->on_switched(pilot->owner, host);
        return;
    }
    pilot->is_suspect = !is_here;
    timer_start(&pilot->watch, is_here ? WATCH_MS : WATCH_AGAIN_MS);
}

/* ---- what the sentinels say */

static void on_found(void *owner, const char *host, uint16_t port)
{
    struct redis_pilot *pilot = owner;

    if (pilot->is_watching) {
        compare(pilot, host, port);
    } else {
        redis_aim_found(&pilot->aim, host, port);
        dial(pilot);
    }
}

static void on_not_found(void *owner, const char *why)
{
    struct redis_pilot *pilot = owner;

    if (pilot->is_watching) {
        timer_start(&pilot->watch, WATCH_MS); /* who is away says nothing against the master */
    } else {
        pilot->events->on_failed(pilot->owner, REDIS_FAULT_SENTINEL, why);
    }
}
