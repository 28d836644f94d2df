/* SPDX-License-Identifier: MIT */
/*
 * An answer, ready to be sent: made once, by any thread, then never changed, and shared by whoever
 * still sends it.  The last to let go of it frees it.
 */
#ifndef TEPLO_DASH_SHEET_H
#define TEPLO_DASH_SHEET_H

#include <stdatomic.h>
#include <stdint.h>

#include "proto/base/bytes.h"

struct sheet {
    atomic_uint holders;
    int status;      /* of HTTP */
    int64_t made_ms; /* monotonic */
    char etag[20];   /* with its quotes; the same bytes have the same */
    size_t length;
    char text[];
};

/* A copy of TEXT; the caller holds it.  NULL: no memory. */
MUST_CHECK struct sheet *sheet_new(int status, struct span text, int64_t now_ms);
struct sheet *sheet_hold(struct sheet *sheet);
/* NULL is let go of too. */
void sheet_drop(struct sheet *sheet);

#endif
