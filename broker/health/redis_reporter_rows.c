/* SPDX-License-Identifier: MIT */
/*
 * The rows of all brokers, pool by pool, added up as they come.  A broker that leaves in the middle
 * moves its totals from its row to the base: the count of such moves is read before and after, and
 * the pools are read again when it has changed.  So no call is missed or counted twice.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/health/redis_reporter_priv.h"

enum { ATTEMPTS = 3 };

/* Of cursor_part in the stage POOLS: two questions, those about each broker, and a last one. */
enum part { PART_BASE, PART_BEFORE, PART_GONE, PART_POOL, PART_HISTOGRAMS, PART_FOLDS };

static bool is_usable(struct redis_reporter *reporter, const redisReply *reply)
{
    enum redis_fault fault = REDIS_FAULT_NONE;

    if (reply->type == REDIS_REPLY_ERROR) {
        fault = redis_fault_of(reply->str);
        redis_reporter_fail(reporter, fault, reply->str);
    }
    return fault == REDIS_FAULT_NONE || fault == REDIS_FAULT_WRONGTYPE;
}

/* ---- brokers */

bool redis_reporter_next_brokers(struct redis_reporter *reporter)
{
    while (reporter->cursor < reporter->broker_count) {
        size_t next = reporter->cursor++;

        if (!reporter->brokers[next].is_gone) {
            redis_reporter_ask(reporter, ASKED_BROKER, 0, next);
            return true;
        }
    }
    return false;
}

void redis_reporter_ask_broker(const struct redis_reporter *reporter, const struct asked *asked,
                               struct redis_command *command)
{
    redis_command_begin(command, "HGETALL");
    redis_reporter_add_key(reporter, command, REDIS_KEY_INSTANCE, NULL,
                           reporter->brokers[asked->broker].iid);
}

void redis_reporter_on_broker(struct redis_reporter *reporter, const struct asked *asked,
                              const redisReply *reply)
{
    struct report_broker *broker = &reporter->brokers[asked->broker];

    if (is_usable(reporter, reply)) {
        broker->has_row = redis_reporter_read_row(reply, instance_row_fields, INSTANCE_FIELD_COUNT,
                                                  &broker->row) > 0;
    }
}

/* ---- questions about pools */

/* Pools beyond are left out: a round must end before the next tick or so. */
static size_t pools_at_most(struct redis_reporter *reporter)
{
    size_t brokers = reporter->broker_count == 0 ? 1 : reporter->broker_count;

    return REPORT_PAIRS / brokers;
}

static void begin_pools(struct redis_reporter *reporter)
{
    size_t most = pools_at_most(reporter);

    if (reporter->pool_count > most) {
        reporter->pool_count = most;
        redis_reporter_tell_excess(reporter);
    }
    reporter->is_torn = false;
    fleet_begin(&reporter->fleet);
    for (size_t i = 0; i < reporter->broker_count; i++) {
        const struct report_broker *broker = &reporter->brokers[i];

        if (broker->is_live) {
            fleet_add_live(&reporter->fleet, &broker->row);
        } else if (!broker->is_gone) {
            fleet_add_dead(&reporter->fleet);
        }
    }
}

static void advance(struct redis_reporter *reporter)
{
    switch ((enum part)reporter->cursor_part) {
    case PART_BASE:
    case PART_GONE:
    case PART_POOL:
        reporter->cursor_part++;
        return;
    case PART_BEFORE:
        reporter->cursor_broker = 0;
        reporter->cursor_part = PART_GONE;
        break;
    case PART_HISTOGRAMS:
        reporter->cursor_broker++;
        reporter->cursor_part = PART_GONE;
        break;
    case PART_FOLDS:
        reporter->cursor++;
        reporter->cursor_part = PART_BASE;
        return;
    }
    while (reporter->cursor_broker < reporter->broker_count &&
           reporter->brokers[reporter->cursor_broker].is_gone) {
        reporter->cursor_broker++;
    }
    if (reporter->cursor_broker == reporter->broker_count) {
        reporter->cursor_part = PART_FOLDS;
    }
}

/* The question at the cursor is to be asked. */
static bool is_wanted(const struct redis_reporter *reporter)
{
    if (reporter->cursor_part == PART_GONE) {
        return reporter->brokers[reporter->cursor_broker].is_suspect;
    }
    return reporter->cursor_part != PART_HISTOGRAMS ||
           reporter->brokers[reporter->cursor_broker].is_live;
}

bool redis_reporter_next_pools(struct redis_reporter *reporter)
{
    static const enum asked_what parts[] = {
        [PART_BASE] = ASKED_BASE,   [PART_BEFORE] = ASKED_BEFORE,
        [PART_GONE] = ASKED_GONE,   [PART_POOL] = ASKED_POOL,
        [PART_FOLDS] = ASKED_FOLDS, [PART_HISTOGRAMS] = ASKED_HISTOGRAMS,
    };
    bool has_asked = false;

    if (reporter->cursor == 0 && reporter->cursor_part == PART_BASE) {
        begin_pools(reporter);
    }
    while (!has_asked && reporter->cursor < reporter->pool_count) {
        has_asked = is_wanted(reporter);
        if (has_asked) {
            redis_reporter_ask(reporter, parts[reporter->cursor_part], reporter->cursor,
                               reporter->cursor_broker);
        }
        advance(reporter);
    }
    if (!has_asked && reporter->owed_count == 0 && reporter->is_torn &&
        ++reporter->attempts == ATTEMPTS) {
        redis_reporter_give_up(reporter);
    }
    return has_asked;
}

static const char *pool_of(const struct redis_reporter *reporter, const struct asked *asked)
{
    return reporter->pools[asked->pool].row.name;
}

void redis_reporter_ask_base(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    redis_command_begin(command, "HGETALL");
    redis_reporter_add_key(reporter, command, REDIS_KEY_BASE, pool_of(reporter, asked), NULL);
}

void redis_reporter_ask_folds(const struct redis_reporter *reporter, const struct asked *asked,
                              struct redis_command *command)
{
    redis_command_begin(command, "HGET");
    redis_reporter_add_key(reporter, command, REDIS_KEY_BASE, pool_of(reporter, asked), NULL);
    redis_command_add(command, "folds");
}

static void ask_row(const struct redis_reporter *reporter, const struct asked *asked,
                    struct redis_command *command, enum redis_key key)
{
    redis_reporter_add_key(reporter, command, key, pool_of(reporter, asked),
                           reporter->brokers[asked->broker].iid);
}

void redis_reporter_ask_gone(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    redis_command_begin(command, "HGETALL");
    ask_row(reporter, asked, command, REDIS_KEY_GONE);
}

void redis_reporter_ask_pool(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    redis_command_begin(command, "HGETALL");
    ask_row(reporter, asked, command, REDIS_KEY_POOL);
}

void redis_reporter_ask_histograms(const struct redis_reporter *reporter, const struct asked *asked,
                                   struct redis_command *command)
{
    redis_command_begin(command, "GET");
    ask_row(reporter, asked, command, REDIS_KEY_HISTOGRAMS);
}

/* ---- answers: a pool's come in the order of the questions */

static int64_t folds_of(const redisReply *reply)
{
    struct span text = redis_reporter_text(reply);

    return span_is_none(text) ? 0 : strtoll(text.at, NULL, 10);
}

void redis_reporter_on_base(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    fleet_pool_begin(&reporter->pool, pool_of(reporter, asked));
    reporter->pool_folds = 0;
    reporter->has_gone = false;
    reporter->pool_flags[asked->pool].has_base = false;
    if (!is_usable(reporter, reply) || reply->type != REDIS_REPLY_ARRAY) {
        return;
    }
    reporter->scratch = (struct pool_row){0};
    (void)redis_reporter_read_row(reply, pool_row_fields, POOL_FIELD_COUNT, &reporter->scratch);
    fleet_pool_add_base(&reporter->pool, &reporter->scratch);
    reporter->pool_flags[asked->pool].has_base = reply->elements > 0;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        if (span_is(redis_reporter_text(reply->element[i]), "folds")) {
            reporter->pool_folds = folds_of(reply->element[i + 1]);
        }
    }
}

void redis_reporter_on_gone(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    (void)asked;
    if (is_usable(reporter, reply)) {
        reporter->gone = (struct pool_row){0};
        reporter->has_gone =
            redis_reporter_read_row(reply, pool_row_fields, POOL_FIELD_COUNT, &reporter->gone) > 0;
    }
}

void redis_reporter_on_pool(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    struct pool_row *row = &reporter->scratch;
    bool has_gone = reporter->has_gone; /* of this broker, and of no other */

    reporter->has_gone = false;
    *row = (struct pool_row){0};
    reporter->has_row = is_usable(reporter, reply) &&
                        redis_reporter_read_row(reply, pool_row_fields, POOL_FIELD_COUNT, row) > 0;
    if (!reporter->has_row) {
        return;
    }
    if (has_gone) {
        fleet_row_subtract(row, &reporter->gone);
        if (reporter->brokers[asked->broker].is_live) {
            redis_reporter_ask(reporter, ASKED_UNFOLD, asked->pool, asked->broker);
        }
    }
    if (reporter->brokers[asked->broker].is_live) {
        fleet_pool_add_live(&reporter->pool, row);
    } else {
        fleet_pool_add_dead(&reporter->pool, row);
    }
}

void redis_reporter_on_histograms(struct redis_reporter *reporter, const struct asked *asked,
                                  const redisReply *reply)
{
    (void)asked;
    if (is_usable(reporter, reply) && reporter->has_row) {
        fleet_histograms_read(&reporter->pool.histograms, redis_reporter_text(reply));
    }
}

void redis_reporter_on_folds(struct redis_reporter *reporter, const struct asked *asked,
                             const redisReply *reply)
{
    struct fleet_figures *figures = &reporter->pools[asked->pool];

    if (!is_usable(reporter, reply)) {
        return;
    }
    reporter->is_torn = reporter->is_torn || folds_of(reply) != reporter->pool_folds;
    fleet_pool_end(&reporter->pool, reporter->pool_before, reporter->now_ms);
    *figures = reporter->pool.figures;
    fleet_add_pool(&reporter->fleet, &reporter->pool);
}
