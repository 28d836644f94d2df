/* SPDX-License-Identifier: MIT */
/* Called by routing/record.c for each call, and by the app. */
#include "broker/ledger/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "broker/ledger/ledger_file.h"
#include "broker/ledger/ledger_index.h"
#include "broker/ledger/ledger_other.h"
#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"
#include "proto/base/hashmap.h"
#include "proto/base/mem.h"

enum { SLOTS = 2, RANDOM_CALLS = 64 };

struct ledger {
    struct ledger_file file;
    struct ledger_ring ring;
    struct ledger_index index; /* of the ring */
    struct hashmap live;       /* struct ledger_call by id and uid, borrowed */
    struct ledger_other other; /* the file that is not ours */
    bool is_lost;              /* the file was cut short: nothing is entered any more */
    uint64_t total;
    uint8_t random[RANDOM_CALLS * CALL_ID_RANDOM_SIZE];
    size_t random_left;
};

enum { KEY_SIZE = CALL_ID_SIZE + sizeof(uint32_t) };

_Static_assert(offsetof(struct ledger_call, uid) == CALL_ID_SIZE, "the key has no gaps");

static const size_t file_maximum = (LEDGER_RECORDS_MAXIMUM + 1) * (size_t)LEDGER_RECORD_SIZE;

static struct span key_of(const struct ledger_call *call)
{
    return (struct span){(const char *)&call->id, KEY_SIZE};
}

static uint16_t tag_of(enum failure failure)
{
    return failure == FAILURE_NONE ? 0 : ledger_reason_tag(failure_reason(failure));
}

/* ---- start */

static void tell_recovery(const struct ledger *ledger, const struct ledger_recovery *recovery)
{
    bool is_news = recovery->not_executed + recovery->unknown + recovery->damaged > 0;

    log_event(is_news ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "ledger_recovered",
              "path=%s calls=%zu not_executed=%zu unknown=%zu damaged=%zu",
              log_quote(ledger->file.path), recovery->records, recovery->not_executed,
              recovery->unknown, recovery->damaged);
}

/* The records of OLD, oldest first, into the empty ring: the number of records has changed. */
static void carry_over(struct ledger *ledger, const struct ledger_ring *old)
{
    for (size_t i = 0; i < old->count; i++) {
        const void *record = ledger_ring_record(old->block, (old->next + i) % old->count);
        struct ledger_entry entry;
        size_t slot;

        if (ledger_record_read(record, &entry) &&
            ledger_ring_add(&ledger->ring, &entry, &slot) == 0) {
            ledger_ring_set(&ledger->ring, slot, entry.state, entry.reason,
                            entry.queued_ms + entry.after_ms);
        }
    }
}

/* Lay out a ring of COUNT records, with what is in CONTENT if that is a ring. */
static int lay_out(struct ledger *ledger, size_t count, struct bytes *content,
                   struct bytes *message)
{
    uint16_t reason = tag_of(FAILURE_BROKER_RESTART);
    struct ledger_recovery recovery;
    struct ledger_ring old;
    size_t had = 0;
    bool is_ring = ledger_ring_check(content->at, content->length, &had) == 0;

    if (!is_ring && content->length > 0) {
        log_event(LOG_LEVEL_WARN, "ledger_replaced", "path=%s why=\"it is no ledger of this form\"",
                  log_quote(ledger->file.path));
    }
    if (ledger_file_map(&ledger->file, ledger_ring_size(count), message) < 0) {
        return -1;
    }
    if (is_ring && had == count) {
        ledger_ring_adopt(&ledger->ring, ledger->file.block, count, reason, &recovery);
        tell_recovery(ledger, &recovery);
        return 0;
    }
    ledger_ring_format(ledger->file.block, count);
    if (is_ring) {
        ledger_ring_adopt(&old, content->at, had, reason, &recovery);
        tell_recovery(ledger, &recovery);
    }
    ledger_ring_adopt(&ledger->ring, ledger->file.block, count, reason, &recovery);
    if (is_ring) {
        carry_over(ledger, &old);
    }
    return 0;
}

/* Own one of the files. */
static int take(struct ledger *ledger, const char *directory, struct bytes *message)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        char path[sizeof(ledger->other.path)];
        char other[sizeof(path)];
        int r;

        (void)snprintf(path, sizeof(path), "%s/ledger.%d", directory, slot);
        (void)snprintf(other, sizeof(other), "%s/ledger.%d", directory, 1 - slot);
        ledger_other_init(&ledger->other, other);
        r = ledger_file_take(&ledger->file, path, message);
        if (r != -EBUSY) {
            return r;
        }
    }
    bytes_printf(message,
                 "both ledgers in %s belong to living brokers: one is still draining; wait for its "
                 "end",
                 directory);
    return -EBUSY;
}

/* Where the records that the ring has are. */
static int make_index(struct ledger *ledger, struct bytes *message)
{
    if (ledger_index_init(&ledger->index, ledger->ring.count) < 0) {
        bytes_printf(message, "out of memory");
        return -ENOMEM;
    }
    for (size_t i = 0; i < ledger->ring.count; i++) {
        struct ledger_glimpse glimpse;

        if (ledger_record_glimpse(ledger_ring_record(ledger->ring.block, i), &glimpse)) {
            ledger_index_put(&ledger->index, i, &glimpse.call);
        }
    }
    return 0;
}

struct ledger *ledger_open(const struct ledger_options *options, struct bytes *message)
{
    struct ledger *ledger = MEM_NEW(struct ledger);
    struct bytes content;
    int r;

    if (ledger == NULL) {
        bytes_printf(message, "out of memory");
        return NULL;
    }
    ledger->file.fd = -1;
    hashmap_init(&ledger->live);
    bytes_init(&content, file_maximum);
    r = take(ledger, options->directory, message);
    if (r == 0) {
        /* What cannot be read is replaced like what is no ledger. */
        if (ledger_file_read(&ledger->file, file_maximum, &content) < 0) {
            bytes_clear(&content);
            bytes_append_char(&content, '?');
        }
        r = lay_out(ledger, options->records, &content, message);
    }
    bytes_done(&content);
    r = r == 0 ? make_index(ledger, message) : r;
    if (r < 0) {
        ledger_close(ledger);
        return NULL;
    }
    ledger_other_look(&ledger->other);
    return ledger;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    CHECK(ledger->live.count == 0);
    hashmap_done(&ledger->live);
    ledger_index_done(&ledger->index);
    ledger_other_done(&ledger->other);
    ledger_file_close(&ledger->file);
    mem_free(ledger);
}

/* ---- calls */

static bool read_slot(void *owner, size_t slot, void *record)
{
    const struct ledger *ledger = owner;

    memcpy(record, ledger_ring_record(ledger->ring.block, slot), LEDGER_RECORD_SIZE);
    return true;
}

struct call_id ledger_mint(struct ledger *ledger)
{
    if (ledger->random_left == 0) {
        /* Unique, not secret: an id opens nothing.  A short read leaves older bytes. */
        if (getrandom(ledger->random, sizeof(ledger->random), GRND_NONBLOCK) < 0) {
            log_event(LOG_LEVEL_WARN, "no_random_bytes", "why=%s", log_quote(strerror(errno)));
        }
        ledger->random_left = RANDOM_CALLS;
    }
    ledger->random_left--;
    return call_id_make(clock_wall_ms(),
                        ledger->random + ledger->random_left * CALL_ID_RANDOM_SIZE);
}

/* What is known of earlier tries, into CALL.  -EEXIST: one is live. */
static int look_back(struct ledger *ledger, struct ledger_call *call)
{
    struct ledger_entry entry;

    call->earlier = LEDGER_FREE;
    if (call->is_minted || !ledger_find(ledger, &call->id, call->uid, &entry)) {
        return 0;
    }
    if (ledger_state_is_live(entry.state)) {
        return -EEXIST;
    }
    if (entry.state != LEDGER_NOT_EXECUTED) {
        call->earlier = entry.state;
        call->earlier_reason = entry.reason;
    }
    return 0;
}

/* The record of CALL is written: it stands for those of earlier tries, too. */
static void replace_earlier(struct ledger *ledger, const struct ledger_call *call)
{
    struct ledger_question question = {&call->id, &call->uid};
    struct ledger_entry entry;
    size_t slot;

    ledger_index_take(&ledger->index, call->slot);
    while (!call->is_minted &&
           ledger_index_find(&ledger->index, &question, read_slot, ledger, &entry, &slot)) {
        ledger_ring_forget(&ledger->ring, slot);
        ledger_index_take(&ledger->index, slot);
    }
    ledger_index_put(&ledger->index, call->slot, &call->id);
}

int ledger_begin(struct ledger *ledger, struct ledger_call *call, uid_t uid, const char *pool)
{
    struct ledger_entry entry = {.call = call->id, .uid = uid, .queued_ms = clock_now_ms()};
    int r;

    CHECK(call->ledger == NULL);
    if (ledger->is_lost) {
        return -EIO;
    }
    call->uid = uid;
    if (hashmap_find(&ledger->live, key_of(call)) != NULL) {
        return -EEXIST;
    }
    r = look_back(ledger, call);
    if (r < 0) {
        return r;
    }
    (void)snprintf(entry.pool, sizeof(entry.pool), "%s", pool);
    entry.state = call->earlier == LEDGER_FREE ? LEDGER_QUEUED : LEDGER_AGAIN;
    r = hashmap_add(&ledger->live, key_of(call), call);
    if (r < 0) {
        return r;
    }
    r = ledger_ring_add(&ledger->ring, &entry, &call->slot);
    if (r < 0) {
        (void)hashmap_take(&ledger->live, key_of(call));
        return r;
    }
    replace_earlier(ledger, call);
    call->ledger = ledger;
    ledger->total++;
    return 0;
}

void ledger_sending(struct ledger_call *call)
{
    if (!call->ledger->is_lost) {
        ledger_ring_set(&call->ledger->ring, call->slot, LEDGER_SENT, 0, clock_now_ms());
    }
}

void ledger_end(struct ledger_call *call, enum ledger_state state, enum failure failure)
{
    struct ledger *ledger = call->ledger;

    uint16_t reason = tag_of(failure);

    CHECK(!ledger_state_is_live(state));
    CHECK(hashmap_take(&ledger->live, key_of(call)) == call);
    if (state == LEDGER_NOT_EXECUTED && call->earlier != LEDGER_FREE) {
        /* This try did not run, but the call may have. */
        state = call->earlier;
        reason = call->earlier_reason;
    }
    if (!ledger->is_lost) {
        ledger_ring_set(&ledger->ring, call->slot, state, reason, clock_now_ms());
    }
    call->ledger = NULL;
}

size_t ledger_records(const struct ledger *ledger)
{
    return ledger->ring.count;
}

size_t ledger_live(const struct ledger *ledger)
{
    return ledger->live.count;
}

uint64_t ledger_total(const struct ledger *ledger)
{
    return ledger->total;
}

/* ---- looking */

static bool find(struct ledger *ledger, const struct ledger_question *question,
                 struct ledger_entry *ret_entry)
{
    uint16_t reason = tag_of(FAILURE_BROKER_RESTART);
    struct ledger_entry other;
    size_t slot;
    bool found = !ledger->is_lost &&
                 ledger_index_find(&ledger->index, question, read_slot, ledger, ret_entry, &slot);

    if (ledger_other_find(&ledger->other, question, reason, &other) &&
        (!found || ledger_entry_beats_elsewhere(&other, ret_entry))) {
        *ret_entry = other;
        found = true;
    }
    return found;
}

bool ledger_find(struct ledger *ledger, const struct call_id *call, uid_t uid,
                 struct ledger_entry *ret_entry)
{
    uint32_t asked = uid;
    struct ledger_question question = {call, &asked};

    return find(ledger, &question, ret_entry);
}

bool ledger_find_anybodys(struct ledger *ledger, const struct call_id *call,
                          struct ledger_entry *ret_entry)
{
    struct ledger_question question = {call, NULL};

    return find(ledger, &question, ret_entry);
}

/* The file has no name any more, but is whole: the same under its name. */
static int make_again(struct ledger *ledger)
{
    struct ledger_file fresh;
    struct bytes message;
    int r;

    bytes_init(&message, 512);
    r = ledger_file_take(&fresh, ledger->file.path, &message);
    r = r == 0 ? ledger_file_map(&fresh, ledger->file.length, &message) : r;
    if (r == 0) {
        memcpy(fresh.block, ledger->file.block, fresh.length);
        ledger_file_close(&ledger->file);
        ledger->file = fresh;
        ledger->ring.block = fresh.block;
        log_event(LOG_LEVEL_WARN, "ledger_replaced", "path=%s why=\"somebody removed it\"",
                  log_quote(ledger->file.path));
    } else {
        ledger_file_close(&fresh);
    }
    bytes_done(&message);
    return r;
}

void ledger_look(struct ledger *ledger)
{
    enum ledger_file_health health =
        ledger->is_lost ? LEDGER_FILE_SOUND : ledger_file_health(&ledger->file);

    if (health == LEDGER_FILE_SOUND ||
        (health == LEDGER_FILE_UNLINKED && make_again(ledger) == 0)) {
        return;
    }
    ledger->is_lost = true;
    log_event(LOG_LEVEL_ERROR, "ledger_lost",
              "path=%s why=\"it was removed or cut short\" effect=\"no calls are taken\" "
              "remedy=\"restart teplod\"",
              log_quote(ledger->file.path));
}
