/* SPDX-License-Identifier: MIT */
/* The rows of a view as a table shows them: which, in which order.  Pure. */
#ifndef TEPLO_TOP_TOP_ROWS_H
#define TEPLO_TOP_TOP_ROWS_H

#include "client-lib/fleet/fleet_view.h"
#include "client-lib/top/top_state.h"

enum top_table {
    TOP_TABLE_POOLS,
    TOP_TABLE_MEMBERS,
    TOP_TABLE_SESSIONS,
    TOP_TABLE_BROKERS,
    TOP_TABLE_EVENTS,
    TOP_TABLE_CLIENTS,
    TOP_TABLE_COUNT
};

/* All of it is borrowed from the view. */
struct top_row {
    const char *name;
    const char *owner; /* with the name, it tells the row from all others; may be "" */
    const struct fleet_row *figures;
    const char *doubt; /* "dead", "stale": what is shown in place of its health; or NULL */
    unsigned severity; /* fleet_severity */
    const void *item;  /* struct fleet_pool, fleet_member, ... */
};

struct top_rows {
    const struct fleet_view *view;
    enum top_table table;
    struct top_row *at; /* ours */
    size_t count;
};

const struct fleet_shape *top_table_shape(enum top_table table);

/* The rows of TABLE that STATE lets through, in its order.  Without memory there are none. */
void top_rows_init(struct top_rows *rows, const struct fleet_view *view,
                   const struct top_state *state, enum top_table table);
void top_rows_done(struct top_rows *rows);

/* The table that STATE moves in. */
enum top_table top_rows_table(const struct top_state *state);
/* Keeps the selection on its row, and the row on a page of PAGE rows. */
void top_rows_settle(const struct top_rows *rows, struct top_state *state, size_t page);

#endif
