/* SPDX-License-Identifier: MIT */
#include "proto/redis_key.h"

#include <string.h>

#include "proto/base/check.h"

static const struct redis_key_row rows[REDIS_KEY_COUNT] = {
#define KEY(NAME, pattern, type, ttl_s, cadence_s)                                                 \
    {pattern, type, (ttl_s)*INT64_C(1000), (cadence_s)*INT64_C(1000)},
#include "proto/redis/keys.def"
#undef KEY
};

const struct redis_key_row *redis_key_row(enum redis_key key)
{
    CHECK((size_t)key < REDIS_KEY_COUNT);
    return &rows[key];
}

static size_t append(char *out, size_t size, size_t length, const char *text)
{
    CHECK(text != NULL);
    while (*text != '\0' && length < size - 1) {
        out[length++] = *text++;
    }
    return length;
}

size_t redis_key_write(enum redis_key key, const char *prefix, const char *pool,
                       const char *instance, char *out, size_t size)
{
    size_t length = append(out, size, 0, prefix);

    CHECK(size > 0);
    for (const char *p = redis_key_row(key)->pattern; *p != '\0'; p++) {
        const char letter[2] = {*p, '\0'};

        if (*p == '%') {
            p++;
            length = append(out, size, length, *p == 'p' ? pool : instance);
        } else {
            length = append(out, size, length, letter);
        }
    }
    out[length] = '\0';
    return length;
}

int64_t redis_key_dead_ms(int64_t tick_ms)
{
    enum { LEAST_MS = 2300, TENTHS_OF_TICKS = 23 };
    int64_t ms = tick_ms * TENTHS_OF_TICKS / 10;

    return ms < LEAST_MS ? LEAST_MS : ms;
}
