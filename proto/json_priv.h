/* SPDX-License-Identifier: MIT */
/* What the checker and the cursor both know of JSON's bytes. */
#ifndef TEPLO_PROTO_JSON_PRIV_H
#define TEPLO_PROTO_JSON_PRIV_H

#include <stdbool.h>

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at)) {
        at++;
    }
    return at;
}

#endif
