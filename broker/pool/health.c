/* SPDX-License-Identifier: MIT */
#include "broker/pool/health.h"

enum { LONG_WAIT_MS = 1000 };

const char *health_name(enum health health)
{
    switch (health) {
#define HEALTH(name, code, text)                                                                   \
    case HEALTH_##name:                                                                            \
        return text;
#include "broker/pool/health_states.def"
#undef HEALTH
    }
    return "-";
}

enum health health_judge(const struct health_facts *facts, const char **ret_reason)
{
    *ret_reason = "-";
    if (facts->is_draining) {
        *ret_reason = "draining";
        return HEALTH_DRAINING;
    }
    if (facts->open == 0 && facts->has_failure) {
        *ret_reason = facts->is_settled ? "refused" : "no_session";
        return facts->gave_up && !facts->is_settled ? HEALTH_CIRCUIT_OPEN : HEALTH_UNHEALTHY;
    }
    if (facts->has_failure) {
        *ret_reason = "cannot_grow";
        return HEALTH_DEGRADED;
    }
    if (facts->oldest_wait_ms > LONG_WAIT_MS) {
        *ret_reason = "wait";
        return HEALTH_DEGRADED;
    }
    if (!facts->has_opened) {
        *ret_reason = "unused";
        return HEALTH_UNKNOWN;
    }
    return HEALTH_HEALTHY;
}
