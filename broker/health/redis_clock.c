/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_clock.h"

/* An answer that took longer says little about the time. */
static const double RTT_MAXIMUM_MS = 500;
static const double JUMP_MS = 1000;
static const double SMOOTHING = 0.125;

enum redis_clock_news redis_clock_update(struct redis_clock *clock, int64_t redis_us,
                                         int64_t sent_us, int64_t received_us)
{
    double middle_ms = ((double)sent_us + (double)received_us) / 2000;
    double seen_ms = (double)redis_us / 1000 - middle_ms;
    double change_ms = seen_ms - clock->distance_ms;

    clock->rtt_ms = (double)(received_us - sent_us) / 1000;
    if (!clock->is_known) {
        clock->is_known = true;
        clock->distance_ms = seen_ms;
        return REDIS_CLOCK_STEADY;
    }
    if (clock->rtt_ms > RTT_MAXIMUM_MS) {
        return REDIS_CLOCK_STEADY;
    }
    if (change_ms > JUMP_MS || change_ms < -JUMP_MS) {
        clock->distance_ms = seen_ms;
        return REDIS_CLOCK_JUMPED;
    }
    clock->distance_ms += change_ms * SMOOTHING;
    return REDIS_CLOCK_STEADY;
}

int64_t redis_clock_epoch_ms(const struct redis_clock *clock)
{
    return (int64_t)clock->distance_ms;
}
