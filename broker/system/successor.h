/* SPDX-License-Identifier: MIT */
/*
 * The process that takes over from this one: the same program, as it is on the disk now, with the
 * same arguments.  It inherits the listening sockets and the lock of the runtime directory, and
 * says when it serves.  The other side is activation.c.
 */
#ifndef TEPLO_SYSTEM_SUCCESSOR_H
#define TEPLO_SYSTEM_SUCCESSOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/base/check.h"

/* "LOCK,READY": the numbers of the two descriptors. */
#define SUCCESSOR_VARIABLE "TEPLO_UPGRADE"
/* Before the name of a socket that a broker bound, in $LISTEN_FDNAMES; no pool's name has it. */
#define SUCCESSOR_OUR_MARK '+'

struct successor_socket {
    int fd;
    const char *name;
    bool is_ours;
};

struct successor_plan {
    const char *program;
    char *const *argv;
    const struct successor_socket *sockets;
    size_t count;
    int lock_fd;
};

/*
 * The path to start later, found now: ARGV0 if it is a path, else of the program that runs.
 * False: neither can be had.
 */
MUST_CHECK bool successor_find_program(const char *argv0, char *path, size_t size);
/* Its pid, with *RET_READY_FD to read a byte from; EOF instead: it has failed.  Or -errno. */
MUST_CHECK pid_t successor_start(const struct successor_plan *plan, int *ret_ready_fd);
/*
 * Make it stand still, and wait for that: what it has not said by then it does not say before
 * SIGCONT.  One that has ended is left to be waited for.
 */
void successor_pause(pid_t pid);
/* End one that did not become ready, and wait for that; its wait(2) status. */
int successor_end(pid_t pid);

#endif
