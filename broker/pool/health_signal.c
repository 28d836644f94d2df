/* SPDX-License-Identifier: MIT */
#include "broker/pool/health_signal.h"

const struct health_signal_kind health_signal_kinds[HEALTH_SIGNAL_COUNT] = {
#define HEALTH_SIGNAL(NAME, level, hold_ms, clear_ms, reason)                                      \
    {HEALTH_##level, hold_ms, clear_ms, HEALTH_REASON_##reason},
#include "broker/pool/health_signals.def"
#undef HEALTH_SIGNAL
};

const struct health_thresholds health_thresholds = {
    .calls_minimum = 20,
    .err_pct = {5, 2},
    .many_pct = {25, 10},
    .p95_times = {3, 2},
    .p95_ms = {500, 250},
    .wait_ms = {1000, 200},
    .lost_pct = {20, 10},
    .lost_minimum = 3,
    .ratelimited = {5, 0},
    .probes_fall = 3,
    .probes_rise = 2,
    .no_session_ms = 5000,
};

static enum health_evidence compare(double value, const struct health_threshold *threshold)
{
    if (value >= threshold->bad) {
        return HEALTH_BAD;
    }
    return value <= threshold->clear ? HEALTH_CLEAR : HEALTH_BETWEEN;
}

static enum health_evidence bad_if(bool is_bad)
{
    return is_bad ? HEALTH_BAD : HEALTH_CLEAR;
}

/* Few calls are no evidence of anything bad, yet may show that all is well. */
static enum health_evidence with_calls(const struct health_window *window,
                                       enum health_evidence evidence)
{
    return evidence == HEALTH_BAD && window->calls < health_thresholds.calls_minimum
               ? HEALTH_BETWEEN
               : evidence;
}

/* A minute without calls is one without faults. */
static enum health_evidence look_at_errors(const struct health_window *window,
                                           const struct health_threshold *threshold)
{
    double pct = window->calls == 0 ? 0 : 100.0 * (double)window->faults / (double)window->calls;

    return with_calls(window, compare(pct, threshold));
}

static enum health_evidence look_at_latency(const struct health_window *window, double baseline_ms)
{
    enum health_evidence absolute = compare(window->p95_ms, &health_thresholds.p95_ms);
    enum health_evidence relative;

    if (window->calls == 0 || baseline_ms <= 0 || absolute == HEALTH_CLEAR) {
        return HEALTH_CLEAR;
    }
    relative = compare(window->p95_ms / baseline_ms, &health_thresholds.p95_times);
    if (relative == HEALTH_BAD && absolute != HEALTH_BAD) {
        return HEALTH_BETWEEN;
    }
    return with_calls(window, relative);
}

/* One that is lost is replaced; a storm of them is a fault. */
static enum health_evidence look_at_losses(size_t open, uint64_t lost)
{
    double pct = lost == 0 ? 0 : 100.0 * (double)lost / (double)(open + lost);

    if (lost < health_thresholds.lost_minimum) {
        return HEALTH_CLEAR;
    }
    return compare(pct, &health_thresholds.lost_pct);
}

static enum health_evidence look_at_probes(const struct health_facts *facts,
                                           const struct health_past *past)
{
    const struct health_window *window = &facts->window;

    if (facts->open == 0) {
        return HEALTH_CLEAR; /* nothing is left to ask: whether one can be opened says the rest */
    }
    /* Any call that the server answers is a probe, too. */
    if (past->probes_ok >= health_thresholds.probes_rise ||
        window->calls - window->faults >= health_thresholds.probes_rise) {
        return HEALTH_CLEAR;
    }
    return past->probes_failed >= health_thresholds.probes_fall ? HEALTH_BAD : HEALTH_BETWEEN;
}

/* None is open, and the last attempt to open one failed. */
static bool is_down(const struct health_facts *facts)
{
    return facts->open == 0 && facts->has_failure;
}

static enum health_evidence look_at_credentials(const struct health_facts *facts)
{
    if (is_down(facts) && facts->is_auth) {
        return HEALTH_BAD;
    }
    return bad_if(facts->unauthorized_ms > facts->window.last_ok_ms);
}

static enum health_evidence look_at_sessions(const struct health_facts *facts)
{
    if (facts->open > 0) {
        return HEALTH_CLEAR;
    }
    if (facts->oldest_wait_ms >= health_thresholds.no_session_ms) {
        return HEALTH_BAD;
    }
    if (!facts->has_failure) {
        return HEALTH_CLEAR; /* they come and go */
    }
    if (facts->is_settled) {
        return HEALTH_BETWEEN; /* said by the signals that know better */
    }
    return !facts->has_opened || facts->failing_ms >= health_thresholds.no_session_ms
               ? HEALTH_BAD
               : HEALTH_BETWEEN;
}

enum health_evidence health_signal_look(enum health_signal health_signal,
                                        const struct health_facts *facts,
                                        const struct health_past *past)
{
    switch (health_signal) {
    case HEALTH_SIGNAL_BREAKER:
        /* What somebody has to mend is not a matter of waiting. */
        return bad_if(is_down(facts) && facts->gave_up && !facts->is_settled);
    case HEALTH_SIGNAL_AUTH:
        return look_at_credentials(facts);
    case HEALTH_SIGNAL_REFUSED:
        return bad_if(is_down(facts) && facts->is_settled && !facts->is_auth);
    case HEALTH_SIGNAL_NO_SESSION:
        return look_at_sessions(facts);
    case HEALTH_SIGNAL_PROBES:
        return look_at_probes(facts, past);
    case HEALTH_SIGNAL_MANY_ERRORS:
        return look_at_errors(&facts->window, &health_thresholds.many_pct);
    case HEALTH_SIGNAL_ERRORS:
        return look_at_errors(&facts->window, &health_thresholds.err_pct);
    case HEALTH_SIGNAL_CANNOT_GROW:
        return bad_if(facts->open > 0 && facts->has_failure);
    case HEALTH_SIGNAL_SESS_LOST:
        return look_at_losses(facts->open, past->lost);
    case HEALTH_SIGNAL_RATELIMITED:
        return compare((double)past->ratelimited, &health_thresholds.ratelimited);
    case HEALTH_SIGNAL_WAIT:
        return compare((double)facts->oldest_wait_ms, &health_thresholds.wait_ms);
    case HEALTH_SIGNAL_SLOW:
        return look_at_latency(&facts->window, past->baseline_ms);
    case HEALTH_SIGNAL_COLD:
        return bad_if(facts->open < facts->minimum);
    case HEALTH_SIGNAL_COUNT:
        break;
    }
    return HEALTH_CLEAR;
}
