/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_cells.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000, BAR_WIDTH = 10 };

/* ---- numbers, in five or six columns */

/* One place after the point, whatever the locale is. */
static void append_tenths(struct bytes *out, double value, const char *unit)
{
    int64_t tenths = llround(value * 10);

    bytes_printf(out, "%" PRId64 ".%" PRId64 "%s", tenths / 10, tenths % 10, unit);
}

/* 0 to 9999 as it is, then three digits or so with a unit of UNITS, each 1000 of the one before. */
static void append_scaled(struct bytes *out, double value, double step, const char *units)
{
    size_t unit = 0;

    while (value >= step && units[unit + 1] != '\0') {
        value /= step;
        unit++;
    }
    if (value >= 99.95 || value < 0) {
        bytes_printf(out, "%.0f%c", value, units[unit]);
    } else {
        append_tenths(out, value, (const char[2]){units[unit], '\0'});
    }
}

void top_append_count(struct bytes *out, double count)
{
    if (count < 10000) {
        bytes_printf(out, "%.0f", count);
    } else {
        append_scaled(out, count / 1000, 1000, "kMGTPE");
    }
}

static void append_bytes(struct bytes *out, double count)
{
    if (count < 1024) {
        bytes_printf(out, "%.0f", count);
    } else {
        append_scaled(out, count / 1024, 1024, "KMGTPE");
    }
}

void top_append_rate(struct bytes *out, double rate)
{
    if (rate < 999.95) {
        append_tenths(out, rate, "");
    } else {
        top_append_count(out, rate);
    }
}

static void append_two(struct bytes *out, int64_t length_ms, int64_t unit_ms, const char *units)
{
    int64_t part_ms = unit_ms == DAY_MS ? HOUR_MS : unit_ms / 60;

    bytes_printf(out, "%" PRId64 "%c%02" PRId64 "%c", length_ms / unit_ms, units[0],
                 length_ms % unit_ms / part_ms, units[1]);
}

void top_append_length(struct bytes *out, double length)
{
    int64_t length_ms = length < 9e15 ? llround(length) : 0;

    if (length_ms < 0) {
        bytes_append_text(out, "-");
    } else if (length_ms < SECOND_MS) {
        bytes_printf(out, "%" PRId64 "ms", length_ms);
    } else if (length_ms < MINUTE_MS) {
        bytes_printf(out, "%" PRId64 ".%" PRId64 "s", length_ms / 1000, length_ms % 1000 / 100);
    } else if (length_ms < HOUR_MS) {
        append_two(out, length_ms, MINUTE_MS, "ms");
    } else if (length_ms < DAY_MS) {
        append_two(out, length_ms, HOUR_MS, "hm");
    } else if (length_ms < (int64_t)100 * DAY_MS) {
        append_two(out, length_ms, DAY_MS, "dh");
    } else {
        bytes_printf(out, "%" PRId64 "d", length_ms / DAY_MS);
    }
}

/* A length of 0 is one that was not measured. */
static void append_measured(struct bytes *out, double length_ms)
{
    if (length_ms <= 0) {
        bytes_append_char(out, '-');
    } else if (length_ms < 10) {
        append_tenths(out, length_ms, "ms");
    } else {
        top_append_length(out, length_ms);
    }
}

static void append_since(struct bytes *out, const struct fleet_view *view, double at_ms)
{
    if (at_ms <= 0) {
        bytes_append_char(out, '-');
    } else {
        double length_ms = (double)view->at_ms - at_ms;

        top_append_length(out, length_ms < 0 ? 0 : length_ms);
    }
}

/* ---- health */

const char *top_symbol(unsigned severity, enum top_letters letters)
{
    static const char *const symbols[][6] = {
        [TOP_ASCII] = {"+", "~", "?", "!", "X", "#"},
        [TOP_UTF8] = {"●", "◐", "?", "▲", "✖", "■"},
    };

    return symbols[letters][severity];
}

enum top_style top_health_style(unsigned severity)
{
    static const enum top_style styles[] = {TOP_STYLE_GOOD, TOP_STYLE_AWAY, TOP_STYLE_FAINT,
                                            TOP_STYLE_WARN, TOP_STYLE_BAD,  TOP_STYLE_WORST};

    return styles[severity];
}

static void append_health(struct bytes *out, const struct top_rows *rows, const struct top_row *row,
                          size_t field, enum top_letters letters)
{
    const char *word = fleet_row_text(top_table_shape(rows->table), row->figures, field);

    if (row->doubt != NULL) {
        bytes_printf(out, "? %s", row->doubt);
    } else {
        bytes_printf(out, "%s %s", top_symbol(row->severity, letters),
                     word[0] == '\0' ? "unknown" : word);
    }
}

/* ---- a pool's */

static void append_sessions(struct bytes *out, const struct top_row *row)
{
    /* Members begin as pools do: with the figures of a pool. */
    const struct fleet_pool_row *pool = (const struct fleet_pool_row *)(const void *)row->figures;
    uint64_t known = pool->s_active + pool->s_idle;
    uint64_t other = pool->s_total > known ? pool->s_total - known : 0;

    top_append_count(out, (double)pool->s_active);
    bytes_append_char(out, '/');
    top_append_count(out, (double)pool->s_idle);
    bytes_append_char(out, '/');
    top_append_count(out, (double)other);
    bytes_append_char(out, '/');
    top_append_count(out, (double)pool->cap);
}

static void append_bar(struct bytes *out, const struct top_row *row, enum top_letters letters)
{
    const struct fleet_pool_row *pool = (const struct fleet_pool_row *)(const void *)row->figures;
    double share = pool->cap == 0 ? 0 : (double)pool->s_active / (double)pool->cap;
    double full = share > 1 ? BAR_WIDTH : share * BAR_WIDTH;

    for (int i = 0; i < BAR_WIDTH; i++) {
        bool is_full = i < llround(full);

        bytes_append_text(out, letters == TOP_UTF8 ? is_full ? "█" : "░" : is_full ? "#" : ".");
    }
}

/* ---- any cell */

static void append_special(struct bytes *out, const struct top_rows *rows,
                           const struct top_row *row, enum top_form form)
{
    if (form == TOP_FORM_LIVE) {
        const struct fleet_pool *pool = row->item;

        top_append_count(out, (double)pool->inst_live);
    } else if (form == TOP_FORM_HEARD) {
        const struct fleet_broker *broker = row->item;

        if (broker->has_heartbeat) {
            top_append_length(out, broker->hb_age_ms < 0 ? 0 : (double)broker->hb_age_ms);
        }
    } else {
        const struct fleet_event *event = row->item;

        append_since(out, rows->view, (double)event->at_ms);
    }
}

static void append_number(struct bytes *out, const struct top_rows *rows, enum top_form form,
                          double number)
{
    if (form == TOP_FORM_COUNT) {
        top_append_count(out, number);
    } else if (form == TOP_FORM_BYTES) {
        append_bytes(out, number);
    } else if (form == TOP_FORM_MS) {
        append_measured(out, number);
    } else if (form == TOP_FORM_SECONDS) {
        append_measured(out, number * 1000);
    } else if (form == TOP_FORM_SINCE) {
        append_since(out, rows->view, number);
    } else {
        top_append_rate(out, number);
    }
}

void top_cell(struct bytes *out, const struct top_rows *rows, const struct top_row *row,
              enum top_form form, size_t field, enum top_letters letters)
{
    const struct fleet_shape *shape = top_table_shape(rows->table);
    size_t before = out->length;

    switch (form) {
    case TOP_FORM_NAME:
        bytes_append_text(out, row->name);
        break;
    case TOP_FORM_OWNER:
        bytes_append_text(out, row->owner);
        break;
    case TOP_FORM_TEXT:
    case TOP_FORM_REST:
        bytes_append_text(out, fleet_row_text(shape, row->figures, field));
        break;
    case TOP_FORM_HEALTH:
        append_health(out, rows, row, field, letters);
        break;
    case TOP_FORM_SESSIONS:
        append_sessions(out, row);
        break;
    case TOP_FORM_BAR:
        append_bar(out, row, letters);
        break;
    case TOP_FORM_LIVE:
    case TOP_FORM_HEARD:
    case TOP_FORM_AGO:
        append_special(out, rows, row, form);
        break;
    case TOP_FORM_COUNT:
    case TOP_FORM_RATE:
    case TOP_FORM_SHARE:
    case TOP_FORM_MS:
    case TOP_FORM_SECONDS:
    case TOP_FORM_SINCE:
    case TOP_FORM_BYTES:
        if (fleet_knows(row->figures, field)) {
            append_number(out, rows, form, fleet_row_number(shape, row->figures, field));
        }
        break;
    }
    if (out->length == before) {
        bytes_append_char(out, '-');
    }
}

enum top_style top_cell_style(const struct top_rows *rows, const struct top_row *row,
                              enum top_form form, size_t field)
{
    const struct fleet_shape *shape = top_table_shape(rows->table);

    if (row->doubt != NULL) {
        return TOP_STYLE_FAINT;
    }
    if (form == TOP_FORM_HEALTH || (rows->table == TOP_TABLE_EVENTS && form == TOP_FORM_NAME)) {
        return top_health_style(row->severity);
    }
    if (shape == &fleet_pool_shape &&
        (field == FLEET_POOL_waiting || field == FLEET_POOL_maxwait_ms) &&
        fleet_row_number(shape, row->figures, field) > 0) {
        return TOP_STYLE_WARN;
    }
    return TOP_STYLE_PLAIN;
}
