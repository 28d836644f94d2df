/* SPDX-License-Identifier: MIT */
/*
 * Whether this broker lives (else restart it) and whether it is ready (else send it no calls).
 * Pure: facts in, answer out.  Neither Redis nor a server that is down makes it less alive.
 */
#ifndef TEPLO_HEALTH_READINESS_H
#define TEPLO_HEALTH_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/pool/health.h"

/* Of the pools, which must be fit.  One that nobody has used yet is: it opens with the first call.
 */
enum ready_require { READY_REQUIRE_NONE, READY_REQUIRE_ANY, READY_REQUIRE_ALL };

enum { READINESS_LOOP_MAXIMUM_MS = 10000 };

struct readiness_facts {
    int64_t loop_age_ms; /* since the loop turned last */
    bool has_config;
    bool is_bound; /* clients can connect */
    bool is_draining;
    enum ready_require require;
    size_t pools;
    size_t pools_fit;
};

enum readiness_reason {
#define READINESS_REASON(NAME, token, sentence) READINESS_##NAME,
#include "broker/health/readiness_reasons.def"
#undef READINESS_REASON
    READINESS_REASON_COUNT
};

struct readiness {
    bool is_live;
    bool is_ready;
    /* Empty while it is ready. */
    enum readiness_reason reasons[READINESS_REASON_COUNT];
    size_t reason_count;
};

/* A broker that is not live is not ready. */
void readiness_judge(const struct readiness_facts *facts, struct readiness *ret_readiness);
/* A pool that is so can be given calls. */
bool readiness_is_fit(enum health health);

const char *readiness_token(enum readiness_reason reason);
const char *readiness_sentence(enum readiness_reason reason);

#endif
