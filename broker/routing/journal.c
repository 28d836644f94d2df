/* SPDX-License-Identifier: MIT */
#include "broker/routing/journal.h"

#include <string.h>

#include "proto/base/mem.h"

/* The oldest is overwritten by the newest. */
struct ring {
    struct journal_entry *entries; /* owned */
    size_t size;
    size_t added; /* since the start */
};

struct journal {
    struct ring recent;
    struct ring failed;
};

static bool ring_init(struct ring *ring, size_t size)
{
    ring->entries = mem_new(size * sizeof(*ring->entries));
    ring->size = size;
    return ring->entries != NULL;
}

struct journal *journal_new(void)
{
    struct journal *journal = MEM_NEW(struct journal);

    if (journal == NULL) {
        return NULL;
    }
    if (!ring_init(&journal->recent, JOURNAL_RECENT) ||
        !ring_init(&journal->failed, JOURNAL_FAILED)) {
        journal_free(journal);
        return NULL;
    }
    return journal;
}

void journal_free(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    mem_free(journal->recent.entries);
    mem_free(journal->failed.entries);
    mem_free(journal);
}

/* Cut to SIZE.  snprintf would be a good part of what an entry costs. */
static void copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);

    memcpy(to, from, length);
    to[length] = '\0';
}

static void ring_add(struct ring *ring, const char *pool, const char *error_class,
                     const struct timeline *timeline)
{
    struct journal_entry *entry = &ring->entries[ring->added++ % ring->size];

    copy(entry->pool, sizeof(entry->pool), pool);
    copy(entry->error_class, sizeof(entry->error_class), error_class == NULL ? "" : error_class);
    entry->timeline = *timeline;
}

void journal_add(struct journal *journal, const char *pool, const char *error_class,
                 const struct timeline *timeline)
{
    ring_add(&journal->recent, pool, error_class, timeline);
    if (timeline->result != CALL_RESULT_OK) {
        ring_add(&journal->failed, pool, error_class, timeline);
    }
}

static const struct journal_entry *ring_at(const struct ring *ring, size_t index)
{
    if (index >= ring->size || index >= ring->added) {
        return NULL;
    }
    return &ring->entries[(ring->added - 1 - index) % ring->size];
}

const struct journal_entry *journal_recent(const struct journal *journal, size_t index)
{
    return ring_at(&journal->recent, index);
}

const struct journal_entry *journal_failed(const struct journal *journal, size_t index)
{
    return ring_at(&journal->failed, index);
}
