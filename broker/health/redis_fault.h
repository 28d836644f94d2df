/* SPDX-License-Identifier: MIT */
/* What can be wrong with Redis and what follows from it.  Pure; the tables are the .def files. */
#ifndef TEPLO_HEALTH_REDIS_FAULT_H
#define TEPLO_HEALTH_REDIS_FAULT_H

#include <stdint.h>

enum redis_state {
#define STATE(name, word, level, event) REDIS_STATE_##name,
#include "broker/health/redis_states.def"
#undef STATE
};

enum redis_fault {
#define FAULT(name, prefix, state, act, pause_ms, text) REDIS_FAULT_##name,
#include "broker/health/redis_faults.def"
#undef FAULT
};

enum redis_act {
    REDIS_ACT_KEEP,
    REDIS_ACT_GROW,
    REDIS_ACT_TIRE,
    REDIS_ACT_MOVE,
    REDIS_ACT_CLOSE,
    REDIS_ACT_REFUSE
};

struct redis_fault_row {
    const char *word; /* for logs and for `code` of an event: "oom" */
    const char *prefix;
    enum redis_state state;
    enum redis_act act;
    int64_t pause_ms;
    const char *text;
};

/* What an error reply says. */
enum redis_fault redis_fault_of(const char *reply);
const struct redis_fault_row *redis_fault_row(enum redis_fault fault);
/* How long to leave Redis alone after the COUNT-th failure in a row (from 1). */
int64_t redis_fault_pause_ms(enum redis_fault fault, unsigned count);

#endif
