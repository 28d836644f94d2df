/* SPDX-License-Identifier: MIT */
/*
 * From a redis_url to a connected bufferevent, without ever blocking: names are looked up by
 * evdns (hiredis would call getaddrinfo in the loop), and each address is tried in turn
 * (bufferevent_socket_connect_hostname would try the first one only).  A literal address or a
 * path needs no evdns.  Called by redis_link; knows nothing of Redis.
 */
#ifndef TEPLO_HEALTH_REDIS_DIAL_H
#define TEPLO_HEALTH_REDIS_DIAL_H

#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <stdbool.h>

#include "broker/runtime/loop.h"
#include "proto/redis_url.h"

/* Never called from redis_dial_start or redis_dial_cancel. */
struct redis_dial_events {
    void (*on_connected)(void *owner, struct bufferevent *stream); /* taken over by the owner */
    void (*on_failed)(void *owner, const char *why);
    void (*on_quiet)(void *owner); /* a cancelled lookup has ended: redis_dial_is_quiet */
};

enum redis_dial_state {
    REDIS_DIAL_IDLE,
    REDIS_DIAL_LOOKING,    /* evdns owes us a callback */
    REDIS_DIAL_CONNECTING, /* stream is there */
    REDIS_DIAL_FORGETTING, /* cancelled, but evdns still owes us the callback */
};

struct redis_dial {
    struct loop *loop;
    const struct redis_url *url; /* the owner's */
    const struct redis_dial_events *events;
    void *owner;
    enum redis_dial_state state;
    struct evdns_base *names; /* ours; NULL until a name is looked up */
    bool names_are_old;       /* a lookup failed: read resolv.conf again before the next one */
    struct evdns_getaddrinfo_request *lookup;
    struct evutil_addrinfo *addresses; /* ours */
    struct evutil_addrinfo *next;      /* of them */
    struct bufferevent *stream;        /* ours while CONNECTING */
    struct timer deadline;
    struct deferred failing;
    char why[160];
};

void redis_dial_init(struct redis_dial *dial, struct loop *loop, const struct redis_url *url,
                     const struct redis_dial_events *events, void *owner);
/* Must be quiet. */
void redis_dial_done(struct redis_dial *dial);
/* Ends in on_connected or on_failed, once, after 10 s at the latest. */
void redis_dial_start(struct redis_dial *dial);
/* Silence, but for on_quiet if it is not quiet at once.  Idempotent. */
void redis_dial_cancel(struct redis_dial *dial);
bool redis_dial_is_quiet(const struct redis_dial *dial);

#endif
