/* SPDX-License-Identifier: MIT */
/*
 * admin.sock: JSON-RPC in newline frames, for the user that runs the broker (mode 0600); who
 * speaks HTTP there is handed to http.c.
 * Knows the commands and the framing; what they show and do is the app's.
 */
#ifndef TEPLO_CONTROL_ADMIN_H
#define TEPLO_CONTROL_ADMIN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/runtime/loop.h"
#include "proto/base/bytes.h"

struct admin;
struct http;
struct listener;

/* Which of the last requests are asked for. */
struct admin_calls {
    bool only_failed;
    char pool[33]; /* empty: of any */
    size_t limit;
};

/* All mandatory. */
struct admin_actions {
    /* New objects, NULL without memory. */
    cJSON *(*pools)(void *owner);
    cJSON *(*sessions)(void *owner);
    cJSON *(*clients)(void *owner);
    cJSON *(*calls)(void *owner, const struct admin_calls *which);
    cJSON *(*errors)(void *owner);
    cJSON *(*stats)(void *owner);
    cJSON *(*health)(void *owner);
    void (*config)(void *owner, struct bytes *out); /* raw JSON */
    /* NULL with the raw result in OUT, or what is wrong with CALL, the token of params.call. */
    const char *(*outcome)(void *owner, struct span call, uid_t asker, struct bytes *out);
    /* DONE runs once, later: REDIS is "up", "off", "down" ..., SEQ 0 if nothing was written.
       -ENOMEM: it does not run. */
    int (*flush)(void *owner, void (*done)(void *waiter, const char *redis, uint64_t seq),
                 void *waiter);
    int (*reload)(void *owner, struct bytes *message); /* servers, or -1 with MESSAGE */
    void (*drain)(void *owner);
    void (*resume)(void *owner);
    void (*shut_down)(void *owner);
};

struct listener_place;

/* HTTP is borrowed.  NULL: errno says why. */
MUST_CHECK struct admin *admin_open(struct loop *loop, const struct listener_place *place,
                                    const struct admin_actions *actions, struct http *http,
                                    void *owner);
/* Another process answers from now on: leave the socket to it, and let visitors go. */
void admin_hand_over(struct admin *admin);
struct listener *admin_listener(struct admin *admin); /* NULL after admin_hand_over */
void admin_close(struct admin *admin);

#endif
