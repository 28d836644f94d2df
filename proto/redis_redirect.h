/* SPDX-License-Identifier: MIT */
/*
 * Where a node of a cluster sends those who ask it for what another one has:
 *   MOVED 3999 127.0.0.1:6381     for good       ASK 3999 ::1:6381     only while the slot moves
 * Read by the broker, and by the programs that look at a fleet.  Pure.
 */
#ifndef TEPLO_PROTO_REDIS_REDIRECT_H
#define TEPLO_PROTO_REDIS_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/check.h"

struct redis_redirect {
    bool is_ask;    /* say ASKING before each command there */
    char host[256]; /* a name, or an address without brackets; "": the host that was asked */
    uint16_t port;
};

/* REPLY: the error, without its minus.  -EINVAL: it names no node; REDIRECT is untouched. */
MUST_CHECK int redis_redirect_read(struct redis_redirect *redirect, const char *reply);

#endif
