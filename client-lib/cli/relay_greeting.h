/* SPDX-License-Identifier: MIT */
/*
 * How a host of the `initialize` eras greeted, kept so that a broker that comes after the one
 * it greeted can be greeted the same way.  Knows no sockets.
 */
#ifndef TEPLO_CLI_RELAY_GREETING_H
#define TEPLO_CLI_RELAY_GREETING_H

#include "proto/message.h"

enum {
    RELAY_GREETING_MAXIMUM = 1 << 20, /* a longer one is not kept: then its broker is the last */
    RELAY_VERSION_MAXIMUM = 32,
};

struct relay_greeting {
    struct bytes line;                   /* the host's initialize; empty: it has sent none */
    struct span id;                      /* inside it */
    char version[RELAY_VERSION_MAXIMUM]; /* agreed on; "": not answered yet */
    bool is_confirmed;                   /* the host said notifications/initialized */
};

enum relay_verdict {
    RELAY_PASS,    /* the host's to see */
    RELAY_GREETED, /* the answer to our repetition: the connection is as the old one was */
    RELAY_REFUSED, /* the new broker does not greet back now */
    RELAY_FOREIGN, /* it speaks another version than the host has agreed on */
};

void relay_greeting_init(struct relay_greeting *greeting);
void relay_greeting_done(struct relay_greeting *greeting);
void relay_greeting_clear(struct relay_greeting *greeting);

static inline bool relay_greeting_is_kept(const struct relay_greeting *greeting)
{
    return greeting->line.length > 0;
}

static inline bool relay_greeting_is_answered(const struct relay_greeting *greeting)
{
    return greeting->version[0] != '\0';
}

/* MESSAGE of the host was handed over. */
void relay_greeting_sent(struct relay_greeting *greeting, const struct message *message);
/* MESSAGE came from the broker, and is the host's to see. */
void relay_greeting_heard(struct relay_greeting *greeting, const struct message *message);

/*
 * The line for another broker: the host's own if it is not answered yet, else one with an id of
 * ours.  A host that has not greeted has a question asked that changes nothing: one that is being
 * killed still takes what is written to it, and nobody reads it.  A failure shows in OUT.
 */
void relay_greeting_repeat(const struct relay_greeting *greeting, struct bytes *out);
/* What comes behind the answer. */
void relay_greeting_confirm(const struct relay_greeting *greeting, struct bytes *out);
/* What MESSAGE is, on a connection on which nothing but the repeated greeting was asked. */
enum relay_verdict relay_greeting_judge(const struct relay_greeting *greeting,
                                        const struct message *message);

#endif
