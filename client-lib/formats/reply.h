/* SPDX-License-Identifier: MIT */
/*
 * A model's whole response, whichever provider's: where its turn is, the calls in it, its
 * words.  A reply borrows from the response, and nothing of the turn is ever written anew:
 * signatures and the like are valid only in the bytes in which they came.
 */
#ifndef TEPLO_FORMATS_REPLY_H
#define TEPLO_FORMATS_REPLY_H

#include "client-lib/include/teplo.h"
#include "proto/json_scan.h"

struct reply_form;

struct reply {
    const struct reply_form *form;
    struct span holder;  /* the response, or the choice that was taken; none: a bare turn */
    struct span turn;    /* none: the model said nothing */
    struct span blocked; /* the provider's word for a prompt that it refused, or none */
    size_t choices;      /* how many there were; 1 where there is no choice */
};

/* Tokens and values as received; none is absent. */
struct reply_call {
    struct span id;
    struct span name;
    struct span arguments; /* JSON, or a string that has it as text */
};

/*
 * RESPONSE is checked JSON.  False if it is not what the provider sends: COMPLAINT says what and
 * where.  Everything that the functions below meet has then been looked at.
 */
MUST_CHECK bool reply_read(enum teplo_provider provider, struct span response,
                           struct reply *ret_reply, struct bytes *complaint);

/* The calls, in order: begin with reply_calls. */
struct json_walk reply_calls(const struct reply *reply);
bool reply_next_call(const struct reply *reply, struct json_walk *walk,
                     struct reply_call *ret_call);
/* The model's plain text, decoded, all of it; without its thoughts. */
void reply_append_text(const struct reply *reply, struct bytes *out);
/* The provider's word for why the model stopped: a token, or none. */
struct span reply_finish(const struct reply *reply);
/* Why there is nothing to be done with this reply, in the provider's words; nothing if there is. */
void reply_append_problem(const struct reply *reply, struct bytes *out);
/* The messages, items or contents by which the turn goes back: a JSON array. */
void reply_append_turn(const struct reply *reply, struct bytes *out);

#endif
