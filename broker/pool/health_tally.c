/* SPDX-License-Identifier: MIT */
#include "broker/pool/health_tally.h"

void health_tally_note(struct health_tally *tally, uint64_t total, int64_t now_ms)
{
    int64_t slot = now_ms / HEALTH_TALLY_SLOT_MS;

    /* Those in between saw nothing. */
    if (slot - tally->slot > HEALTH_TALLY_SLOTS) {
        tally->slot = slot - HEALTH_TALLY_SLOTS;
    }
    while (tally->slot < slot) {
        tally->slot++;
        tally->grown[tally->slot % HEALTH_TALLY_SLOTS] = 0;
    }
    tally->grown[slot % HEALTH_TALLY_SLOTS] += total - tally->seen;
    tally->seen = total;
}

uint64_t health_tally_sum(const struct health_tally *tally)
{
    uint64_t sum = 0;

    for (int i = 0; i < HEALTH_TALLY_SLOTS; i++) {
        sum += tally->grown[i];
    }
    return sum;
}
