/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/uuid.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { UUID_SIZE = 16, TIME_SIZE = 6 };

static bool is_dash_place(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

static void print(const uint8_t uuid[UUID_SIZE], char text[UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    size_t digits = 0;

    for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        if (is_dash_place(i)) {
            text[i] = '-';
            continue;
        }
        text[i] = hex[uuid[digits / 2] >> (digits % 2 == 0 ? 4 : 0) & 0xf];
        digits++;
    }
    text[UUID_TEXT_SIZE - 1] = '\0';
}

int uuid_make(char text[UUID_TEXT_SIZE])
{
    uint8_t uuid[UUID_SIZE];
    struct timespec now;
    uint64_t wall_ms;

    if (getrandom(uuid, sizeof(uuid), GRND_NONBLOCK) != (ssize_t)sizeof(uuid)) {
        return -EAGAIN;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (size_t i = 0; i < TIME_SIZE; i++) {
        uuid[i] = (uint8_t)(wall_ms >> (40 - 8 * i));
    }
    uuid[6] = (uint8_t)(0x70 | (uuid[6] & 0x0f));
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
    print(uuid, text);
    return 0;
}

bool uuid_is(const char *text)
{
    if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        if (is_dash_place(i) ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}
