/* SPDX-License-Identifier: MIT */
/* Called by ledger.c for our own ring, and by ledger_other.c for the other file's. */
#include "broker/ledger/ledger_index.h"

#include <errno.h>
#include <sys/random.h>

#include "proto/base/mem.h"

int ledger_index_init(struct ledger_index *index, size_t count)
{
    CHECK(count > 0 && count <= LEDGER_RECORDS_MAXIMUM);
    *index = (struct ledger_index){.count = count, .bits = 1};
    while (((size_t)1 << index->bits) < count) {
        index->bits++;
    }
    /* Clients choose ids: which of them meet in a list is not for them to know. */
    (void)!getrandom(index->factors, sizeof(index->factors), GRND_NONBLOCK);
    index->factors[0] |= 1;
    index->factors[1] |= 1;
    index->heads = mem_new(((size_t)1 << index->bits) * sizeof(*index->heads));
    index->nexts = mem_new(count * sizeof(*index->nexts));
    index->homes = mem_new(count * sizeof(*index->homes));
    if (index->heads == NULL || index->nexts == NULL || index->homes == NULL) {
        ledger_index_done(index);
        return -ENOMEM;
    }
    return 0;
}

void ledger_index_done(struct ledger_index *index)
{
    mem_free(index->heads);
    mem_free(index->nexts);
    mem_free(index->homes);
    *index = (struct ledger_index){0};
}

/* The upper bits of a sum of products with odd random numbers: few ids share them, whoever
   chose the ids. */
static uint32_t hash_of(const struct ledger_index *index, const struct call_id *call)
{
    uint64_t words[2];

    memcpy(words, call->at, sizeof(words));
    return (uint32_t)((words[0] * index->factors[0] + words[1] * index->factors[1]) >>
                      (64 - index->bits));
}

void ledger_index_expect(const struct ledger_index *index, const struct call_id *call)
{
    __builtin_prefetch(&index->heads[hash_of(index, call)], 1);
}

void ledger_index_take(struct ledger_index *index, size_t slot)
{
    uint32_t *at;

    CHECK(slot < index->count);
    if (index->homes[slot] == 0) {
        return;
    }
    at = &index->heads[index->homes[slot] - 1];
    while (*at != slot + 1) {
        at = &index->nexts[*at - 1];
    }
    *at = index->nexts[slot];
    index->homes[slot] = 0;
}

void ledger_index_put(struct ledger_index *index, size_t slot, const struct call_id *call)
{
    uint32_t hash = hash_of(index, call);

    ledger_index_take(index, slot);
    index->nexts[slot] = index->heads[hash];
    index->heads[hash] = (uint32_t)slot + 1;
    index->homes[slot] = hash + 1;
}

static bool answers(const struct ledger_entry *entry, const struct ledger_question *question)
{
    return memcmp(entry->call.at, question->call->at, CALL_ID_SIZE) == 0 &&
           (question->uid == NULL || *question->uid == entry->uid);
}

bool ledger_index_find(struct ledger_index *index, const struct ledger_question *question,
                       ledger_read_fn read, void *owner, struct ledger_entry *ret_entry,
                       size_t *ret_slot)
{
    uint32_t at = index->count == 0 ? 0 : index->heads[hash_of(index, question->call)];
    bool found = false;

    while (at != 0) {
        _Alignas(8) unsigned char record[LEDGER_RECORD_SIZE];
        size_t slot = at - 1;
        struct ledger_entry entry;

        at = index->nexts[slot];
        if (!read(owner, slot, record)) {
            continue;
        }
        if (ledger_record_is_free(record)) {
            ledger_index_take(index, slot);
        } else if (ledger_record_read(record, &entry) && answers(&entry, question) &&
                   (!found || ledger_entry_beats(&entry, ret_entry))) {
            *ret_entry = entry;
            *ret_slot = slot;
            found = true;
        }
    }
    return found;
}
