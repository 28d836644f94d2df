/* SPDX-License-Identifier: MIT */
/* Times: read from the command line, shown to people, taken from the monotonic clock. */
#ifndef TEPLO_CLI_DURATION_H
#define TEPLO_CLI_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/bytes.h"

#define DURATION_FOREVER INT64_MAX

int64_t duration_now_ms(void);
/* A moment LENGTH_MS from now; DURATION_FOREVER stays so. */
int64_t duration_from_now_ms(int64_t length_ms);
/* Until END_MS, for poll: 0 when it has passed, -1 for DURATION_FOREVER. */
int duration_poll_ms(int64_t end_ms);

/* `500ms`, `30s`, `5m`, `1h`: 1 ms to 24 h, a whole number with its unit. */
MUST_CHECK bool duration_parse(const char *text, int64_t *ret_length_ms);
/* `120ms`, `4.2s`, `3m 20s`, `2h 5m`, `3d 4h`. */
void duration_print(struct bytes *out, int64_t length_ms);

#endif
