/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/table.h"

#include "client-lib/cli/duration.h"
#include "client-lib/cli/output.h"
#include "client-lib/lib/value_text.h"
#include "proto/printable.h"

enum column_kind { KIND_TEXT, KIND_COUNT, KIND_TIME, KIND_MOMENT };
enum column_where { WHERE_BOTH, WHERE_SCRIPT };

struct column {
    const char *subject;
    const char *field;
    const char *heading;
    enum column_kind kind;
    enum column_where where;
};

static const struct column columns[] = {
#define COLUMN(subject, field, heading, kind, where)                                               \
    {#subject, #field, heading, KIND_##kind, WHERE_##where},
#include "client-lib/cli/columns.def"
#undef COLUMN
};

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]), GAP = 2 };

bool table_has(const char *subject)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (strcmp(columns[i].subject, subject) == 0) {
            return true;
        }
    }
    return false;
}

void table_cell(struct bytes *out, struct span value)
{
    size_t before = out->length;
    struct bytes text;

    bytes_init(&text, SIZE_MAX / 4);
    if (json_kind_of(value) != JSON_NULL) {
        value_text_append(&text, value);
        printable_line(out, bytes_span(&text));
    }
    bytes_done(&text);
    if (out->length == before) {
        bytes_append_char(out, '-');
    }
}

/* VALUE, `12.345` as the broker writes it, cut to the point; the first digit behind it. */
static bool split_decimal(struct span value, int64_t *ret_whole, char *ret_tenth)
{
    const char *point = value.length < 3 ? NULL : memchr(value.at, '.', value.length - 1);

    *ret_tenth = point == NULL ? '0' : point[1];
    if (point != NULL) {
        value.length = (size_t)(point - value.at);
    }
    return json_kind_of(value) == JSON_NUMBER && json_to_int(value, ret_whole);
}

void table_cell_time(struct bytes *out, struct span value)
{
    int64_t length_ms;
    char tenth;

    if (!split_decimal(value, &length_ms, &tenth)) {
        table_cell(out, value);
    } else if (length_ms >= 0 && length_ms < 10 && tenth != '0') {
        /* Of so short a time, a tenth matters. */
        bytes_printf(out, "%lld.%cms", (long long)length_ms, tenth);
    } else {
        duration_print(out, length_ms);
    }
}

static void render(struct bytes *cell, const struct column *column, enum form form, struct span row)
{
    struct span value = json_find(row, column->field);

    bytes_clear(cell);
    if (form != FORM_SCREEN || column->kind == KIND_TEXT || column->kind == KIND_COUNT) {
        table_cell(cell, value);
    } else if (column->kind == KIND_MOMENT && span_is(value, "0")) {
        bytes_append_char(cell, '-');
    } else {
        table_cell_time(cell, value);
    }
}

static bool is_shown(const struct column *column, const char *subject, enum form form)
{
    return strcmp(column->subject, subject) == 0 &&
           (form == FORM_LINES || column->where == WHERE_BOTH);
}

static void measure(const char *subject, struct span rows, size_t *widths)
{
    struct json_walk walk = json_walk_of(rows);
    struct json_item item;
    struct bytes cell;

    bytes_init(&cell, SIZE_MAX / 4);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        widths[i] = strlen(columns[i].heading);
    }
    while (json_walk_next(&walk, &item)) {
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            if (is_shown(&columns[i], subject, FORM_SCREEN)) {
                size_t width;

                render(&cell, &columns[i], FORM_SCREEN, item.value);
                width = printable_width(bytes_span(&cell));
                widths[i] = width > widths[i] ? width : widths[i];
            }
        }
    }
    bytes_done(&cell);
}

static void pad(struct bytes *line, size_t width)
{
    while (width-- > 0) {
        bytes_append_char(line, ' ');
    }
}

/* One cell behind what the line has; numbers are right-aligned. */
static void append_aligned(struct bytes *line, const struct column *column, size_t width,
                           struct span cell)
{
    size_t shown = printable_width(cell);
    size_t blank = width > shown ? width - shown : 0;

    pad(line, line->length > 0 ? (size_t)GAP : 0);
    pad(line, column->kind == KIND_TEXT ? 0 : blank);
    bytes_append_span(line, cell);
    pad(line, column->kind == KIND_TEXT ? blank : 0);
}

/* ROW none: the header. */
static void print_row(const char *subject, enum form form, const size_t *widths, struct span row)
{
    struct bytes line;
    struct bytes cell;

    bytes_init(&line, SIZE_MAX / 4);
    bytes_init(&cell, SIZE_MAX / 4);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];

        if (!is_shown(column, subject, form)) {
            continue;
        }
        if (span_is_none(row)) {
            bytes_clear(&cell);
            bytes_append_text(&cell, form == FORM_LINES ? column->field : column->heading);
        } else {
            render(&cell, column, form, row);
        }
        if (form == FORM_LINES) {
            bytes_append_text(&line, line.length > 0 ? "\t" : "");
            bytes_append_span(&line, bytes_span(&cell));
        } else {
            append_aligned(&line, column, widths[i], bytes_span(&cell));
        }
    }
    while (line.length > 0 && line.at[line.length - 1] == ' ') {
        line.length--;
    }
    bytes_append_char(&line, '\n');
    output_bytes(&line);
    bytes_done(&cell);
    bytes_done(&line);
}

void table_print(const char *subject, enum form form, struct span rows)
{
    struct json_walk walk = json_walk_of(rows);
    size_t widths[COLUMN_COUNT];
    struct json_item item;

    measure(subject, form == FORM_SCREEN ? rows : SPAN_NONE, widths);
    print_row(subject, form, widths, SPAN_NONE);
    while (json_walk_next(&walk, &item)) {
        print_row(subject, form, widths, item.value);
    }
}
