/* SPDX-License-Identifier: MIT */
/*
 * The service manager's watchdog (sd_watchdog_enabled(3)): told that we live as long as the loop
 * turns in time, and not by anything that could go on without it.
 */
#ifndef TEPLO_SYSTEM_WATCHDOG_H
#define TEPLO_SYSTEM_WATCHDOG_H

#include "broker/runtime/loop.h"

struct watchdog {
    struct timer timer;
    int64_t interval_ms; /* 0: nobody watches */
    int64_t due_ms;
};

/* Reads $WATCHDOG_USEC and $WATCHDOG_PID. */
void watchdog_start(struct watchdog *watchdog, struct loop *loop);
void watchdog_stop(struct watchdog *watchdog);

#endif
