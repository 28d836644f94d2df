/* SPDX-License-Identifier: MIT */
/*
 * A ledger's block as a hostile file has it: taken over, searched and written to without a
 * crash, and nothing live is left in it; an index finds what looking at every record does.  The
 * input is laid over a good ring, so that it reaches beyond the header; the first byte says from
 * where on.
 */
#include "fuzz.h"

#include "broker/ledger/ledger_index.h"

enum { RECORDS = 16, BLOCK = (RECORDS + 1) * LEDGER_RECORD_SIZE };

static void add_some(struct ledger_ring *ring, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct ledger_entry entry = {.uid = i, .queued_ms = i, .pool = "pool"};
        size_t slot;

        entry.call.at[0] = (uint8_t)i;
        PROPERTY(ledger_ring_add(ring, &entry, &slot) == 0);
        PROPERTY(slot < ring->count);
        if (i % 2 == 0) {
            ledger_ring_set(ring, slot, LEDGER_SENT, 7, 1000);
        }
    }
}

static bool read_slot(void *owner, size_t slot, void *record)
{
    memcpy(record, ledger_ring_record(owner, slot), LEDGER_RECORD_SIZE);
    return true;
}

static bool find_by_index(const struct ledger_ring *ring, const struct ledger_question *question,
                          struct ledger_entry *ret_entry)
{
    struct ledger_index index;
    size_t slot;
    bool found;

    PROPERTY(ledger_index_init(&index, ring->count) == 0);
    for (size_t i = 0; i < ring->count; i++) {
        struct ledger_glimpse glimpse;

        if (ledger_record_glimpse(ledger_ring_record(ring->block, i), &glimpse)) {
            ledger_index_put(&index, i, &glimpse.call);
        }
    }
    found = ledger_index_find(&index, question, read_slot, ring->block, ret_entry, &slot);
    ledger_index_done(&index);
    return found;
}

static bool find(const struct ledger_ring *ring, const struct call_id *call,
                 struct ledger_entry *ret_entry)
{
    struct ledger_question question = {call, NULL};
    struct ledger_entry entry;
    bool found = false;

    for (size_t i = 0; i < ring->count; i++) {
        if (ledger_record_read(ledger_ring_record(ring->block, i), &entry) &&
            memcmp(entry.call.at, call->at, CALL_ID_SIZE) == 0 &&
            (!found || ledger_entry_beats(&entry, ret_entry))) {
            *ret_entry = entry;
            found = true;
        }
    }
    PROPERTY(find_by_index(ring, &question, &entry) == found);
    PROPERTY(!found || entry.seq == ret_entry->seq);
    return found;
}

static void go_on_with(void *block, size_t count)
{
    struct ledger_recovery recovery;
    struct ledger_ring ring;
    struct ledger_entry entry;
    struct call_id id = {{3}};

    ledger_ring_adopt(&ring, block, count, 9, &recovery);
    PROPERTY(recovery.records + recovery.damaged <= count);
    for (size_t i = 0; i < count; i++) {
        if (ledger_record_read(ledger_ring_record(block, i), &entry)) {
            PROPERTY(!ledger_state_is_live(entry.state));
        }
    }
    (void)find(&ring, &id, &entry);
    add_some(&ring, RECORDS);
    PROPERTY(find(&ring, &id, &entry) && entry.uid == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    _Alignas(8) unsigned char block[BLOCK];
    struct ledger_recovery recovery;
    struct ledger_ring ring;
    struct span input = fuzz_input(at, size);
    size_t from = fuzz_take_byte(&input) * BLOCK / 256;
    size_t room = BLOCK - from;
    size_t count;

    ledger_ring_format(block, RECORDS);
    ledger_ring_adopt(&ring, block, RECORDS, 9, &recovery);
    add_some(&ring, RECORDS / 2);
    for (size_t i = 0; i < input.length && i < room; i++) {
        block[from + i] ^= (unsigned char)input.at[i];
    }
    if (ledger_ring_check(block, BLOCK, &count) == 0) {
        PROPERTY(count == RECORDS);
        go_on_with(block, count);
    }
    return 0;
}
