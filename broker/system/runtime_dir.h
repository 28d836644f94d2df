/* SPDX-License-Identifier: MIT */
/* The directory of our sockets: found, made, checked, and locked against a second broker. */
#ifndef TEPLO_SYSTEM_RUNTIME_DIR_H
#define TEPLO_SYSTEM_RUNTIME_DIR_H

#include "proto/base/bytes.h"
#include "proto/base/check.h"

struct runtime_dir {
    char path[80]; /* short: a socket's path has room for 107 bytes in all */
    int lock_fd;   /* held until the end, or until another process has taken over; else -1 */
};

/*
 * WISH, else $TEPLO_RUNTIME_DIR, else /run/teplo as root, else $XDG_RUNTIME_DIR/teplo, else
 * /tmp/teplo-UID.  It is made 0750 (0700 in /tmp) if missing, refused if it belongs to another
 * user or others may write to it, and locked.  LOCK_FD, unless -1, is the lock as its holder gave
 * it to us; it is ours from now on.  -1: MESSAGE says why and what to do.
 */
MUST_CHECK int runtime_dir_open(struct runtime_dir *dir, const char *wish, int lock_fd,
                                struct bytes *message);
void runtime_dir_close(struct runtime_dir *dir);

#endif
