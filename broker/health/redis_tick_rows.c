/* SPDX-License-Identifier: MIT */
/* What a tick writes of the broker, of its pools, and into the keys of the whole fleet. */
#include <stdio.h>
#include <string.h>

#include "broker/health/redis_publisher_priv.h"
#include "broker/health/row_field.h"
#include "proto/base/mem.h"
#include "proto/redis_key.h"

enum {
    FULL_INTERVAL_MS = 30000,
    INST_KEPT_MS = 1000000, /* if nobody has folded it by then, its rows have expired */
    POOLS_KEPT_MS = 86400000,
    SCHEMA_VERSION = 1,
    SCHEMA_MINOR = 1,
};

/* A row, its names and values, and the words before them. */
_Static_assert(2 * POOL_FIELD_COUNT + 4 <= REDIS_COMMAND_WORDS, "a pool's row is one command");
_Static_assert(2 * INSTANCE_FIELD_COUNT + 4 <= REDIS_COMMAND_WORDS, "so is an instance's");
_Static_assert(2 * TRANSACTION_POOLS + 4 <= REDIS_COMMAND_WORDS, "so are the names of the pools");

void redis_tick_add_field(struct redis_publisher *publisher, struct redis_command *command,
                          const struct row_field *field, const void *row)
{
    char text[REDIS_TEXT_SIZE];

    (void)row_field_text(field, row, redis_clock_epoch_ms(&publisher->clock), text);
    redis_command_add(command, field->name);
    redis_command_add(command, text);
}

void redis_tick_queue_expire(struct redis_publisher *publisher, enum redis_key key,
                             const char *pool)
{
    int64_t ttl_ms =
        key == REDIS_KEY_INSTANCE ? publisher->instance_ttl_ms : redis_key_row(key)->ttl_ms;
    struct redis_command command;

    redis_command_begin(&command, "PEXPIRE");
    redis_publisher_add_own_key(publisher, &command, key, pool);
    redis_command_add_int(&command, ttl_ms);
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_OTHER});
}

/* ---- the broker */

static void queue_prune(struct redis_publisher *publisher, enum redis_key key, int64_t kept_ms)
{
    struct redis_command command;

    redis_command_begin(&command, "ZREMRANGEBYSCORE");
    redis_publisher_add_own_key(publisher, &command, key, NULL);
    redis_command_add(&command, "-inf");
    redis_command_add_int(&command, redis_tick_now_ms(publisher) - kept_ms);
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_OTHER, .key = key});
}

static void queue_heartbeat(struct redis_publisher *publisher)
{
    struct redis_command command;

    if (publisher->is_refused[REDIS_KEY_INST]) {
        return;
    }
    redis_command_begin(&command, "ZADD");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INST, NULL);
    redis_command_add_int(&command, redis_tick_now_ms(publisher));
    redis_command_add(&command, publisher->instance);
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_KEY, .key = REDIS_KEY_INST});
    if (publisher->tick.has_pools_key) {
        queue_prune(publisher, REDIS_KEY_INST, INST_KEPT_MS);
    }
    if (!publisher->is_estimate_told) {
        redis_command_begin(&command, "ZCARD");
        redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INST, NULL);
        redis_tick_queue(publisher, &command, (struct step){.kind = STEP_BROKERS});
    }
}

void redis_tick_queue_instance(struct redis_publisher *publisher)
{
    struct redis_command command;

    redis_command_begin(&command, "HSET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INSTANCE, NULL);
    for (size_t i = 0; i < INSTANCE_FIELD_COUNT; i++) {
        redis_tick_add_field(publisher, &command, &instance_row_fields[i],
                             &publisher->snapshot.instance);
    }
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_INSTANCE});
    redis_tick_queue_expire(publisher, REDIS_KEY_INSTANCE, NULL);
    queue_heartbeat(publisher);
}

/* ---- the schema */

/* The error classes there are: e_<class>_total. */
static void list_error_classes(char *out, size_t size)
{
    size_t length = 0;

    out[0] = '\0';
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        const char *name = pool_row_fields[i].name;

        if (strncmp(name, "e_", 2) == 0 && length < size) {
            length += (size_t)snprintf(out + length, size - length, "%s%.*s",
                                       length == 0 ? "" : " ", (int)strlen(name) - 8, name + 2);
        }
    }
}

static void add_number(struct redis_command *command, const char *name, int64_t number)
{
    redis_command_add(command, name);
    redis_command_add_int(command, number);
}

static void add_text(struct redis_command *command, const char *name, const char *text)
{
    redis_command_add(command, name);
    redis_command_add(command, text);
}

void redis_tick_queue_meta(struct redis_publisher *publisher)
{
    char classes[256];
    char writer[REDIS_TEXT_SIZE];
    struct redis_command command;

    if (publisher->is_refused[REDIS_KEY_META] ||
        loop_now_ms(publisher->loop) < publisher->write_due_ms[REDIS_KEY_META]) {
        return;
    }
    list_error_classes(classes, sizeof(classes));
    (void)snprintf(writer, sizeof(writer), "teplod %s", publisher->snapshot.instance.version);
    redis_command_begin(&command, "HSET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_META, NULL);
    add_number(&command, "schema", SCHEMA_VERSION);
    add_number(&command, "minor", SCHEMA_MINOR);
    add_number(&command, "tick_ms", publisher->tick_ms);
    add_number(&command, "dead_ms", redis_key_dead_ms(publisher->tick_ms));
    add_number(&command, "hb_ttl_ms", publisher->instance_ttl_ms);
    add_text(&command, "hist", "s3");
    add_text(&command, "err_classes", classes);
    add_text(&command, "writer", writer);
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_KEY, .key = REDIS_KEY_META});
}

/* ---- the pools */

static struct published *ensure_published(struct redis_publisher *publisher, const char *name)
{
    struct published *published = hashmap_find(&publisher->published, span_of(name));

    if (published != NULL) {
        return published;
    }
    published = MEM_NEW(struct published);
    if (published == NULL) {
        return NULL;
    }
    memcpy(published->row.name, name, sizeof(published->row.name));
    if (hashmap_add(&publisher->published, span_of(published->row.name), published) < 0) {
        mem_free(published);
        return NULL;
    }
    publisher->write_due_ms[REDIS_KEY_POOLS] = 0; /* readers are to find it soon */
    return published;
}

/* Of a row Redis has, only what is different now; seq and updated_at_ms always are. */
static void queue_row(struct redis_publisher *publisher, struct published *published,
                      const struct pool_row *row)
{
    bool is_delta = published->is_acknowledged &&
                    loop_now_ms(publisher->loop) - published->full_at_ms < FULL_INTERVAL_MS;
    struct redis_command command;

    redis_command_begin(&command, "HSET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_POOL, row->name);
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        const struct row_field *field = &pool_row_fields[i];

        if (!is_delta || !row_field_is_equal(field, &published->row, row)) {
            redis_tick_add_field(publisher, &command, field, row);
        }
    }
    redis_tick_queue(
        publisher, &command,
        (struct step){.kind = STEP_POOL, .published = published, .row = row, .is_delta = is_delta});
    redis_tick_queue_expire(publisher, REDIS_KEY_POOL, row->name);
}

/* POOL_STEPS of a transaction at most. */
static void queue_pool(struct redis_publisher *publisher, size_t index)
{
    struct pool_row *row = &publisher->snapshot.pools[index];
    struct published *published = ensure_published(publisher, row->name);
    bool is_seen;

    if (published == NULL) {
        publisher->tick.is_partial = true; /* no memory: perhaps in the next tick */
        return;
    }
    row->seq = publisher->seq;
    row->updated_at_ms = loop_now_ms(publisher->loop);
    /* A second row of that name would find the first one's in `published` unacknowledged. */
    is_seen = published->seq == publisher->seq;
    published->seq = publisher->seq;
    if (!published->is_refused && !is_seen) {
        queue_row(publisher, published, row);
    }
    if (!is_seen) {
        redis_tick_queue_config(publisher, published, &publisher->snapshot.configs[index]);
        redis_tick_queue_histograms(publisher, index);
    }
}

static void queue_pool_names(struct redis_publisher *publisher, size_t first, size_t count)
{
    struct redis_command command;

    redis_command_begin(&command, "ZADD");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_POOLS, NULL);
    for (size_t i = first; i < first + count; i++) {
        redis_command_add_int(&command, redis_tick_now_ms(publisher));
        redis_command_add(&command, publisher->snapshot.pools[i].name);
    }
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_KEY, .key = REDIS_KEY_POOLS});
    queue_prune(publisher, REDIS_KEY_POOLS, POOLS_KEPT_MS);
}

void redis_tick_queue_pools(struct redis_publisher *publisher, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        queue_pool(publisher, i);
    }
    if (count > 0 && publisher->tick.has_pools_key && !publisher->is_refused[REDIS_KEY_POOLS]) {
        queue_pool_names(publisher, first, count);
    }
}
