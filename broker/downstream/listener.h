/* SPDX-License-Identifier: MIT */
/* A listening socket, Unix or TCP.  Knows no clients: it hands out accepted descriptors. */
#ifndef TEPLO_DOWNSTREAM_LISTENER_H
#define TEPLO_DOWNSTREAM_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "broker/runtime/loop.h"

struct listener;

struct listener_place {
    const char *path;               /* with an address: only its name in the log */
    const struct sockaddr *address; /* NULL: a Unix socket at PATH, of MODE */
    socklen_t address_length;
    mode_t mode;
    int fd;          /* listens already: given to us; the listener's from now on, also on failure;
                        -1: bind it */
    bool is_foreign; /* FD is somebody else's too, who goes on with it after us */
};

/*
 * Listen at PLACE (a stale socket there is replaced: the caller holds the lock of the
 * directory).  ON_ACCEPT owns the descriptor, which is non-blocking and close-on-exec.
 * NULL: errno says why.
 */
MUST_CHECK struct listener *listener_open(struct loop *loop, const struct listener_place *place,
                                          void (*on_accept)(void *owner, int fd), void *owner);
/*
 * Stop accepting.  A socket of ours is removed, after those who have connected were taken; at a
 * foreign one they wait for whoever serves it next.  Freed at the end of the turn.
 */
void listener_close(struct listener *listener);
/* Stop accepting and leave the socket as it is: another process has it.  Freed likewise. */
void listener_leave(struct listener *listener);
int listener_fd(const struct listener *listener);
bool listener_is_foreign(const struct listener *listener);

#endif
