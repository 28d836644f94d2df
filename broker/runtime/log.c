/* SPDX-License-Identifier: MIT */
#include "broker/runtime/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/runtime/clock.h"

enum { LINE_SIZE = 2048, QUOTE_SIZE = 512, QUOTE_BUFFERS = 8 };

static enum log_level threshold = LOG_LEVEL_INFO;
static unsigned long long dropped; /* lines since the last one that was written */
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_is_on(enum log_level level)
{
    return level <= threshold;
}

static size_t write_head(char *line, size_t size, enum log_level level, const char *event)
{
    int64_t wall_ms = clock_wall_ms();
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    size_t length;

    gmtime_r(&seconds, &utc);
    length = strftime(line, size, "ts=%Y-%m-%dT%H:%M:%S", &utc);
    length += (size_t)snprintf(line + length, size - length, ".%03dZ level=%s event=%s",
                               (int)(wall_ms % 1000), level_names[level], event);
    return length;
}

/* A reader that has stopped reading must not stop us; a pipe with any room takes a whole line. */
static bool has_room(void)
{
    struct pollfd poller = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&poller, 1, 0) != 0;
}

/* One write a line, so that lines of several processes do not mix.  A log that cannot be
 * written must not stop the broker. */
static void put(const char *line, size_t length)
{
    char text[128];

    if (!has_room()) {
        dropped++;
        return;
    }
    if (dropped > 0) {
        size_t said = write_head(text, sizeof(text), LOG_LEVEL_WARN, "log_dropped");

        said += (size_t)snprintf(text + said, sizeof(text) - said, " lines=%llu\n", dropped);
        (void)!write(STDERR_FILENO, text, said);
        dropped = 0;
        if (!has_room()) {
            dropped++;
            return;
        }
    }
    (void)!write(STDERR_FILENO, line, length);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    char line[LINE_SIZE];
    size_t length;
    va_list arguments;
    int r;

    if (!log_is_on(level)) {
        return;
    }
    length = write_head(line, sizeof(line) - 1, level, event);
    if (format[0] != '\0') {
        line[length++] = ' ';
        va_start(arguments, format);
        r = vsnprintf(line + length, sizeof(line) - 1 - length, format, arguments);
        va_end(arguments);
        length = r < 0 ? length : length + (size_t)r;
        if (length > sizeof(line) - 2) {
            length = sizeof(line) - 2;
        }
    }
    line[length++] = '\n';
    put(line, length);
}

const char *log_quote(const char *text)
{
    static char buffers[QUOTE_BUFFERS][QUOTE_SIZE];
    static unsigned next;
    char *out = buffers[next++ % QUOTE_BUFFERS];
    size_t n = 0;

    out[n++] = '"';
    for (const unsigned char *p = (const unsigned char *)(text == NULL ? "" : text);
         *p != '\0' && n < QUOTE_SIZE - 8; p++) {
        if (*p == '"' || *p == '\\') {
            out[n++] = '\\';
            out[n++] = (char)*p;
        } else if (*p < 0x20 || *p == 0x7f) {
            n += (size_t)snprintf(out + n, 5, "\\x%02x", *p);
        } else {
            out[n++] = (char)*p;
        }
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}
