/* SPDX-License-Identifier: MIT */
/*
 * Log lines: logfmt on stderr, one line an event.
 *   ts=2026-11-24T08:00:00.123Z level=warn event=session_closed session=grynya/3 why="..."
 * Lines are dropped, and counted in the next one, while whoever reads them does not.
 * `event` is a constant word; everything variable is a field.  Never secrets,
 * arguments or results.
 */
#ifndef TEPLO_RUNTIME_LOG_H
#define TEPLO_RUNTIME_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/check.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);

/*
 * FORMAT makes the fields: "session=%s why=%s".  Give a value that can hold blanks, quotes or
 * bytes of a peer through log_quote.
 */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

/* TEXT quoted and escaped, cut to fit.  One of eight static buffers: good for this statement. */
const char *log_quote(const char *text);

#endif
