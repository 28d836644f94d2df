/* SPDX-License-Identifier: MIT */
/*
 * Where in a ring the records of a call are, so that nobody has to look at all of them.  Slots by
 * the hash of an id, whoever's it is; what a slot holds is read when it is asked for, so that an
 * index may know of slots that hold something else by now.  Sans I/O.
 */
#ifndef TEPLO_LEDGER_LEDGER_INDEX_H
#define TEPLO_LEDGER_LEDGER_INDEX_H

#include "broker/ledger/ledger_ring.h"

struct ledger_index {
    uint32_t *heads; /* by hash: a slot + 1, or 0 */
    uint32_t *nexts; /* by slot: the next one of this hash + 1, or 0 */
    uint32_t *homes; /* by slot: its hash + 1, or 0: it is in no list */
    size_t count;    /* slots; 0: nothing can be put here */
    unsigned bits;   /* of a hash */
    uint64_t factors[2];
};

/* For a ring of COUNT records, empty.  -ENOMEM. */
MUST_CHECK int ledger_index_init(struct ledger_index *index, size_t count);
void ledger_index_done(struct ledger_index *index);

/* CALL will be put or looked for soon: a hint, for who goes through many of them. */
void ledger_index_expect(const struct ledger_index *index, const struct call_id *call);
/* SLOT holds a record of CALL from now on, and no other. */
void ledger_index_put(struct ledger_index *index, size_t slot, const struct call_id *call);
/* SLOT holds nothing any more. */
void ledger_index_take(struct ledger_index *index, size_t slot);

/* Whose record of which call is looked for. */
struct ledger_question {
    const struct call_id *call;
    const uint32_t *uid; /* NULL: anybody's */
};

/* LEDGER_RECORD_SIZE bytes from SLOT.  False: they cannot be had. */
typedef bool (*ledger_read_fn)(void *owner, size_t slot, void *record);

/*
 * Of the records that answer QUESTION the one that counts (ledger_entry_beats), with its slot.
 * What turns out to be free is taken out.
 */
bool ledger_index_find(struct ledger_index *index, const struct ledger_question *question,
                       ledger_read_fn read, void *owner, struct ledger_entry *ret_entry,
                       size_t *ret_slot);

#endif
