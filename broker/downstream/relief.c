/* SPDX-License-Identifier: MIT */
#include "broker/downstream/relief.h"

void relief_begin(struct relief *relief)
{
    relief->turn_is_present = false;
    relief->next = RELIEF_NOBODY;
}

void relief_add(struct relief *relief, uint64_t number, int64_t since_ms)
{
    if (number == relief->turn) {
        relief->turn_is_present = true;
    } else if (relief->next == RELIEF_NOBODY || since_ms < relief->next_since_ms) {
        relief->next = number;
        relief->next_since_ms = since_ms;
    }
}

uint64_t relief_choose(struct relief *relief, int64_t now_ms)
{
    if (relief->next != RELIEF_NOBODY && now_ms - relief->next_since_ms >= RELIEF_AFTER_MS) {
        relief->is_on = true;
    }
    if (!relief->is_on) {
        return RELIEF_NOBODY;
    }
    if (relief->turn_is_present &&
        (relief->next == RELIEF_NOBODY || now_ms - relief->turn_since_ms < RELIEF_TURN_MS)) {
        return relief->turn;
    }
    relief->turn = relief->next;
    relief->turn_since_ms = now_ms;
    return relief->turn;
}

bool relief_heard(struct relief *relief, uint64_t number)
{
    if (relief->turn != number) {
        return false;
    }
    relief->turn = RELIEF_NOBODY;
    return true;
}

void relief_end(struct relief *relief)
{
    *relief = (struct relief){0};
}
