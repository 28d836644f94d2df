/* SPDX-License-Identifier: MIT */
#include "broker/downstream/budget.h"

#include <stdint.h>

enum { TIGHT_PERCENT = 80, EASED_PERCENT = 75, UNSPENT_PERCENT = 95, ALL_PERCENT = 100 };
enum { SPARE_PERCENT = 10 };

/* LIMIT may be so large that it must not be multiplied. */
static size_t share(size_t limit, size_t percent)
{
    return limit / 100 * percent + limit % 100 * percent / 100;
}

enum budget_level budget_level_of(size_t in_use, size_t limit)
{
    if (in_use >= share(limit, ALL_PERCENT)) {
        return BUDGET_SPENT;
    }
    return in_use >= share(limit, TIGHT_PERCENT) ? BUDGET_TIGHT : BUDGET_AMPLE;
}

enum budget_level budget_next_level(enum budget_level before, size_t in_use, size_t limit)
{
    enum budget_level now = budget_level_of(in_use, limit);

    if (before == BUDGET_SPENT && now < BUDGET_SPENT && in_use >= share(limit, UNSPENT_PERCENT)) {
        return BUDGET_SPENT;
    }
    if (before >= BUDGET_TIGHT && now == BUDGET_AMPLE && in_use >= share(limit, EASED_PERCENT)) {
        return BUDGET_TIGHT;
    }
    return now;
}

size_t budget_spare(size_t limit)
{
    return share(limit, SPARE_PERCENT);
}

/* Grows with BYTES, by at most a quarter a step. */
static size_t weight_of(size_t bytes)
{
    size_t power = 0;

    if (bytes < 4) {
        return bytes;
    }
    while (bytes >> power > 7) {
        power++;
    }
    return power * 4 + (bytes >> power);
}

void budget_begin(struct budget *budget, size_t in_use, size_t limit)
{
    size_t tight = share(limit, TIGHT_PERCENT);

    *budget = (struct budget){.excess = in_use > tight ? in_use - tight : 0};
}

void budget_add(struct budget *budget, size_t held_bytes)
{
    if (held_bytes >= BUDGET_LIGHT_BYTES) {
        budget->held[weight_of(held_bytes)] += held_bytes;
    }
}

void budget_weigh(struct budget *budget)
{
    size_t left = budget->excess;
    size_t weight = BUDGET_WEIGHTS;

    budget->edge = SIZE_MAX;
    while (left > 0 && weight > 0) {
        weight--;
        if (budget->held[weight] > 0) {
            budget->edge = weight;
            budget->edge_left = left;
            left -= left < budget->held[weight] ? left : budget->held[weight];
        }
    }
    budget->of_others = left;
}

bool budget_must_give_way(struct budget *budget, size_t held_bytes)
{
    size_t weight = weight_of(held_bytes);

    if (held_bytes < BUDGET_LIGHT_BYTES || budget->edge == SIZE_MAX || weight < budget->edge) {
        return false;
    }
    if (weight > budget->edge) {
        return true;
    }
    if (budget->edge_left == 0) {
        return false;
    }
    budget->edge_left -= held_bytes < budget->edge_left ? held_bytes : budget->edge_left;
    return true;
}
