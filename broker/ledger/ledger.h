/* SPDX-License-Identifier: MIT */
/*
 * The crash ledger: which calls this broker has, in a file that outlives it.
 *
 * Two files, `ledger.0` and `ledger.1`, each owned by a living process: a broker and the one
 * that replaces it run side by side for a while.  Who starts takes the first that no living
 * process owns, settles what its dead owner left behind, and goes on in it.
 *
 * A call is entered before it waits, and marked as sent before its first byte can leave.  If
 * no record can be kept the call is refused: better not executed than not known.
 */
#ifndef TEPLO_LEDGER_LEDGER_H
#define TEPLO_LEDGER_LEDGER_H

#include <sys/types.h>

#include "broker/ledger/ledger_ring.h"
#include "proto/failure.h"

enum { LEDGER_RECORDS_DEFAULT = 16384 };

struct ledger;

struct ledger_options {
    const char *directory;
    size_t records; /* calls remembered; live ones above that are refused */
};

/* One live call; embedded by who makes it. */
struct ledger_call {
    struct call_id id;     /* must not change; with the uid behind it, the key */
    uint32_t uid;          /* ledger_begin's */
    bool is_minted;        /* the id is ledger_mint's: nobody can have used it before */
    struct ledger *ledger; /* NULL: not entered */
    size_t slot;
    enum ledger_state earlier; /* how an earlier try that may have run stands; FREE: none may */
    uint16_t earlier_reason;
};

/* NULL: MESSAGE says why, and what to do. */
MUST_CHECK struct ledger *ledger_open(const struct ledger_options *options, struct bytes *message);
/* Every call must have ended. */
void ledger_close(struct ledger *ledger);

/* An id for a call that has none. */
struct call_id ledger_mint(struct ledger *ledger);
/*
 * Enter CALL (its id is set) as waiting.  -EEXIST: a call of this id and user is live, here or in
 * the other file; -ENOSPC: as many calls are live as there are records; -EIO: the file was damaged
 * under our hands; -ENOMEM.  An id may be used again once its call is over: the record stands for
 * all tries then, and is never NOT_EXECUTED if one of them may have run.
 */
MUST_CHECK int ledger_begin(struct ledger *ledger, struct ledger_call *call, uid_t uid,
                            const char *pool);
/* It is about to be handed over: from now on nobody can say that it did not run.  Idempotent. */
void ledger_sending(struct ledger_call *call);
/* It is over: STATE is none of the live ones, FAILURE says why or is FAILURE_NONE. */
void ledger_end(struct ledger_call *call, enum ledger_state state, enum failure failure);

/*
 * What is known of UID's call.  A live one of a dead owner is settled already.  What other users
 * did under the same id is another call.
 */
bool ledger_find(struct ledger *ledger, const struct call_id *call, uid_t uid,
                 struct ledger_entry *ret_entry);
/* The same of anybody's. */
bool ledger_find_anybodys(struct ledger *ledger, const struct call_id *call,
                          struct ledger_entry *ret_entry);

size_t ledger_records(const struct ledger *ledger);
size_t ledger_live(const struct ledger *ledger);
uint64_t ledger_total(const struct ledger *ledger); /* calls entered since the start */
/* Now and then: whether the file is still there; it is made again if it was removed. */
void ledger_look(struct ledger *ledger);

#endif
