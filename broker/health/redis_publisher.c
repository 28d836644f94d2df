/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/health/redis_publisher_priv.h"
#include "broker/health/redis_text.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum {
    LEAVE_MS = 500,
    EXPIRE_INTERVAL_MS = 60000,
    FORGET_MS = 60000,
    TIRED_MS = 10000, /* of a Redis that is busy: another connection may lead to a better one */
};

static void on_ready(void *owner);
static void on_reply(void *owner, unsigned label, const redisReply *reply);
static void on_slow(void *owner);
static void on_closed(void *owner, enum redis_fault fault, const char *why);
static void on_tick_timer(void *owner);
static void on_leave_timer(void *owner);
static void on_done_timer(void *owner);
static void on_work(void *owner);
static void finish_closing(struct redis_publisher *publisher);

static const struct redis_link_events link_events = {on_ready, on_reply, on_slow, on_closed};

/* ---- life */

static void arm_tick(struct redis_publisher *publisher)
{
    uint32_t random = 0;

    /* Brokers started together must not write together: a tenth more or less. */
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    timer_start(&publisher->tick_timer,
                publisher->tick_ms * 9 / 10 +
                    (int64_t)(random % (uint32_t)(publisher->tick_ms / 5 + 1)));
}

static struct redis_link *make_link(struct redis_publisher *publisher,
                                    const struct redis_access_texts *texts)
{
    struct redis_link *link;
    struct redis_access access;
    char client_name[48];

    if (redis_access_init(&access, texts) < 0) {
        return NULL;
    }
    (void)snprintf(client_name, sizeof(client_name), "teplo:%s", publisher->instance);
    link = redis_link_new(publisher->loop, &access, client_name, &link_events, publisher);
    if (link == NULL) {
        redis_access_done(&access);
    }
    return link;
}

static void reap(void *owner)
{
    struct redis_publisher *publisher = owner;

    redis_reporter_free(publisher->reporter);
    redis_tick_forget(publisher);
    hashmap_done(&publisher->published);
    bytes_done(&publisher->text);
    snapshot_done(&publisher->snapshot);
    mem_free(publisher);
}

struct redis_publisher *redis_publisher_new(struct loop *loop, const struct redis_options *options,
                                            snapshot_take_fn take, void *owner)
{
    struct redis_publisher *publisher;

    if (!redis_text_is_name(options->name_space) || options->tick_ms < 1 ||
        (publisher = MEM_NEW(struct redis_publisher)) == NULL) {
        return NULL;
    }
    publisher->loop = loop;
    publisher->take = take;
    publisher->owner = owner;
    publisher->tick_ms = options->tick_ms;
    publisher->max_bytes = options->max_bytes;
    publisher->series_pools = options->series_pools;
    publisher->instance_ttl_ms = redis_key_row(REDIS_KEY_INSTANCE)->ttl_ms;
    if (publisher->instance_ttl_ms < 3 * options->tick_ms) {
        publisher->instance_ttl_ms = 3 * options->tick_ms;
    }
    (void)snprintf(publisher->prefix, sizeof(publisher->prefix),
                   "teplo:{%s}:v1:", options->name_space);
    (void)snprintf(publisher->instance, sizeof(publisher->instance), "%s", options->instance);
    snapshot_init(&publisher->snapshot);
    hashmap_init(&publisher->published);
    redis_tick_init_text(&publisher->text);
    list_init(&publisher->flushes);
    event_ring_init(&publisher->ring, loop_now_ms(loop));
    timer_init(&publisher->tick_timer, loop, on_tick_timer, publisher);
    timer_init(&publisher->flush_timer, loop, redis_publisher_flush_expire, publisher);
    timer_init(&publisher->leave_timer, loop, on_leave_timer, publisher);
    timer_init(&publisher->done_timer, loop, on_done_timer, publisher);
    deferred_init(&publisher->work, loop, on_work, publisher);
    publisher->reporter =
        redis_reporter_new(publisher, options->forget_ms == 0 ? FORGET_MS : options->forget_ms);
    publisher->link = make_link(publisher, &options->access);
    if (publisher->link == NULL || publisher->reporter == NULL) {
        redis_link_free(publisher->link);
        reap(publisher);
        return NULL;
    }
    arm_tick(publisher);
    return publisher;
}

static void go_silent(struct redis_publisher *publisher)
{
    publisher->life = PUBLISHER_CLOSED;
    publisher->tick.is_running = false;
    timer_stop(&publisher->tick_timer);
    timer_stop(&publisher->leave_timer);
    redis_link_free(publisher->link);
    publisher->link = NULL;
}

void redis_publisher_free(struct redis_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    go_silent(publisher);
    timer_stop(&publisher->done_timer);
    deferred_cancel(&publisher->work);
    redis_publisher_flush_forget(publisher);
    loop_reap(publisher->loop, &publisher->reapable, reap, publisher);
}

/* ---- events */

void redis_publisher_event(struct redis_publisher *publisher, const char *type,
                           const char *severity, const char *pool, const char *session,
                           const char *code, const char *message)
{
    struct ring_event event;

    if (publisher->life == PUBLISHER_CLOSED || publisher->is_refused[REDIS_KEY_EV]) {
        publisher->ring.dropped_total++;
        return;
    }
    (void)redis_text_clean(event.type, sizeof(event.type), type);
    (void)redis_text_clean(event.severity, sizeof(event.severity), severity);
    (void)redis_text_clean(event.pool, sizeof(event.pool), pool);
    (void)redis_text_clean(event.session, sizeof(event.session), session);
    (void)redis_text_clean(event.code, sizeof(event.code), code);
    (void)redis_text_clean(event.message, sizeof(event.message), message);
    publisher->has_stop = publisher->has_stop || strcmp(event.type, "stop") == 0;
    event_ring_add(&publisher->ring, &event, loop_now_ms(publisher->loop));
}

/* ---- for the other parts */

static unsigned label_of(const struct redis_publisher *publisher, enum reply_tag tag)
{
    return (unsigned)publisher->seq * REPLY_TAGS + (unsigned)tag;
}

void redis_publisher_send(struct redis_publisher *publisher, struct redis_command *command,
                          enum reply_tag tag)
{
    int r = publisher->link == NULL
                ? -ENOTCONN
                : redis_link_send(publisher->link, command, label_of(publisher, tag));

    /* What cannot be sent ends the connection, and on_closed what we were about. */
    if (r < 0) {
        log_event(LOG_LEVEL_DEBUG, "redis_unsent", "error=%d", -r);
    }
}

void redis_publisher_add_own_key(const struct redis_publisher *publisher,
                                 struct redis_command *command, enum redis_key key,
                                 const char *pool)
{
    char text[REDIS_KEY_SIZE];

    (void)redis_key_write(key, publisher->prefix, pool, publisher->instance, text, sizeof(text));
    redis_command_add(command, text);
}

void redis_publisher_expire(struct redis_publisher *publisher, enum redis_key key)
{
    int64_t now_ms = loop_now_ms(publisher->loop);
    struct redis_command command;

    /* Only after a write that went well: else it may be the key of somebody else. */
    if (now_ms < publisher->expire_due_ms[key]) {
        return;
    }
    publisher->expire_due_ms[key] = now_ms + EXPIRE_INTERVAL_MS;
    redis_command_begin(&command, "PEXPIRE");
    redis_publisher_add_own_key(publisher, &command, key, NULL);
    redis_command_add_int(&command, redis_key_row(key)->ttl_ms);
    redis_publisher_send(publisher, &command, REPLY_ASIDE);
}

void redis_publisher_refuse(struct redis_publisher *publisher, enum redis_key key, const char *why)
{
    char message[192];

    if (publisher->is_refused[key]) {
        return;
    }
    log_event(LOG_LEVEL_WARN, "redis_key_refused", "key=%s%s until=restart why=%s",
              publisher->prefix, redis_key_row(key)->pattern, log_quote(why));
    (void)snprintf(message, sizeof(message), "%s%s cannot be written: %s", publisher->prefix,
                   redis_key_row(key)->pattern, why);
    redis_publisher_event(publisher, "config_error", "error", NULL, NULL,
                          redis_fault_row(redis_fault_of(why))->word, message);
    publisher->is_refused[key] = true;
}

void redis_publisher_resync(struct redis_publisher *publisher)
{
    HASHMAP_FOREACH (slot, &publisher->published) {
        struct published *published = slot->value;

        published->is_acknowledged = false;
        published->config_due_ms = 0;
    }
    memset(publisher->write_due_ms, 0, sizeof(publisher->write_due_ms));
    memset(publisher->expire_due_ms, 0, sizeof(publisher->expire_due_ms));
}

/* ---- ticks */

static void on_tick_timer(void *owner)
{
    struct redis_publisher *publisher = owner;
    bool is_held = loop_now_ms(publisher->loop) < publisher->hold_until_ms;

    arm_tick(publisher);
    if (!redis_link_is_ready(publisher->link)) {
        return;
    }
    if (publisher->tick.is_running) {
        publisher->skipped_total++; /* the next one tells the latest figures anyway */
    } else if (is_held && publisher->state == REDIS_STATE_OOM) {
        redis_room_stay_alive(publisher);
    } else if (!is_held && publisher->is_fresh) {
        redis_herald_ask_time(publisher); /* Redis may have refused to tell it */
    } else if (!is_held) {
        redis_tick_begin(publisher);
    }
}

void redis_publisher_on_ticked(struct redis_publisher *publisher)
{
    bool is_whole = !publisher->tick.is_partial;

    publisher->failures = 0;
    publisher->hold_until_ms = 0;
    redis_room_on_success(publisher);
    redis_link_settle(publisher->link);
    if (publisher->tick.was_slow) {
        redis_publisher_set_state(publisher, REDIS_STATE_SLOW, REDIS_FAULT_NONE,
                                  "no answer within 1 s");
    } else {
        redis_publisher_set_state(publisher, REDIS_STATE_UP, REDIS_FAULT_NONE, "");
    }
    deferred_schedule(&publisher->work);
    /* The reporter ends the flushes when the fleet's figures are there too. */
    if (publisher->life != PUBLISHER_OPEN || !redis_reporter_on_tick(publisher->reporter) ||
        !is_whole) {
        redis_publisher_flush_end(publisher, publisher->seq, is_whole);
    }
}

/* A cluster has our slot elsewhere, which is no trouble: the next tick goes there. */
static bool try_move(struct redis_publisher *publisher, const char *reply)
{
    if (redis_link_move(publisher->link, reply) < 0) {
        return false;
    }
    publisher->tick.is_running = false;
    redis_publisher_resync(publisher);
    redis_herald_forget(publisher);
    redis_reporter_forget(publisher->reporter);
    return true;
}

static bool must_close(struct redis_publisher *publisher, const struct redis_fault_row *row)
{
    bool is_tired = row->act == REDIS_ACT_TIRE &&
                    loop_now_ms(publisher->loop) - publisher->failing_since_ms >= TIRED_MS;

    return row->act == REDIS_ACT_CLOSE || row->act == REDIS_ACT_MOVE || is_tired;
}

void redis_publisher_fail(struct redis_publisher *publisher, enum redis_fault fault,
                          const char *why)
{
    const struct redis_fault_row *row = redis_fault_row(fault);
    char message[384];

    if (publisher->life == PUBLISHER_CLOSED ||
        (row->act == REDIS_ACT_MOVE && try_move(publisher, why))) {
        return;
    }
    redis_reporter_note_trouble(publisher->reporter);
    if (publisher->failures++ == 0) {
        publisher->failing_since_ms = loop_now_ms(publisher->loop);
    }
    publisher->tick.is_running = false;
    redis_publisher_resync(publisher);
    (void)snprintf(message, sizeof(message), "%s: %s", row->text, why);
    redis_publisher_set_state(
        publisher, row->state == REDIS_STATE_UP ? REDIS_STATE_DOWN : row->state, fault, message);
    if (row->state == REDIS_STATE_OOM) {
        redis_room_on_full(publisher);
    }
    if (must_close(publisher, row)) {
        redis_link_drop(publisher->link, row->pause_ms);
        redis_herald_forget(publisher);
        redis_reporter_forget(publisher->reporter);
    }
    publisher->hold_until_ms =
        loop_now_ms(publisher->loop) + redis_fault_pause_ms(fault, publisher->failures);
    deferred_schedule(&publisher->work);
    redis_publisher_flush_end(publisher, publisher->seq, false);
}

/* ---- what the link says */

static void on_ready(void *owner)
{
    struct redis_publisher *publisher = owner;

    if (publisher->connections_total++ > 0) {
        redis_reporter_note_trouble(publisher->reporter);
    }
    publisher->is_fresh = true;
    publisher->is_instance_known = false; /* while we were away, it may have expired */
    publisher->hold_until_ms = 0;
    redis_reporter_forget(publisher->reporter);
    redis_publisher_resync(publisher);
    redis_herald_ask_time(publisher);
}

/* To a command of the tick that runs, and not of one that was given up. */
static bool is_of_tick(const struct redis_publisher *publisher, unsigned label)
{
    enum reply_tag tag = (enum reply_tag)(label % REPLY_TAGS);

    return publisher->tick.is_running && label == label_of(publisher, tag);
}

static void on_reply(void *owner, unsigned label, const redisReply *reply)
{
    struct redis_publisher *publisher = owner;

    if (reply == NULL) {
        return; /* on_closed follows, or we dropped the connection ourselves */
    }
    switch ((enum reply_tag)(label % REPLY_TAGS)) {
    case REPLY_QUEUED:
        if (is_of_tick(publisher, label)) {
            redis_tick_on_queued(publisher, reply);
        }
        return;
    case REPLY_EXEC:
        if (is_of_tick(publisher, label)) {
            redis_tick_on_exec(publisher, reply);
        }
        return;
    case REPLY_TIME:
        redis_herald_on_time(publisher, reply);
        return;
    case REPLY_EVENT:
        redis_herald_on_event_reply(publisher, reply);
        return;
    case REPLY_ASIDE:
        return;
    case REPLY_REPORTER:
        redis_reporter_on_reply(publisher->reporter, reply);
        return;
    case REPLY_GOODBYE:
        finish_closing(publisher);
        return;
    }
}

static void on_slow(void *owner)
{
    struct redis_publisher *publisher = owner;

    publisher->tick.was_slow = true;
    if (publisher->state == REDIS_STATE_UP) {
        redis_publisher_set_state(publisher, REDIS_STATE_SLOW, REDIS_FAULT_NONE,
                                  "no answer within 1 s");
    }
}

static void on_closed(void *owner, enum redis_fault fault, const char *why)
{
    struct redis_publisher *publisher = owner;
    enum redis_state state = redis_fault_row(fault)->state;

    publisher->tick.is_running = false;
    publisher->is_fresh = false;
    redis_herald_forget(publisher);
    redis_reporter_forget(publisher->reporter);
    redis_publisher_set_state(publisher, state == REDIS_STATE_UP ? REDIS_STATE_DOWN : state, fault,
                              why);
    deferred_schedule(&publisher->work);
}

/* ---- the end */

void redis_publisher_close(struct redis_publisher *publisher, void (*done)(void *owner),
                           void *owner)
{
    if (publisher->life != PUBLISHER_OPEN) {
        return;
    }
    publisher->life = PUBLISHER_LEAVING;
    publisher->done = done;
    publisher->done_owner = owner;
    if (!publisher->has_stop) {
        redis_publisher_event(publisher, "stop", "info", NULL, NULL, NULL, "stopped");
    }
    timer_stop(&publisher->tick_timer);
    timer_start(&publisher->leave_timer, LEAVE_MS);
    deferred_schedule(&publisher->work);
}

static void on_leave_timer(void *owner)
{
    finish_closing(owner);
}

static void finish_closing(struct redis_publisher *publisher)
{
    go_silent(publisher);
    deferred_schedule(&publisher->work);
    /* Not in this turn: a lookup that was cancelled ends in the next one. */
    timer_start(&publisher->done_timer, 0);
}

static void on_done_timer(void *owner)
{
    struct redis_publisher *publisher = owner;

    publisher->done(publisher->done_owner);
}

static void say_goodbye(struct redis_publisher *publisher)
{
    struct redis_command command;

    redis_herald_send_last_events(publisher);
    if (!redis_reporter_is_owing(publisher->reporter)) {
        redis_command_begin(&command, "ZREM");
        redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INST, NULL);
        redis_command_add(&command, publisher->instance);
        redis_publisher_send(publisher, &command, REPLY_ASIDE);
    }
    redis_command_begin(&command, "DEL");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INSTANCE, NULL);
    redis_publisher_send(publisher, &command, REPLY_GOODBYE);
}

void redis_publisher_on_folded(struct redis_publisher *publisher)
{
    publisher->life = publisher->life == PUBLISHER_FOLDING ? PUBLISHER_FOLDED : publisher->life;
    deferred_schedule(&publisher->work);
}

static void leave(struct redis_publisher *publisher)
{
    bool may_write = loop_now_ms(publisher->loop) >= publisher->hold_until_ms;

    if (publisher->life == PUBLISHER_LEAVING && may_write) {
        publisher->life = PUBLISHER_LAST_TICK;
        redis_tick_begin(publisher);
    } else if (publisher->life <= PUBLISHER_LAST_TICK &&
               redis_reporter_leave(publisher->reporter)) {
        publisher->life = PUBLISHER_FOLDING;
    } else if (publisher->life != PUBLISHER_GOODBYE && publisher->life != PUBLISHER_FOLDING) {
        publisher->life = PUBLISHER_GOODBYE;
        say_goodbye(publisher);
    }
}

/* Whatever is to be done, from a place where nothing else is going on. */
static void on_work(void *owner)
{
    struct redis_publisher *publisher = owner;

    if (publisher->life == PUBLISHER_CLOSED || !redis_link_is_ready(publisher->link)) {
        if (publisher->life == PUBLISHER_OPEN && !publisher->is_told) {
            return; /* just started: the first attempt to connect decides */
        }
        if (publisher->life != PUBLISHER_OPEN && publisher->life != PUBLISHER_CLOSED) {
            finish_closing(publisher);
        }
        redis_publisher_flush_end(publisher, UINT64_MAX, false);
        return;
    }
    if (publisher->is_fresh || publisher->tick.is_running) {
        return;
    }
    if (publisher->life != PUBLISHER_OPEN) {
        leave(publisher);
    } else if (!list_is_empty(&publisher->flushes)) {
        redis_tick_begin(publisher);
    }
}
