/* SPDX-License-Identifier: MIT */
/* Where the broker's sockets are, and what to tell the user when none answers there. */
#ifndef TEPLO_CLI_SOCKET_PATH_H
#define TEPLO_CLI_SOCKET_PATH_H

#include <sys/un.h>

#include "client-lib/cli/invocation.h"

enum socket_kind {
    SOCKET_CLIENT, /* teplo.sock, or the pool's */
    SOCKET_ADMIN,
};

/* STATUS_OK, or a complaint and what to exit with. */
enum exit_status socket_path_find(const struct invocation *invocation, enum socket_kind kind,
                                  struct sockaddr_un *ret_address);

/* One line about ERROR, the errno of connecting to ADDRESS, with the remedy.  STATUS_NO_BROKER. */
enum exit_status socket_path_explain(const struct invocation *invocation,
                                     const struct sockaddr_un *address, int error);

#endif
