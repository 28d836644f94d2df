/* SPDX-License-Identifier: MIT */
/* The way to the broker: when to connect, and what becomes of requests when a connection ends. */
#ifndef TEPLO_LIB_RECONNECT_H
#define TEPLO_LIB_RECONNECT_H

#include "client-lib/lib/call.h"
#include "client-lib/lib/client.h"

/* How long to wait before the next try after FAILURES in a row: with jitter. */
int64_t reconnect_delay_ms(unsigned failures);
/* Connect if there is need and it is time; give waiting requests to the link, and write. */
void reconnect_push(struct teplo_client *client, int64_t now_ms);
/* There is a connection, and a broker at its other end that answers. */
bool reconnect_is_good(const struct teplo_client *client);
/* When reconnect_push wants to be called next, or MONOTONIC_NEVER. */
int64_t reconnect_due_ms(const struct teplo_client *client);

/* Why a link is over. */
enum reconnect_why {
    RECONNECT_ENDED,    /* the broker hung up, or died */
    RECONNECT_NONSENSE, /* the broker sent what is no message */
};
/* LINK is over: its requests end, or wait again.  It is freed by reconnect_reap. */
void reconnect_lost(struct teplo_client *client, struct link *link, enum reconnect_why why,
                    int64_t now_ms);
/* A request waits for a broker that is not there, and for too long. */
void reconnect_give_up(struct teplo_client *client, struct call *call);
/* Why the client has no connection, as client_refuse. */
int reconnect_refuse(struct teplo_client *client);
/* Free the links that nobody waits for any more. */
void reconnect_reap(struct teplo_client *client);

#endif
