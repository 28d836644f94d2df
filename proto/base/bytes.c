/* SPDX-License-Identifier: MIT */
#include "proto/base/bytes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/base/mem.h"

enum { SMALLEST_CAPACITY = 64 };

void bytes_init(struct bytes *bytes, size_t maximum)
{
    *bytes = (struct bytes){.maximum = maximum};
}

void bytes_done(struct bytes *bytes)
{
    mem_free(bytes->at);
    *bytes = (struct bytes){.maximum = bytes->maximum};
}

void bytes_clear(struct bytes *bytes)
{
    bytes->length = 0;
    bytes->failed = false;
}

void bytes_trim(struct bytes *bytes, size_t keep)
{
    if (bytes->capacity > keep) {
        bytes_done(bytes);
    } else {
        bytes_clear(bytes);
    }
}

char *bytes_reserve(struct bytes *bytes, size_t length)
{
    size_t needed;
    size_t capacity;
    char *at;

    CHECK(bytes->length <= bytes->maximum);
    if (bytes->failed || length > bytes->maximum - bytes->length) {
        bytes->failed = true;
        return NULL;
    }
    needed = bytes->length + length;
    if (needed <= bytes->capacity && bytes->at != NULL) {
        return bytes->at + bytes->length;
    }
    /* Doubling keeps a long chain of appends linear. */
    capacity = bytes->capacity < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : bytes->capacity;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    at = mem_resize(bytes->at, capacity);
    if (at == NULL) {
        bytes->failed = true;
        return NULL;
    }
    bytes->at = at;
    bytes->capacity = capacity;
    return at + bytes->length;
}

void bytes_added(struct bytes *bytes, size_t length)
{
    CHECK(length <= bytes->capacity - bytes->length);
    bytes->length += length;
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    char *room = bytes_reserve(bytes, length);

    if (room == NULL || length == 0) {
        return;
    }
    memcpy(room, data, length);
    bytes->length += length;
}

void bytes_append_span(struct bytes *bytes, struct span span)
{
    bytes_append(bytes, span.at, span.length);
}

void bytes_append_text(struct bytes *bytes, const char *text)
{
    bytes_append(bytes, text, strlen(text));
}

void bytes_append_char(struct bytes *bytes, char c)
{
    bytes_append(bytes, &c, 1);
}

void bytes_append_int(struct bytes *bytes, int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRId64, number);

    bytes_append(bytes, digits, (size_t)length);
}

void bytes_printf(struct bytes *bytes, const char *format, ...)
{
    va_list arguments;
    va_list again;
    int length;
    char *room;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    room = length < 0 ? NULL : bytes_reserve(bytes, (size_t)length + 1);
    if (room != NULL) {
        (void)vsnprintf(room, (size_t)length + 1, format, again);
        bytes->length += (size_t)length;
    } else {
        bytes->failed = true;
    }
    va_end(again);
    va_end(arguments);
}

void bytes_consume(struct bytes *bytes, size_t length)
{
    CHECK(length <= bytes->length);
    bytes->length -= length;
    if (bytes->length > 0 && length > 0) {
        memmove(bytes->at, bytes->at + length, bytes->length);
    }
}

const char *bytes_text(struct bytes *bytes)
{
    char *room = bytes_reserve(bytes, 1);

    if (room == NULL) {
        return NULL;
    }
    *room = '\0';
    return bytes->at;
}

char *bytes_take(struct bytes *bytes, size_t *ret_length)
{
    char *at = bytes->at;

    *ret_length = bytes->length;
    *bytes = (struct bytes){.maximum = bytes->maximum};
    return at;
}
