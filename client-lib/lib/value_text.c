/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/value_text.h"

#include <ctype.h>

const struct json_limits value_text_limits = {.depth = JSON_DEPTH_MAXIMUM, .tokens = UINT32_MAX};

enum { ESCAPE_LENGTH = 6 }; /* \uXXXX */

/* AT is the backslash of a \uD8XX ... \uDFXX escape; FIRST and LAST bound its second hex digit. */
static bool is_surrogate(struct span token, size_t at, char first, char last)
{
    char digit;

    if (token.length - at < ESCAPE_LENGTH || token.at[at] != '\\' || token.at[at + 1] != 'u' ||
        tolower((unsigned char)token.at[at + 2]) != 'd') {
        return false;
    }
    digit = (char)tolower((unsigned char)token.at[at + 3]);
    return digit >= first && digit <= last;
}

static bool is_high(struct span token, size_t at)
{
    return is_surrogate(token, at, '8', 'b');
}

static bool is_low(struct span token, size_t at)
{
    return is_surrogate(token, at, 'c', 'f');
}

/* A copy of the string token in which each lone surrogate is \ufffd. */
static void mend(struct bytes *out, struct span token)
{
    size_t at = 0;

    while (at < token.length) {
        size_t length = token.at[at] == '\\' && at + 1 < token.length ? 2 : 1;

        if (is_high(token, at) && is_low(token, at + ESCAPE_LENGTH)) {
            length = 2 * (size_t)ESCAPE_LENGTH;
        } else if (is_high(token, at) || is_low(token, at)) {
            bytes_append_text(out, "\\ufffd");
            at += ESCAPE_LENGTH;
            continue;
        }
        bytes_append(out, token.at + at, length);
        at += length;
    }
}

void value_text_append(struct bytes *out, struct span value)
{
    struct bytes mended;

    if (json_kind_of(value) != JSON_STRING) {
        bytes_append_span(out, value);
        return;
    }
    if (json_string_decode(value, out) || out->failed) {
        return;
    }
    bytes_init(&mended, value.length);
    mend(&mended, value);
    if (mended.failed || !json_string_decode(bytes_span(&mended), out)) {
        out->failed = true;
    }
    bytes_done(&mended);
}
