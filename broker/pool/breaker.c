/* SPDX-License-Identifier: MIT */
#include "broker/pool/breaker.h"

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_ms)
{
    if (breaker->trips == 0) {
        return BREAKER_CLOSED;
    }
    return now_ms < breaker->open_until_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {
        [BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"};

    return names[state];
}

static bool trips(const struct breaker *breaker, const struct breaker_limits *limits,
                  const struct breaker_failure *failure)
{
    if (limits->failures == 0) {
        return false;
    }
    /* The probe of a half-open breaker decides alone.  What somebody must mend is believed when it
       is said twice: a server on its way up or down says strange things once. */
    return breaker->trips > 0 || (failure->is_settled && failure->failures > 1) ||
           (failure->failures >= limits->failures && failure->failing_ms >= failure->patience_ms);
}

void breaker_on_failure(struct breaker *breaker, const struct breaker_limits *limits,
                        const struct breaker_failure *failure)
{
    int64_t open_ms;

    if (!trips(breaker, limits, failure)) {
        return;
    }
    breaker->trips++;
    open_ms = limits->open_ms * breaker->trips;
    if (open_ms > limits->open_max_ms) {
        open_ms = limits->open_max_ms;
    }
    /* Up to a fifth more, so that several brokers do not come back together. */
    open_ms += (int64_t)((double)open_ms / 5 * failure->random / UINT32_MAX);
    breaker->open_until_ms = failure->now_ms + open_ms;
}

void breaker_on_success(struct breaker *breaker, int64_t now_ms)
{
    if (breaker->trips > 0) {
        breaker->trips = 0;
        breaker->recovered_at_ms = now_ms;
    }
}

void breaker_hint(struct breaker *breaker, int64_t now_ms)
{
    if (breaker->open_until_ms > now_ms) {
        breaker->open_until_ms = now_ms;
    }
}
