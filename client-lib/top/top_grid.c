/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_grid.h"

#include "client-lib/top/top_cells.h"

struct column {
    enum top_table table;
    const char *heading;
    size_t width;
    enum top_side side;
    enum top_form form;
    size_t field;
};

static const struct column columns[] = {
#define TOP_COLUMN(table, heading, width, side, form, field)                                       \
    {TOP_TABLE_##table, heading, width, TOP_##side, TOP_FORM_##form, FLEET_##field},
#include "client-lib/top/top_columns.def"
#undef TOP_COLUMN
};

enum {
    COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]),
    MARGIN = 1, /* for the mark of the selected row */
    NAME_LEAST = 8,
    NAME_MOST = 32,
};

/* 0: the column is not shown. */
struct widths {
    size_t of[COLUMN_COUNT];
};

static size_t name_width(const struct top_look *look, const struct top_rows *rows)
{
    size_t width = NAME_LEAST;

    for (size_t i = 0; i < rows->count; i++) {
        size_t shown = top_pen_width(look, span_of(rows->at[i].name));

        width = shown > width ? shown : width;
    }
    return width > NAME_MOST ? NAME_MOST : width;
}

static const struct column *find_rest(enum top_table table)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (columns[i].table == table && columns[i].form == TOP_FORM_REST) {
            return &columns[i];
        }
    }
    return NULL;
}

/* From left to right while there is room; the column REST has its room kept. */
static struct widths fit(const struct top_look *look, const struct top_rows *rows)
{
    const struct column *rest = find_rest(rows->table);
    size_t kept = rest == NULL ? 0 : rest->width + 1;
    size_t left = look->width > MARGIN + kept ? look->width - MARGIN - kept : 0;
    struct widths widths = {{0}};
    bool is_full = false;

    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        size_t width = columns[i].width == 0 ? name_width(look, rows) : columns[i].width;

        if (columns[i].table != rows->table || &columns[i] == rest) {
            continue;
        }
        is_full = is_full || width > left;
        if (!is_full) {
            widths.of[i] = width;
            left -= left > width ? width + 1 : width;
        }
    }
    if (rest != NULL) {
        widths.of[rest - columns] = left + rest->width;
    }
    return widths;
}

static void write_heading(struct top_pen *pen, const struct widths *widths)
{
    top_pen_write(pen, SPAN(" "), TOP_STYLE_PLAIN);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (widths->of[i] > 0) {
            top_pen_cell(pen, span_of(columns[i].heading), widths->of[i], columns[i].side,
                         TOP_STYLE_STRONG);
            top_pen_write(pen, SPAN(" "), TOP_STYLE_PLAIN);
        }
    }
    top_pen_end_line(pen);
}

static void write_row(struct top_pen *pen, const struct widths *widths, const struct top_rows *rows,
                      const struct top_row *row, bool is_selected)
{
    struct bytes cell;

    bytes_init(&cell, 4096);
    top_pen_write(pen, is_selected ? SPAN(">") : SPAN(" "),
                  is_selected ? TOP_STYLE_STRONG : TOP_STYLE_PLAIN);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];
        enum top_style style;

        if (widths->of[i] == 0) {
            continue;
        }
        style = top_cell_style(rows, row, column->form, column->field);
        if (is_selected && column->form == TOP_FORM_NAME) {
            style = TOP_STYLE_CHOSEN;
        }
        bytes_clear(&cell);
        top_cell(&cell, rows, row, column->form, column->field, pen->look->letters);
        top_pen_cell(pen, bytes_span(&cell), widths->of[i], column->side, style);
        top_pen_write(pen, SPAN(" "), TOP_STYLE_PLAIN);
    }
    top_pen_end_line(pen);
    bytes_done(&cell);
}

void top_grid_write(struct top_pen *pen, const struct top_rows *rows, size_t first, size_t count,
                    size_t selected)
{
    struct widths widths = fit(pen->look, rows);

    write_heading(pen, &widths);
    for (size_t i = first; i < rows->count && i - first < count; i++) {
        write_row(pen, &widths, rows, &rows->at[i], i == selected);
    }
}
