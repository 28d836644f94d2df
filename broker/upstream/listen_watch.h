/* SPDX-License-Identifier: MIT */
/*
 * Whether somebody listens on a port of this machine, without knocking: the kernel is asked
 * (NETLINK_SOCK_DIAG).  A pool that waits for a local server to come back may ask often.
 */
#ifndef TEPLO_UPSTREAM_LISTEN_WATCH_H
#define TEPLO_UPSTREAM_LISTEN_WATCH_H

#include "proto/base/check.h"

struct listen_watch;

enum listening {
    LISTENING_YES, /* on an address that a connection to the loopback interface reaches */
    LISTENING_NO,
    LISTENING_UNKNOWN, /* the kernel does not tell: it is not asked again */
};

/* NULL without memory.  No socket is opened before the first question. */
MUST_CHECK struct listen_watch *listen_watch_new(void);
void listen_watch_free(struct listen_watch *watch);
/* Never blocks. */
enum listening listen_watch_is_listening(struct listen_watch *watch, unsigned port);

#endif
