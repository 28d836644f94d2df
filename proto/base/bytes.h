/* SPDX-License-Identifier: MIT */
/*
 * struct span: a borrowed view.  struct bytes: a growing buffer with a maximum.
 * A bytes that failed to grow (memory or maximum) turns `failed` and stays so
 * until bytes_clear or bytes_done: a chain of appends is checked once, at its end.
 */
#ifndef TEPLO_BASE_BYTES_H
#define TEPLO_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/base/check.h"

struct span {
    const char *at; /* not NUL-terminated; NULL means absent */
    size_t length;
};

#define SPAN_NONE ((struct span){NULL, 0})
/* Of a string literal; SPAN_INIT initialises a static. */
/* clang-format off */
#define SPAN_INIT(literal) {"" literal "", sizeof(literal) - 1}
/* clang-format on */
#define SPAN(literal) ((struct span)SPAN_INIT(literal))

static inline struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

static inline bool span_is_none(struct span span)
{
    return span.at == NULL;
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

static inline bool span_is(struct span span, const char *text)
{
    return span_equal(span, span_of(text));
}

static inline bool span_starts_with(struct span span, struct span prefix)
{
    return span.length >= prefix.length && memcmp(span.at, prefix.at, prefix.length) == 0;
}

struct bytes {
    char *at;
    size_t length;
    size_t capacity;
    size_t maximum; /* length never exceeds it */
    bool failed;    /* an append did not fit or memory was out; content is then worthless */
};

void bytes_init(struct bytes *bytes, size_t maximum);
void bytes_done(struct bytes *bytes);
/* Empty again, memory kept. */
void bytes_clear(struct bytes *bytes);
/* Empty again, and memory above KEEP bytes given back. */
void bytes_trim(struct bytes *bytes, size_t keep);

void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_append_span(struct bytes *bytes, struct span span);
void bytes_append_text(struct bytes *bytes, const char *text);
void bytes_append_char(struct bytes *bytes, char c);
void bytes_append_int(struct bytes *bytes, int64_t number);
void bytes_printf(struct bytes *bytes, const char *format, ...) PRINTF_LIKE(2, 3);

/* Room for LENGTH more bytes behind the content, or NULL (and failed). Commit with bytes_added. */
MUST_CHECK char *bytes_reserve(struct bytes *bytes, size_t length);
void bytes_added(struct bytes *bytes, size_t length);
/* Drop LENGTH bytes from the front. */
void bytes_consume(struct bytes *bytes, size_t length);

static inline struct span bytes_span(const struct bytes *bytes)
{
    return (struct span){bytes->at, bytes->length};
}

/* The content as a C string: valid until the next change; NULL if it cannot be terminated. */
MUST_CHECK const char *bytes_text(struct bytes *bytes);
/* Move the content out; BYTES is empty afterwards and usable.  The caller frees with mem_free. */
MUST_CHECK char *bytes_take(struct bytes *bytes, size_t *ret_length);

#endif
