/* SPDX-License-Identifier: MIT */
/* The clock of deadlines and back-off. */
#ifndef TEPLO_LIB_MONOTONIC_H
#define TEPLO_LIB_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* A time that never comes. */
#define MONOTONIC_NEVER INT64_MAX

static inline int64_t monotonic_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
