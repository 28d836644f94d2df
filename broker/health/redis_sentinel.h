/* SPDX-License-Identifier: MIT */
/*
 * Asks the sentinels of a url where the master is, one after the other until one knows.  The next
 * round begins with another one: a sentinel that is cut off from the rest would else lead to the
 * old master for ever.  Called by redis_link before each connect, and every few seconds after it;
 * no subscription is needed.
 */
#ifndef TEPLO_HEALTH_REDIS_SENTINEL_H
#define TEPLO_HEALTH_REDIS_SENTINEL_H

#include "broker/health/redis_dial.h"
#include "broker/health/redis_reader.h"

/* Never called from redis_sentinel_start or redis_sentinel_cancel. */
struct redis_sentinel_events {
    void (*on_found)(void *owner, const char *host, uint16_t port); /* HOST for the call */
    void (*on_failed)(void *owner, const char *why);
    void (*on_quiet)(void *owner); /* redis_sentinel_is_quiet is true now */
};

struct redis_sentinel {
    struct loop *loop;
    const struct redis_access *access; /* the owner's */
    const struct redis_sentinel_events *events;
    void *owner;
    struct redis_dial dial;
    size_t current;             /* of the url's sentinels */
    size_t asked;               /* in this round, the current one with them */
    struct bufferevent *stream; /* ours; NULL: no question is out */
    struct redis_reader reader; /* there with the stream */
    unsigned owed;              /* replies before the answer */
    struct timer deadline;
    char why[384]; /* of the one that came furthest in this round */
    unsigned furthest;
};

void redis_sentinel_init(struct redis_sentinel *sentinel, struct loop *loop,
                         const struct redis_access *access,
                         const struct redis_sentinel_events *events, void *owner);
/* Must be quiet. */
void redis_sentinel_done(struct redis_sentinel *sentinel);
/* Ends in on_found or on_failed, once, after 2 s for each sentinel at the latest. */
void redis_sentinel_start(struct redis_sentinel *sentinel);
/* Silence, but for on_quiet if it is not quiet at once.  Idempotent. */
void redis_sentinel_cancel(struct redis_sentinel *sentinel);
bool redis_sentinel_is_quiet(const struct redis_sentinel *sentinel);

#endif
