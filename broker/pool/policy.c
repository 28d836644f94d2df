/* SPDX-License-Identifier: MIT */
#include "broker/pool/policy.h"

/* Half full: several calls share a session, and the next one is ready before it is needed. */
static size_t target(const struct pool_limits *limits)
{
    size_t wished =
        limits->target_inflight == 0 ? limits->max_inflight / 2 : limits->target_inflight;

    if (wished > limits->max_inflight) {
        wished = limits->max_inflight;
    }
    return wished == 0 ? 1 : wished;
}

bool policy_has_room(const struct pool_limits *limits, size_t load)
{
    return load < limits->max_inflight;
}

bool policy_is_below_target(const struct pool_limits *limits, size_t load)
{
    return load < target(limits);
}

static bool wants_shared(const struct pool_limits *limits, const struct pool_view *view)
{
    /* Those on their way, and those that are being pinged, will take what waits as far as they
       have room. */
    size_t coming = view->opening + view->checking;

    if (view->open == 0) {
        return view->waiting > view->opening * target(limits);
    }
    if (view->waiting > 0) {
        return view->waiting > coming * target(limits);
    }
    return view->opening == 0 && !policy_is_below_target(limits, view->least_load);
}

static bool wants_session(const struct pool_limits *limits, const struct pool_view *view)
{
    if (view->open + view->opening < limits->minimum) {
        return true;
    }
    switch (limits->mode) {
    case POOL_MODE_CALL:
        return wants_shared(limits, view);
    case POOL_MODE_SESSION:
        return view->unserved > view->spare + view->opening;
    }
    return false;
}

static bool may_open(const struct pool_limits *limits, const struct pool_view *view)
{
    bool goes_well = view->failing_since_ms == 0 && view->has_opened && view->waiting > 0;
    size_t connecting = goes_well && limits->max_connecting > 1 ? limits->max_connecting : 1;
    size_t size = limits->size;
    /* They take no place at the server: their calls, which end when they end, hold nobody up.  As
       many as there may be sessions at most, whatever a server says. */
    size_t forsaken = view->forsaken < size ? view->forsaken : size;

    if (limits->reserve > 0 && view->oldest_wait_ms >= limits->reserve_timeout_ms) {
        size += limits->reserve;
    }
    return view->opening < connecting &&
           view->open + view->opening + view->leaving < size + forsaken;
}

int64_t policy_patience_ms(const struct pool_view *view)
{
    return view->has_opened ? POOL_PATIENCE_MS : POOL_PATIENCE_NEW_MS;
}

int64_t policy_next_attempt_ms(const struct pool_view *view)
{
    int64_t waited_ms = view->failed_at_ms + POOL_WAITED_RETRY_MS;

    if (view->is_listening) {
        return view->now_ms;
    }
    if (view->breaker == BREAKER_OPEN) {
        return view->breaker_until_ms;
    }
    return view->waiting > 0 && waited_ms < view->retry_at_ms ? waited_ms : view->retry_at_ms;
}

/* Somebody waits who has no session to hope for. */
static bool is_stranded(const struct pool_limits *limits, const struct pool_view *view)
{
    switch (limits->mode) {
    case POOL_MODE_CALL:
        return view->waiting > 0 && view->open == 0 && view->leaving == 0;
    case POOL_MODE_SESSION:
        return view->unserved > 0;
    }
    return false;
}

enum pool_action policy_decide(const struct pool_limits *limits, const struct pool_view *view)
{
    if (view->breaker == BREAKER_OPEN && !view->is_listening) {
        return is_stranded(limits, view) ? POOL_ACTION_REFUSE : POOL_ACTION_RETRY;
    }
    if (!wants_session(limits, view) || !may_open(limits, view)) {
        return POOL_ACTION_NONE;
    }
    /* A breaker half open was waited for: its probe waits for no back-off. */
    if (view->breaker != BREAKER_CLOSED || view->now_ms >= policy_next_attempt_ms(view)) {
        return POOL_ACTION_OPEN;
    }
    return POOL_ACTION_RETRY;
}

size_t policy_slow_start(const struct pool_limits *limits, int64_t recovered_ms)
{
    size_t most = (limits->size + limits->reserve) * limits->max_inflight;
    size_t share;

    if (recovered_ms >= limits->slow_start_ms) {
        return most;
    }
    share = (size_t)((double)most * (double)recovered_ms / (double)limits->slow_start_ms);
    return share == 0 ? 1 : share;
}

bool policy_may_repeat(const struct pool_limits *limits, size_t repeats, size_t calls)
{
    size_t budget = calls * limits->retry_budget / 100;

    if (limits->retry_budget == 0) {
        return false;
    }
    return repeats <
           (budget > limits->retry_budget_minimum ? budget : limits->retry_budget_minimum);
}

size_t policy_lessen(size_t current)
{
    size_t less = current - current / 10;

    if (less == current) {
        less--;
    }
    return current <= 1 ? 1 : less;
}

size_t policy_raise(size_t current, size_t used, size_t most)
{
    /* What was not used was not tried. */
    return used * 2 >= current && current < most ? current + 1 : current;
}

int64_t policy_backoff_ms(const struct pool_limits *limits, unsigned failures, uint32_t random)
{
    int64_t most = limits->backoff_min_ms;
    int64_t least = 0;
    int64_t delay;

    for (unsigned i = 1; i < failures && most < limits->backoff_max_ms; i++) {
        most *= 2;
    }
    if (most > limits->backoff_max_ms) {
        most = limits->backoff_max_ms;
    }
    delay = (int64_t)((double)most * random / UINT32_MAX);
    if (failures > 1) {
        least = POOL_WAITED_RETRY_MS < limits->backoff_max_ms ? POOL_WAITED_RETRY_MS : 0;
    }
    return delay < least ? least : delay;
}

int64_t policy_lifetime_ms(const struct pool_limits *limits, uint32_t random)
{
    return limits->lifetime_ms - (int64_t)((double)limits->lifetime_ms / 10 * random / UINT32_MAX);
}

int64_t policy_jitter_ms(int64_t value_ms, uint32_t random)
{
    return value_ms + (int64_t)((double)value_ms / 10 * (2.0 * random / UINT32_MAX - 1));
}

static enum session_care care_of_bound(const struct pool_limits *limits,
                                       const struct session_view *view)
{
    /* It holds what its client told the server: only the client's end is its end. */
    if (view->load > 0) {
        return view->unproven_ms >= limits->keepalive_ms ? CARE_PING : CARE_NONE;
    }
    return view->unproven_ms >= limits->keepalive_ms ? CARE_CHECK : CARE_NONE;
}

enum session_care policy_care(const struct pool_limits *limits, const struct session_view *view,
                              size_t open, int64_t since_retired_ms)
{
    int64_t gap_ms = limits->lifetime_ms / (int64_t)(limits->size == 0 ? 1 : limits->size);

    if (view->is_leaving && view->load > 0) {
        return view->unproven_ms >= POOL_BUSY_PING_MS ? CARE_PING : CARE_NONE;
    }
    if (!view->is_ready) {
        return CARE_NONE;
    }
    if (view->is_bound) {
        return care_of_bound(limits, view);
    }
    /* A busy one only while another is there to take calls. */
    if (view->overdue_ms >= 0 && since_retired_ms >= gap_ms && (view->load == 0 || open > 1)) {
        return CARE_RETIRE;
    }
    if (view->load > 0) {
        return view->unproven_ms >= POOL_BUSY_PING_MS && view->unproven_ms >= limits->keepalive_ms
                   ? CARE_PING
                   : CARE_NONE;
    }
    if (view->idle_ms >= limits->idle_timeout_ms && open > limits->minimum) {
        return CARE_RETIRE;
    }
    return view->unproven_ms >= limits->keepalive_ms ? CARE_CHECK : CARE_NONE;
}
