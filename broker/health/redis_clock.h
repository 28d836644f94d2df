/* SPDX-License-Identifier: MIT */
/*
 * The clock of Redis as seen from here: its distance to our monotonic clock, from the answers
 * to TIME.  All brokers write moments of this one clock, whatever their hosts think.  Pure.
 */
#ifndef TEPLO_HEALTH_REDIS_CLOCK_H
#define TEPLO_HEALTH_REDIS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zero at the start. */
struct redis_clock {
    bool is_known;
    double distance_ms; /* add it to our clock */
    double rtt_ms;      /* of the last answer */
};

enum redis_clock_news { REDIS_CLOCK_STEADY, REDIS_CLOCK_JUMPED };

/* REDIS_US was read by Redis between SENT_US and RECEIVED_US of ours.  JUMPED: by over a second. */
enum redis_clock_news redis_clock_update(struct redis_clock *clock, int64_t redis_us,
                                         int64_t sent_us, int64_t received_us);
/* What to add to a moment of ours; 0 if not known. */
int64_t redis_clock_epoch_ms(const struct redis_clock *clock);

#endif
