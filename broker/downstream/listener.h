/* SPDX-License-Identifier: MIT */
/* A listening Unix socket.  Knows no clients: it hands out accepted descriptors. */
#ifndef TEPLO_DOWNSTREAM_LISTENER_H
#define TEPLO_DOWNSTREAM_LISTENER_H

#include <sys/types.h>

#include "broker/runtime/loop.h"

struct listener;

/*
 * Bind PATH with MODE (a stale socket there is replaced: the caller holds the lock of the
 * directory).  ON_ACCEPT owns the descriptor, which is non-blocking and close-on-exec.
 * NULL: errno says why.
 */
MUST_CHECK struct listener *listener_open(struct loop *loop, const char *path, mode_t mode,
                                          void (*on_accept)(void *owner, int fd), void *owner);
/* Take those who have connected already, stop accepting and remove the socket.  Freed at the end of
 * the turn. */
void listener_close(struct listener *listener);

#endif
