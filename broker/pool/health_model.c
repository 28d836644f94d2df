/* SPDX-License-Identifier: MIT */
#include "broker/pool/health_model.h"

#include <stdio.h>

/* After a longer pause nothing is known of what was in between. */
enum { SAMPLE_LONGEST_MS = 10000, SAMPLE_SHORTEST_MS = 500 };

struct health_memory health_model_begin(int64_t now_ms)
{
    struct health_memory memory = {
        .health = HEALTH_UNKNOWN, .level = HEALTH_UNKNOWN, .since_ms = now_ms, .level_ms = now_ms};

    (void)snprintf(memory.reason, sizeof(memory.reason), "%s",
                   health_reason_token(HEALTH_REASON_UNUSED));
    return memory;
}

/* ---- what follows from the facts */

static void note_probes(struct health_memory *memory, const struct health_facts *facts)
{
    struct health_past *past = &memory->past;
    uint64_t failed = facts->probes_failed - memory->probes_failed;
    uint64_t passed = facts->probes_ok - memory->probes_ok;

    memory->probes_failed = facts->probes_failed;
    memory->probes_ok = facts->probes_ok;
    /* Of a second's probes the order is not known: the failed ones are taken for the last. */
    if (passed > 0) {
        past->probes_failed = 0;
        past->probes_ok += (unsigned)passed;
    }
    if (failed > 0) {
        past->probes_ok = 0;
        past->probes_failed += (unsigned)failed;
    }
}

static void note_latency(struct health_memory *memory, const struct health_window *window,
                         int64_t now_ms)
{
    struct health_baseline *baseline = &memory->baseline;
    int64_t passed_ms = now_ms - baseline->at_ms;
    double share;

    if (passed_ms < SAMPLE_SHORTEST_MS) {
        return;
    }
    baseline->at_ms = now_ms;
    if (window->calls < health_thresholds.calls_minimum || window->p95_ms <= 0) {
        return;
    }
    passed_ms = passed_ms > SAMPLE_LONGEST_MS ? SAMPLE_LONGEST_MS : passed_ms;
    baseline->age_ms += passed_ms;
    if (baseline->age_ms > HEALTH_BASELINE_MS) {
        baseline->age_ms = HEALTH_BASELINE_MS;
    }
    share = (double)passed_ms / (double)baseline->age_ms;
    baseline->mean_ms += share * (window->p95_ms - baseline->mean_ms);
}

static void note_facts(struct health_memory *memory, const struct health_facts *facts,
                       int64_t now_ms)
{
    health_tally_note(&memory->lost, facts->lost, now_ms);
    health_tally_note(&memory->ratelimited, facts->ratelimited, now_ms);
    memory->past.lost = health_tally_sum(&memory->lost);
    memory->past.ratelimited = health_tally_sum(&memory->ratelimited);
    note_probes(memory, facts);
    note_latency(memory, &facts->window, now_ms);
    memory->past.baseline_ms =
        memory->baseline.age_ms < HEALTH_BASELINE_LEAST_MS ? 0 : memory->baseline.mean_ms;
}

/* ---- signals */

static void look(struct health_signal_state *state, const struct health_signal_kind *kind,
                 enum health_evidence evidence, int64_t now_ms)
{
    bool is_turning = evidence == (state->is_on ? HEALTH_CLEAR : HEALTH_BAD);

    state->is_clear = evidence == HEALTH_CLEAR;
    if (!is_turning) {
        state->since_ms = 0;
        return;
    }
    if (state->since_ms == 0) {
        state->since_ms = now_ms;
    }
    if (now_ms - state->since_ms >= (state->is_on ? kind->clear_ms : kind->hold_ms)) {
        state->is_on = !state->is_on;
        state->since_ms = 0;
    }
}

/* The worst level that a signal asks for. */
static enum health wanted_level(const struct health_memory *memory)
{
    enum health worst = HEALTH_HEALTHY;

    for (size_t i = 0; i < HEALTH_SIGNAL_COUNT; i++) {
        if (memory->signals[i].is_on && health_signal_kinds[i].level > worst) {
            worst = health_signal_kinds[i].level;
        }
    }
    return worst;
}

/* ---- levels */

static bool has_result(const struct health_facts *facts)
{
    return facts->has_opened || facts->has_failure || facts->window.calls > 0;
}

static void change_level(struct health_memory *memory, enum health level, int64_t now_ms)
{
    for (size_t i = HEALTH_CHANGES - 1; i > 0; i--) {
        memory->changes_ms[i] = memory->changes_ms[i - 1];
    }
    memory->changes_ms[0] = now_ms;
    memory->level = level;
    memory->level_ms = now_ms;
}

/* One change more would be one too many. */
static bool would_flap(const struct health_memory *memory, int64_t now_ms)
{
    int64_t first_ms = memory->changes_ms[HEALTH_CHANGES - 1];

    return first_ms != 0 && now_ms - first_ms < HEALTH_CHANGES_MS;
}

static void make_worse(struct health_memory *memory, enum health level, int64_t now_ms)
{
    if (would_flap(memory, now_ms)) {
        memory->flapping_ms = now_ms + HEALTH_FLAPPING_MS;
    }
    change_level(memory, level, now_ms);
}

static void make_better(struct health_memory *memory, int64_t now_ms)
{
    if (memory->level == HEALTH_CIRCUIT_OPEN) {
        /* The breaker is closed: a fact, whatever came before. */
        change_level(memory, HEALTH_UNHEALTHY, now_ms);
        return;
    }
    if (memory->flapping_ms != 0 || now_ms - memory->level_ms < HEALTH_UP_MS) {
        return;
    }
    if (would_flap(memory, now_ms)) {
        memory->flapping_ms = now_ms + HEALTH_FLAPPING_MS;
        return;
    }
    change_level(memory, (enum health)(memory->level - 1), now_ms);
}

static void end_flapping(struct health_memory *memory, int64_t now_ms)
{
    if (memory->flapping_ms != 0 && now_ms >= memory->flapping_ms) {
        memory->flapping_ms = 0;
        for (size_t i = 0; i < HEALTH_CHANGES; i++) {
            memory->changes_ms[i] = 0;
        }
    }
}

static void move_level(struct health_memory *memory, const struct health_facts *facts,
                       int64_t now_ms)
{
    enum health wanted = wanted_level(memory);

    end_flapping(memory, now_ms);
    if (memory->level == HEALTH_UNKNOWN) {
        if (has_result(facts) || wanted != HEALTH_HEALTHY) {
            memory->level = wanted;
            memory->level_ms = now_ms;
        }
    } else if (wanted > memory->level) {
        make_worse(memory, wanted, now_ms);
    } else if (wanted < memory->level) {
        make_better(memory, now_ms);
    }
}

/* ---- words */

static void add_reason(enum health_reason *reasons, size_t *count, enum health_reason reason)
{
    for (size_t i = 0; i < *count; i++) {
        if (reasons[i] == reason) {
            return;
        }
    }
    if (*count < HEALTH_REASONS) {
        reasons[(*count)++] = reason;
    }
}

/* Worst first: what is wrong still, at this level; that it is no longer; what is wrong below. */
static size_t collect_reasons(const struct health_memory *memory, enum health_reason *reasons)
{
    bool is_explained = memory->level == HEALTH_HEALTHY;
    size_t count = 0;

    if (memory->level == HEALTH_UNKNOWN) {
        add_reason(reasons, &count, HEALTH_REASON_UNUSED);
        return count;
    }
    if (memory->flapping_ms != 0) {
        add_reason(reasons, &count, HEALTH_REASON_FLAPPING);
    }
    for (size_t i = 0; i < HEALTH_SIGNAL_COUNT; i++) {
        const struct health_signal_state *state = &memory->signals[i];

        if (!state->is_on || state->is_clear) {
            continue;
        }
        if (!is_explained && health_signal_kinds[i].level < memory->level) {
            add_reason(reasons, &count, HEALTH_REASON_RECOVERING);
        }
        is_explained = true;
        add_reason(reasons, &count, health_signal_kinds[i].reason);
    }
    if (!is_explained) {
        add_reason(reasons, &count, HEALTH_REASON_RECOVERING);
    }
    return count;
}

static void write_reasons(struct health_memory *memory)
{
    enum health_reason reasons[HEALTH_REASONS];
    size_t count = 1;
    int length = 0;

    if (memory->health == HEALTH_DRAINING) {
        reasons[0] = HEALTH_REASON_DRAINING;
    } else {
        count = collect_reasons(memory, reasons);
    }
    (void)snprintf(memory->reason, sizeof(memory->reason), "-");
    for (size_t i = 0; i < count; i++) {
        length += snprintf(memory->reason + length, sizeof(memory->reason) - (size_t)length, "%s%s",
                           i == 0 ? "" : ",", health_reason_token(reasons[i]));
    }
}

/* ---- all together */

static void show(struct health_memory *memory, enum health health, int64_t now_ms)
{
    if (memory->health != health) {
        memory->health = health;
        memory->since_ms = now_ms;
    }
    write_reasons(memory);
}

/* What is refused meanwhile says nothing: all goes on afterwards as it was. */
static void stand_still(struct health_memory *memory, int64_t now_ms)
{
    for (size_t i = 0; i < HEALTH_SIGNAL_COUNT; i++) {
        memory->signals[i].since_ms = 0;
    }
    memory->level_ms = now_ms;
}

struct health_memory health_model_next(const struct health_memory *before,
                                       const struct health_facts *facts, int64_t now_ms)
{
    struct health_memory memory = *before;

    note_facts(&memory, facts, now_ms);
    if (facts->is_draining) {
        stand_still(&memory, now_ms);
        show(&memory, HEALTH_DRAINING, now_ms);
        return memory;
    }
    for (size_t i = 0; i < HEALTH_SIGNAL_COUNT; i++) {
        look(&memory.signals[i], &health_signal_kinds[i],
             health_signal_look((enum health_signal)i, facts, &memory.past), now_ms);
    }
    move_level(&memory, facts, now_ms);
    show(&memory, memory.level, now_ms);
    return memory;
}

bool health_model_is_steady(const struct health_memory *memory)
{
    bool is_moving = memory->level != HEALTH_UNKNOWN && memory->level != wanted_level(memory);

    if (memory->health == HEALTH_DRAINING) {
        return true;
    }
    for (size_t i = 0; i < HEALTH_SIGNAL_COUNT; i++) {
        if (memory->signals[i].since_ms != 0) {
            return false;
        }
    }
    return !is_moving && memory->flapping_ms == 0 && memory->past.lost == 0 &&
           memory->past.ratelimited == 0;
}
