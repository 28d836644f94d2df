/* SPDX-License-Identifier: MIT */
/* Time.  Everything in the broker is monotonic milliseconds; wall time is for the log's reader. */
#ifndef TEPLO_RUNTIME_CLOCK_H
#define TEPLO_RUNTIME_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);
int64_t clock_now_us(void);
/* Milliseconds since the epoch: only for showing. */
int64_t clock_wall_ms(void);

#endif
