/* SPDX-License-Identifier: MIT */
/*
 * A client as routing sees it: which era it speaks, which pool it means, what it has
 * asked and not been told yet.  Embedded in downstream's client, which gives it
 * frames and sends its lines.  Knows no socket.
 */
#ifndef TEPLO_ROUTING_REQUESTER_H
#define TEPLO_ROUTING_REQUESTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/routing/router.h"
#include "proto/base/hashmap.h"
#include "proto/message.h"

/*
 * OPEN until the first message that decides: `initialize` makes it LEGACY, a request
 * with the 2026-07-28 envelope (server/discover excepted) makes it MODERN.
 */
enum requester_era { REQUESTER_OPEN, REQUESTER_LEGACY, REQUESTER_MODERN };

enum { ROUTE_NAME_SIZE = 33, REQUESTER_NAME_SIZE = 64, REQUESTER_LISTENS_MAXIMUM = 64 };

/* What became of a frame. */
enum requester_take {
    REQUESTER_TOOK,
    REQUESTER_IS_FULL, /* nothing: it is a request more than may wait; to be given again */
};

struct requester_events {
    /* LINE is one message without its newline, and lives until the return. */
    void (*on_line)(void *owner, struct span line);
    /* An answer could not be given: the client cannot be served on. */
    void (*on_broken)(void *owner);
    /* A request fewer waits for an answer: it may be quiet now, or have room for the next. */
    void (*on_fewer)(void *owner);
    /* It cannot go on, and has been told what there was to tell: let it go. */
    void (*on_bereft)(void *owner);
};

struct requester {
    struct router *router;
    int64_t party;    /* as pools count it */
    struct peer peer; /* its groups are borrowed */
    enum requester_era era;
    bool bound_by_socket;
    bool is_bereft; /* its own session was lost (pool_mode session), and with it what the server
                       knew of this client: it is answered and let go */
    char route_name[ROUTE_NAME_SIZE]; /* empty: not chosen yet */
    char name[REQUESTER_NAME_SIZE];   /* what the client calls itself */
    const char *version;              /* LEGACY: negotiated */
    struct hashmap requests;          /* struct request by raw id, owned */
    size_t listens;                   /* of those: acknowledged listens, which wait for nothing */
    size_t listens_asked;             /* of those: subscriptions/listen */
    size_t text_bytes;                /* that those keep of the client's text */
    size_t spare_bytes;               /* of the memory's limit, that it leaves to other clients */
    uint64_t calls_total;
    struct list_node in_router;
    const struct requester_events *events;
    void *owner;
};

/* What requester_init needs to know of the client. */
struct requester_origin {
    const char *route; /* the pool this client is bound to by its socket, or NULL; copied */
    struct peer peer;  /* its groups live as long as the requester */
};

void requester_init(struct requester *requester, struct router *router,
                    const struct requester_origin *origin, const struct requester_events *events,
                    void *owner);
/*
 * The client is gone: what waits is dropped, what was sent runs to its end unheard (a cancelled
 * write could leave half of it behind).  Silence.
 */
void requester_done(struct requester *requester);

/* One frame of the client.  Every answer comes by on_line, some before the return. */
MUST_CHECK enum requester_take requester_on_frame(struct requester *requester, struct span frame);
/* As many requests wait as may: the next one is not taken. */
bool requester_is_full(const struct requester *requester);
/* What the client sent, of which HEAD is the beginning, was no frame: say so. */
void requester_on_bad_frame(struct requester *requester, struct span head, const char *what);
/* It has sent no frame in time: say so. */
void requester_on_mute(struct requester *requester);

/* Requests that wait for an answer. */
size_t requester_waiting(const struct requester *requester);

/* For the rest of routing/. */
/* A LINE that could not be written whole (memory, maximum) ends the client instead. */
void requester_send(struct requester *requester, const struct bytes *line);
void requester_forget(struct requester *requester, struct span id);
/* The server lost the session that was this client's alone: what it asks cannot be continued. */
void requester_bereave(struct requester *requester, struct route *route);
/* Fail every request on ROUTE, which is about to be closed. */
void requesters_fail_route(struct router *router, struct route *route);
/* Fail those requests on ROUTE that wait, and that its access rules deny. */
void requesters_fail_denied(struct router *router, struct route *route);

#endif
