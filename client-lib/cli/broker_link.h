/* SPDX-License-Identifier: MIT */
/*
 * The way to the broker: one Unix socket, one question at a time.  Every failure is
 * told to the user here, once, and becomes an exit status.
 */
#ifndef TEPLO_CLI_BROKER_LINK_H
#define TEPLO_CLI_BROKER_LINK_H

#include "client-lib/cli/question.h"
#include "client-lib/cli/socket_path.h"
#include "proto/frame.h"

enum { BROKER_LINK_ANSWER_MAXIMUM = 64 << 20 };

struct broker_link {
    int fd;         /* non-blocking; -1: not open */
    int64_t id;     /* of the last question */
    int64_t end_ms; /* as broker_link_open was told */
    struct frame_reader reader;
};

/* Waits for room in the listener's queue until END_MS, 5 s at most.  Not open unless STATUS_OK. */
enum exit_status broker_link_open(struct broker_link *link, const struct invocation *invocation,
                                  enum socket_kind kind, int64_t end_ms);
void broker_link_done(struct broker_link *link);

/*
 * Ask and wait.  STATUS_OK: *RET_RESULT is the raw result, valid until the next
 * question or broker_link_done.
 */
enum exit_status broker_link_ask(struct broker_link *link, const struct question *question,
                                 struct span *ret_result);

/* For `connect`, which speaks for itself: the socket's descriptor is the caller's from now on. */
int broker_link_take_fd(struct broker_link *link);

#endif
