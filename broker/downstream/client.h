/* SPDX-License-Identifier: MIT */
/*
 * One accepted client: a channel, and what routing knows of it.  Owned by the list of
 * its clients; freed by the reaper after its channel closed.
 */
#ifndef TEPLO_DOWNSTREAM_CLIENT_H
#define TEPLO_DOWNSTREAM_CLIENT_H

#include "broker/downstream/budget.h"
#include "broker/downstream/channel.h"
#include "broker/downstream/relief.h"
#include "broker/routing/requester.h"

struct client {
    uint64_t number;
    struct channel channel;
    struct requester requester;
    int64_t accepted_at_ms;
    bool gives_way;          /* it holds memory that is needed for others */
    int64_t unread_since_ms; /* it has something to say and is held for memory; 0: it is not */
    struct clients *clients; /* borrowed: they outlive us */
    struct list_node in_clients;
    struct reapable reapable;
};

struct clients_limits {
    size_t maximum;          /* of connections */
    size_t memory_max_bytes; /* of the whole program: mem_in_use() */
    struct channel_limits channel;
};

/* All clients; embedded in the app. */
struct clients {
    struct loop *loop;
    struct router *router;
    struct list all;
    struct clients_limits limits;
    enum budget_level memory;
    struct relief relief;
    struct deferred look_now; /* at memory, and at who must give way */
    struct timer look_again;  /* armed while memory is not ample */
    uint64_t accepted_total;
    uint64_t refused_total; /* over the maximum */
    void (*on_gone)(void *owner);
    void *owner;
};

/* ON_GONE runs after each client that closed. */
struct clients_options {
    struct clients_limits limits;
    void (*on_gone)(void *owner);
    void *owner;
};

void clients_init(struct clients *clients, struct loop *loop, struct router *router,
                  const struct clients_options *options);
void clients_set_limits(struct clients *clients, const struct clients_limits *limits);
/* FD is theirs.  ROUTE: the pool its socket is bound to, or NULL. */
void clients_accept(struct clients *clients, int fd, const char *route);
/* Requests that wait for an answer, of all. */
size_t clients_waiting(const struct clients *clients);
/* Let those go that wait for nothing, once they have read what is theirs. */
void clients_finish_quiet(struct clients *clients);
/* Answer what all have sent so far and let them go: another process takes them from now on. */
void clients_hand_over(struct clients *clients);
void clients_close_all(struct clients *clients);

/* ---- client_memory.c */

/* Memory may have become short: to be called now and then, and when much of it was taken. */
void clients_watch_memory(struct clients *clients);
/* It has been listened to: if it was its turn because memory is short, it is the next one's. */
void client_was_heard(struct client *client);
/* OWNER: clients whose look is due. */
void clients_on_look(void *owner);

#endif
