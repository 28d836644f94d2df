/* SPDX-License-Identifier: MIT */
/*
 * Lines for a screen of a certain width: whatever is written, no line is wider, and nothing that a
 * terminal would obey gets into it but the colours asked for here.  Pure.
 */
#ifndef TEPLO_TOP_TOP_PEN_H
#define TEPLO_TOP_TOP_PEN_H

#include "proto/base/bytes.h"

enum top_colours { TOP_NO_COLOURS, TOP_COLOURS };
enum top_letters { TOP_ASCII, TOP_UTF8 };

/* What the frame is drawn for. */
struct top_look {
    size_t width;
    size_t height; /* 0: as many lines as there are */
    enum top_colours colours;
    enum top_letters letters;
};

enum top_style {
#define TOP_STYLE(name, sgr) TOP_STYLE_##name,
#include "client-lib/top/top_styles.def"
#undef TOP_STYLE
};

enum top_side { TOP_LEFT, TOP_RIGHT };

struct top_pen {
    struct bytes *out;
    const struct top_look *look;
    size_t left; /* columns that the line still has */
    size_t lines;
};

struct top_pen top_pen_of(struct bytes *out, const struct top_look *look);
/* Cut where the line ends. */
void top_pen_write(struct top_pen *pen, struct span text, enum top_style style);
void top_pen_printf(struct top_pen *pen, enum top_style style, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* In a field of WIDTH columns; what is longer is cut, and the cut is marked. */
void top_pen_cell(struct top_pen *pen, struct span text, size_t width, enum top_side side,
                  enum top_style style);
void top_pen_end_line(struct top_pen *pen);

/* The columns that TEXT takes on a screen. */
size_t top_pen_width(const struct top_look *look, struct span text);

#endif
