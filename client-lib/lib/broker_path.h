/* SPDX-License-Identifier: MIT */
/*
 * Where the broker's sockets are, and what to tell the user when none answers there: the rule
 * for all clients (proto/WIRE.md, "Sockets").  The environment is read once, at the beginning:
 * other threads of a program may change it later.
 */
#ifndef TEPLO_LIB_BROKER_PATH_H
#define TEPLO_LIB_BROKER_PATH_H

#include <errno.h>
#include <stdbool.h>
#include <sys/un.h>

#include "proto/base/bytes.h"

/* What does not fit could not be connected to either: the kernel takes 107 bytes. */
enum { BROKER_PATH_SIZE = 512 };

struct broker_path {
    char socket[BROKER_PATH_SIZE];      /* this one, if it is not empty */
    char runtime_dir[BROKER_PATH_SIZE]; /* else in here, if it is not empty */
    char own_dir[BROKER_PATH_SIZE];     /* else, where /run/teplo is not, in here */
    bool is_own_dir_shared;             /* the directory above it is everybody's */
    char name[288];                     /* of the socket in its directory */
};

/* What the caller says goes before the environment; each may be NULL. */
struct broker_path_wish {
    const char *socket;
    const char *runtime_dir;
    const char *name; /* "teplo.sock" if NULL; any other is never meant by $TEPLO_SOCKET */
};

/* An errno that connecting does not give: the user's directory belongs to somebody else. */
enum { BROKER_PATH_FOREIGN = EXDEV };

void broker_path_init(struct broker_path *path, const struct broker_path_wish *wish);
/*
 * Where it is now.  -BROKER_PATH_FOREIGN, -ENAMETOOLONG.  What
 * was looked at is in RET_SHOWN (a path of any length, cut to its size) in any case.
 */
MUST_CHECK int broker_path_find(const struct broker_path *path, struct sockaddr_un *ret_address,
                                char *ret_shown, size_t size);
/* "no broker: ..." about ERROR, the errno of finding or connecting to SHOWN, and the remedy. */
void broker_path_explain(struct bytes *out, const char *shown, int error);

#endif
