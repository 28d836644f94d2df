/* SPDX-License-Identifier: MIT */
/*
 * One request as a line of the modern era (proto/WIRE.md): checked, put together, and completed
 * with what is left of its time when it goes out.  Sans I/O, no clock.
 */
#ifndef TEPLO_LIB_REQUEST_H
#define TEPLO_LIB_REQUEST_H

#include "client-lib/include/teplo.h"
#include "proto/base/bytes.h"

/* Of one request; the caller's part of it is bounded by this. */
enum { REQUEST_LINE_MAXIMUM = 64 << 20 };

/* Borrowed. */
struct request_wish {
    uint64_t ticket; /* is its id, and its progress token */
    const char *method;
    const char *tool;   /* of tools/call; then `body` are its arguments, else params */
    struct span body;   /* JSON, or none: {} */
    const char *pool;   /* NULL: not named */
    const char *client; /* clientInfo.name */
    const char *call;   /* dev.teplo/call; NULL: none */
    struct span meta;   /* of the caller, or none */
    uint32_t flags;     /* TEPLO_F_... */
};

struct request_fault {
    char text[256];
};

/*
 * Append to OUT, which is empty, the line of WISH as far as its deadline.  TEPLO_OK; TEPLO_E_INVAL
 * and *RET_FAULT; TEPLO_E_TOOBIG, TEPLO_E_NOMEM.
 */
MUST_CHECK int request_begin(const struct request_wish *wish, struct bytes *out,
                             struct request_fault *ret_fault);
/* Append to OUT the line that BEGUN begins.  LEFT_MS negative: without a deadline. */
void request_finish(struct span begun, int64_t left_ms, struct bytes *out);
/* Append to OUT the line that takes the request TICKET back.  REASON may be NULL. */
void request_cancel(uint64_t ticket, const char *reason, struct bytes *out);

/* Append to OUT a question that any broker answers at once, whatever the answer is. */
void request_probe(struct bytes *out);

/* What a method's name means for a request that got lost. */
enum request_nature {
    REQUEST_CALLS,   /* may change something: it is recorded, and never sent twice */
    REQUEST_READS,   /* may be sent again */
    REQUEST_LISTENS, /* the same, and stays open */
};

enum request_nature request_nature_of(const char *method);

#endif
