/* SPDX-License-Identifier: MIT */
/*
 * What the files of the relay share: relay.c turns, relay_up.c is the way to the brokers,
 * relay_down.c the way back.
 */
#ifndef TEPLO_CLI_RELAY_H
#define TEPLO_CLI_RELAY_H

#include "client-lib/cli/invocation.h"
#include "client-lib/cli/relay_asked.h"
#include "client-lib/cli/relay_greeting.h"
#include "client-lib/cli/relay_host.h"
#include "client-lib/cli/relay_link.h"

enum {
    RELAY_LINKS = 4, /* one that takes lines, the others LEAVING with answers still to come */
};

struct relay {
    struct sockaddr_un address;
    struct relay_host host;
    struct relay_asked asked;
    struct relay_greeting greeting;
    struct relay_link links[RELAY_LINKS];
    int current;   /* the link that lines go to; RELAY_NOWHERE: there is none */
    bool is_stuck; /* it takes nothing until it polls as writable */
    int64_t patience_ms;
    int64_t down_since_ms;
    int64_t retry_ms;
    int64_t backoff_ms;
    unsigned unanswered; /* requests of which nobody knows the outcome */
    unsigned refused;    /* lines that no broker took */
    bool is_over;
    enum exit_status status; /* once it is over */
};

/* The relay is over, and teploctl ends with STATUS. */
void relay_end(struct relay *relay, enum exit_status status);
/* There is a link that takes the host's lines. */
bool relay_is_ready(const struct relay *relay);
/* A greeting that is asked anew is no lost request: ID is that of one which is not answered. */
bool relay_awaits_greeting(const struct relay *relay, struct span id);
/* Each try that came to nothing makes the next wait longer; an answer makes it short again. */
void relay_retry_later(struct relay *relay);
/* Lines go nowhere from now on. */
void relay_lose_current(struct relay *relay);
/* Closes it, and answers what went by it. */
void relay_lose_link(struct relay *relay, int number);

/* Something of the host waits for a broker, or may come. */
bool relay_up_wants_broker(struct relay *relay);
bool relay_up_is_waiting(struct relay *relay);
/* Until when what waits may wait. */
int64_t relay_up_patience_end_ms(const struct relay *relay);
/* Connects and greets when it is time, and refuses what has waited long enough. */
void relay_up_look(struct relay *relay);
/* As many lines as go without waiting. */
void relay_up_send(struct relay *relay);

bool relay_down_may_read(const struct relay *relay, int number);
/* What link NUMBER has read goes to the host; then its end is an end. */
void relay_down_serve(struct relay *relay, int number);
void relay_down_read(struct relay *relay, int number);

#endif
