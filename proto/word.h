/* SPDX-License-Identifier: MIT */
/*
 * Eight bytes at a time, without knowing the machine's byte order: each test says
 * whether any byte of a word matches, and the caller then looks byte by byte.
 */
#ifndef TEPLO_PROTO_WORD_H
#define TEPLO_PROTO_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_BYTES sizeof(uint64_t)
#define WORD_HIGH_BITS UINT64_C(0x8080808080808080)

static inline uint64_t word_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t word_of(unsigned char byte)
{
    return UINT64_C(0x0101010101010101) * byte;
}

/* Not zero if some byte is below LEAST, itself at most 0x80. */
static inline uint64_t word_has_below(uint64_t word, unsigned char least)
{
    return (word - word_of(least)) & ~word & WORD_HIGH_BITS;
}

static inline uint64_t word_has(uint64_t word, unsigned char byte)
{
    return word_has_below(word ^ word_of(byte), 1);
}

/* The first CR or LF, or END.  One pass whatever the bytes are: memchr for each would not be. */
static inline const char *word_find_line_end(const char *at, const char *end)
{
    while ((size_t)(end - at) >= WORD_BYTES) {
        uint64_t word = word_load(at);

        if ((word_has(word, '\n') | word_has(word, '\r')) != 0) {
            break;
        }
        at += WORD_BYTES;
    }
    while (at < end && *at != '\n' && *at != '\r') {
        at++;
    }
    return at;
}

#endif
