/* SPDX-License-Identifier: MIT */
/*
 * One file of the ledger: found or made, owned by a lock for the life of the process, and laid
 * into memory.  What is written there is in the page cache and outlives the process, however it
 * ends.  Knows no records.
 */
#ifndef TEPLO_LEDGER_LEDGER_FILE_H
#define TEPLO_LEDGER_LEDGER_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/bytes.h"

struct ledger_file {
    char path[128];
    int fd; /* -1: not ours */
    void *block;
    size_t length;
};

/*
 * Own PATH; whatever there is that is no plain file of ours is removed.  What it holds is then
 * read with ledger_file_read, and laid out with ledger_file_map.  -EBUSY: another process owns
 * it; else MESSAGE says why not.
 */
MUST_CHECK int ledger_file_take(struct ledger_file *file, const char *path, struct bytes *message);
/* All of it, if it is at most MAXIMUM bytes long, appended to OUT. */
MUST_CHECK int ledger_file_read(const struct ledger_file *file, size_t maximum, struct bytes *out);
/*
 * Make it LENGTH bytes long, with room on the disk for each of them (a write to what has none
 * would kill us), and map it.  Longer or shorter before: emptied first.  Else MESSAGE says why not.
 */
MUST_CHECK int ledger_file_map(struct ledger_file *file, size_t length, struct bytes *message);
void ledger_file_close(struct ledger_file *file);

enum ledger_file_health { LEDGER_FILE_SOUND, LEDGER_FILE_UNLINKED, LEDGER_FILE_CUT };
/* Whether somebody removed or shortened it under our hands. */
enum ledger_file_health ledger_file_health(const struct ledger_file *file);

/* Look into a file that may be somebody else's: a descriptor to read PATH from, or -errno. */
MUST_CHECK int ledger_file_peek(const char *path);
/* Whether a living process owns what FD, which does not, has open. */
bool ledger_file_is_owned(int fd);

#endif
