/* SPDX-License-Identifier: MIT */
#include "proto/utf8.h"

#include <stdbool.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0U) == 0x80U;
}

static size_t three(const unsigned char *bytes, size_t available)
{
    unsigned char least = bytes[0] == 0xe0 ? 0xa0 : 0x80;
    unsigned char most = bytes[0] == 0xed ? 0x9f : 0xbf;

    if (available < 3 || bytes[1] < least || bytes[1] > most || !is_continuation(bytes[2])) {
        return 0;
    }
    return 3;
}

static size_t four(const unsigned char *bytes, size_t available)
{
    unsigned char least = bytes[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = bytes[0] == 0xf4 ? 0x8f : 0xbf;

    if (available < 4 || bytes[1] < least || bytes[1] > most || !is_continuation(bytes[2]) ||
        !is_continuation(bytes[3])) {
        return 0;
    }
    return 4;
}

size_t utf8_length(const char *at, const char *end)
{
    const unsigned char *bytes = (const unsigned char *)at;
    size_t available = (size_t)(end - at);

    if (bytes[0] < 0x80) {
        return 1;
    }
    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
        return available >= 2 && is_continuation(bytes[1]) ? 2 : 0;
    }
    if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
        return three(bytes, available);
    }
    if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
        return four(bytes, available);
    }
    return 0;
}

uint32_t utf8_point(const char *at, size_t length)
{
    static const unsigned char lead_bits[UTF8_LONGEST + 1] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *bytes = (const unsigned char *)at;
    uint32_t point = bytes[0] & lead_bits[length];

    for (size_t i = 1; i < length; i++) {
        point = (point << 6) | (bytes[i] & 0x3fU);
    }
    return point;
}

size_t utf8_write(uint32_t point, char *to)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xc0 | (point >> 6));
        to[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xe0 | (point >> 12));
        to[1] = (char)(0x80 | ((point >> 6) & 0x3f));
        to[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | (point >> 18));
    to[1] = (char)(0x80 | ((point >> 12) & 0x3f));
    to[2] = (char)(0x80 | ((point >> 6) & 0x3f));
    to[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}
