/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "proto/base/mem.h"

const struct fleet_shape *top_table_shape(enum top_table table)
{
    static const struct fleet_shape *const shapes[] = {
        [TOP_TABLE_POOLS] = &fleet_pool_shape,       [TOP_TABLE_MEMBERS] = &fleet_pool_shape,
        [TOP_TABLE_SESSIONS] = &fleet_session_shape, [TOP_TABLE_BROKERS] = &fleet_instance_shape,
        [TOP_TABLE_EVENTS] = &fleet_event_shape,     [TOP_TABLE_CLIENTS] = &fleet_client_shape};

    return shapes[table];
}

/* ---- one row of each kind */

/* No pool has a reporter's row, and none of its brokers lives: nobody knows. */
static const char *doubt_of_pool(const struct fleet_pool *pool)
{
    return pool->is_stale && pool->rollup != FLEET_ROLLUP_READER ? "stale" : NULL;
}

static struct top_row pool_row(const struct fleet_pool *pool)
{
    return (struct top_row){.name = pool->pool,
                            .owner = "",
                            .figures = &pool->figures.row,
                            .doubt = doubt_of_pool(pool),
                            .severity = fleet_pool_severity(&pool->figures),
                            .item = pool};
}

static struct top_row member_row(const struct fleet_view *view, const struct fleet_member *member)
{
    const struct fleet_broker *broker = &view->brokers[member->broker];

    return (struct top_row){.name = broker->inst,
                            .owner = "",
                            .figures = &member->figures.row,
                            .doubt = broker->is_live ? member->is_stale ? "stale" : NULL : "dead",
                            .severity = fleet_pool_severity(&member->figures),
                            .item = member};
}

static struct top_row broker_row(const struct fleet_broker *broker)
{
    const struct fleet_instance_row *figures = &broker->figures;

    return (struct top_row){
        .name = broker->inst,
        .owner = "",
        .figures = &figures->row,
        .doubt = broker->is_live ? broker->is_stale ? "stale" : NULL : "dead",
        .severity = fleet_severity(&figures->row, FLEET_INSTANCE_health_code, figures->health_code),
        .item = broker};
}

static struct top_row session_row(const struct fleet_session *session)
{
    return (struct top_row){.name = session->figures.sess,
                            .owner = session->inst,
                            .figures = &session->figures.row,
                            .item = session};
}

static struct top_row event_row(const struct fleet_event *event)
{
    return (struct top_row){.name = event->figures.type,
                            .owner = event->id,
                            .figures = &event->figures.row,
                            .severity = strcmp(event->figures.sev, "error") == 0  ? 4
                                        : strcmp(event->figures.sev, "warn") == 0 ? 3
                                                                                  : 0,
                            .item = event};
}

static struct top_row client_row(const struct fleet_client *client)
{
    return (struct top_row){.name = client->figures.name,
                            .owner = client->figures.pool,
                            .figures = &client->figures.row,
                            .item = client};
}

/* ---- which of them */

static size_t row_total(const struct fleet_view *view, enum top_table table)
{
    switch (table) {
    case TOP_TABLE_POOLS:
        return view->pool_count;
    case TOP_TABLE_MEMBERS:
        return view->member_count;
    case TOP_TABLE_SESSIONS:
        return view->session_count;
    case TOP_TABLE_BROKERS:
        return view->broker_count;
    case TOP_TABLE_EVENTS:
        return view->event_count;
    case TOP_TABLE_CLIENTS:
        return view->client_count;
    case TOP_TABLE_COUNT:
        break;
    }
    return 0;
}

static struct top_row row_at(const struct fleet_view *view, enum top_table table, size_t i)
{
    switch (table) {
    case TOP_TABLE_POOLS:
        return pool_row(&view->pools[i]);
    case TOP_TABLE_MEMBERS:
        return member_row(view, &view->members[i]);
    case TOP_TABLE_SESSIONS:
        return session_row(&view->sessions[i]);
    case TOP_TABLE_BROKERS:
        return broker_row(&view->brokers[i]);
    case TOP_TABLE_EVENTS:
        return event_row(&view->events[i]);
    case TOP_TABLE_CLIENTS:
        return client_row(&view->clients[i]);
    case TOP_TABLE_COUNT:
        break;
    }
    return (struct top_row){.name = "", .owner = ""};
}

/* The filter is in one of the row's texts. */
static bool is_let_through(const struct top_row *row, enum top_table table, const char *filter)
{
    const struct fleet_shape *shape = top_table_shape(table);

    if (filter[0] == '\0' || strcasestr(row->name, filter) != NULL ||
        strcasestr(row->owner, filter) != NULL) {
        return true;
    }
    for (size_t i = 0; i < shape->count; i++) {
        if (strcasestr(fleet_row_text(shape, row->figures, i), filter) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_of_pool(const struct fleet_view *view, const struct top_row *row,
                       enum top_table table, const char *pool)
{
    if (table == TOP_TABLE_SESSIONS) {
        const struct fleet_session *session = row->item;

        return strcmp(session->figures.pool, pool) == 0;
    }
    if (table == TOP_TABLE_MEMBERS) {
        const struct fleet_member *member = row->item;

        return strcmp(view->pools[member->pool].pool, pool) == 0;
    }
    return true;
}

/* ---- order */

static double key_of(const struct top_row *row, enum top_sort sort)
{
    static const enum fleet_pool_field fields[] = {[TOP_SORT_WAITING] = FLEET_POOL_waiting,
                                                   [TOP_SORT_CALLS] = FLEET_POOL_rps,
                                                   [TOP_SORT_ERRORS] = FLEET_POOL_err_pct,
                                                   [TOP_SORT_LATENCY] = FLEET_POOL_lat_p95_ms};

    return fleet_row_number(&fleet_pool_shape, row->figures, fields[sort]);
}

/* The greatest first; those that are equal stay as they were: worst first. */
static void sort_pools(struct top_rows *rows, enum top_sort sort)
{
    for (size_t i = 1; i < rows->count; i++) {
        struct top_row row = rows->at[i];
        size_t place = i;

        for (; place > 0; place--) {
            const struct top_row *before = &rows->at[place - 1];
            bool is_first = sort == TOP_SORT_NAME ? strcmp(row.name, before->name) < 0
                                                  : key_of(&row, sort) > key_of(before, sort);

            if (!is_first) {
                break;
            }
            rows->at[place] = *before;
        }
        rows->at[place] = row;
    }
}

void top_rows_init(struct top_rows *rows, const struct fleet_view *view,
                   const struct top_state *state, enum top_table table)
{
    size_t total = row_total(view, table);

    *rows = (struct top_rows){.view = view, .table = table};
    rows->at = total == 0 ? NULL : mem_new(total * sizeof(rows->at[0]));
    if (rows->at == NULL) {
        return;
    }
    for (size_t i = 0; i < total; i++) {
        struct top_row row = row_at(view, table, i);
        bool is_shown =
            state->view == TOP_VIEW_POOL ? is_of_pool(view, &row, table, state->pool) : true;

        if (is_shown && is_let_through(&row, table, state->filter)) {
            rows->at[rows->count++] = row;
        }
    }
    if (table == TOP_TABLE_POOLS && state->sort != TOP_SORT_WORST) {
        sort_pools(rows, state->sort);
    }
}

void top_rows_done(struct top_rows *rows)
{
    mem_free(rows->at);
    *rows = (struct top_rows){0};
}

/* ---- the selection */

enum top_table top_rows_table(const struct top_state *state)
{
    static const enum top_table tables[] = {
        [TOP_VIEW_POOLS] = TOP_TABLE_POOLS,     [TOP_VIEW_SESSIONS] = TOP_TABLE_SESSIONS,
        [TOP_VIEW_BROKERS] = TOP_TABLE_BROKERS, [TOP_VIEW_EVENTS] = TOP_TABLE_EVENTS,
        [TOP_VIEW_CLIENTS] = TOP_TABLE_CLIENTS, [TOP_VIEW_POOL] = TOP_TABLE_SESSIONS};

    return tables[state->view];
}

/* A pool's row is called as the pool is: TOP_VIEW_POOL relies on it. */
static void name_row(const struct top_row *row, char name[TOP_CHOSEN_SIZE])
{
    (void)snprintf(name, TOP_CHOSEN_SIZE, "%s%s%s", row->name, row->owner[0] == '\0' ? "" : " ",
                   row->owner);
}

void top_rows_settle(const struct top_rows *rows, struct top_state *state, size_t page)
{
    char name[TOP_CHOSEN_SIZE];

    page = page == 0 ? 1 : page;
    for (size_t i = 0; i < rows->count && state->chosen[0] != '\0'; i++) {
        name_row(&rows->at[i], name);
        if (strcmp(name, state->chosen) == 0) {
            state->selected = i;
            break;
        }
    }
    if (state->selected >= rows->count) {
        state->selected = rows->count == 0 ? 0 : rows->count - 1;
    }
    if (rows->count == 0) {
        state->chosen[0] = '\0';
    } else {
        name_row(&rows->at[state->selected], state->chosen);
    }
    if (state->selected < state->first) {
        state->first = state->selected;
    }
    if (state->selected >= state->first + page) {
        state->first = state->selected - page + 1;
    }
    if (state->first + page > rows->count) {
        state->first = rows->count > page ? rows->count - page : 0;
    }
    state->row_count = rows->count;
    state->page = page;
}
