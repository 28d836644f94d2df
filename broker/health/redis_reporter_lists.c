/* SPDX-License-Identifier: MIT */
/* Who is there: brokers, pools, those that fell silent, and what the fleet looked like before. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/health/redis_reporter_priv.h"
#include "broker/health/redis_text.h"
#include "proto/base/mem.h"

static const double MOMENT_MAXIMUM = 1e14; /* in the year 5138 */

/* ---- replies */

struct span redis_reporter_text(const redisReply *reply)
{
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;

    return is_text ? (struct span){reply->str, (size_t)reply->len} : SPAN_NONE;
}

size_t redis_reporter_read_row(const redisReply *reply, const struct row_field *fields,
                               size_t count, void *row)
{
    size_t known = 0;

    if (reply->type != REDIS_REPLY_ARRAY) {
        return 0;
    }
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        struct span name = redis_reporter_text(reply->element[i]);
        struct span value = redis_reporter_text(reply->element[i + 1]);
        const struct row_field *field = row_field_find(fields, count, name, i / 2);

        if (field != NULL && !span_is_none(value)) {
            row_field_read(field, row, value);
            known++;
        }
    }
    return known;
}

/* The names in a list of members and scores; what is no name of ours is left out. */
static bool read_member(const redisReply *reply, size_t index, char name[34], int64_t *ret_score)
{
    struct span text;
    struct span number;
    double score;

    if (2 * index + 1 >= reply->elements) {
        return false;
    }
    text = redis_reporter_text(reply->element[2 * index]);
    number = redis_reporter_text(reply->element[2 * index + 1]);
    if (text.length == 0 || text.length > 32 || number.length == 0 || number.length > 31) {
        return false;
    }
    memcpy(name, text.at, text.length);
    name[text.length] = '\0';
    score = strtod(number.at, NULL); /* hiredis ends its strings with a NUL */
    if (!redis_text_is_name(name) || !isfinite(score) || score < 0 || score > MOMENT_MAXIMUM) {
        return false;
    }
    *ret_score = (int64_t)score;
    return true;
}

static bool is_list(struct redis_reporter *reporter, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail(reporter, redis_fault_of(reply->str), reply->str);
    }
    return reply->type == REDIS_REPLY_ARRAY;
}

/* ---- questions */

bool redis_reporter_next_lists(struct redis_reporter *reporter)
{
    static const enum asked_what lists[] = {ASKED_INST, ASKED_NAMES, ASKED_LOST, ASKED_FLEET};
    const size_t count = sizeof(lists) / sizeof(lists[0]);
    size_t next = reporter->cursor++;

    if (next == 0) {
        reporter->broker_count = reporter->pool_count = 0;
        reporter->trimmed[0] = '\0';
    }
    if (next < count) {
        redis_reporter_ask(reporter, lists[next], 0, 0);
        return true;
    }
    return false;
}

static void ask_members(const struct redis_reporter *reporter, struct redis_command *command,
                        enum redis_key key)
{
    redis_command_begin(command, "ZREVRANGE");
    redis_reporter_add_key(reporter, command, key, NULL, NULL);
    redis_command_add_int(command, 0);
    redis_command_add_int(command, REPORT_LISTED - 1);
    redis_command_add(command, "WITHSCORES");
}

void redis_reporter_ask_inst(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    (void)asked;
    ask_members(reporter, command, REDIS_KEY_INST);
}

void redis_reporter_ask_names(const struct redis_reporter *reporter, const struct asked *asked,
                              struct redis_command *command)
{
    (void)asked;
    ask_members(reporter, command, REDIS_KEY_POOLS);
}

void redis_reporter_ask_lost(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    (void)asked;
    ask_members(reporter, command, REDIS_KEY_LOST);
}

void redis_reporter_ask_fleet(const struct redis_reporter *reporter, const struct asked *asked,
                              struct redis_command *command)
{
    (void)asked;
    redis_command_begin(command, "HMGET");
    redis_reporter_add_key(reporter, command, REDIS_KEY_FLEET, NULL, NULL);
    redis_command_add(command, "health_code");
    redis_command_add(command, "health_since_at_ms");
    redis_command_add(command, "reporter");
}

/* ---- answers */

void redis_reporter_on_inst(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    struct report_broker *brokers;

    (void)asked;
    if (!is_list(reporter, reply)) {
        return;
    }
    brokers = mem_resize(reporter->brokers, REPORT_BROKERS * sizeof(*brokers));
    if (brokers == NULL) {
        redis_reporter_give_up(reporter);
        return;
    }
    reporter->brokers = brokers;
    for (size_t i = 0; 2 * i < reply->elements; i++) {
        struct report_broker *broker = &brokers[reporter->broker_count];
        char iid[34];
        int64_t heard_ms;

        if (!read_member(reply, i, iid, &heard_ms)) {
            continue;
        }
        if (reporter->broker_count == REPORT_BROKERS) {
            redis_reporter_tell_excess(reporter);
            break;
        }
        *broker =
            (struct report_broker){.heard_ms = heard_ms,
                                   .is_live = reporter->now_ms - heard_ms <=
                                              redis_key_dead_ms(reporter->publisher->tick_ms)};
        memcpy(broker->iid, iid, sizeof(broker->iid));
        reporter->broker_count++;
    }
}

static int by_name(const void *a, const void *b)
{
    const struct fleet_figures *one = a;
    const struct fleet_figures *other = b;

    return strcmp(one->row.name, other->row.name);
}

void redis_reporter_on_names(struct redis_reporter *reporter, const struct asked *asked,
                             const redisReply *reply)
{
    struct fleet_figures *pools;
    int64_t seen_ms;

    (void)asked;
    if (!is_list(reporter, reply)) {
        return;
    }
    pools = mem_resize(reporter->pools, (reply->elements / 2 + 1) * sizeof(*pools));
    if (pools == NULL) {
        redis_reporter_give_up(reporter);
        return;
    }
    reporter->pools = pools;
    for (size_t i = 0; 2 * i < reply->elements; i++) {
        struct fleet_figures *pool = &pools[reporter->pool_count];
        char name[34];

        if (!read_member(reply, i, name, &seen_ms)) {
            continue;
        }
        if (reporter->pool_count == REPORT_POOLS) {
            redis_reporter_tell_excess(reporter);
            break;
        }
        *pool = (struct fleet_figures){0};
        memcpy(pool->row.name, name, sizeof(pool->row.name));
        reporter->pool_count++;
    }
    if (reporter->pool_count > 0) {
        qsort(pools, reporter->pool_count, sizeof(*pools), by_name);
    }
}

static void note_loss(struct redis_reporter *reporter, const char *iid, int64_t heard_ms)
{
    for (size_t i = 0; i < reporter->broker_count; i++) {
        struct report_broker *broker = &reporter->brokers[i];

        if (strcmp(broker->iid, iid) == 0) {
            broker->is_suspect = true;
            broker->is_loss_told = heard_ms >= broker->heard_ms;
        }
    }
}

void redis_reporter_on_lost(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    char iid[34];
    int64_t heard_ms;

    (void)asked;
    if (!is_list(reporter, reply)) {
        return;
    }
    for (size_t i = 0; 2 * i < reply->elements; i++) {
        if (read_member(reply, i, iid, &heard_ms)) {
            note_loss(reporter, iid, heard_ms);
            if (i >= REPORT_LOST_KEPT) {
                memcpy(reporter->trimmed, iid, sizeof(iid));
            }
        }
    }
}

/* Said by the new one, and only when it took the lead from somebody. */
static void tell_leader(struct redis_reporter *reporter)
{
    const char *before =
        reporter->reporter_before[0] != '\0' ? reporter->reporter_before : reporter->holder;
    char message[96];

    if (!reporter->is_new_leader) {
        return;
    }
    reporter->is_new_leader = false;
    if (before[0] != '\0' && strcmp(before, reporter->publisher->instance) != 0) {
        (void)snprintf(message, sizeof(message), "reports for the fleet after %s", before);
        redis_publisher_event(reporter->publisher, "leader", "info", NULL, NULL, before, message);
    }
    reporter->holder[0] = '\0';
}

static void read_before(const redisReply *code, const redisReply *since,
                        struct fleet_before *before)
{
    static const size_t places[] = {FLEET_FIELD_health_code, FLEET_FIELD_health_since_at_ms};
    const redisReply *values[] = {code, since};
    struct fleet_row row = {0};

    for (size_t i = 0; i < 2; i++) {
        struct span text = redis_reporter_text(values[i]);

        if (!span_is_none(text)) {
            row_field_read(&fleet_row_fields[places[i]], &row, text);
        }
    }
    *before = (struct fleet_before){row.health_code, row.health_since_at_ms};
}

void redis_reporter_on_fleet(struct redis_reporter *reporter, const struct asked *asked,
                             const redisReply *reply)
{
    struct span name;

    (void)asked;
    reporter->before = (struct fleet_before){0};
    reporter->reporter_before[0] = '\0';
    reporter->is_fleet_foreign = reply->type != REDIS_REPLY_ARRAY;
    if (is_list(reporter, reply) && reply->elements == 3) {
        read_before(reply->element[0], reply->element[1], &reporter->before);
        name = redis_reporter_text(reply->element[2]);
        if (name.length > 0 && name.length < sizeof(reporter->reporter_before)) {
            memcpy(reporter->reporter_before, name.at, name.length);
            reporter->reporter_before[name.length] = '\0';
        }
        if (!redis_text_is_name(reporter->reporter_before)) {
            reporter->reporter_before[0] = '\0';
        }
        tell_leader(reporter);
    }
}

/* ---- a pool as it was told before: the same of f:<pool> */

void redis_reporter_ask_before(const struct redis_reporter *reporter, const struct asked *asked,
                               struct redis_command *command)
{
    redis_command_begin(command, "HMGET");
    redis_reporter_add_key(reporter, command, REDIS_KEY_FLEET_POOL,
                           reporter->pools[asked->pool].row.name, NULL);
    redis_command_add(command, "health_code");
    redis_command_add(command, "health_since_at_ms");
}

void redis_reporter_on_before(struct redis_reporter *reporter, const struct asked *asked,
                              const redisReply *reply)
{
    reporter->pool_before = (struct fleet_before){0};
    reporter->pool_flags[asked->pool].is_foreign = reply->type != REDIS_REPLY_ARRAY;
    if (is_list(reporter, reply) && reply->elements == 2) {
        read_before(reply->element[0], reply->element[1], &reporter->pool_before);
    }
}
