/* SPDX-License-Identifier: MIT */
/* A socket that is connected, without blocking; used by fleet_link. */
#ifndef TEPLO_FLEET_FLEET_DIAL_H
#define TEPLO_FLEET_FLEET_DIAL_H

#include <stdint.h>

#include "proto/redis_url.h"

enum { FLEET_DIAL_WHY_SIZE = 256 };

/* The descriptor, which does not block; or -errno, and WHY. */
MUST_CHECK int fleet_dial_unix(const char *path, int64_t end_ms, char why[FLEET_DIAL_WHY_SIZE]);
MUST_CHECK int fleet_dial_tcp(const struct redis_node *node, int64_t end_ms,
                              char why[FLEET_DIAL_WHY_SIZE]);

/* The events that came; -ETIMEDOUT, or what poll says. */
MUST_CHECK int fleet_dial_await(int fd, short events, int64_t end_ms);

#endif
