/* SPDX-License-Identifier: MIT */
/*
 * The crash ledger's records in a block of memory: a header and a ring.  Sans I/O: ledger.c
 * lays the block over a file, so that what stands in it outlives a kill.
 *
 * No arguments and no results are in it.  A record's standing is one word, written at once: a
 * death between any two instructions leaves the old standing or the new one, never a mixture.
 * Anything that does not prove whole by its checks is as absent.
 */
#ifndef TEPLO_LEDGER_LEDGER_RING_H
#define TEPLO_LEDGER_LEDGER_RING_H

#include "broker/ledger/call_id.h"
#include "proto/base/check.h"

enum {
    LEDGER_RECORD_SIZE = 64,
    LEDGER_POOL_SIZE = 16, /* a longer name of a pool is cut */
    LEDGER_RECORDS_MINIMUM = 16,
    LEDGER_RECORDS_MAXIMUM = 1 << 20,
};

enum ledger_state {
    LEDGER_FREE = 0,
#define STATE(name, number, outcome, text) LEDGER_##name = (number),
#include "broker/ledger/ledger_states.def"
#undef STATE
};

/* One call, read. */
struct ledger_entry {
    uint64_t seq;
    struct call_id call;
    uint32_t uid; /* of who made it */
    enum ledger_state state;
    uint16_t reason;   /* ledger_reason_tag of the failure's word; 0: none */
    int64_t queued_ms; /* monotonic, of the boot it was made in */
    int64_t after_ms;  /* from then until it came to stand as it does */
    char pool[LEDGER_POOL_SIZE + 1];
};

struct ledger_ring {
    unsigned char *block; /* borrowed */
    size_t count;         /* records */
    size_t next;          /* where to look for room first */
    uint64_t seq;         /* of the last record */
};

/* What was found when a ring was taken over. */
struct ledger_recovery {
    size_t records; /* whole ones */
    size_t not_executed;
    size_t unknown;
    size_t damaged;
};

/* Bytes of a ring of COUNT records. */
size_t ledger_ring_size(size_t count);
/* Write an empty ring of COUNT records over BLOCK, which has room for it. */
void ledger_ring_format(void *block, size_t count);
/* LENGTH bytes, whose first LEDGER_RECORD_SIZE are at BLOCK, are a ring of ours, of *RET_COUNT
 * records.  -EBADMSG. */
MUST_CHECK int ledger_ring_check(const void *block, size_t length, size_t *ret_count);
/*
 * Go on with the ring in BLOCK (checked), whose owner is dead: each of its live calls is settled
 * as ledger_entry_settle has it, for the reason REASON.
 */
void ledger_ring_adopt(struct ledger_ring *ring, void *block, size_t count, uint16_t reason,
                       struct ledger_recovery *ret_recovery);

/*
 * Record ENTRY in place of the oldest that is over: as AGAIN if it stands so, else as QUEUED.
 * -ENOSPC: all are live.
 */
MUST_CHECK int ledger_ring_add(struct ledger_ring *ring, const struct ledger_entry *entry,
                               size_t *ret_slot);
/* Only from a live standing. */
void ledger_ring_set(struct ledger_ring *ring, size_t slot, enum ledger_state state,
                     uint16_t reason, int64_t now_ms);
/* Make SLOT free: a newer record says all that this one said. */
void ledger_ring_forget(struct ledger_ring *ring, size_t slot);

/* LEDGER_RECORD_SIZE bytes at RECORD.  False: free, or not whole. */
bool ledger_record_read(const void *record, struct ledger_entry *ret_entry);
bool ledger_record_is_free(const void *record);

/* What tells a record from others. */
struct ledger_glimpse {
    uint64_t seq;
    struct call_id call;
    bool is_live;
};

/* As ledger_record_read, but faster: how it stands is looked at, not checked. */
bool ledger_record_glimpse(const void *record, struct ledger_glimpse *ret_glimpse);

/*
 * The owner of a live ENTRY is dead: what it had QUEUED did not run and will not; what it had SENT
 * may have, and so may an earlier try of what waited AGAIN: UNKNOWN.
 */
void ledger_entry_settle(struct ledger_entry *entry, uint16_t reason);
/*
 * Of two records of one ring about one call: ENTRY counts, and OTHER does not.  A try that may have
 * run counts more than one that did not; else the newer one.
 */
bool ledger_entry_beats(const struct ledger_entry *entry, const struct ledger_entry *other);
/* The same of two rings, which know nothing of each other's order: the clock must do. */
bool ledger_entry_beats_elsewhere(const struct ledger_entry *entry,
                                  const struct ledger_entry *other);

/* Where the records of a ring begin. */
const void *ledger_ring_record(const void *block, size_t slot);

static inline bool ledger_state_is_live(enum ledger_state state)
{
    return state == LEDGER_QUEUED || state == LEDGER_SENT || state == LEDGER_AGAIN;
}

/* A number for a word of failures.def that does not depend on its place in the table. */
uint16_t ledger_reason_tag(const char *reason);

#endif
