/* SPDX-License-Identifier: MIT */
/*
 * Replies of Redis as rows.  Each function walks over exactly one value, whatever it is: a reply
 * that is not what it should be costs its own row and moves nothing else.  Pure.
 */
#ifndef TEPLO_FLEET_FLEET_TAKE_H
#define TEPLO_FLEET_FLEET_TAKE_H

#include "client-lib/fleet/fleet_shape.h"
#include "client-lib/fleet/resp.h"

enum { FLEET_REFUSAL_SIZE = 128 };

/* Errors among the replies. */
struct fleet_refusal {
    size_t denied; /* no right: NOPERM, NOAUTH */
    size_t wrong;  /* anything else, such as another type */
    char first_denied[FLEET_REFUSAL_SIZE];
    char first_wrong[FLEET_REFUSAL_SIZE];
    bool is_of_all; /* an error that any command would get: LOADING, MOVED, ... */
};

void fleet_refusal_note(struct fleet_refusal *refusal, struct span error);

/* If it is an array, its elements come next.  An error is noted. */
MUST_CHECK bool fleet_take_array(struct resp_walk *walk, struct fleet_refusal *refusal,
                                 size_t *ret_count);
/* A text or a number as text; none for anything else. */
struct span fleet_take_text(struct resp_walk *walk);
/* An answer to HMGET of the fields of SHAPE.  True if one of them is there. */
bool fleet_take_row(struct resp_walk *walk, const struct fleet_shape *shape, struct fleet_row *row,
                    struct fleet_refusal *refusal);
/* An entry of a stream: its id, and its fields by name.  False: it is none. */
MUST_CHECK bool fleet_take_entry(struct resp_walk *walk, const struct fleet_shape *shape,
                                 struct fleet_row *row, struct span *ret_id);

#endif
