/* SPDX-License-Identifier: MIT */
/* The states of a pool's health and the reasons for them. */
#ifndef TEPLO_POOL_HEALTH_H
#define TEPLO_POOL_HEALTH_H

#include <stddef.h>

#include "proto/base/bytes.h"

enum health {
#define HEALTH(name, code, text) HEALTH_##name = (code),
#include "broker/pool/health_states.def"
#undef HEALTH
};

enum {
#define HEALTH(name, code, text) HEALTH_COUNTED_##name,
#include "broker/pool/health_states.def"
#undef HEALTH
    HEALTH_COUNT
};

enum health_reason {
#define HEALTH_REASON(NAME, token, sentence) HEALTH_REASON_##NAME,
#include "broker/pool/health_reasons.def"
#undef HEALTH_REASON
    HEALTH_REASON_COUNT
};

/* Of the reasons in words, as in the Redis row. */
enum { HEALTH_REASONS_SIZE = 65 };

const char *health_name(enum health health);
const char *health_reason_token(enum health_reason reason);
/* For people, without a full stop.  TOKEN that is none: NULL. */
const char *health_reason_sentence(struct span token);

#endif
