/* SPDX-License-Identifier: MIT */
/* One tick: the figures of a moment go out in one transaction (or some, with many pools), and
   the replies say what Redis has now. */
#include <stdio.h>
#include <string.h>

#include "broker/health/redis_publisher_priv.h"
#include "broker/health/row_field.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

static void send_transaction(struct redis_publisher *publisher);
static void on_step(struct redis_publisher *publisher, const struct step *step,
                    const redisReply *reply);
static void finish(struct redis_publisher *publisher);

int64_t redis_tick_now_ms(const struct redis_publisher *publisher)
{
    return loop_now_ms(publisher->loop) + redis_clock_epoch_ms(&publisher->clock);
}

static bool is_due(const struct redis_publisher *publisher, enum redis_key key)
{
    return loop_now_ms(publisher->loop) >= publisher->write_due_ms[key];
}

static void take(struct redis_publisher *publisher)
{
    struct snapshot *snapshot = &publisher->snapshot;
    struct instance_row *row = &snapshot->instance;
    bool is_wanted = publisher->life != PUBLISHER_OPEN || !list_is_empty(&publisher->flushes);

    snapshot_clear(snapshot);
    if (is_wanted || is_due(publisher, REDIS_KEY_HISTOGRAMS)) {
        snapshot->wishes |= SNAPSHOT_HISTOGRAMS;
    }
    if (is_wanted || is_due(publisher, REDIS_KEY_TABLE_SESS)) {
        snapshot->wishes |= SNAPSHOT_SESSIONS;
    }
    publisher->take(publisher->owner, snapshot);
    redis_publisher_fill(publisher, row);
    row->seq = publisher->seq;
    row->hb_at_ms = loop_now_ms(publisher->loop);
    if (publisher->life != PUBLISHER_OPEN) {
        (void)snprintf(row->state, sizeof(row->state), "stopping");
    }
}

void redis_tick_begin(struct redis_publisher *publisher)
{
    struct tick *tick = &publisher->tick;

    CHECK(!tick->is_running);
    publisher->seq++;
    *tick = (struct tick){.is_running = true, .has_pools_key = is_due(publisher, REDIS_KEY_POOLS)};
    take(publisher);
    tick->has_histograms = (publisher->snapshot.wishes & SNAPSHOT_HISTOGRAMS) != 0;
    redis_tick_plan_table(publisher);
    send_transaction(publisher);
}

/* ---- out */

static void send_word(struct redis_publisher *publisher, const char *word, enum reply_tag tag)
{
    struct redis_command command;

    redis_command_begin(&command, word);
    redis_publisher_send(publisher, &command, tag);
}

void redis_tick_queue(struct redis_publisher *publisher, struct redis_command *command,
                      struct step step)
{
    struct tick *tick = &publisher->tick;

    CHECK(tick->step_count < TRANSACTION_STEPS);
    tick->steps[tick->step_count++] = step;
    redis_publisher_send(publisher, command, REPLY_QUEUED);
}

/* All of the tick has been put into this transaction or an earlier one. */
static bool is_last(const struct redis_publisher *publisher)
{
    const struct tick *tick = &publisher->tick;

    return tick->next_pool == publisher->snapshot.pool_count &&
           (!tick->has_table || tick->is_table_sent);
}

static void queue_some_pools(struct redis_publisher *publisher)
{
    struct tick *tick = &publisher->tick;
    size_t left = publisher->snapshot.pool_count - tick->next_pool;
    size_t count = left < TRANSACTION_POOLS ? left : TRANSACTION_POOLS;

    redis_tick_queue_pools(publisher, tick->next_pool, count);
    tick->next_pool += count;
    if (tick->next_pool == publisher->snapshot.pool_count && tick->has_table &&
        tick->step_count + redis_tick_table_steps(publisher) <= TRANSACTION_STEPS) {
        redis_tick_queue_table(publisher);
    }
}

static void send_transaction(struct redis_publisher *publisher)
{
    struct tick *tick = &publisher->tick;

    tick->step_count = 0;
    tick->fault = REDIS_FAULT_NONE;
    send_word(publisher, "MULTI", REPLY_QUEUED);
    if (!tick->has_instance) {
        tick->has_instance = true;
        redis_tick_queue_instance(publisher);
        redis_tick_queue_meta(publisher);
    }
    queue_some_pools(publisher);
    send_word(publisher, "EXEC", REPLY_EXEC);
    if (is_last(publisher)) {
        redis_herald_ask_time(publisher);
        /* Outside the transaction: an event that is refused must not void the rows. */
        redis_herald_send_events(publisher);
    }
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
    } else if (!is_last(publisher)) {
        send_transaction(publisher);
    } else {
        finish(publisher);
    }
}

static void set_due(struct redis_publisher *publisher, enum redis_key key)
{
    publisher->write_due_ms[key] = loop_now_ms(publisher->loop) + redis_key_row(key)->cadence_ms;
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
    case STEP_CONFIG:
        step->published->is_config_refused = true;
        log_event(LOG_LEVEL_WARN, "redis_key_refused", "key=cfg:%s why=%s",
                  step->published->row.name, log_quote(why));
        return;
    case STEP_INSTANCE:
        publisher->tick.is_partial = true;
        return;
    case STEP_BROKERS:
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
            set_due(publisher, REDIS_KEY_META);
        }
        redis_publisher_expire(publisher, step->key);
        return;
    case STEP_CONFIG:
        redis_tick_on_config(publisher, step);
        return;
    case STEP_BROKERS:
        redis_room_tell_estimate(publisher, (size_t)reply->integer);
        return;
    case STEP_OTHER:
        return;
    }
}

/* Pools that a reload has taken away: their rows go, their totals stay. */
static void forget_gone(struct redis_publisher *publisher)
{
    bool has_more = true;

    while (has_more) {
        struct published *gone = NULL;

        HASHMAP_FOREACH (slot, &publisher->published) {
            struct published *published = slot->value;

            gone = published->seq == publisher->seq ? gone : published;
        }
        if (gone != NULL && !redis_reporter_drop(publisher->reporter, gone->row.name)) {
            return; /* after the next tick */
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
    struct tick *tick = &publisher->tick;

    tick->is_running = false;
    if (tick->has_pools_key) {
        set_due(publisher, REDIS_KEY_POOLS);
    }
    if (tick->has_histograms) {
        set_due(publisher, REDIS_KEY_HISTOGRAMS);
    }
    if (tick->has_table) {
        publisher->table_digest = tick->table_digest;
    }
    if ((publisher->snapshot.wishes & SNAPSHOT_SESSIONS) != 0) {
        set_due(publisher, REDIS_KEY_TABLE_SESS);
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
