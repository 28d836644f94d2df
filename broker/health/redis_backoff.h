/* SPDX-License-Identifier: MIT */
/* How long to wait before the next attempt to connect.  Called by redis_link. */
#ifndef TEPLO_HEALTH_REDIS_BACKOFF_H
#define TEPLO_HEALTH_REDIS_BACKOFF_H

#include <stdint.h>

/*
 * After FAILURES (from 0) in a row: from 1 ms to 250 ms doubled that often, and to LAST_MS at
 * most; at random, so that brokers whose Redis went away do not come back together.
 */
int64_t redis_backoff_ms(unsigned failures, int64_t last_ms);

#endif
