/* SPDX-License-Identifier: MIT */
/* Called by the app. */
#include "broker/system/watchdog.h"

#include <stdlib.h>
#include <unistd.h>

#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"
#include "broker/system/notify.h"

/* Later than so much is no sign of health. */
enum { LAG_MAXIMUM_MS = 1000, SHORTEST_MS = 10 };

static void on_timer(void *owner);

void watchdog_start(struct watchdog *watchdog, struct loop *loop)
{
    const char *period = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    long long period_us = period == NULL ? 0 : strtoll(period, NULL, 10);

    timer_init(&watchdog->timer, loop, on_timer, watchdog);
    watchdog->interval_ms = 0;
    if (period_us <= 0 || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return;
    }
    watchdog->interval_ms = period_us / 3000;
    if (watchdog->interval_ms < SHORTEST_MS) {
        watchdog->interval_ms = SHORTEST_MS;
    }
    watchdog->due_ms = clock_now_ms();
    on_timer(watchdog);
}

void watchdog_stop(struct watchdog *watchdog)
{
    timer_stop(&watchdog->timer);
}

static void on_timer(void *owner)
{
    struct watchdog *watchdog = owner;
    int64_t now_ms = clock_now_ms();
    int64_t late_ms = now_ms - watchdog->due_ms;

    if (late_ms < LAG_MAXIMUM_MS) {
        notify_manager("WATCHDOG=1");
    } else {
        log_event(LOG_LEVEL_WARN, "watchdog_missed", "late_ms=%lld", (long long)late_ms);
    }
    watchdog->due_ms = now_ms + watchdog->interval_ms;
    timer_start(&watchdog->timer, watchdog->interval_ms);
}
