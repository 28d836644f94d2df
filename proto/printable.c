/* SPDX-License-Identifier: MIT */
#include "proto/printable.h"

#include "proto/utf8.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static bool is_hostile(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static bool is_newline_after_cr(struct span text, size_t at)
{
    return text.at[at] == '\r' && at + 1 < text.length && text.at[at + 1] == '\n';
}

/* BLANKS: what a newline and a TAB become; an empty string keeps them. */
static void append(struct bytes *out, struct span text, const char *blanks)
{
    size_t at = 0;

    while (at < text.length) {
        size_t length = utf8_length(text.at + at, text.at + text.length);
        uint32_t point = length == 0 ? 0 : utf8_point(text.at + at, length);

        if (point == '\n' || point == '\t') {
            bytes_append(out, blanks[0] == '\0' ? text.at + at : blanks, 1);
        } else if (!is_hostile(point)) {
            bytes_append(out, text.at + at, length);
        } else if (!is_newline_after_cr(text, at)) {
            bytes_append_text(out, replacement);
        }
        at += length == 0 ? 1 : length;
    }
}

void printable_block(struct bytes *out, struct span text)
{
    append(out, text, "");
}

void printable_line(struct bytes *out, struct span text)
{
    append(out, text, " ");
}

size_t printable_width(struct span text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.length; i++) {
        width += ((unsigned char)text.at[i] & 0xc0U) != 0x80;
    }
    return width;
}

bool printable_is_utf8(struct span text)
{
    size_t at = 0;

    while (at < text.length) {
        size_t length = utf8_length(text.at + at, text.at + text.length);

        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}
