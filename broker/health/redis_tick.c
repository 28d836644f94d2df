/* SPDX-License-Identifier: MIT */
/* One tick: the figures of a moment go out in one transaction (or some, with many pools), and
   the replies say what Redis has now. */
#include <stdio.h>
#include <string.h>

#include "broker/health/redis_publisher_priv.h"
#include "broker/health/row_field.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum {
    FULL_INTERVAL_MS = 30000,
    LISTS_INTERVAL_MS = 60000, /* the member of `pools`, and pruning */
    META_INTERVAL_MS = 3600000,
    INST_KEPT_MS = 1000000, /* if nobody has folded it by then, its rows have expired */
    POOLS_KEPT_MS = 86400000,
    SCHEMA_VERSION = 1,
    SCHEMA_MINOR = 0,
};

/* A row, its names and values, and the words before them. */
_Static_assert(2 * POOL_FIELD_COUNT + 4 <= REDIS_COMMAND_WORDS, "a pool's row is one command");
_Static_assert(2 * INSTANCE_FIELD_COUNT + 4 <= REDIS_COMMAND_WORDS, "so is an instance's");
_Static_assert(2 * TRANSACTION_POOLS + 4 <= REDIS_COMMAND_WORDS, "so are the names of the pools");

static void send_transaction(struct redis_publisher *publisher);
static void queue_instance(struct redis_publisher *publisher);
static void queue_meta(struct redis_publisher *publisher);
static void queue_pools(struct redis_publisher *publisher, size_t first, size_t count);
static void queue_pool_names(struct redis_publisher *publisher, size_t first, size_t count);
static void on_step(struct redis_publisher *publisher, const struct step *step,
                    const redisReply *reply);
static void finish(struct redis_publisher *publisher);

int64_t redis_tick_now_ms(const struct redis_publisher *publisher)
{
    return loop_now_ms(publisher->loop) + redis_clock_epoch_ms(&publisher->clock);
}

void redis_tick_begin(struct redis_publisher *publisher)
{
    struct instance_row *row = &publisher->snapshot.instance;
    struct tick *tick = &publisher->tick;
    int64_t now_ms = loop_now_ms(publisher->loop);

    CHECK(!tick->is_running);
    publisher->seq++;
    *tick = (struct tick){.is_running = true,
                          .has_pools_key = now_ms >= publisher->write_due_ms[REDIS_KEY_POOLS]};
    snapshot_clear(&publisher->snapshot);
    publisher->take(publisher->owner, &publisher->snapshot);
    redis_publisher_fill(publisher, row);
    row->seq = publisher->seq;
    row->hb_at_ms = now_ms;
    if (publisher->life != PUBLISHER_OPEN) {
        (void)snprintf(row->state, sizeof(row->state), "stopping");
    }
    send_transaction(publisher);
}

/* ---- out */

static void send_word(struct redis_publisher *publisher, const char *word, enum reply_tag tag)
{
    struct redis_command command;

    redis_command_begin(&command, word);
    redis_publisher_send(publisher, &command, tag);
}

static void queue(struct redis_publisher *publisher, struct redis_command *command,
                  struct step step)
{
    struct tick *tick = &publisher->tick;

    CHECK(tick->step_count < TRANSACTION_STEPS);
    tick->steps[tick->step_count++] = step;
    redis_publisher_send(publisher, command, REPLY_QUEUED);
}

static void send_transaction(struct redis_publisher *publisher)
{
    struct tick *tick = &publisher->tick;
    size_t left = publisher->snapshot.pool_count - tick->next_pool;
    size_t count = left < TRANSACTION_POOLS ? left : TRANSACTION_POOLS;

    tick->step_count = 0;
    tick->fault = REDIS_FAULT_NONE;
    send_word(publisher, "MULTI", REPLY_QUEUED);
    if (!tick->has_instance) {
        tick->has_instance = true;
        queue_instance(publisher);
        queue_meta(publisher);
    }
    queue_pools(publisher, tick->next_pool, count);
    tick->next_pool += count;
    send_word(publisher, "EXEC", REPLY_EXEC);
    if (count == left) {
        redis_herald_ask_time(publisher);
        /* Outside the transaction: an event that is refused must not void the rows. */
        redis_herald_send_events(publisher);
    }
}

static void queue_prune(struct redis_publisher *publisher, enum redis_key key, int64_t kept_ms)
{
    struct redis_command command;

    redis_command_begin(&command, "ZREMRANGEBYSCORE");
    redis_publisher_add_own_key(publisher, &command, key, NULL);
    redis_command_add(&command, "-inf");
    redis_command_add_int(&command, redis_tick_now_ms(publisher) - kept_ms);
    queue(publisher, &command, (struct step){.kind = STEP_OTHER, .key = key});
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
    queue(publisher, &command, (struct step){.kind = STEP_KEY, .key = REDIS_KEY_INST});
    if (publisher->tick.has_pools_key) {
        queue_prune(publisher, REDIS_KEY_INST, INST_KEPT_MS);
    }
}

static void queue_instance(struct redis_publisher *publisher)
{
    int64_t epoch_ms = redis_clock_epoch_ms(&publisher->clock);
    struct redis_command command;
    char text[REDIS_TEXT_SIZE];

    redis_command_begin(&command, "HSET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INSTANCE, NULL);
    for (size_t i = 0; i < INSTANCE_FIELD_COUNT; i++) {
        const struct row_field *field = &instance_row_fields[i];

        (void)row_field_text(field, &publisher->snapshot.instance, epoch_ms, text);
        redis_command_add(&command, field->name);
        redis_command_add(&command, text);
    }
    queue(publisher, &command, (struct step){.kind = STEP_INSTANCE});
    redis_command_begin(&command, "PEXPIRE");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INSTANCE, NULL);
    redis_command_add_int(&command, publisher->instance_ttl_ms);
    queue(publisher, &command, (struct step){.kind = STEP_OTHER});
    queue_heartbeat(publisher);
}

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

static void queue_meta(struct redis_publisher *publisher)
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
    redis_command_add(&command, "schema");
    redis_command_add_int(&command, SCHEMA_VERSION);
    redis_command_add(&command, "minor");
    redis_command_add_int(&command, SCHEMA_MINOR);
    redis_command_add(&command, "tick_ms");
    redis_command_add_int(&command, publisher->tick_ms);
    redis_command_add(&command, "hb_ttl_ms");
    redis_command_add_int(&command, publisher->instance_ttl_ms);
    redis_command_add(&command, "err_classes");
    redis_command_add(&command, classes);
    redis_command_add(&command, "writer");
    redis_command_add(&command, writer);
    queue(publisher, &command, (struct step){.kind = STEP_KEY, .key = REDIS_KEY_META});
}

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
    return published;
}

/* Of a row Redis has, only what is different now; seq and updated_at_ms always are. */
static void queue_pool(struct redis_publisher *publisher, struct published *published,
                       const struct pool_row *row)
{
    int64_t epoch_ms = redis_clock_epoch_ms(&publisher->clock);
    bool is_delta = published->is_acknowledged &&
                    loop_now_ms(publisher->loop) - published->full_at_ms < FULL_INTERVAL_MS;
    struct redis_command command;
    char text[REDIS_TEXT_SIZE];

    redis_command_begin(&command, "HSET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_POOL, row->name);
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        const struct row_field *field = &pool_row_fields[i];

        if (!is_delta || !row_field_is_equal(field, &published->row, row)) {
            (void)row_field_text(field, row, epoch_ms, text);
            redis_command_add(&command, field->name);
            redis_command_add(&command, text);
        }
    }
    queue(
        publisher, &command,
        (struct step){.kind = STEP_POOL, .published = published, .row = row, .is_delta = is_delta});
    redis_command_begin(&command, "PEXPIRE");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_POOL, row->name);
    redis_command_add_int(&command, redis_key_row(REDIS_KEY_POOL)->ttl_ms);
    queue(publisher, &command, (struct step){.kind = STEP_OTHER});
}

static void queue_pools(struct redis_publisher *publisher, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        struct pool_row *row = &publisher->snapshot.pools[i];
        struct published *published = ensure_published(publisher, row->name);

        if (published == NULL) {
            publisher->tick.is_partial = true; /* no memory: perhaps in the next tick */
            continue;
        }
        row->seq = publisher->seq;
        row->updated_at_ms = loop_now_ms(publisher->loop);
        /* A second row of that name would find the first one's in `published` unacknowledged. */
        if (!published->is_refused && published->seq != publisher->seq) {
            queue_pool(publisher, published, row);
        }
        published->seq = publisher->seq;
    }
    if (count > 0 && publisher->tick.has_pools_key && !publisher->is_refused[REDIS_KEY_POOLS]) {
        queue_pool_names(publisher, first, count);
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
    queue(publisher, &command, (struct step){.kind = STEP_KEY, .key = REDIS_KEY_POOLS});
    queue_prune(publisher, REDIS_KEY_POOLS, POOLS_KEPT_MS);
}

/* ---- back */

static void note_fault(struct tick *tick, enum redis_fault fault, const char *why)
{
    if (tick->fault == REDIS_FAULT_NONE) {
        tick->fault = fault;
        (void)snprintf(tick->why, sizeof(tick->why), "%s", why);
    }
}

/* To MULTI, or to a command that waits for EXEC. */
void redis_tick_on_queued(struct redis_publisher *publisher, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        note_fault(&publisher->tick, redis_fault_of(reply->str), reply->str);
    }
}

void redis_tick_on_exec(struct redis_publisher *publisher, const redisReply *reply)
{
    struct tick *tick = &publisher->tick;

    if (reply->type == REDIS_REPLY_ERROR) {
        /* EXECABORT says only that there was a fault before. */
        note_fault(tick, redis_fault_of(reply->str), reply->str);
    } else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != tick->step_count) {
        note_fault(tick, REDIS_FAULT_PROTOCOL, "EXEC");
    } else {
        for (size_t i = 0; i < tick->step_count; i++) {
            on_step(publisher, &tick->steps[i], reply->element[i]);
        }
    }
    if (tick->fault != REDIS_FAULT_NONE) {
        redis_publisher_fail(publisher, tick->fault, tick->why);
    } else if (tick->next_pool < publisher->snapshot.pool_count) {
        send_transaction(publisher);
    } else {
        finish(publisher);
    }
}

static void refuse_step(struct redis_publisher *publisher, const struct step *step, const char *why)
{
    switch (step->kind) {
    case STEP_KEY:
        redis_publisher_refuse(publisher, step->key, why);
        return;
    case STEP_POOL:
        step->published->is_refused = true;
        log_event(LOG_LEVEL_WARN, "redis_key_refused", "key=p:%s:%s why=%s", step->row->name,
                  publisher->instance, log_quote(why));
        publisher->tick.is_partial = true;
        return;
    case STEP_INSTANCE:
        publisher->tick.is_partial = true;
        return;
    case STEP_OTHER:
        return;
    }
}

static void on_pool_written(const struct redis_publisher *publisher, const struct step *step,
                            int64_t new_fields)
{
    struct published *published = step->published;

    if (step->is_delta && new_fields > 0) {
        /* The key had vanished, and has only the few fields of this tick now. */
        published->is_acknowledged = false;
        return;
    }
    published->row = *step->row;
    published->is_acknowledged = true;
    if (!step->is_delta) {
        published->full_at_ms = loop_now_ms(publisher->loop);
    }
}

static void on_step(struct redis_publisher *publisher, const struct step *step,
                    const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        enum redis_fault fault = redis_fault_of(reply->str);

        if (redis_fault_row(fault)->act == REDIS_ACT_REFUSE) {
            refuse_step(publisher, step, reply->str);
        } else {
            note_fault(&publisher->tick, fault, reply->str);
        }
        return;
    }
    switch (step->kind) {
    case STEP_INSTANCE:
        if (publisher->is_instance_known && reply->integer > 0) {
            /* It had expired or was wiped, and then the rest may be gone too. */
            redis_publisher_resync(publisher);
        }
        publisher->is_instance_known = true;
        return;
    case STEP_POOL:
        on_pool_written(publisher, step, reply->integer);
        return;
    case STEP_KEY:
        if (step->key == REDIS_KEY_META) {
            publisher->write_due_ms[REDIS_KEY_META] =
                loop_now_ms(publisher->loop) + META_INTERVAL_MS;
        }
        redis_publisher_expire(publisher, step->key);
        return;
    case STEP_OTHER:
        return;
    }
}

/* Pools that a reload has taken away: their rows in Redis end with their TTL. */
static void forget_gone(struct redis_publisher *publisher)
{
    bool has_more = true;

    while (has_more) {
        struct published *gone = NULL;

        HASHMAP_FOREACH (slot, &publisher->published) {
            struct published *published = slot->value;

            gone = published->seq == publisher->seq ? gone : published;
        }
        if (gone != NULL) {
            (void)hashmap_take(&publisher->published, span_of(gone->row.name));
            mem_free(gone);
        }
        has_more = gone != NULL;
    }
}

static void finish(struct redis_publisher *publisher)
{
    int64_t now_ms = loop_now_ms(publisher->loop);

    publisher->tick.is_running = false;
    if (publisher->tick.has_pools_key) {
        publisher->write_due_ms[REDIS_KEY_POOLS] = now_ms + LISTS_INTERVAL_MS;
    }
    forget_gone(publisher);
    redis_publisher_on_ticked(publisher);
}

void redis_tick_forget(struct redis_publisher *publisher)
{
    struct published *published;

    while ((published = hashmap_any(&publisher->published)) != NULL) {
        (void)hashmap_take(&publisher->published, span_of(published->row.name));
        mem_free(published);
    }
}
