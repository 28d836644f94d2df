/* SPDX-License-Identifier: MIT */
/* Called by ledger.c. */
#include "broker/ledger/ledger_other.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/ledger/ledger_file.h"

/*
 * The owner writes one record after the other, but past those of calls that were live then.  So
 * many that are over now are looked past for the newer ones behind them; should there be more, a
 * call is not found, which claims nothing.
 */
enum { LOOK_PAST = 1024, CHUNK = 256 };

void ledger_other_init(struct ledger_other *other, const char *path)
{
    *other = (struct ledger_other){0};
    (void)snprintf(other->path, sizeof(other->path), "%s", path);
}

static void forget(struct ledger_other *other)
{
    ledger_index_done(&other->index);
    other->seq = 0;
    other->next = 0;
    other->is_whole = false;
}

void ledger_other_done(struct ledger_other *other)
{
    forget(other);
}

static bool read_at(int fd, size_t slot, void *records, size_t count)
{
    size_t length = count * LEDGER_RECORD_SIZE;

    return pread(fd, records, length, (off_t)ledger_ring_size(slot)) == (ssize_t)length;
}

/* What is newer than KNOWN of COUNT records from SLOT on, into the index; how many at the end are
   over and are not. */
static size_t take_newer(struct ledger_other *other, size_t slot, const unsigned char *records,
                         size_t count, uint64_t known)
{
    struct ledger_glimpse glimpses[CHUNK];
    size_t past = 0;

    for (size_t i = 0; i < count; i++) {
        if (!ledger_record_glimpse(records + i * LEDGER_RECORD_SIZE, &glimpses[i])) {
            glimpses[i] = (struct ledger_glimpse){0};
        }
        ledger_index_expect(&other->index, &glimpses[i].call);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ledger_glimpse *glimpse = &glimpses[i];

        if (glimpse->seq <= known) {
            past += !glimpse->is_live;
            continue;
        }
        ledger_index_put(&other->index, slot + i, &glimpse->call);
        if (glimpse->seq > other->seq) {
            other->seq = glimpse->seq;
            other->next = (slot + i + 1) % other->index.count;
        }
        past = 0;
    }
    return past;
}

/* Into the index what is newer than all that was there, from where it would be on. */
static bool read_newer(struct ledger_other *other, int fd, size_t look_past)
{
    _Alignas(8) unsigned char records[CHUNK * LEDGER_RECORD_SIZE];
    size_t count = other->index.count;
    uint64_t known = other->seq;
    size_t at = other->next;
    size_t past = 0;

    for (size_t n = 0, step; n < count && past < look_past; n += step, at = (at + step) % count) {
        uint64_t before = other->seq;
        size_t passed;

        step = count - at < CHUNK ? count - at : CHUNK;
        if (!read_at(fd, at, records, step)) {
            return false;
        }
        passed = take_newer(other, at, records, step, known);
        past = other->seq > before ? passed : past + passed;
    }
    return true;
}

/* The file is another one than before. */
static bool begin(struct ledger_other *other, int fd, const struct stat *status)
{
    unsigned char header[LEDGER_RECORD_SIZE];
    size_t count;

    forget(other);
    if (pread(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        ledger_ring_check(header, (size_t)status->st_size, &count) < 0 ||
        ledger_index_init(&other->index, count) < 0) {
        return false;
    }
    other->device = status->st_dev;
    other->inode = status->st_ino;
    return read_newer(other, fd, count);
}

static bool is_the_same(const struct ledger_other *other, const struct stat *status)
{
    return other->index.count > 0 && other->device == status->st_dev &&
           other->inode == status->st_ino &&
           (size_t)status->st_size == ledger_ring_size(other->index.count);
}

/* All that FD holds is in the index then. */
static bool catch_up(struct ledger_other *other, int fd)
{
    struct stat status;
    bool is_owned;
    bool is_read;

    if (fstat(fd, &status) < 0 || status.st_size < LEDGER_RECORD_SIZE) {
        return false;
    }
    is_owned = ledger_file_is_owned(fd);
    if (!is_the_same(other, &status)) {
        is_read = begin(other, fd, &status);
    } else if (!is_owned && other->is_whole &&
               memcmp(&other->changed, &status.st_ctim, sizeof(status.st_ctim)) == 0) {
        return true; /* who takes a file changes its mode */
    } else {
        is_read = read_newer(other, fd, LOOK_PAST);
    }
    other->is_whole = is_read && !is_owned;
    other->changed = status.st_ctim;
    if (!is_read) {
        forget(other);
    }
    return is_read;
}

static bool read_slot(void *owner, size_t slot, void *record)
{
    const int *fd = owner;

    return read_at(*fd, slot, record, 1);
}

void ledger_other_look(struct ledger_other *other)
{
    int fd = ledger_file_peek(other->path);

    if (fd >= 0) {
        (void)catch_up(other, fd);
        (void)close(fd);
    }
}

bool ledger_other_find(struct ledger_other *other, const struct ledger_question *question,
                       uint16_t reason, struct ledger_entry *ret_entry)
{
    int fd = ledger_file_peek(other->path);
    bool found = false;
    size_t slot;

    if (fd < 0) {
        forget(other);
        return false;
    }
    /* An owner that comes or goes meanwhile: nothing final can be said. */
    if (catch_up(other, fd)) {
        bool was_owned = ledger_file_is_owned(fd);

        found = ledger_index_find(&other->index, question, read_slot, &fd, ret_entry, &slot);
        if (found && !was_owned && !ledger_file_is_owned(fd)) {
            ledger_entry_settle(ret_entry, reason);
        }
    }
    (void)close(fd);
    return found;
}
