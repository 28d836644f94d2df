/* SPDX-License-Identifier: MIT */
/* The sums into f:<pool> and `fleet`, and the tables: each a transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/health/redis_reporter_priv.h"
#include "broker/health/redis_text.h"

enum {
    WRITTEN_AT_ONCE = 40, /* pools in a transaction: three commands each */
    BASES_INTERVAL_MS = 3600000,
    TABLES_INTERVAL_MS = 5000,
};

_Static_assert(2 * POOL_FIELD_COUNT + 2 * 3 + 2 <= REDIS_COMMAND_WORDS, "a pool is one command");
_Static_assert(ASKED_WINDOW + ASKED_ASIDE + 3 * WRITTEN_AT_ONCE + 4 + 2 <= ASKED_MAXIMUM,
               "it fits");
_Static_assert(ASKED_WINDOW + ASKED_ASIDE + REPORT_TABLE_ROWS + 4 <= ASKED_MAXIMUM,
               "so does a table");

/* In the order of is_foreign. */
static const enum redis_key tables[] = {REDIS_KEY_TABLE_POOLS, REDIS_KEY_TABLE_INST};

/* ---- sums */

static void add_number(struct redis_command *command, const char *name, uint64_t number)
{
    redis_command_add(command, name);
    redis_command_add_int(command, (int64_t)number);
}

static void add_field(struct redis_command *command, const struct row_field *field, const void *row)
{
    char text[REDIS_TEXT_SIZE];

    (void)row_field_text(field, row, 0, text);
    redis_command_add(command, text);
}

static void write_pool(struct redis_reporter *reporter, struct fleet_figures *figures)
{
    struct redis_command command;

    figures->row.seq = reporter->publisher->seq;
    figures->row.updated_at_ms = reporter->now_ms;
    redis_command_begin(&command, "HSET");
    redis_reporter_add_key(reporter, &command, REDIS_KEY_FLEET_POOL, figures->row.name, NULL);
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        redis_command_add(&command, pool_row_fields[i].name);
        add_field(&command, &pool_row_fields[i], &figures->row);
    }
    add_number(&command, "inst_live", figures->inst_live);
    add_number(&command, "inst_bad", figures->inst_bad);
    add_number(&command, "inst_dead", figures->inst_dead);
    redis_reporter_queue(reporter, &command);
    redis_reporter_queue_expire(reporter, REDIS_KEY_FLEET_POOL, figures->row.name);
}

static void write_fleet(struct redis_reporter *reporter)
{
    struct fleet_row *row = &reporter->fleet.row;
    struct redis_command command;

    (void)snprintf(row->reporter, sizeof(row->reporter), "%s", reporter->publisher->instance);
    row->updated_at_ms = reporter->now_ms;
    redis_command_begin(&command, "HSET");
    redis_reporter_add_key(reporter, &command, REDIS_KEY_FLEET, NULL, NULL);
    for (size_t i = 0; i < FLEET_FIELD_COUNT; i++) {
        redis_command_add(&command, fleet_row_fields[i].name);
        add_field(&command, &fleet_row_fields[i], row);
    }
    redis_reporter_queue(reporter, &command);
    redis_reporter_queue_expire(reporter, REDIS_KEY_FLEET, NULL);
    reporter->has_fleet = true;
}

/* The base of a pool that lives outlives a fleet in which nobody ever ends. */
static void write_pools_and_bases(struct redis_reporter *reporter, size_t end)
{
    bool is_base_time = loop_now_ms(reporter->publisher->loop) >= reporter->bases_due_ms;

    for (; reporter->cursor < end; reporter->cursor++) {
        struct fleet_figures *figures = &reporter->pools[reporter->cursor];

        if (!reporter->pool_flags[reporter->cursor].is_foreign) {
            write_pool(reporter, figures);
        }
        if (is_base_time && reporter->pool_flags[reporter->cursor].has_base) {
            redis_reporter_queue_expire(reporter, REDIS_KEY_BASE, figures->row.name);
        }
    }
    if (is_base_time && end == reporter->pool_count) {
        reporter->bases_due_ms = loop_now_ms(reporter->publisher->loop) + BASES_INTERVAL_MS;
    }
}

bool redis_reporter_next_writing(struct redis_reporter *reporter)
{
    size_t end = reporter->cursor + WRITTEN_AT_ONCE;

    if (reporter->cursor_part > 0 || !redis_reporter_still_leads(reporter)) {
        return false;
    }
    end = end < reporter->pool_count ? end : reporter->pool_count;
    redis_reporter_begin_transaction(reporter);
    write_pools_and_bases(reporter, end);
    if (reporter->cursor == reporter->pool_count) {
        reporter->cursor_part = 1;
        fleet_end(&reporter->fleet, reporter->before, reporter->now_ms);
    }
    if (reporter->cursor_part > 0 && !reporter->is_fleet_foreign) {
        write_fleet(reporter);
    }
    redis_reporter_end_transaction(reporter);
    return true;
}

/* ---- tables */

static void begin_row(const struct redis_reporter *reporter, struct redis_command *command,
                      enum redis_key key)
{
    redis_command_begin(command, "XADD");
    redis_reporter_add_key(reporter, command, key, NULL, NULL);
    redis_command_add(command, "*");
}

static void add_pool_column(struct redis_command *command, const char *name, size_t hint,
                            const struct fleet_figures *figures)
{
    const struct row_field *field =
        row_field_find(pool_row_fields, POOL_FIELD_COUNT, span_of(name), hint);

    redis_command_add(command, name);
    if (field != NULL) {
        add_field(command, field, &figures->row);
    } else if (strcmp(name, "pool") == 0) {
        redis_command_add(command, figures->row.name);
    } else {
        redis_command_add_int(command, (int64_t)figures->inst_live);
    }
}

static int worst_first(const void *a, const void *b)
{
    const struct fleet_figures *const *one = a;
    const struct fleet_figures *const *other = b;

    return fleet_figures_is_before(*one, *other) ? -1 : 1;
}

static void write_pools(struct redis_reporter *reporter)
{
    const struct fleet_figures *order[REPORT_POOLS] = {NULL};
    size_t count = reporter->pool_count;

    for (size_t i = 0; i < count; i++) {
        order[i] = &reporter->pools[i];
    }
    qsort(order, count, sizeof(order[0]), worst_first);
    for (size_t i = 0; i < count && i < REPORT_TABLE_ROWS; i++) {
        struct redis_command command;

        begin_row(reporter, &command, REDIS_KEY_TABLE_POOLS);
#define IS_IN_pools(name) add_pool_column(&command, #name, 0, order[i]);
#define IS_IN_inst(name)
#define IS_IN_sess(name)
#define COLUMN(table, name, kind) IS_IN_##table(name)
#include "proto/redis/table_columns.def"
#undef IS_IN_pools
#undef IS_IN_inst
        redis_reporter_queue(reporter, &command);
    }
}

static void add_broker_column(struct redis_command *command, const char *name,
                              const struct report_broker *broker)
{
    const struct row_field *field =
        row_field_find(instance_row_fields, INSTANCE_FIELD_COUNT, span_of(name), 0);

    redis_command_add(command, name);
    if (strcmp(name, "inst") == 0) {
        redis_command_add(command, broker->iid);
    } else if (strcmp(name, "live") == 0) {
        redis_command_add_int(command, broker->is_live ? 1 : 0);
    } else if (strcmp(name, "hb_at_ms") == 0) {
        redis_command_add_int(command, broker->heard_ms); /* its row may have expired */
    } else {
        add_field(command, field, &broker->row);
    }
}

/* Live ones first, of them the worst, then by name. */
static int live_first(const void *a, const void *b)
{
    const struct report_broker *one = *(const struct report_broker *const *)a;
    const struct report_broker *other = *(const struct report_broker *const *)b;
    enum health health = fleet_health(one->row.health_code);
    enum health other_health = fleet_health(other->row.health_code);

    if (one->is_live != other->is_live) {
        return one->is_live ? -1 : 1;
    }
    if (health != other_health) {
        return health_is_worse(health, other_health) ? -1 : 1;
    }
    return strcmp(one->iid, other->iid);
}

static void write_brokers(struct redis_reporter *reporter)
{
    const struct report_broker *order[REPORT_BROKERS] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < reporter->broker_count; i++) {
        if (!reporter->brokers[i].is_gone) {
            order[count++] = &reporter->brokers[i];
        }
    }
    qsort(order, count, sizeof(order[0]), live_first);
    for (size_t i = 0; i < count && i < REPORT_TABLE_ROWS; i++) {
        struct redis_command command;

        begin_row(reporter, &command, REDIS_KEY_TABLE_INST);
#define IS_IN_pools(name)
#define IS_IN_inst(name) add_broker_column(&command, #name, order[i]);
#include "proto/redis/table_columns.def"
#undef COLUMN
        redis_reporter_queue(reporter, &command);
    }
}

static void write_table(struct redis_reporter *reporter, enum redis_key key,
                        void (*write)(struct redis_reporter *reporter))
{
    struct redis_command command;

    redis_reporter_begin_transaction(reporter);
    redis_command_begin(&command, "UNLINK");
    redis_reporter_add_key(reporter, &command, key, NULL, NULL);
    redis_reporter_queue(reporter, &command);
    write(reporter);
    redis_reporter_queue_expire(reporter, key, NULL);
    redis_reporter_end_transaction(reporter);
}

void redis_reporter_ask_type(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    redis_command_begin(command, "TYPE");
    redis_reporter_add_key(reporter, command, tables[asked->pool], NULL, NULL);
}

void redis_reporter_on_type(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    struct span type = redis_reporter_text(reply);

    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail(reporter, redis_fault_of(reply->str), reply->str);
        return;
    }
    reporter->is_foreign[asked->pool] = !span_is(type, "stream") && !span_is(type, "none");
    if (reporter->is_foreign[asked->pool]) {
        redis_reporter_refuse(reporter, redis_key_row(tables[asked->pool])->pattern);
    }
}

/* Every five seconds, and as soon as there are more or fewer rows. */
static bool is_table_time(struct redis_reporter *reporter)
{
    int64_t now_ms = loop_now_ms(reporter->publisher->loop);

    if (now_ms < reporter->tables_due_ms && reporter->table_pools == reporter->pool_count &&
        reporter->table_brokers == reporter->broker_count) {
        return false;
    }
    reporter->tables_due_ms = now_ms + TABLES_INTERVAL_MS;
    reporter->table_pools = reporter->pool_count;
    reporter->table_brokers = reporter->broker_count;
    return true;
}

/* A table is removed and written anew: not if it is somebody else's. */
static bool ask_types(struct redis_reporter *reporter)
{
    bool is_time = is_table_time(reporter);

    reporter->cursor_part = 1;
    reporter->cursor = is_time ? 0 : 2;
    if (is_time) {
        redis_reporter_ask(reporter, ASKED_TYPE, 0, 0);
        redis_reporter_ask(reporter, ASKED_TYPE, 1, 0);
    }
    return is_time;
}

bool redis_reporter_next_tables(struct redis_reporter *reporter)
{
    size_t next;

    if (reporter->cursor_part == 0) {
        return ask_types(reporter);
    }
    if (reporter->cursor > 1 || reporter->owed_count > 0 || !redis_reporter_still_leads(reporter)) {
        return false;
    }
    next = reporter->cursor++;
    if (!reporter->is_foreign[next]) {
        write_table(reporter, tables[next], next == 0 ? write_pools : write_brokers);
    }
    return true;
}
