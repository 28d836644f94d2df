/* SPDX-License-Identifier: MIT */
/*
 * What this process was given by the one that started it: listening sockets, by sd_listen_fds(3)'s
 * protocol, from a service manager or from the broker that we replace; from the latter also the
 * lock of the runtime directory, and a pipe to say that we are ready.
 */
#ifndef TEPLO_SYSTEM_ACTIVATION_H
#define TEPLO_SYSTEM_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/check.h"

/* The name of the one that listens on a TCP port; no pool's name has a dot. */
#define ACTIVATION_METRICS "metrics.tcp"

struct activation_socket {
    int fd;       /* -1: taken */
    bool is_ours; /* bound by a broker, so removed by one; else by whoever keeps it open for us */
    char name[64];
    bool is_port; /* TCP */
    char path[108];
};

struct activation {
    struct activation_socket *sockets; /* owned */
    size_t count;
    int lock_fd;  /* -1: none */
    int ready_fd; /* -1: nobody waits */
};

/*
 * Reads $LISTEN_PID, $LISTEN_FDS, $LISTEN_FDNAMES and $TEPLO_UPGRADE, and removes them.
 * Descriptors that are no listening Unix sockets are closed, and logged; but for one called
 * ACTIVATION_METRICS, which listens on a TCP port.
 */
void activation_read(struct activation *activation);
/* The socket called NAME, else the one bound to PATH; the caller's from now on.  -1: none. */
int activation_take(struct activation *activation, const char *name, const char *path,
                    bool *ret_is_ours);
/* The one called ACTIVATION_METRICS; -1: none. */
int activation_take_metrics(struct activation *activation, bool *ret_is_ours);
int activation_take_lock(struct activation *activation);
/* We serve: whoever waits for that may go.  -EPIPE: it does not want us any more. */
MUST_CHECK int activation_tell_ready(struct activation *activation);
/* Close what nobody took; once we serve, remove what a broker bound of it. */
void activation_done(struct activation *activation);

#endif
