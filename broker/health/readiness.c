/* SPDX-License-Identifier: MIT */
#include "broker/health/readiness.h"

bool readiness_is_fit(enum health health)
{
    switch (health) {
    case HEALTH_HEALTHY:
    case HEALTH_DEGRADED:
    case HEALTH_UNKNOWN:
        return true;
    case HEALTH_UNHEALTHY:
    case HEALTH_CIRCUIT_OPEN:
    case HEALTH_DRAINING:
        return false;
    }
    return false;
}

static bool has_required(const struct readiness_facts *facts)
{
    switch (facts->require) {
    case READY_REQUIRE_NONE:
        return true;
    case READY_REQUIRE_ANY:
        return facts->pools_fit > 0;
    case READY_REQUIRE_ALL:
        return facts->pools_fit == facts->pools;
    }
    return true;
}

void readiness_judge(const struct readiness_facts *facts, struct readiness *ret_readiness)
{
    bool is_wrong[READINESS_REASON_COUNT] = {
        [READINESS_LOOP] = facts->loop_age_ms > READINESS_LOOP_MAXIMUM_MS,
        [READINESS_CONFIG] = !facts->has_config,
        [READINESS_SOCKET] = !facts->is_bound,
        [READINESS_DRAINING] = facts->is_draining,
        [READINESS_POOLS] = !has_required(facts),
    };

    *ret_readiness = (struct readiness){.is_live = !is_wrong[READINESS_LOOP]};
    for (size_t i = 0; i < READINESS_REASON_COUNT; i++) {
        if (is_wrong[i]) {
            ret_readiness->reasons[ret_readiness->reason_count++] = (enum readiness_reason)i;
        }
    }
    ret_readiness->is_ready = ret_readiness->reason_count == 0;
}

const char *readiness_token(enum readiness_reason reason)
{
    static const char *const tokens[] = {
#define READINESS_REASON(NAME, token, sentence) token,
#include "broker/health/readiness_reasons.def"
#undef READINESS_REASON
    };

    return tokens[reason];
}

const char *readiness_sentence(enum readiness_reason reason)
{
    static const char *const sentences[] = {
#define READINESS_REASON(NAME, token, sentence) sentence,
#include "broker/health/readiness_reasons.def"
#undef READINESS_REASON
    };

    return sentences[reason];
}
