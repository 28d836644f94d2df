/* SPDX-License-Identifier: MIT */
/*
 * Brings the link to the right Redis: knows where to go (redis_aim), asks sentinels, dials, and
 * watches afterwards whether the sentinels still mean that one.  Called by redis_link; sends
 * nothing to Redis.
 */
#ifndef TEPLO_HEALTH_REDIS_PILOT_H
#define TEPLO_HEALTH_REDIS_PILOT_H

#include "broker/health/redis_aim.h"
#include "broker/health/redis_sentinel.h"

/* None is called from a function of the pilot. */
struct redis_pilot_events {
    void (*on_connected)(void *owner, struct bufferevent *stream); /* taken over by the owner */
    void (*on_failed)(void *owner, enum redis_fault fault, const char *why);
    void (*on_switched)(void *owner, const char *host); /* the master is elsewhere, they say */
    void (*on_quiet)(void *owner);                      /* redis_pilot_is_quiet is true now */
};

struct redis_pilot {
    const struct redis_pilot_events *events;
    void *owner;
    struct redis_aim aim;
    struct redis_sentinel sentinel;
    struct redis_dial dial;
    struct redis_dial_target target; /* of the last dial; its strings are the aim's */
    bool is_watching;                /* connected, and asked to */
    bool is_suspect;                 /* the last sentinel asked led elsewhere */
    struct timer watch;
};

/* ACCESS is the owner's. */
void redis_pilot_init(struct redis_pilot *pilot, struct loop *loop,
                      const struct redis_access *access, const struct redis_pilot_events *events,
                      void *owner);
/* Must be quiet. */
void redis_pilot_done(struct redis_pilot *pilot);
/* Ends in on_connected or on_failed, once. */
void redis_pilot_start(struct redis_pilot *pilot);
/* Silence, but for on_quiet if it is not quiet at once.  Idempotent. */
void redis_pilot_cancel(struct redis_pilot *pilot);
bool redis_pilot_is_quiet(const struct redis_pilot *pilot);

/* Connected, and all is well: from now on, on_switched is called when it is due. */
void redis_pilot_watch(struct redis_pilot *pilot);

#endif
