/* SPDX-License-Identifier: MIT */
#include "broker/pool/health.h"

static const struct {
    struct span token;
    const char *sentence;
} reasons[] = {
#define HEALTH_REASON(NAME, token, sentence) {SPAN_INIT(token), sentence},
#include "broker/pool/health_reasons.def"
#undef HEALTH_REASON
};

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

const char *health_reason_token(enum health_reason reason)
{
    return reasons[reason].token.at;
}

const char *health_reason_sentence(struct span token)
{
    for (size_t i = 0; i < HEALTH_REASON_COUNT; i++) {
        if (span_equal(reasons[i].token, token)) {
            return reasons[i].sentence;
        }
    }
    return NULL;
}
