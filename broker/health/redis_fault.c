/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_fault.h"

#include <string.h>

#include "proto/base/check.h"

enum { GROWN_PAUSE_MS = 4000 };

static const struct redis_fault_row rows[] = {
#define FAULT(name, prefix, state, act, pause_ms, text)                                            \
    {#name, prefix, REDIS_STATE_##state, REDIS_ACT_##act, pause_ms, text},
#include "broker/health/redis_faults.def"
#undef FAULT
};

enum redis_fault redis_fault_of(const char *reply)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].prefix != NULL && strncmp(reply, rows[i].prefix, strlen(rows[i].prefix)) == 0) {
            return (enum redis_fault)i;
        }
    }
    return REDIS_FAULT_OTHER;
}

const struct redis_fault_row *redis_fault_row(enum redis_fault fault)
{
    CHECK((size_t)fault < sizeof(rows) / sizeof(rows[0]));
    return &rows[fault];
}

int64_t redis_fault_pause_ms(enum redis_fault fault, unsigned count)
{
    const struct redis_fault_row *row = redis_fault_row(fault);
    unsigned doublings = count > 8 ? 7 : (count == 0 ? 0 : count - 1);
    int64_t pause_ms = row->pause_ms;

    if (row->act == REDIS_ACT_GROW || row->act == REDIS_ACT_TIRE) {
        pause_ms <<= doublings;
        pause_ms = pause_ms > GROWN_PAUSE_MS ? GROWN_PAUSE_MS : pause_ms;
    }
    return pause_ms;
}
