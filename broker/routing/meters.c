/* SPDX-License-Identifier: MIT */
#include "broker/routing/meters.h"

#include <string.h>

#include "broker/routing/operations.h"
#include "proto/base/mem.h"

const double meter_bounds_s[METER_BUCKETS - 1] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30};

/* Ten seconds of counts, as a slot of struct rolling. */
struct slot {
    uint64_t ended;
    uint64_t upstream_faults;
    uint64_t tool_errors;
    double active_ms; /* sessions times how long */
    double cap_ms;
};

struct meters {
    int64_t started_ms;
    struct rolling latency;
    struct rolling wait;
    struct rolling create;
    struct slot slots[ROLLING_SLOTS];
    int64_t slot_number; /* of the newest */
    size_t active;
    size_t cap;
    int64_t weighed_ms; /* up to which active and cap are in the slots */
    struct meter_buckets since_start[METER_KINDS];
    struct operations operations;
};

struct meters *meters_new(int64_t now_ms)
{
    struct meters *meters = MEM_NEW(struct meters);

    if (meters == NULL) {
        return NULL;
    }
    meters->started_ms = now_ms;
    meters->weighed_ms = now_ms;
    meters->slot_number = now_ms / ROLLING_SLOT_MS;
    operations_init(&meters->operations);
    return meters;
}

void meters_free(struct meters *meters)
{
    if (meters != NULL) {
        operations_done(&meters->operations);
        mem_free(meters);
    }
}

/* ---- the last minute */

/* The slot of now; those that are too old are empty again. */
static struct slot *newest_slot(struct meters *meters, int64_t now_ms)
{
    int64_t number = now_ms / ROLLING_SLOT_MS;

    for (int64_t i = number; i > meters->slot_number && i > number - ROLLING_SLOTS; i--) {
        meters->slots[i % ROLLING_SLOTS] = (struct slot){0};
    }
    if (number > meters->slot_number) {
        meters->slot_number = number;
    }
    return &meters->slots[meters->slot_number % ROLLING_SLOTS];
}

static int64_t window_begin_ms(const struct meters *meters)
{
    int64_t oldest_ms = (meters->slot_number - ROLLING_SLOTS + 1) * ROLLING_SLOT_MS;

    return oldest_ms > meters->started_ms ? oldest_ms : meters->started_ms;
}

/* The active sessions up to now, each slot's own part into it. */
static void weigh(struct meters *meters, int64_t now_ms)
{
    int64_t from_ms;

    (void)newest_slot(meters, now_ms);
    from_ms =
        meters->weighed_ms > window_begin_ms(meters) ? meters->weighed_ms : window_begin_ms(meters);
    while (from_ms < now_ms) {
        int64_t number = from_ms / ROLLING_SLOT_MS;
        int64_t end_ms = (number + 1) * ROLLING_SLOT_MS;
        int64_t to_ms = end_ms < now_ms ? end_ms : now_ms;
        struct slot *slot = &meters->slots[number % ROLLING_SLOTS];

        slot->active_ms += (double)(to_ms - from_ms) * (double)meters->active;
        slot->cap_ms += (double)(to_ms - from_ms) * (double)meters->cap;
        from_ms = to_ms;
    }
    if (now_ms > meters->weighed_ms) {
        meters->weighed_ms = now_ms;
    }
}

void meters_note_active(struct meters *meters, int64_t now_ms, size_t active, size_t cap)
{
    weigh(meters, now_ms);
    meters->active = active;
    meters->cap = cap;
}

double meters_utilisation_pct(struct meters *meters, int64_t now_ms)
{
    double active_ms = 0;
    double cap_ms = 0;

    weigh(meters, now_ms);
    for (size_t i = 0; i < ROLLING_SLOTS; i++) {
        active_ms += meters->slots[i].active_ms;
        cap_ms += meters->slots[i].cap_ms;
    }
    if (cap_ms <= 0) {
        return 0;
    }
    /* What is held in reserve is above the cap. */
    return active_ms < cap_ms ? 100 * active_ms / cap_ms : 100;
}

void meters_window(struct meters *meters, int64_t now_ms, struct meters_window *ret)
{
    int64_t spans_ms;

    (void)newest_slot(meters, now_ms);
    spans_ms = now_ms - window_begin_ms(meters);
    *ret = (struct meters_window){.seconds = spans_ms > 1000 ? (double)spans_ms / 1000 : 1};
    for (size_t i = 0; i < ROLLING_SLOTS; i++) {
        ret->ended += meters->slots[i].ended;
        ret->upstream_faults += meters->slots[i].upstream_faults;
        ret->tool_errors += meters->slots[i].tool_errors;
    }
}

void meters_latency(struct meters *meters, int64_t now_ms, struct histogram *ret)
{
    rolling_sum(&meters->latency, now_ms, ret);
}

void meters_wait(struct meters *meters, int64_t now_ms, struct histogram *ret)
{
    rolling_sum(&meters->wait, now_ms, ret);
}

void meters_create(struct meters *meters, int64_t now_ms, struct histogram *ret)
{
    rolling_sum(&meters->create, now_ms, ret);
}

/* ---- since the start */

const struct meter_buckets *meters_since_start(const struct meters *meters, enum meter_kind kind)
{
    return &meters->since_start[kind];
}

const struct operation *meters_operation(const struct meters *meters, size_t index)
{
    return operations_at(&meters->operations, index);
}

static void count(struct meters *meters, enum meter_kind kind, double seconds)
{
    struct meter_buckets *to = &meters->since_start[kind];
    size_t bucket = 0;

    while (bucket < METER_BUCKETS - 1 && seconds > meter_bounds_s[bucket]) {
        bucket++;
    }
    to->count++;
    to->sum_s += seconds;
    to->buckets[bucket]++;
}

void meters_note_create(struct meters *meters, int64_t now_ms, double ms)
{
    rolling_add(&meters->create, now_ms, ms);
    count(meters, METER_CREATE, ms / 1000);
}

/* ---- at the end of a request */

bool meters_is_upstream_fault(const char *error_type)
{
    /* Not refusals of ours, nor what is policy (auth, ratelimit) or the caller's doing. */
    static const char *const faults[] = {"dns",     "connect", "tls",     "timeout",  "reset",
                                         "http5xx", "proto",   "session", "ambiguous"};

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (error_type != NULL && strcmp(error_type, faults[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* How long it waited for a session; -1: it did not wait, but was refused at once. */
static int64_t waited_us(const struct timeline *timeline)
{
    bool gave_up =
        timeline->failure == FAILURE_QUEUE_TIMEOUT || timeline->failure == FAILURE_UNAVAILABLE ||
        timeline->result == CALL_RESULT_CANCELLED || timeline->result == CALL_RESULT_CLIENT_GONE;

    if (timeline->session_us > 0) {
        return timeline->waited_us;
    }
    return gave_up ? timeline->done_us - timeline->begun_us : -1;
}

static void note_window(struct meters *meters, int64_t now_ms, const struct timeline *timeline,
                        const char *error_type)
{
    struct slot *slot = newest_slot(meters, now_ms);
    int64_t wait_us = waited_us(timeline);

    slot->ended++;
    slot->upstream_faults += meters_is_upstream_fault(error_type) ? 1 : 0;
    slot->tool_errors += timeline->result == CALL_RESULT_TOOL_ERROR ? 1 : 0;
    if (wait_us >= 0) {
        rolling_add(&meters->wait, now_ms, (double)wait_us / 1e3);
        count(meters, METER_WAIT, (double)wait_us / 1e6);
    }
    if (timeline->sent_us > 0) {
        int64_t used_us = timeline->done_us - timeline->sent_us;

        rolling_add(&meters->latency, now_ms, (double)used_us / 1e3);
        count(meters, METER_USE, (double)used_us / 1e6);
    }
}

void meters_note_call(struct meters *meters, int64_t now_ms, const struct timeline *timeline,
                      const char *error_type)
{
    if (timeline->kind != TIMELINE_LOCAL) {
        note_window(meters, now_ms, timeline, error_type);
    }
    operations_note(&meters->operations, timeline, error_type);
}
