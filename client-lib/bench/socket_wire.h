/* SPDX-License-Identifier: MIT */
/* The broker's Unix socket: a line a message.  Called by load.c. */
#ifndef TEPLO_BENCH_SOCKET_WIRE_H
#define TEPLO_BENCH_SOCKET_WIRE_H

#include <sys/un.h>

#include "client-lib/bench/wire.h"

/* NULL and errno when it cannot be opened.  ADDRESS is not kept. */
MUST_CHECK struct wire *socket_wire_open(struct event_base *base, const struct sockaddr_un *address,
                                         const struct wire_events *events, void *owner);

#endif
