/* SPDX-License-Identifier: MIT */
#include "broker/pool/health_rollup.h"

/* From best to worst. */
static int rank(enum health health)
{
    switch (health) {
    case HEALTH_UNKNOWN:
        return 0;
    case HEALTH_DRAINING:
        return 1;
    case HEALTH_HEALTHY:
        return 2;
    case HEALTH_DEGRADED:
        return 3;
    case HEALTH_UNHEALTHY:
        return 4;
    case HEALTH_CIRCUIT_OPEN:
        return 5;
    }
    return 0;
}

bool health_is_worse(enum health a, enum health b)
{
    return rank(a) > rank(b);
}

int health_severity(enum health health)
{
    switch (health) {
    case HEALTH_HEALTHY:
        return 0;
    case HEALTH_DEGRADED:
    case HEALTH_DRAINING:
    case HEALTH_UNKNOWN:
        return 1;
    case HEALTH_UNHEALTHY:
    case HEALTH_CIRCUIT_OPEN:
        return 2;
    }
    return 2;
}

void health_rollup_add(struct health_rollup *rollup, enum health health, uint64_t weight)
{
    rollup->count[health]++;
    rollup->weight[health] += (double)weight + 1;
}

enum health health_rollup_worst(const struct health_rollup *rollup)
{
    enum health worst = HEALTH_UNKNOWN;

    for (size_t i = 0; i < HEALTH_COUNT; i++) {
        if (rollup->count[i] > 0 && health_is_worse((enum health)i, worst)) {
            worst = (enum health)i;
        }
    }
    return worst;
}

enum health health_rollup_fleet(const struct health_rollup *rollup)
{
    const double *weight = rollup->weight;
    double bad = weight[HEALTH_UNHEALTHY] + weight[HEALTH_CIRCUIT_OPEN];
    double all = weight[HEALTH_HEALTHY] + weight[HEALTH_DEGRADED] + bad;

    if (all == 0) {
        return health_rollup_worst(rollup);
    }
    if (weight[HEALTH_CIRCUIT_OPEN] == all) {
        return HEALTH_CIRCUIT_OPEN;
    }
    if (bad * 100 >= all * ROLLUP_UNHEALTHY_PCT) {
        return HEALTH_UNHEALTHY;
    }
    return weight[HEALTH_HEALTHY] * 100 >= all * ROLLUP_HEALTHY_PCT ? HEALTH_HEALTHY
                                                                    : HEALTH_DEGRADED;
}
