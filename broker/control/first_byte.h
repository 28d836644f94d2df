/* SPDX-License-Identifier: MIT */
/*
 * Who has connected to admin.sock and not yet shown what it speaks.  The first byte that is no
 * white space tells: HTTP begins with a method, which is in capitals, and no JSON text does; all
 * else is JSON-RPC, also rubbish.  White space before it means nothing to either, and is dropped.
 * Embedded by admin.c's visitor.
 */
#ifndef TEPLO_CONTROL_FIRST_BYTE_H
#define TEPLO_CONTROL_FIRST_BYTE_H

#include "broker/runtime/loop.h"

enum first_byte { FIRST_BYTE_OF_JSON, FIRST_BYTE_OF_HTTP, FIRST_BYTE_NEVER /* it has gone */ };

struct first_byte_wait {
    int fd; /* borrowed */
    struct event readable;
    /* Once, from the loop.  The byte is still there to be read. */
    void (*on_first_byte)(struct first_byte_wait *wait, enum first_byte first);
};

/* -ENOMEM. */
MUST_CHECK int first_byte_begin(struct first_byte_wait *wait, struct loop *loop, int fd,
                                void (*on_first_byte)(struct first_byte_wait *wait,
                                                      enum first_byte first));
/* Silence. */
void first_byte_cancel(struct first_byte_wait *wait);

#endif
