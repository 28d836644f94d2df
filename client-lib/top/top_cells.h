/* SPDX-License-Identifier: MIT */
/* Figures as short texts, and what health looks like.  Pure. */
#ifndef TEPLO_TOP_TOP_CELLS_H
#define TEPLO_TOP_TOP_CELLS_H

#include "client-lib/top/top_pen.h"
#include "client-lib/top/top_rows.h"

enum top_form {
    TOP_FORM_NAME,  /* of the row */
    TOP_FORM_OWNER, /* likewise */
    TOP_FORM_TEXT,
    TOP_FORM_REST,     /* a text, as long as there is room */
    TOP_FORM_COUNT,    /* 12, 1234, 123k, 4.5M */
    TOP_FORM_RATE,     /* 0.5, 21.0, 1234 */
    TOP_FORM_SHARE,    /* 6.1 of a hundred */
    TOP_FORM_MS,       /* a length: 12ms, 1.2s, 3m20s; 0 is none */
    TOP_FORM_SECONDS,  /* likewise, told in seconds */
    TOP_FORM_SINCE,    /* how long ago a moment was */
    TOP_FORM_BYTES,    /* 512, 12K, 3.4M */
    TOP_FORM_HEALTH,   /* a symbol and a word */
    TOP_FORM_SESSIONS, /* a pool's: active/idle/other/cap */
    TOP_FORM_BAR,      /* a pool's: how many of its places are busy */
    TOP_FORM_LIVE,     /* a pool's: brokers that live and have it */
    TOP_FORM_HEARD,    /* a broker's: how long ago it was heard of */
    TOP_FORM_AGO,      /* an event's: how long ago it was */
};

/* The field of ROW in that form, "-" for what is absent. */
void top_cell(struct bytes *out, const struct top_rows *rows, const struct top_row *row,
              enum top_form form, size_t field, enum top_letters letters);
/* The style of such a cell: that of its health, or of a figure that is worth a look. */
enum top_style top_cell_style(const struct top_rows *rows, const struct top_row *row,
                              enum top_form form, size_t field);

void top_append_length(struct bytes *out, double length_ms);
void top_append_count(struct bytes *out, double count);
void top_append_rate(struct bytes *out, double rate);
/* "HEALTH" words as they are in the rows; by fleet_severity. */
const char *top_symbol(unsigned severity, enum top_letters letters);
enum top_style top_health_style(unsigned severity);

#endif
