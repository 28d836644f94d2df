/* SPDX-License-Identifier: MIT */
/*
 * The whole data path on one loop: clients on socket pairs, router, pool, sessions, and a fake
 * MCP server.  It keeps the books of every request: what the server ran, what the client heard.
 * Nothing here uses our allocator, so that a test may make it fail at any moment.
 */
#ifndef TEPLO_TESTS_HOUSE_H
#define TEPLO_TESTS_HOUSE_H

#include "broker/downstream/client.h"
#include "broker/routing/route.h"
#include "tests/support/fake_mcp.h"

enum {
    HOUSE_PEERS = 8,
    HOUSE_REQUESTS = 64,
    /* No call may take longer than its deadline and what a loaded machine adds to it. */
    HOUSE_CALL_MS = 100,
    HOUSE_PATIENCE_MS = 8000,
    HOUSE_LOOK_MS = 40, /* a step that does not come about is given up after so long */
};

/* The client's end of a connection. */
struct house_peer {
    struct house *house;
    int fd;       /* -1: closed by the test */
    bool is_gone; /* the broker has closed it */
    struct event readable;
    char *input; /* an unfinished line */
    size_t length;
    size_t size;
    unsigned notices; /* notifications heard */
};

/* One request of a client, by its id. */
struct house_request {
    struct house_peer *peer; /* NULL: there is none of this id */
    bool is_tool;
    bool is_cancelled; /* taken back: whether it is answered is a race */
    unsigned executed; /* times that the server ran it */
    unsigned answers;
    bool has_result;
    char outcome[16]; /* of an error of the broker's own; else empty */
    char text[256];   /* the answer's beginning, for people */
};

struct house {
    struct loop *loop;
    struct curl_driver *streams;
    struct curl_driver *posts;
    struct router *router;
    struct route *route;
    struct clients clients;
    struct fake_mcp fake;
    struct route_options options;
    struct router_limits router_limits;
    struct clients_limits clients_limits;
    struct house_peer peers[HOUSE_PEERS];
    size_t peer_count;
    struct house_request requests[HOUSE_REQUESTS];
    unsigned last_id;
    unsigned drained;
    struct timer look;
};

/* Aborts the test when it cannot be built: memory is not scarce yet. */
void house_open(struct house *house);
/* Everything, at any moment; the loop too. */
void house_close(struct house *house);

/* A new client. */
struct house_peer *house_join(struct house *house);
/* The client closes its end. */
void house_leave(struct house_peer *peer);
/* It reads nothing from now on; and does again. */
void house_deafen(struct house_peer *peer);
void house_listen(struct house_peer *peer);

/* PARAMS with its braces, or NULL; the id. */
unsigned house_ask(struct house_peer *peer, const char *method, const char *params);
/* The same with the envelope of 2026-07-28; PARAMS without its braces. */
unsigned house_ask_modern(struct house_peer *peer, const char *method, const char *params);
/* tools/call, modern, of TOOL; PAD bytes of arguments. */
unsigned house_call(struct house_peer *peer, const char *tool, size_t pad);
void house_cancel(struct house_peer *peer, unsigned id);
/* One line as it is. */
void house_say(struct house_peer *peer, const char *line);
/* initialize and what follows it; the id of the request. */
unsigned house_greet(struct house_peer *peer);

/* Answered, or nobody is there to hear it. */
bool house_is_over(const struct house *house, unsigned id);
bool house_all_over(const struct house *house);
/* How many of those asked are over. */
unsigned house_over(const struct house *house);
/* The server has heard so many calls, those that were over before it did included. */
bool house_heard(const struct house *house, unsigned calls);
/* One turn of the loop.  False: SINCE_MS is longer ago than LIMIT_MS. */
bool house_turn(struct house *house, int64_t since_ms, int64_t limit_ms);

/* Turns until CONDITION, for a while at most: a step under scarce memory need not come about. */
#define HOUSE_UNTIL(house, condition)                                                              \
    do {                                                                                           \
        int64_t house_since_ms = clock_now_ms();                                                   \
                                                                                                   \
        while (!(condition) && house_turn((house), house_since_ms, HOUSE_LOOK_MS)) {               \
        }                                                                                          \
    } while (0)

/* What is wrong with the books once all is over, or NULL: the promise, call by call. */
const char *house_audit(const struct house *house, unsigned *ret_id);

#endif
