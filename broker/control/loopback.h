/* SPDX-License-Identifier: MIT */
/* Addresses that only this host can reach, as the option metrics_listen names them.  Pure. */
#ifndef TEPLO_CONTROL_LOOPBACK_H
#define TEPLO_CONTROL_LOOPBACK_H

#include <stdbool.h>
#include <sys/socket.h>

#include "proto/base/bytes.h"
#include "proto/base/check.h"

struct loopback {
    struct sockaddr_storage address;
    socklen_t length;
};

/*
 * TEXT: `127.0.0.1:PORT` (any address of 127.0.0.0/8), `[::1]:PORT` or `localhost:PORT`, which is
 * 127.0.0.1; port 0 is one that the kernel chooses.  NULL, or what is wrong with TEXT, as in
 * "is no address; ...".
 */
MUST_CHECK const char *loopback_read(struct span text, struct loopback *ret_loopback);
/* The same without a port, or with any: the value of a Host header. */
bool loopback_is_host(struct span host);
/* Whether FD, a socket, is bound to LOOPBACK; a port 0 of it stands for any. */
bool loopback_is_bound(const struct loopback *loopback, int fd);
/* `127.0.0.1:9464` of the socket FD. */
void loopback_name(int fd, char *text, size_t size);

#endif
