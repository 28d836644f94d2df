/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share.  A broken property aborts, and libFuzzer keeps the
 * input; it then becomes a file of the corpus.
 */
#ifndef TEPLO_TESTS_FUZZ_H
#define TEPLO_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"
#include "proto/json_scan.h"

/* A libFuzzer target is this function, by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static inline void fuzz_holds(bool holds, const char *property, const char *file, int line)
{
    if (!holds) {
        check_failed(property, file, line);
    }
}

#define PROPERTY(condition) fuzz_holds((condition), #condition, __FILE__, __LINE__)

/* More than any input makes. */
enum { FUZZ_ROOM = 64 * 1024 * 1024 };

static inline struct span fuzz_input(const uint8_t *at, size_t size)
{
    return (struct span){(const char *)at, size};
}

/* The first byte of the input steers the target; 0 when there is none. */
static inline unsigned fuzz_take_byte(struct span *input)
{
    unsigned byte = 0;

    if (input->length > 0) {
        byte = (unsigned char)*input->at;
        input->at++;
        input->length--;
    }
    return byte;
}

static inline bool fuzz_is_inside(struct span part, struct span whole)
{
    return part.at >= whole.at && part.length <= whole.length &&
           (size_t)(part.at - whole.at) <= whole.length - part.length;
}

static inline bool fuzz_is_json(struct span text)
{
    /* Deeper than what is checked first: conversions wrap nothing, but replies do. */
    const struct json_limits limits = {.depth = JSON_DEPTH_MAXIMUM, .tokens = 10000000};
    struct json_error error;

    return json_check(text, &limits, &error) == 0;
}

static inline bool fuzz_is_one_line(struct span text)
{
    return text.length == 0 || (memchr(text.at, '\n', text.length) == NULL &&
                                memchr(text.at, '\r', text.length) == NULL);
}

/* Sizes of pieces to cut an input into: the same for the same seed. */
static inline size_t fuzz_next_size(uint32_t *state, size_t most)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16 > 60000 ? most : (*state >> 16) % 9 % (most + 1);
}

#endif
