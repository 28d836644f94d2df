/* SPDX-License-Identifier: MIT */
/* Called by ledger.c; knows neither files nor clocks. */
#include "broker/ledger/ledger_ring.h"

#include <errno.h>

/* In the byte order of the machine: a runtime directory does not travel. */
struct header {
    char magic[8];
    uint32_t version;
    uint32_t record_size;
    uint64_t count;
    uint8_t spare[32];
    uint32_t spare_too;
    uint32_t sum; /* of all before it */
};

struct record {
    uint64_t seq; /* from 1 */
    uint8_t call[CALL_ID_SIZE];
    int64_t queued_ms;
    char pool[LEDGER_POOL_SIZE]; /* NUL-padded */
    uint32_t uid;
    uint32_t sum;      /* of all before it */
    uint64_t standing; /* 0: free */
};

/* The standing, from the lowest bit: 8 state, 16 reason, 24 ms since queued, 16 check. */
enum { REASON_AT = 8, AFTER_AT = 24, CHECK_AT = 48 };

static const char magic[8] = {'t', 'e', 'p', 'l', 'o', 'l', 'd', 'g'};
static const uint32_t version = 1;
static const int64_t after_maximum = (1 << 24) - 1;
static const int64_t queued_maximum = (int64_t)1 << 53;

_Static_assert(sizeof(struct header) == LEDGER_RECORD_SIZE, "the header takes one record's place");
_Static_assert(sizeof(struct record) == LEDGER_RECORD_SIZE, "records are 64 bytes");

/*
 * Of whole words, eight bytes each.  Every step is one to one, so that a change in one word always
 * changes the state; the half that is kept misses it once in 2^32.
 */
static uint32_t sum_of(const void *data, size_t length)
{
    const unsigned char *at = data;
    uint64_t sum = 0x9e3779b97f4a7c15;

    for (; length > 0; length -= length < 8 ? length : 8, at += 8) {
        uint64_t word = 0;

        memcpy(&word, at, length < 8 ? length : 8);
        sum = (sum ^ word) * 0xbf58476d1ce4e5b9;
        sum ^= sum >> 29;
    }
    return (uint32_t)(sum >> 32);
}

/* CRC-16 (CCITT): misses no change within two neighbouring bytes. */
static uint16_t add_to_check(uint16_t check, const void *data, size_t length)
{
    static const uint16_t nibbles[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5,
                                         0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b,
                                         0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    const uint8_t *at = data;

    for (size_t i = 0; i < length; i++) {
        check = (uint16_t)(check << 4 ^ nibbles[check >> 12 ^ at[i] >> 4]);
        check = (uint16_t)(check << 4 ^ nibbles[check >> 12 ^ (at[i] & 0xf)]);
    }
    return check;
}

uint16_t ledger_reason_tag(const char *reason)
{
    return reason == NULL ? 0 : add_to_check(0xffff, reason, strlen(reason));
}

/* ---- the block */

size_t ledger_ring_size(size_t count)
{
    return (count + 1) * LEDGER_RECORD_SIZE;
}

const void *ledger_ring_record(const void *block, size_t slot)
{
    return (const unsigned char *)block + (slot + 1) * LEDGER_RECORD_SIZE;
}

static struct record *record_at(const struct ledger_ring *ring, size_t slot)
{
    CHECK(slot < ring->count);
    return (void *)(ring->block + (slot + 1) * LEDGER_RECORD_SIZE);
}

void ledger_ring_format(void *block, size_t count)
{
    struct header header = {.version = version, .record_size = LEDGER_RECORD_SIZE, .count = count};

    CHECK(count >= LEDGER_RECORDS_MINIMUM && count <= LEDGER_RECORDS_MAXIMUM);
    memcpy(header.magic, magic, sizeof(magic));
    header.sum = sum_of(&header, offsetof(struct header, sum));
    memset(block, 0, ledger_ring_size(count));
    memcpy(block, &header, sizeof(header));
}

int ledger_ring_check(const void *block, size_t length, size_t *ret_count)
{
    struct header header;

    if (length < sizeof(header)) {
        return -EBADMSG;
    }
    memcpy(&header, block, sizeof(header));
    if (memcmp(header.magic, magic, sizeof(magic)) != 0 || header.version != version ||
        header.record_size != LEDGER_RECORD_SIZE ||
        header.sum != sum_of(&header, offsetof(struct header, sum)) ||
        header.count < LEDGER_RECORDS_MINIMUM || header.count > LEDGER_RECORDS_MAXIMUM ||
        length != ledger_ring_size((size_t)header.count)) {
        return -EBADMSG;
    }
    *ret_count = (size_t)header.count;
    return 0;
}

/* ---- one record */

static uint16_t check_of(const struct record *record, uint64_t standing)
{
    uint64_t rest = standing & (((uint64_t)1 << CHECK_AT) - 1);
    uint16_t check = add_to_check(0xffff, &record->sum, sizeof(record->sum));

    return add_to_check(check, &rest, sizeof(rest));
}

static void set_standing(struct record *record, enum ledger_state state, uint16_t reason,
                         int64_t now_ms)
{
    int64_t after_ms = now_ms - record->queued_ms;
    uint64_t standing;

    after_ms = after_ms < 0 ? 0 : after_ms;
    after_ms = after_ms > after_maximum ? after_maximum : after_ms;
    standing = (uint64_t)state | (uint64_t)reason << REASON_AT | (uint64_t)after_ms << AFTER_AT;
    standing |= (uint64_t)check_of(record, standing) << CHECK_AT;
    /* After all that was written before: what it speaks of is there when it is. */
    __atomic_store_n(&record->standing, standing, __ATOMIC_RELEASE);
}

static bool is_state(unsigned number)
{
    switch (number) {
#define STATE(name, number, outcome, text) case (number):
#include "broker/ledger/ledger_states.def"
#undef STATE
        return true;
    default: /* a byte of a file, not one of our enum */
        return false;
    }
}

bool ledger_record_read(const void *at, struct ledger_entry *ret_entry)
{
    struct record record;

    memcpy(&record, at, sizeof(record));
    if (record.standing == 0 || record.seq == 0 || record.seq > INT64_MAX || record.queued_ms < 0 ||
        record.queued_ms > queued_maximum ||
        record.sum != sum_of(&record, offsetof(struct record, sum)) ||
        record.standing >> CHECK_AT != check_of(&record, record.standing) ||
        !is_state(record.standing & 0xff)) {
        return false;
    }
    *ret_entry =
        (struct ledger_entry){.seq = record.seq,
                              .uid = record.uid,
                              .state = (enum ledger_state)(record.standing & 0xff),
                              .reason = (uint16_t)(record.standing >> REASON_AT),
                              .queued_ms = record.queued_ms,
                              .after_ms = (int64_t)(record.standing >> AFTER_AT) & after_maximum};
    memcpy(ret_entry->call.at, record.call, CALL_ID_SIZE);
    memcpy(ret_entry->pool, record.pool, LEDGER_POOL_SIZE);
    return true;
}

bool ledger_record_is_free(const void *at)
{
    struct record record;

    memcpy(&record, at, sizeof(record));
    return record.standing == 0;
}

bool ledger_record_glimpse(const void *at, struct ledger_glimpse *ret_glimpse)
{
    struct record record;

    memcpy(&record, at, sizeof(record));
    if (record.standing == 0 || record.seq > INT64_MAX ||
        record.sum != sum_of(&record, offsetof(struct record, sum))) {
        return false;
    }
    ret_glimpse->seq = record.seq;
    memcpy(ret_glimpse->call.at, record.call, CALL_ID_SIZE);
    ret_glimpse->is_live = ledger_state_is_live((enum ledger_state)(record.standing & 0xff));
    return true;
}

void ledger_entry_settle(struct ledger_entry *entry, uint16_t reason)
{
    if (ledger_state_is_live(entry->state)) {
        entry->state = entry->state == LEDGER_QUEUED ? LEDGER_NOT_EXECUTED : LEDGER_UNKNOWN;
        entry->reason = reason;
    }
}

static bool may_have_run(const struct ledger_entry *entry)
{
    return entry->state != LEDGER_NOT_EXECUTED;
}

bool ledger_entry_beats(const struct ledger_entry *entry, const struct ledger_entry *other)
{
    return may_have_run(entry) == may_have_run(other) ? entry->seq > other->seq
                                                      : may_have_run(entry);
}

bool ledger_entry_beats_elsewhere(const struct ledger_entry *entry,
                                  const struct ledger_entry *other)
{
    if (may_have_run(entry) != may_have_run(other)) {
        return may_have_run(entry);
    }
    return entry->queued_ms > other->queued_ms ||
           (entry->queued_ms == other->queued_ms && ledger_state_is_live(entry->state));
}

/* ---- the ring */

static void settle(struct record *record, struct ledger_entry *entry, uint16_t reason,
                   struct ledger_recovery *recovery)
{
    bool was_live = ledger_state_is_live(entry->state);

    recovery->records++;
    ledger_entry_settle(entry, reason);
    if (was_live) {
        recovery->not_executed += entry->state == LEDGER_NOT_EXECUTED;
        recovery->unknown += entry->state == LEDGER_UNKNOWN;
        set_standing(record, entry->state, reason, entry->queued_ms + entry->after_ms);
    }
}

void ledger_ring_adopt(struct ledger_ring *ring, void *block, size_t count, uint16_t reason,
                       struct ledger_recovery *ret_recovery)
{
    *ring = (struct ledger_ring){.block = block, .count = count};
    *ret_recovery = (struct ledger_recovery){0};
    for (size_t i = 0; i < count; i++) {
        struct record *record = record_at(ring, i);
        struct ledger_entry entry;

        if (ledger_record_read(record, &entry)) {
            settle(record, &entry, reason, ret_recovery);
            if (entry.seq > ring->seq) {
                ring->seq = entry.seq;
                ring->next = (i + 1) % count;
            }
        } else if (record->standing != 0) {
            ret_recovery->damaged++;
            record->standing = 0;
        }
    }
}

static enum ledger_state state_at(const struct ledger_ring *ring, size_t slot)
{
    return (enum ledger_state)(record_at(ring, slot)->standing & 0xff);
}

int ledger_ring_add(struct ledger_ring *ring, const struct ledger_entry *entry, size_t *ret_slot)
{
    size_t slot = ring->next;
    struct record *record;

    /* Bounded by the count, whatever somebody wrote into the file meanwhile. */
    for (size_t i = 0; i < ring->count && ledger_state_is_live(state_at(ring, slot)); i++) {
        slot = (slot + 1) % ring->count;
    }
    if (ledger_state_is_live(state_at(ring, slot))) {
        return -ENOSPC;
    }
    record = record_at(ring, slot);
    /* Free first: half a new record must not stand under the old one's word. */
    __atomic_store_n(&record->standing, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    record->seq = ++ring->seq;
    memcpy(record->call, entry->call.at, CALL_ID_SIZE);
    record->queued_ms = entry->queued_ms;
    memcpy(record->pool, entry->pool, LEDGER_POOL_SIZE);
    record->uid = entry->uid;
    record->sum = sum_of(record, offsetof(struct record, sum));
    set_standing(record, entry->state == LEDGER_AGAIN ? LEDGER_AGAIN : LEDGER_QUEUED, 0,
                 entry->queued_ms);
    ring->next = (slot + 1) % ring->count;
    *ret_slot = slot;
    return 0;
}

void ledger_ring_set(struct ledger_ring *ring, size_t slot, enum ledger_state state,
                     uint16_t reason, int64_t now_ms)
{
    CHECK(state != LEDGER_FREE);
    set_standing(record_at(ring, slot), state, reason, now_ms);
}

void ledger_ring_forget(struct ledger_ring *ring, size_t slot)
{
    __atomic_store_n(&record_at(ring, slot)->standing, 0, __ATOMIC_RELEASE);
}
