/* SPDX-License-Identifier: MIT */
/*
 * How several are doing together: the pools of one broker, or one pool at several brokers.  Pure.
 * Whoever says nothing counts for nothing: a pool that nobody has used yet, and, among several, one
 * that is draining because somebody wants it to.
 */
#ifndef TEPLO_POOL_HEALTH_ROLLUP_H
#define TEPLO_POOL_HEALTH_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/pool/health.h"

enum {
    /* Per cent of the weight: from so much on that is healthy, all are; that is bad, all are. */
    ROLLUP_HEALTHY_PCT = 90,
    ROLLUP_UNHEALTHY_PCT = 50,
};

/* All zero at first. */
struct health_rollup {
    size_t count[HEALTH_COUNT];
    double weight[HEALTH_COUNT];
};

/*
 * WEIGHT: what hangs on it: calls of the last while and those that wait.  Each counts for one call
 * more, so that those without any have a say among themselves.
 */
void health_rollup_add(struct health_rollup *rollup, enum health health, uint64_t weight);
/* The worst there is. */
enum health health_rollup_worst(const struct health_rollup *rollup);
/* By weight; the first that holds: all open; half of it unhealthy or open; nine tenths of it
   healthy; degraded. */
enum health health_rollup_fleet(const struct health_rollup *rollup);

/* A is worse than B.  Of those that say nothing, draining is worse than unknown. */
bool health_is_worse(enum health a, enum health b);
/* 0, or 1 (degraded, unknown, draining) or 2 (unhealthy, circuit_open), as Nagios has it. */
int health_severity(enum health health);

#endif
