/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_pen.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/utf8.h"

static const char *const sgrs[] = {
#define TOP_STYLE(name, sgr) sgr,
#include "client-lib/top/top_styles.def"
#undef TOP_STYLE
};

/* Code points that take two columns, roughly as East Asian Width has them: from, to. */
static const uint32_t wide[][2] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                   {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                   {0xffe0, 0xffe6}, {0x1f000, 0x1faff}, {0x20000, 0x3fffd}};
/* Those that take none, or that a terminal may obey: a question mark stands for them. */
static const uint32_t odd[][2] = {
    {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x300, 0x36f},   {0x483, 0x489},
    {0x591, 0x61c},   {0x64b, 0x65f},   {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0x10ffff}};

#define IS_IN(point, ranges) is_in(point, ranges, sizeof(ranges) / sizeof((ranges)[0]))

static bool is_in(uint32_t point, const uint32_t (*ranges)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (point >= ranges[i][0] && point <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

/* One code point of TEXT at *AT, as it is shown: its bytes, and its columns. */
static struct span next_point(const struct top_look *look, struct span text, size_t *at,
                              size_t *ret_columns)
{
    size_t length = utf8_length(text.at + *at, text.at + text.length);
    struct span shown = {text.at + *at, length};
    uint32_t point = length == 0 ? 0 : utf8_point(text.at + *at, length);

    *at += length == 0 ? 1 : length;
    *ret_columns = IS_IN(point, wide) ? 2 : 1;
    if (IS_IN(point, odd) || (look->letters == TOP_ASCII && point > 0x7e)) {
        *ret_columns = 1;
        return SPAN("?");
    }
    return shown;
}

size_t top_pen_width(const struct top_look *look, struct span text)
{
    size_t width = 0;

    for (size_t at = 0; at < text.length;) {
        size_t columns;

        (void)next_point(look, text, &at, &columns);
        width += columns;
    }
    return width;
}

struct top_pen top_pen_of(struct bytes *out, const struct top_look *look)
{
    return (struct top_pen){.out = out, .look = look, .left = look->width};
}

static void begin_style(struct top_pen *pen, enum top_style style)
{
    if (pen->look->colours == TOP_COLOURS && style != TOP_STYLE_PLAIN) {
        bytes_printf(pen->out, "\033[%sm", sgrs[style]);
    }
}

static void end_style(struct top_pen *pen, enum top_style style)
{
    if (pen->look->colours == TOP_COLOURS && style != TOP_STYLE_PLAIN) {
        bytes_append_text(pen->out, "\033[0m");
    }
}

/* At most MOST columns of TEXT; the columns written. */
static size_t write_points(struct top_pen *pen, struct span text, size_t most)
{
    size_t written = 0;

    for (size_t at = 0; at < text.length;) {
        size_t columns;
        struct span shown = next_point(pen->look, text, &at, &columns);

        if (written + columns > most) {
            break;
        }
        bytes_append_span(pen->out, shown);
        written += columns;
    }
    pen->left -= written;
    return written;
}

void top_pen_write(struct top_pen *pen, struct span text, enum top_style style)
{
    if (text.length > 0 && pen->left > 0) {
        begin_style(pen, style);
        (void)write_points(pen, text, pen->left);
        end_style(pen, style);
    }
}

void top_pen_printf(struct top_pen *pen, enum top_style style, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    top_pen_write(pen, span_of(text), style);
}

static void pad(struct top_pen *pen, size_t columns)
{
    for (; columns > 0 && pen->left > 0; columns--) {
        bytes_append_char(pen->out, ' ');
        pen->left--;
    }
}

void top_pen_cell(struct top_pen *pen, struct span text, size_t width, enum top_side side,
                  enum top_style style)
{
    size_t shown = top_pen_width(pen->look, text);
    size_t most = width < pen->left ? width : pen->left;

    if (shown <= most) {
        pad(pen, side == TOP_RIGHT ? width - shown : 0);
        top_pen_write(pen, text, style);
        pad(pen, side == TOP_LEFT ? width - shown : 0);
        return;
    }
    if (most == 0) {
        return;
    }
    begin_style(pen, style);
    shown = write_points(pen, text, most - 1);
    bytes_append_text(pen->out, pen->look->letters == TOP_UTF8 ? "…" : "~");
    pen->left--;
    end_style(pen, style);
    pad(pen, most - shown - 1);
}

void top_pen_end_line(struct top_pen *pen)
{
    /* Blanks at the end are nothing to see, but for a background, which no style has there. */
    while (!pen->out->failed && pen->out->length > 0 && pen->out->at[pen->out->length - 1] == ' ') {
        pen->out->length--;
    }
    bytes_append_char(pen->out, '\n');
    pen->left = pen->look->width;
    pen->lines++;
}
