/* SPDX-License-Identifier: MIT */
/*
 * One connection of a relay to a broker, without waiting: lines out, lines in.
 *
 *   OPEN     takes the host's lines
 *   GREETING takes none until the repeated greeting is answered
 *   LEAVING  takes no more; what it was given is still answered
 */
#ifndef TEPLO_CLI_RELAY_LINK_H
#define TEPLO_CLI_RELAY_LINK_H

#include <sys/un.h>

#include "proto/frame.h"

enum {
    RELAY_LINE_MAXIMUM = 257 << 20, /* the highest max_frame and max_response, and some */
    RELAY_READ_SIZE = 256 << 10,
};

enum relay_link_state { RELAY_LINK_NONE, RELAY_LINK_GREETING, RELAY_LINK_OPEN, RELAY_LINK_LEAVING };

struct relay_link {
    enum relay_link_state state;
    int fd;
    struct frame_reader reader;
    struct bytes own; /* lines of ours, before the host's: at most a greeting and its end */
    size_t own_sent;
    bool is_ended; /* nothing more can be read; what was, is still to be passed on */
};

void relay_link_init(struct relay_link *link);
/* OPEN on FD, which is the link's from now on. */
void relay_link_adopt(struct relay_link *link, int fd);
/* Negative errno, and NONE. */
MUST_CHECK int relay_link_open(struct relay_link *link, const struct sockaddr_un *address);
void relay_link_close(struct relay_link *link);

/*
 * LINE and, if ENDS, a newline, from *SENT on.  1: all of it is the kernel's; 0: no room;
 * negative: nobody reads there any more.  *SENT counts what was handed over.
 */
int relay_link_send(struct relay_link *link, struct span line, size_t newline, size_t *sent);
/* The same with what is in `own`. */
int relay_link_send_own(struct relay_link *link);
/* No more will be sent. */
void relay_link_shut(struct relay_link *link);
/* 1: something came, or may yet; 0: the end; negative errno. */
MUST_CHECK int relay_link_read(struct relay_link *link);

#endif
