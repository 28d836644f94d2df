/* SPDX-License-Identifier: MIT */
/* What a handle's epoll descriptor tells of: the first member of whatever is watched. */
#ifndef TEPLO_LIB_WATCH_H
#define TEPLO_LIB_WATCH_H

#include <sys/epoll.h>

enum watch_kind {
    WATCH_WAKE,  /* the handle itself: something is left to be done or taken */
    WATCH_TIMER, /* a deadline, or the next try to connect */
    WATCH_LINK,
    WATCH_TOKEN,
};

struct watch {
    enum watch_kind kind;
};

/* As epoll_ctl. */
static inline int watch_control(int epoll, int operation, int fd, struct watch *watch,
                                uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    return epoll_ctl(epoll, operation, fd, &event);
}

#endif
