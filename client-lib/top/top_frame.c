/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "client-lib/top/top_cells.h"
#include "client-lib/top/top_grid.h"
#include "client-lib/top/top_pool.h"
#include "client-lib/top/top_rows.h"

/* ---- the first line */

/* A part of the title, if it fits whole; parts are parted by two blanks. */
static void add_part(struct top_pen *pen, enum top_style style, const struct bytes *part)
{
    struct span text = bytes_span(part);

    if (top_pen_width(pen->look, text) + 2 <= pen->left) {
        top_pen_write(pen, SPAN("  "), TOP_STYLE_PLAIN);
        top_pen_write(pen, text, style);
    }
}

static void add_health(struct top_pen *pen, struct bytes *part, const struct fleet_view *view)
{
    unsigned severity =
        fleet_severity(&view->figures.row, FLEET_WHOLE_health_code, view->figures.health_code);

    bytes_printf(part, "%s %s", top_symbol(severity, pen->look->letters),
                 view->figures.health[0] == '\0' ? "unknown" : view->figures.health);
    add_part(pen, top_health_style(severity), part);
}

static void add_number(struct top_pen *pen, struct bytes *part, enum fleet_whole_field field,
                       const struct fleet_view *view)
{
    double number = fleet_row_number(&fleet_whole_shape, &view->figures.row, field);
    enum top_style style = TOP_STYLE_PLAIN;

    bytes_clear(part);
    if (field == FLEET_WHOLE_rps) {
        top_append_rate(part, number);
        bytes_append_text(part, " calls/s");
    } else if (field == FLEET_WHOLE_lat_p95_ms) {
        bytes_append_text(part, "p95 ");
        if (number > 0) {
            top_append_length(part, number);
        } else {
            bytes_append_char(part, '-');
        }
    } else if (field == FLEET_WHOLE_waiting) {
        bytes_append_text(part, "waiting ");
        top_append_count(part, number);
        style = number > 0 ? TOP_STYLE_WARN : style;
    } else {
        bytes_append_text(part, field == FLEET_WHOLE_err_pct ? "err " : "tool-err ");
        top_append_rate(part, number);
        bytes_append_char(part, '%');
    }
    add_part(pen, style, part);
}

static void add_clock(struct top_pen *pen, struct bytes *part, const struct fleet_view *view)
{
    time_t seconds = (time_t)(view->at_ms / 1000);
    struct tm moment;
    char text[16] = "";

    if (view->at_ms > 0 && gmtime_r(&seconds, &moment) != NULL &&
        strftime(text, sizeof(text), "%H:%M:%SZ", &moment) > 0) {
        bytes_clear(part);
        bytes_append_text(part, text);
        add_part(pen, TOP_STYLE_PLAIN, part);
    }
}

static void add_figures(struct top_pen *pen, struct bytes *part, const struct fleet_view *view)
{
    static const enum fleet_whole_field fields[] = {FLEET_WHOLE_rps, FLEET_WHOLE_waiting,
                                                    FLEET_WHOLE_err_pct, FLEET_WHOLE_lat_p95_ms,
                                                    FLEET_WHOLE_tool_err_pct};

    add_health(pen, part, view);
    if (view->source == FLEET_SOURCE_REDIS) {
        bytes_clear(part);
        bytes_printf(part, "%" PRIu64 "/%" PRIu64 " brokers", view->figures.inst_live,
                     view->figures.inst_live + view->figures.inst_dead);
        add_part(pen, view->figures.inst_dead > 0 ? TOP_STYLE_WARN : TOP_STYLE_PLAIN, part);
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        add_number(pen, part, fields[i], view);
    }
}

static void write_title(struct top_pen *pen, const struct fleet_view *view,
                        const struct top_state *state)
{
    static const char *const titles[] = {
#define TOP_VIEW(name, digit, title) title,
#include "client-lib/top/top_views.def"
#undef TOP_VIEW
    };
    bool is_fleet = view->source == FLEET_SOURCE_REDIS;
    struct bytes part;

    bytes_init(&part, 4096);
    top_pen_write(pen, SPAN("teplo top"), TOP_STYLE_STRONG);
    bytes_printf(&part, "%s %s", is_fleet ? "fleet" : "broker",
                 is_fleet                 ? view->namespace
                 : view->broker_count > 0 ? view->brokers[0].inst
                                          : "-");
    add_part(pen, TOP_STYLE_PLAIN, &part);
    bytes_clear(&part);
    if (state->is_paused) {
        bytes_append_text(&part, "PAUSED");
        add_part(pen, TOP_STYLE_HEADING, &part);
    }
    bytes_clear(&part);
    if (view->rollup != FLEET_ROLLUP_NONE) {
        add_figures(pen, &part, view);
    }
    bytes_clear(&part);
    bytes_printf(&part, "[%s]", titles[state->view]);
    add_part(pen, TOP_STYLE_FAINT, &part);
    add_clock(pen, &part, view);
    top_pen_end_line(pen);
    bytes_done(&part);
}

/* ---- what is to be said in words */

static void notice(struct top_pen *pen, enum top_style style, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void notice(struct top_pen *pen, enum top_style style, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    top_pen_printf(pen, style, "! %s", text);
    top_pen_end_line(pen);
}

/* "12.3s", for a sentence. */
static void print_length(char text[32], int64_t length_ms)
{
    struct bytes out;
    const char *made;

    bytes_init(&out, 32);
    top_append_length(&out, (double)length_ms);
    made = bytes_text(&out);
    (void)snprintf(text, 32, "%s", made == NULL ? "?" : made);
    bytes_done(&out);
}

static void tell_source(struct top_pen *pen, const struct fleet_view *view, const char *place)
{
    const char *what = view->source == FLEET_SOURCE_REDIS ? "Redis" : "the broker";
    char age[32];

    print_length(age, view->age_ms);
    switch (view->redis_state) {
    case FLEET_REDIS_UP:
        if (view->why[0] != '\0') {
            notice(pen, TOP_STYLE_WARN, "%s", view->why);
        }
        break;
    case FLEET_REDIS_DOWN:
        if (view->at_ms == 0) {
            notice(pen, TOP_STYLE_WORST, "%s is down, trying again: %s", what, view->why);
        } else {
            notice(pen, TOP_STYLE_WORST, "%s is down, trying again; the figures are %s old: %s",
                   what, age, view->why);
        }
        break;
    case FLEET_REDIS_DENIED:
        notice(pen, TOP_STYLE_WORST, "denied: %s", view->why);
        break;
    case FLEET_REDIS_EMPTY:
        notice(pen, TOP_STYLE_WARN, "%s (%s)", view->why, place);
        break;
    }
}

static void tell_dead(struct top_pen *pen, const struct fleet_view *view)
{
    const struct fleet_broker *dead = NULL;
    size_t count = 0;
    char age[32];

    for (size_t i = 0; i < view->broker_count; i++) {
        if (!view->brokers[i].is_live) {
            dead = dead == NULL ? &view->brokers[i] : dead;
            count++;
        }
    }
    if (dead != NULL) {
        print_length(age, dead->hb_age_ms < 0 ? 0 : dead->hb_age_ms);
        notice(pen, TOP_STYLE_BAD, "%zu broker%s dead: %s%s, last heard of %s ago", count,
               count > 1 ? "s are" : " is", dead->inst, count > 1 ? " and others" : "",
               dead->has_heartbeat ? age : "long");
    }
}

static void write_notices(struct top_pen *pen, const struct fleet_view *view, const char *place)
{
    tell_source(pen, view, place);
    tell_dead(pen, view);
    if (view->is_stale && view->rollup == FLEET_ROLLUP_READER) {
        notice(pen, TOP_STYLE_WARN,
               "stale: no broker reports for the fleet; sums are made here, and percentiles of "
               "several brokers are missing");
    }
    if (view->is_truncated) {
        notice(pen, TOP_STYLE_WARN, "there is more than is shown");
    }
}

/* ---- the last lines */

static void write_keys(struct top_pen *pen, const struct fleet_view *view,
                       const struct top_state *state)
{
    static const char *const sorts[] = {
#define TOP_SORT(name, word) word,
#include "client-lib/top/top_sorts.def"
#undef TOP_SORT
    };

    if (state->is_filtering) {
        top_pen_printf(pen, TOP_STYLE_STRONG, "filter: %s_  (Enter: keep, Esc: none)",
                       state->filter);
    } else {
        const char *clients = view->source == FLEET_SOURCE_BROKER ? " 5 clients" : "";
        const char *open = state->view == TOP_VIEW_POOLS  ? "Enter open  "
                           : state->view == TOP_VIEW_POOL ? "Esc back  "
                                                          : "";

        if (state->filter[0] != '\0') {
            top_pen_printf(pen, TOP_STYLE_STRONG, "filter: %s  ", state->filter);
        }
        top_pen_printf(pen, TOP_STYLE_FAINT,
                       "q quit  h help  1 pools 2 sessions 3 brokers 4 events%s  s sort: %s  %s"
                       "f filter  p %s",
                       clients, sorts[state->sort], open, state->is_paused ? "go on" : "pause");
    }
    top_pen_end_line(pen);
}

static void write_help(struct top_pen *pen, size_t most)
{
    static const char *const lines[] = {
#define TOP_HELP(line) line,
#include "client-lib/top/top_help.def"
#undef TOP_HELP
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]) && i < most; i++) {
        top_pen_write(pen, span_of(lines[i]), TOP_STYLE_PLAIN);
        top_pen_end_line(pen);
    }
}

/* ---- the middle */

static void write_empty(struct top_pen *pen, const struct fleet_view *view,
                        const struct top_state *state)
{
    if (state->filter[0] != '\0') {
        top_pen_printf(pen, TOP_STYLE_FAINT, " nothing has '%s' in it", state->filter);
    } else if (state->view == TOP_VIEW_CLIENTS && view->source == FLEET_SOURCE_REDIS) {
        top_pen_write(pen,
                      SPAN(" clients are told by a broker alone: teploctl top without --redis"),
                      TOP_STYLE_FAINT);
    } else {
        top_pen_write(pen, SPAN(" none"), TOP_STYLE_FAINT);
    }
    top_pen_end_line(pen);
}

/* What is known of the pool that is chosen. */
static void write_chosen(struct top_pen *pen, const struct top_rows *rows,
                         const struct top_state *state)
{
    if (rows->table == TOP_TABLE_POOLS && rows->count > 0) {
        top_pool_write_hint(pen, rows->view, rows->at[state->selected].item);
    }
    top_pen_end_line(pen);
}

/* BODY lines, the heading and the line of what is chosen among them. */
static void write_body(struct top_pen *pen, const struct fleet_view *view, struct top_state *state,
                       size_t body)
{
    struct top_rows rows;
    size_t page;

    top_rows_init(&rows, view, state, top_rows_table(state));
    if (state->view == TOP_VIEW_POOL) {
        size_t before = pen->lines;

        top_pool_write(pen, view, state, body / 2);
        body -= pen->lines - before < body ? pen->lines - before : body;
    }
    page = body > 2 ? body - 2 : 1;
    top_rows_settle(&rows, state, page);
    top_grid_write(pen, &rows, state->first, page,
                   pen->look->height == 0 ? SIZE_MAX : state->selected);
    if (rows.count == 0) {
        write_empty(pen, view, state);
    }
    /* The last two lines stay at the bottom. */
    for (size_t i = rows.count == 0 ? 1 : rows.count; pen->look->height > 0 && i < page; i++) {
        top_pen_end_line(pen);
    }
    if (pen->look->height > 0) {
        write_chosen(pen, &rows, state);
    }
    top_rows_done(&rows);
}

/* A screen with less lines than there are: those at the end are lost. */
static void trim(struct bytes *out, size_t before, size_t lines)
{
    size_t at = before;

    while (at < out->length && lines > 0) {
        lines -= out->at[at++] == '\n';
    }
    out->length = out->failed ? out->length : at;
}

void top_frame_write(struct bytes *out, const struct fleet_view *view, struct top_state *state,
                     const struct top_look *look, const char *place)
{
    struct top_pen pen = top_pen_of(out, look);
    size_t before = out->length;
    size_t around;
    size_t body;

    write_title(&pen, view, state);
    write_notices(&pen, view, place);
    around = pen.lines + 1;
    body = look->height == 0 ? SIZE_MAX / 2 : look->height > around ? look->height - around : 0;
    if (state->is_helping) {
        write_help(&pen, body);
    } else {
        write_body(&pen, view, state, body);
    }
    if (look->height > 0) {
        write_keys(&pen, view, state);
        trim(out, before, look->height);
    }
}
