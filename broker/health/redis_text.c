/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/check.h"

enum { NAME_MAXIMUM = 32 };

/* Beyond, a double has no places left behind the point, and no figure of ours is that big. */
static const double DECIMAL_LIMIT = 1e15;

static bool is_printable(unsigned char c)
{
    return c >= 0x20 && c < 0x7f;
}

/* The second and later bytes of a UTF-8 character add nothing to the '?' of the first. */
static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

static size_t copy_printable(char *out, size_t size, const char *text)
{
    size_t length = 0;

    for (const char *p = text; *p != '\0' && length < size - 1; p++) {
        unsigned char c = (unsigned char)*p;

        if (is_printable(c)) {
            out[length++] = *p;
        } else if (!is_continuation(c)) {
            out[length++] = '?';
        }
    }
    while (length > 0 && out[length - 1] == ' ') {
        length--;
    }
    out[length] = '\0';
    return length;
}

size_t redis_text_clean(char *out, size_t size, const char *text)
{
    size_t length = 0;

    CHECK(size > 2);
    if (text != NULL) {
        length = copy_printable(out, size, text);
    }
    if (length == 0) {
        (void)snprintf(out, size, "-");
        return 1;
    }
    if (redis_text_is_number(out)) {
        length = length == size - 1 ? length - 1 : length;
        memmove(out + 1, out, length);
        out[0] = '~';
        out[++length] = '\0';
    }
    return length;
}

/* Go lets underscores stand between digits; strtod does not. */
static void drop_underscores(char *out, size_t size, const char *text)
{
    size_t length = 0;

    for (const char *p = text; *p != '\0' && length < size - 1; p++) {
        if (*p != '_' || p == text) {
            out[length++] = *p;
        }
    }
    out[length] = '\0';
}

bool redis_text_is_number(const char *text)
{
    char plain[512];
    char *end;

    drop_underscores(plain, sizeof(plain), text);
    (void)strtod(plain, &end);
    if (end == plain) {
        return false;
    }
    while (*end == ' ') {
        end++;
    }
    return *end == '\0';
}

size_t redis_text_decimal(char *out, size_t size, double value)
{
    double bounded = isfinite(value) ? value : 0;
    size_t length;

    CHECK(size >= 24);
    bounded = bounded > DECIMAL_LIMIT ? DECIMAL_LIMIT : bounded;
    bounded = bounded < -DECIMAL_LIMIT ? -DECIMAL_LIMIT : bounded;
    length = (size_t)snprintf(out, size, "%.3f", bounded);
    while (out[length - 1] == '0') {
        length--;
    }
    if (out[length - 1] == '.') {
        length--;
    }
    out[length] = '\0';
    if (strcmp(out, "-0") == 0) {
        length = (size_t)snprintf(out, size, "0");
    }
    return length;
}

bool redis_text_is_name(const char *text)
{
    size_t length = strlen(text);

    return length >= 1 && length <= NAME_MAXIMUM && text[0] >= 'a' && text[0] <= 'z' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length &&
           !redis_text_is_number(text);
}
