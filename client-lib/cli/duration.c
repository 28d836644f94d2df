/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/duration.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

int64_t duration_now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t duration_from_now_ms(int64_t length_ms)
{
    return length_ms == DURATION_FOREVER ? DURATION_FOREVER : duration_now_ms() + length_ms;
}

int duration_poll_ms(int64_t end_ms)
{
    int64_t left_ms;

    if (end_ms == DURATION_FOREVER) {
        return -1;
    }
    left_ms = end_ms - duration_now_ms();
    if (left_ms <= 0) {
        return 0;
    }
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static int64_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", SECOND_MS}, {"m", MINUTE_MS}, {"h", HOUR_MS}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, unit) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

bool duration_parse(const char *text, int64_t *ret_length_ms)
{
    char *unit;
    long long count;
    int64_t factor_ms;

    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    errno = 0;
    count = strtoll(text, &unit, 10);
    factor_ms = unit_ms(unit);
    if (errno != 0 || factor_ms == 0 || count < 1 || count > DAY_MS / factor_ms) {
        return false;
    }
    *ret_length_ms = count * factor_ms;
    return true;
}

void duration_print(struct bytes *out, int64_t length_ms)
{
    if (length_ms < 0) {
        bytes_append_text(out, "-");
    } else if (length_ms < SECOND_MS) {
        bytes_printf(out, "%" PRId64 "ms", length_ms);
    } else if (length_ms < MINUTE_MS) {
        bytes_printf(out, "%" PRId64 ".%" PRId64 "s", length_ms / 1000, length_ms % 1000 / 100);
    } else if (length_ms < HOUR_MS) {
        bytes_printf(out, "%" PRId64 "m %" PRId64 "s", length_ms / MINUTE_MS,
                     length_ms % MINUTE_MS / SECOND_MS);
    } else if (length_ms < DAY_MS) {
        bytes_printf(out, "%" PRId64 "h %" PRId64 "m", length_ms / HOUR_MS,
                     length_ms % HOUR_MS / MINUTE_MS);
    } else {
        bytes_printf(out, "%" PRId64 "d %" PRId64 "h", length_ms / DAY_MS,
                     length_ms % DAY_MS / HOUR_MS);
    }
}
