/* SPDX-License-Identifier: MIT */
/*
 * The file of the ledger that is not ours: its owner is alive and writes to it, or is dead.  It is
 * read, never mapped (who takes it over may cut it short) and never written; an index of it is
 * kept, so that a question reads what was added since the last one and the record asked for.
 */
#ifndef TEPLO_LEDGER_LEDGER_OTHER_H
#define TEPLO_LEDGER_LEDGER_OTHER_H

#include <sys/stat.h>

#include "broker/ledger/ledger_index.h"

struct ledger_other {
    char path[128];
    struct ledger_index index;
    dev_t device; /* which file the index is of */
    ino_t inode;
    uint64_t seq;  /* of the newest record in the index */
    size_t next;   /* where newer ones would be */
    bool is_whole; /* the index knows all that was there at `changed`, and nobody owned it */
    struct timespec changed;
};

void ledger_other_init(struct ledger_other *other, const char *path);
void ledger_other_done(struct ledger_other *other);

/* See what is there now, so that the first question need not. */
void ledger_other_look(struct ledger_other *other);
/*
 * What the file knows.  A live call of a dead owner is settled, for the reason REASON; the file
 * stays as it is.
 */
bool ledger_other_find(struct ledger_other *other, const struct ledger_question *question,
                       uint16_t reason, struct ledger_entry *ret_entry);

#endif
