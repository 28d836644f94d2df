/* SPDX-License-Identifier: MIT */
/*
 * The ledger's record of one request, from before it waits until its end is known, which may be
 * after the request is gone.  Owned by the request until record_end or record_leave.
 */
#ifndef TEPLO_ROUTING_RECORD_H
#define TEPLO_ROUTING_RECORD_H

#include <stdbool.h>
#include <sys/types.h>

#include "broker/ledger/ledger.h"
#include "broker/upstream/calls.h"

struct record {
    struct call_witness witness; /* for the errand */
    struct ledger_call call;
    char text[CALL_ID_TEXT_SIZE]; /* the id */
    bool is_cancelled;            /* by the client, after it was sent */
    enum failure uncertain;       /* why an earlier try may have run, or NONE */
};

/*
 * Enter a call of UID on POOL.  ID is its token, or none: then one is made.  -EINVAL: it is no
 * UUID; else as ledger_begin.
 */
MUST_CHECK int record_new(struct ledger *ledger, struct span id, uid_t uid, const char *pool,
                          struct record **ret_record);
void record_sending(struct record *record);
/* The server's answer was given (FAILURE_NONE), or FAILURE was.  Frees it. */
void record_end(struct record *record, enum failure failure);
/* Nobody waits any more; the errand has been abandoned.  Ends it, or lets the witness end it. */
enum record_leave { RECORD_CLIENT_GONE, RECORD_CLIENT_CANCELLED };
void record_leave(struct record *record, enum record_leave why, enum failure uncertain);

#endif
