/* SPDX-License-Identifier: MIT */
/*
 * A sample every ten seconds of the clock of Redis, of the fleet and of the busiest pools.  Two
 * reporters do no harm: an entry has its moment for id, and there is only one of that id; and the
 * totals it counts from are in Redis, so that no call is missed when another reporter goes on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/health/redis_budget.h"
#include "broker/health/redis_reporter_priv.h"
#include "broker/health/redis_text.h"

enum {
    SLOT_MS = 10000,
    SAMPLES_KEPT = 360,
    MINUTES_KEPT = 1440,
    FLEET = UINT16_MAX, /* in place of an index of a pool */
};

struct sample_field {
    const char *name;
    const char *kind; /* as the script wants it */
    const char *field;
};

static const struct sample_field sample_fields[] = {
#define SAMPLE_DELTA(name, field) {#name, "d", #field},
#define SAMPLE_PEAK(name, field) {#name, "p", #field},
#define SAMPLE_LEVEL(name, field) {#name, "m", #field},
#include "proto/redis/sample_fields.def"
#undef SAMPLE_DELTA
#undef SAMPLE_PEAK
#undef SAMPLE_LEVEL
};

enum { SAMPLE_FIELDS = sizeof(sample_fields) / sizeof(sample_fields[0]) };

_Static_assert(3 * SAMPLE_FIELDS + 12 <= REDIS_COMMAND_WORDS, "a sample is one command");

static int busiest_first(const void *a, const void *b)
{
    const struct fleet_figures *one = a;
    const struct fleet_figures *other = b;

    if (one->row.calls_total != other->row.calls_total) {
        return one->row.calls_total > other->row.calls_total ? -1 : 1;
    }
    return strcmp(one->row.name, other->row.name);
}

/* The first sample of a pool, as soon as there is one, is where the next one counts from. */
static bool is_due(struct redis_reporter *reporter)
{
    reporter->slot = redis_tick_now_ms(reporter->publisher) / SLOT_MS;
    return reporter->slot != reporter->sampled_slot ||
           reporter->pool_count != reporter->sampled_pools;
}

/* How many series there may be: the fleet's, and those of the busiest pools. */
static size_t series_at_most(const struct redis_reporter *reporter)
{
    const struct redis_publisher *publisher = reporter->publisher;
    const struct redis_load load = {.brokers = reporter->broker_count,
                                    .pools = reporter->pool_count,
                                    .sessions = (size_t)reporter->fleet.row.s_total};
    struct redis_budget budget =
        redis_budget_of(&load, publisher->series_pools, publisher->max_bytes);

    return budget.has_fleet_series ? 1 + budget.series_pools : 0;
}

bool redis_reporter_next_samples(struct redis_reporter *reporter)
{
    size_t next = reporter->cursor;

    if (next == 0) {
        if (!redis_reporter_still_leads(reporter) || !is_due(reporter)) {
            return false;
        }
        reporter->series = series_at_most(reporter);
        if (reporter->pool_count > 0) {
            qsort(reporter->pools, reporter->pool_count, sizeof(reporter->pools[0]), busiest_first);
        }
    }
    if (next == reporter->series) {
        reporter->sampled_pools = reporter->pool_count;
        reporter->sampled_slot = reporter->slot;
        return false;
    }
    reporter->cursor++;
    redis_reporter_ask(reporter, ASKED_SAMPLE, next == 0 ? FLEET : next - 1, 0);
    return true;
}

static void add_value(struct redis_command *command, const struct pool_row *row, const char *name)
{
    const struct row_field *field =
        row_field_find(pool_row_fields, POOL_FIELD_COUNT, span_of(name), 0);
    double lists = (double)row->cache_hit_total + (double)row->cache_miss_total;
    char text[REDIS_TEXT_SIZE];

    if (field != NULL) {
        (void)row_field_text(field, row, 0, text);
    } else if (strcmp(name, "cache_hit_pct") == 0) {
        (void)redis_text_decimal(text, sizeof(text),
                                 lists > 0 ? 100 * (double)row->cache_hit_total / lists : 0);
    } else {
        (void)snprintf(text, sizeof(text), "%" PRIu64, fleet_errors(row));
    }
    redis_command_add(command, text);
}

void redis_reporter_ask_sample(const struct redis_reporter *reporter, const struct asked *asked,
                               struct redis_command *command)
{
    const struct pool_row *row =
        asked->pool == FLEET ? &reporter->fleet.all.figures.row : &reporter->pools[asked->pool].row;

    redis_reporter_add_key(reporter, command, REDIS_KEY_SAMPLES, row->name, NULL);
    redis_reporter_add_key(reporter, command, REDIS_KEY_MINUTES, row->name, NULL);
    redis_reporter_add_key(reporter, command, REDIS_KEY_SAMPLED, row->name, NULL);
    redis_command_add_int(command, reporter->slot * SLOT_MS);
    redis_command_add_int(command, SAMPLES_KEPT);
    redis_command_add_int(command, redis_key_row(REDIS_KEY_SAMPLES)->ttl_ms);
    redis_command_add_int(command, MINUTES_KEPT);
    redis_command_add_int(command, redis_key_row(REDIS_KEY_MINUTES)->ttl_ms);
    redis_command_add_int(command, redis_key_row(REDIS_KEY_SAMPLED)->ttl_ms);
    for (size_t i = 0; i < SAMPLE_FIELDS; i++) {
        redis_command_add(command, sample_fields[i].name);
        redis_command_add(command, sample_fields[i].kind);
        add_value(command, row, sample_fields[i].field);
    }
}

void redis_reporter_on_sample(struct redis_reporter *reporter, const struct asked *asked,
                              const redisReply *reply)
{
    (void)asked;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail_script(reporter, reply->str);
    }
}
