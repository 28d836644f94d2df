/* SPDX-License-Identifier: MIT */
/* How a pool is doing, from hard facts only.  Pure. */
#ifndef TEPLO_POOL_HEALTH_H
#define TEPLO_POOL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct health_facts {
    bool is_draining;
    bool has_opened; /* a session was ready once */
    size_t open;     /* sessions open now */
    size_t waiting;
    int64_t oldest_wait_ms;
    bool gave_up;     /* who waits is refused at once */
    bool has_failure; /* the last attempt failed, and none succeeded since */
    bool is_settled;  /* and trying again soon cannot help */
};

/* *RET_REASON is a word. */
enum health health_judge(const struct health_facts *facts, const char **ret_reason);
const char *health_name(enum health health);

#endif
