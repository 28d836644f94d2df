/* SPDX-License-Identifier: MIT */
/*
 * From a target to a connected bufferevent, without ever blocking: names are looked up by evdns
 * (hiredis would call getaddrinfo in the loop), each address is tried in turn
 * (bufferevent_socket_connect_hostname would try the first one only), and then TLS is begun, if
 * it is wanted.  A literal address or a path needs no evdns.  Called by redis_link and
 * redis_sentinel; knows nothing of Redis but what is wrong with it.
 */
#ifndef TEPLO_HEALTH_REDIS_DIAL_H
#define TEPLO_HEALTH_REDIS_DIAL_H

#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/health/redis_access.h"
#include "broker/health/redis_fault.h"
#include "broker/health/redis_tls.h"
#include "broker/runtime/loop.h"

/* Its strings are the owner's until the dial is quiet. */
struct redis_dial_target {
    const char *path; /* NULL: host and port */
    const char *host;
    uint16_t port;
    const struct redis_tls *tls; /* NULL: in the open */
    int64_t within_ms;           /* 0: 10 s */
};

/* Never called from redis_dial_start or redis_dial_cancel. */
struct redis_dial_events {
    void (*on_connected)(void *owner, struct bufferevent *stream); /* taken over by the owner */
    void (*on_failed)(void *owner, enum redis_fault fault, const char *why);
    void (*on_quiet)(void *owner); /* a cancelled lookup has ended: redis_dial_is_quiet */
};

enum redis_dial_state {
    REDIS_DIAL_IDLE,
    REDIS_DIAL_LOOKING,    /* evdns owes us a callback */
    REDIS_DIAL_CONNECTING, /* stream is there */
    REDIS_DIAL_SECURING,   /* stream is there and shakes hands */
    REDIS_DIAL_FORGETTING, /* cancelled, but evdns still owes us the callback */
};

struct redis_dial {
    struct loop *loop;
    struct redis_dial_target target;
    const struct redis_dial_events *events;
    void *owner;
    enum redis_dial_state state;
    bool is_due;              /* while FORGETTING: started again, and waits for that */
    struct evdns_base *names; /* ours; NULL until a name is looked up */
    bool names_are_old;       /* a lookup failed: read resolv.conf again before the next one */
    struct evdns_getaddrinfo_request *lookup;
    struct evutil_addrinfo *addresses; /* ours */
    struct evutil_addrinfo *next;      /* of them */
    struct bufferevent *stream;        /* ours while CONNECTING or SECURING */
    struct redis_tls_store store;      /* ours */
    struct timer deadline;
    struct deferred failing;
    enum redis_fault fault;
    char why[288];
};

void redis_dial_init(struct redis_dial *dial, struct loop *loop,
                     const struct redis_dial_events *events, void *owner);
/* Must be quiet. */
void redis_dial_done(struct redis_dial *dial);
/* Ends in on_connected or on_failed, once, in time; a handshake may take 5 s more. */
void redis_dial_start(struct redis_dial *dial, const struct redis_dial_target *target);
/* Silence, but for on_quiet if it is not quiet at once.  Idempotent. */
void redis_dial_cancel(struct redis_dial *dial);
bool redis_dial_is_quiet(const struct redis_dial *dial);

enum { REDIS_DIAL_WHY = REDIS_TLS_WHY };
/*
 * What has ended STREAM, which a dial has made; in its event callback.  WHAT is that callback's,
 * and TARGET what was dialled.
 */
enum redis_fault redis_dial_explain(struct bufferevent *stream, short what,
                                    const struct redis_dial_target *target,
                                    char why[REDIS_DIAL_WHY]);

#endif
