/* SPDX-License-Identifier: MIT */
/* What the two directions of a turn, its calls and its answers, have in common. */
#ifndef TEPLO_FORMATS_TURN_LIMITS_H
#define TEPLO_FORMATS_TURN_LIMITS_H

#include "client-lib/formats/toolset.h"

enum {
    TURN_CALLS_MAXIMUM = 1024,
    /* Of a response, or of all results together; what comes out may be longer by escapes. */
    TURN_READ_MAXIMUM = 64 * 1024 * 1024,
    TURN_BYTES_MAXIMUM = 512 * 1024 * 1024,
};

/* JSON, and not too long.  0, or TEPLO_E_INVAL or _TOOBIG, and TOOLSET knows that WHAT is not. */
MUST_CHECK int turn_check(struct teplo_toolset *toolset, const char *what, struct span json);
/* OUT becomes the caller's text.  0 or TEPLO_E_NOMEM. */
MUST_CHECK int turn_give(struct bytes *out, char **ret_json, size_t *ret_length);
/* The most bytes of TEXT, at most MOST, that end between two characters. */
size_t turn_cut(struct span text, size_t most);

#endif
