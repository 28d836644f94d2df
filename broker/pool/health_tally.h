/* SPDX-License-Identifier: MIT */
/* How much a total has grown in the last minute (60 to 70 s).  Pure; all zero at first. */
#ifndef TEPLO_POOL_HEALTH_TALLY_H
#define TEPLO_POOL_HEALTH_TALLY_H

#include <stdint.h>

enum { HEALTH_TALLY_SLOTS = 7, HEALTH_TALLY_SLOT_MS = 10000 };

struct health_tally {
    uint64_t seen; /* the total at the last look */
    int64_t slot;  /* of the last look: its moment / HEALTH_TALLY_SLOT_MS */
    uint64_t grown[HEALTH_TALLY_SLOTS];
};

/* TOTAL, which never shrinks, is so great now; it was zero before the first look. */
void health_tally_note(struct health_tally *tally, uint64_t total, int64_t now_ms);
/* As of the last look. */
uint64_t health_tally_sum(const struct health_tally *tally);

#endif
