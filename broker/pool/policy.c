/* SPDX-License-Identifier: MIT */
#include "broker/pool/policy.h"

static size_t target(const struct pool_limits *limits)
{
    /* Half full: several calls share a session, and the next session is ready before it is needed.
     */
    return limits->max_inflight < 2 ? 1 : limits->max_inflight / 2;
}

bool policy_has_room(const struct pool_limits *limits, size_t load)
{
    return load < limits->max_inflight;
}

bool policy_is_below_target(const struct pool_limits *limits, size_t load)
{
    return load < target(limits);
}

static bool wants_session(const struct pool_limits *limits, const struct pool_view *view)
{
    if (view->open + view->opening < limits->minimum) {
        return true;
    }
    if (view->open == 0) {
        return view->waiting > 0;
    }
    /* Those that are being pinged will take what waits, as far as they have room. */
    return view->waiting > view->checking * target(limits) ||
           !policy_is_below_target(limits, view->least_load);
}

bool policy_is_hopeless(const struct pool_view *view)
{
    int64_t patience_ms = view->has_opened ? POOL_PATIENCE_MS : POOL_PATIENCE_NEW_MS;

    if (view->open > 0 || view->leaving > 0 || view->failing_since_ms == 0) {
        return false;
    }
    return view->is_settled || view->now_ms - view->failing_since_ms >= patience_ms;
}

int64_t policy_next_attempt_ms(const struct pool_view *view)
{
    int64_t waited_ms = view->failed_at_ms + POOL_WAITED_RETRY_MS;

    return view->waiting > 0 && waited_ms < view->retry_at_ms ? waited_ms : view->retry_at_ms;
}

enum pool_action policy_decide(const struct pool_limits *limits, const struct pool_view *view)
{
    if (view->opening > 0 || view->open + view->opening + view->leaving >= limits->size ||
        !wants_session(limits, view)) {
        return POOL_ACTION_NONE;
    }
    if (view->now_ms >= policy_next_attempt_ms(view)) {
        return POOL_ACTION_OPEN;
    }
    return view->waiting > 0 && policy_is_hopeless(view) ? POOL_ACTION_REFUSE : POOL_ACTION_RETRY;
}

int64_t policy_backoff_ms(const struct pool_limits *limits, unsigned failures, uint32_t random)
{
    int64_t most = limits->backoff_min_ms;

    for (unsigned i = 1; i < failures && most < limits->backoff_max_ms; i++) {
        most *= 2;
    }
    if (most > limits->backoff_max_ms) {
        most = limits->backoff_max_ms;
    }
    return (int64_t)((double)most * random / UINT32_MAX);
}

int64_t policy_lifetime_ms(const struct pool_limits *limits, uint32_t random)
{
    return limits->lifetime_ms - (int64_t)((double)limits->lifetime_ms / 10 * random / UINT32_MAX);
}

enum session_care policy_care(const struct pool_limits *limits, const struct session_view *view,
                              size_t open, int64_t since_retired_ms)
{
    int64_t gap_ms = limits->lifetime_ms / (int64_t)(limits->size == 0 ? 1 : limits->size);

    if (!view->is_ready) {
        return CARE_NONE;
    }
    /* A busy one only while another is there to take calls. */
    if (view->overdue_ms >= 0 && since_retired_ms >= gap_ms && (view->load == 0 || open > 1)) {
        return CARE_RETIRE;
    }
    if (view->load > 0) {
        return CARE_NONE;
    }
    if (view->idle_ms >= limits->idle_timeout_ms && open > limits->minimum) {
        return CARE_RETIRE;
    }
    return view->unproven_ms >= limits->keepalive_ms ? CARE_CHECK : CARE_NONE;
}
