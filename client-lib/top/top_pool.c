/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_pool.h"

#include <inttypes.h>

#include "client-lib/top/top_cells.h"
#include "client-lib/top/top_grid.h"

/* What the figures of a pool may come from, or NULL. */
static const char *guess(const struct fleet_pool_row *row)
{
    if (row->breaker_code > 0) {
        return "the breaker is open: calls are refused until the server answers a probe";
    }
    if (row->waiting > 0 && row->s_active >= row->cap) {
        return "all places are busy: raise pool_size, or see why the server is slow";
    }
    if (row->waiting > 0 && row->s_connecting > 0) {
        return "sessions are slow to open";
    }
    if (row->s_broken > 0) {
        return "sessions cannot be opened";
    }
    return NULL;
}

static void write_ago(struct top_pen *pen, const struct fleet_view *view, const char *before,
                      int64_t at_ms)
{
    struct bytes text;

    bytes_init(&text, 128);
    bytes_append_text(&text, before);
    top_append_length(&text, view->at_ms > at_ms ? (double)(view->at_ms - at_ms) : 0);
    bytes_append_text(&text, " ago");
    top_pen_write(pen, bytes_span(&text), TOP_STYLE_PLAIN);
    bytes_done(&text);
}

void top_pool_write_hint(struct top_pen *pen, const struct fleet_view *view,
                         const struct fleet_pool *pool)
{
    const struct fleet_pool_row *row = &pool->figures;
    const char *guessed = guess(row);

    top_pen_printf(pen, TOP_STYLE_STRONG, "%s:", pool->pool);
    if (row->health_reason[0] != '\0') {
        top_pen_printf(pen, TOP_STYLE_PLAIN, " %s", row->health_reason);
    } else {
        top_pen_printf(pen, TOP_STYLE_PLAIN, " %s", row->upstream);
    }
    if (guessed != NULL) {
        top_pen_printf(pen, TOP_STYLE_PLAIN, "; %s", guessed);
    }
    if (row->last_err_class[0] != '\0' && row->last_err_at_ms > 0) {
        top_pen_printf(pen, TOP_STYLE_PLAIN, "; last error: %s, ", row->last_err_class);
        write_ago(pen, view, "", row->last_err_at_ms);
    }
}

/* Fields that count failures, and what is written before the number. */
static const struct {
    enum fleet_pool_field field;
    const char *name;
} outcomes[] = {
    {FLEET_POOL_calls_total, "calls"},          {FLEET_POOL_ok_total, "ok"},
    {FLEET_POOL_tool_err_total, "tool errors"}, {FLEET_POOL_rpc_err_total, "rpc errors"},
    {FLEET_POOL_cancelled_total, "cancelled"},  {FLEET_POOL_not_executed_total, "not executed"},
    {FLEET_POOL_unknown_total, "unknown"},      {FLEET_POOL_result_lost_total, "result lost"},
};

static void write_outcomes(struct top_pen *pen, const struct fleet_pool_row *row)
{
    struct bytes number;

    bytes_init(&number, 64);
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        bytes_clear(&number);
        top_append_count(&number,
                         fleet_row_number(&fleet_pool_shape, &row->row, outcomes[i].field));
        top_pen_printf(pen, TOP_STYLE_PLAIN, "%s%s %.*s", i == 0 ? " " : "  ", outcomes[i].name,
                       (int)number.length, number.at == NULL ? "" : number.at);
    }
    top_pen_end_line(pen);
    bytes_done(&number);
}

/* The name of the class that a field e_<class>_total counts, or none. */
static struct span class_of(const struct fleet_field *field)
{
    struct span name = span_of(field->name);

    if (!span_starts_with(name, SPAN("e_"))) {
        return SPAN_NONE;
    }
    return (struct span){name.at + 2, name.length - strlen("e_") - strlen("_total")};
}

static void write_failures(struct top_pen *pen, const struct fleet_pool_row *row)
{
    bool is_first = true;

    top_pen_write(pen, SPAN(" failures by class:"), TOP_STYLE_PLAIN);
    for (size_t i = 0; i < fleet_pool_shape.count; i++) {
        struct span class = class_of(&fleet_pool_shape.fields[i]);
        double count = fleet_row_number(&fleet_pool_shape, &row->row, i);

        if (!span_is_none(class) && count > 0) {
            top_pen_printf(pen, TOP_STYLE_WARN, "%s %.*s %.0f", is_first ? "" : ",",
                           (int)class.length, class.at, count);
            is_first = false;
        }
    }
    if (is_first) {
        top_pen_write(pen, SPAN(" none"), TOP_STYLE_PLAIN);
    }
    top_pen_end_line(pen);
}

static const struct fleet_pool *find_pool(const struct fleet_view *view, const char *name)
{
    for (size_t i = 0; i < view->pool_count; i++) {
        if (strcmp(view->pools[i].pool, name) == 0) {
            return &view->pools[i];
        }
    }
    return NULL;
}

void top_pool_write(struct top_pen *pen, const struct fleet_view *view,
                    const struct top_state *state, size_t most)
{
    const struct fleet_pool *pool = find_pool(view, state->pool);
    struct top_rows rows;

    if (pool == NULL) {
        top_pen_printf(pen, TOP_STYLE_WARN, "%s: there is no such pool any more", state->pool);
        top_pen_end_line(pen);
        return;
    }
    top_pool_write_hint(pen, view, pool);
    top_pen_end_line(pen);
    if (pool->figures.health_reason[0] != '\0') {
        top_pen_printf(pen, TOP_STYLE_PLAIN, " %s %s %s", pool->figures.upstream,
                       pool->figures.transport, pool->figures.proto);
        top_pen_end_line(pen);
    }
    write_outcomes(pen, &pool->figures);
    write_failures(pen, &pool->figures);
    top_rows_init(&rows, view, state, TOP_TABLE_MEMBERS);
    top_grid_write(pen, &rows, 0, most, SIZE_MAX);
    top_rows_done(&rows);
}
