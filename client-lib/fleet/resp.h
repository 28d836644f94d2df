/* SPDX-License-Identifier: MIT */
/*
 * Redis' protocol (RESP2) as a reader needs it: commands out, replies found in place.  Replies are
 * never copied into a tree: they are walked over where they were received, without memory, to any
 * depth without recursion.  Pure.  Called by fleet_link (is it all there?) and by whoever reads the
 * replies.
 */
#ifndef TEPLO_FLEET_RESP_H
#define TEPLO_FLEET_RESP_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/bytes.h"

/* ---- out */

/* The header of a command of COUNT words; that many resp_word follow. */
void resp_command(struct bytes *out, size_t count);
void resp_word(struct bytes *out, struct span word);
void resp_int(struct bytes *out, int64_t number);
/* A command whose words are parted by blanks. */
void resp_words(struct bytes *out, const char *words);

/* ---- are the replies there? */

/* Values in all replies of one exchange: more is refused, whatever they are. */
enum { RESP_VALUES_MAXIMUM = 1000000 };

struct resp_scan {
    size_t at;      /* bytes that are understood */
    size_t missing; /* values that must still come */
    size_t values;  /* that came */
};

/* REPLIES whole ones are expected. */
struct resp_scan resp_scan_of(size_t replies);
/*
 * BYTES is all that has come since the beginning.  True: the replies are complete, and nothing is
 * behind them.  -EPROTO: this is not the protocol, or there is too much of it.
 */
MUST_CHECK int resp_scan_on(struct resp_scan *scan, struct span bytes, bool *ret_complete);

/* ---- walking over replies that resp_scan_on found complete; other text ends the walk early */

enum resp_kind { RESP_NIL, RESP_TEXT, RESP_NUMBER, RESP_ERROR, RESP_ARRAY };

struct resp {
    enum resp_kind kind;
    struct span text; /* of a text, an error, or the digits of a number; none for the others */
    size_t count;     /* of an array: its elements are the next values of the walk */
};

struct resp_walk {
    const char *at;
    const char *end;
};

struct resp_walk resp_walk_of(struct span replies);
/* The next value; RESP_NIL and false at the end. */
bool resp_next(struct resp_walk *walk, struct resp *ret_value);
/* Behind the elements of VALUE, the value that was walked over last, and all that is in them. */
void resp_skip(struct resp_walk *walk, const struct resp *value);

#endif
