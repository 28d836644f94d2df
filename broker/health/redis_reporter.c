/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_reporter.h"

#include <stdio.h>
#include <string.h>

#include "broker/health/redis_reporter_priv.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum {
    LEASE_LEAST_MS = 3000,
    LEASE_MARGIN_MS = 500, /* we stop so long before others may begin */
    OFF_MS = 60000,        /* until it is tried again: somebody may have given us the right */
};

static const struct {
    void (*ask)(const struct redis_reporter *reporter, const struct asked *asked,
                struct redis_command *command);
    void (*on)(struct redis_reporter *reporter, const struct asked *asked, const redisReply *reply);
    int script; /* an enum redis_script, or none */
} commands[ASKED_COUNT] = {
#define REDIS_SCRIPT_NONE (-1)
#define ASKED(name, function, script)                                                              \
    {redis_reporter_ask_##function, redis_reporter_on_##function, REDIS_SCRIPT_##script},
#include "broker/health/redis_reporter_asked.def"
#undef ASKED
#undef REDIS_SCRIPT_NONE
};

static const struct {
    bool (*next)(struct redis_reporter *reporter);
    unsigned successors;
} stages[ROUND_STAGES] = {
#define BIT(name) (1U << ROUND_##name)
#define STAGE(name, function, successors) {redis_reporter_next_##function, successors},
#include "broker/health/redis_reporter_stages.def"
#undef STAGE
#undef BIT
};

static void on_done(void *owner);

/* ---- life */

struct redis_reporter *redis_reporter_new(struct redis_publisher *publisher, int64_t forget_ms)
{
    struct redis_reporter *reporter = MEM_NEW(struct redis_reporter);

    if (reporter == NULL) {
        return NULL;
    }
    reporter->publisher = publisher;
    reporter->forget_ms = forget_ms;
    deferred_init(&reporter->done, publisher->loop, on_done, reporter);
    return reporter;
}

static void drop_rows(struct redis_reporter *reporter)
{
    mem_free(reporter->brokers);
    mem_free(reporter->pools);
    reporter->brokers = NULL;
    reporter->pools = NULL;
    reporter->broker_count = reporter->pool_count = 0;
}

void redis_reporter_free(struct redis_reporter *reporter)
{
    if (reporter == NULL) {
        return;
    }
    deferred_cancel(&reporter->done);
    drop_rows(reporter);
    mem_free(reporter);
}

bool redis_reporter_is_leader(const struct redis_reporter *reporter)
{
    return reporter->is_leader;
}

bool redis_reporter_is_owing(const struct redis_reporter *reporter)
{
    return reporter->is_owing;
}

/* ---- stages */

static void enter(struct redis_reporter *reporter, enum round_stage next)
{
    CHECK((stages[reporter->stage].successors & (1U << next)) != 0);
    reporter->stage = next;
    reporter->cursor = reporter->cursor_broker = reporter->cursor_part = 0;
}

/* A round, or what stands in its place at the end: from now on earlier replies mean nothing. */
static void begin(struct redis_reporter *reporter, enum round_stage first)
{
    reporter->round++;
    reporter->owed_count = 0;
    enter(reporter, first);
}

/* The flushes that wait for tick SEQ are ended from a place where nothing else is going on. */
static void finish(struct redis_reporter *reporter, uint64_t seq, bool ok)
{
    reporter->done_seq = seq;
    reporter->is_done_ok = ok;
    deferred_schedule(&reporter->done);
}

static enum round_stage successor(const struct redis_reporter *reporter)
{
    if (reporter->stage == ROUND_POOLS && reporter->is_torn) {
        return ROUND_POOLS;
    }
    return reporter->stage == ROUND_SAMPLES ? ROUND_REST : reporter->stage + 1;
}

/* Asks as much as may be asked, and goes on to the next stage when all of this one is answered. */
static void pump(struct redis_reporter *reporter)
{
    while (reporter->stage != ROUND_REST && reporter->stage != ROUND_GONE &&
           reporter->asked_count < ASKED_WINDOW && redis_link_is_ready(reporter->publisher->link)) {
        if (stages[reporter->stage].next(reporter)) {
            continue;
        }
        if (reporter->owed_count > 0 || reporter->stage == ROUND_REST) {
            return;
        }
        enter(reporter, successor(reporter));
        if (reporter->stage == ROUND_REST) {
            finish(reporter, reporter->round_seq, true);
        } else if (reporter->stage == ROUND_GONE) {
            redis_publisher_on_folded(reporter->publisher);
        }
    }
}

static void begin_round(struct redis_reporter *reporter)
{
    reporter->round_seq = reporter->wanted_seq;
    reporter->now_ms = redis_tick_now_ms(reporter->publisher);
    reporter->attempts = 0;
    begin(reporter, ROUND_LISTS);
    pump(reporter);
}

bool redis_reporter_next_rest(struct redis_reporter *reporter)
{
    (void)reporter;
    return false;
}

bool redis_reporter_next_gone(struct redis_reporter *reporter)
{
    (void)reporter;
    return false;
}

void redis_reporter_give_up(struct redis_reporter *reporter)
{
    reporter->round++;
    reporter->owed_count = 0;
    if (reporter->stage == ROUND_LEAVING || reporter->stage == ROUND_RESIGNING) {
        enter(reporter, ROUND_GONE);
        redis_publisher_on_folded(reporter->publisher);
    } else if (reporter->stage != ROUND_REST && reporter->stage != ROUND_GONE) {
        enter(reporter, ROUND_REST);
        finish(reporter, reporter->round_seq, false);
    }
}

static void on_done(void *owner)
{
    struct redis_reporter *reporter = owner;
    struct redis_publisher *publisher = reporter->publisher;

    if (reporter->is_leader && reporter->stage == ROUND_REST &&
        reporter->wanted_seq > reporter->round_seq && !list_is_empty(&publisher->flushes) &&
        redis_reporter_still_leads(reporter)) {
        begin_round(reporter);
    }
    redis_publisher_flush_end(publisher, reporter->done_seq, reporter->is_done_ok);
}

/* ---- what is asked */

void redis_reporter_add_key(const struct redis_reporter *reporter, struct redis_command *command,
                            enum redis_key key, const char *pool, const char *iid)
{
    char text[REDIS_KEY_SIZE];

    (void)redis_key_write(key, reporter->publisher->prefix, pool, iid, text, sizeof(text));
    redis_command_add(command, text);
}

/* These belong to no round. */
static bool is_aside(enum asked_what what)
{
    return what == ASKED_LEASE || what == ASKED_DROP;
}

static void push(struct redis_reporter *reporter, struct asked asked)
{
    size_t last = (reporter->first_asked + reporter->asked_count) % ASKED_MAXIMUM;

    CHECK(reporter->asked_count < ASKED_MAXIMUM);
    asked.round = reporter->round;
    reporter->asked[last] = asked;
    reporter->asked_count++;
    reporter->owed_count += is_aside(asked.what) ? 0 : 1;
}

static void post(struct redis_reporter *reporter, struct redis_command *command, struct asked asked)
{
    /* Without a connection nothing is owed: redis_reporter_forget was, or will be, called. */
    if (redis_link_is_ready(reporter->publisher->link)) {
        push(reporter, asked);
        redis_publisher_send(reporter->publisher, command, REPLY_REPORTER);
    }
}

bool redis_reporter_post_aside(struct redis_reporter *reporter, struct redis_command *command,
                               enum asked_what what)
{
    bool has_room = reporter->asked_count < ASKED_WINDOW + ASKED_ASIDE;

    if (has_room) {
        post(reporter, command, (struct asked){.what = what});
    }
    return has_room;
}

static void ask(struct redis_reporter *reporter, struct asked asked)
{
    struct redis_command command;

    if (commands[asked.what].script >= 0) {
        redis_script_begin(&command, (enum redis_script)commands[asked.what].script, asked.form);
    }
    commands[asked.what].ask(reporter, &asked, &command);
    post(reporter, &command, asked);
}

void redis_reporter_ask(struct redis_reporter *reporter, enum asked_what what, size_t pool,
                        size_t broker)
{
    ask(reporter, (struct asked){.what = what, .pool = (uint16_t)pool, .broker = (uint16_t)broker});
}

void redis_reporter_on_reply(struct redis_reporter *reporter, const redisReply *reply)
{
    struct asked asked = reporter->asked[reporter->first_asked];

    CHECK(reporter->asked_count > 0);
    reporter->first_asked = (reporter->first_asked + 1) % ASKED_MAXIMUM;
    reporter->asked_count--;
    if (!is_aside(asked.what) && asked.round != reporter->round) {
        pump(reporter);
        return;
    }
    reporter->owed_count -= is_aside(asked.what) ? 0 : 1;
    if (reply->type == REDIS_REPLY_ERROR && asked.form == REDIS_SCRIPT_DIGEST &&
        commands[asked.what].script >= 0 && redis_script_is_unknown(reply->str)) {
        asked.form = REDIS_SCRIPT_WHOLE;
        ask(reporter, asked);
        return;
    }
    commands[asked.what].on(reporter, &asked, reply);
    pump(reporter);
}

void redis_reporter_forget(struct redis_reporter *reporter)
{
    reporter->asked_count = 0;
    reporter->is_lease_asked = false;
    reporter->is_leader = false;
    reporter->off_until_ms = 0;
    redis_reporter_give_up(reporter);
}

/* ---- transactions */

void redis_reporter_queue(struct redis_reporter *reporter, struct redis_command *command)
{
    reporter->transaction_count++;
    post(reporter, command, (struct asked){.what = ASKED_QUEUED});
}

void redis_reporter_queue_expire(struct redis_reporter *reporter, enum redis_key key,
                                 const char *pool)
{
    struct redis_command command;

    redis_command_begin(&command, "PEXPIRE");
    redis_reporter_add_key(reporter, &command, key, pool, NULL);
    redis_command_add_int(&command, redis_key_row(key)->ttl_ms);
    redis_reporter_queue(reporter, &command);
}

void redis_reporter_begin_transaction(struct redis_reporter *reporter)
{
    struct redis_command command;

    redis_command_begin(&command, "MULTI");
    redis_reporter_queue(reporter, &command);
    reporter->transaction_count = 0;
    reporter->has_fleet = false;
}

void redis_reporter_end_transaction(struct redis_reporter *reporter)
{
    struct redis_command command;

    redis_command_begin(&command, "EXEC");
    post(reporter, &command,
         (struct asked){.what = ASKED_EXEC,
                        .pool = (uint16_t)reporter->transaction_count,
                        .broker = reporter->has_fleet ? 1 : 0});
}

/* They are made where they are sent, as is a DROP. */
void redis_reporter_ask_queued(const struct redis_reporter *reporter, const struct asked *asked,
                               struct redis_command *command)
{
    (void)reporter;
    (void)asked;
    (void)command;
}

void redis_reporter_ask_exec(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    redis_reporter_ask_queued(reporter, asked, command);
}

/* To MULTI, or to a command that waits for EXEC. */
void redis_reporter_on_queued(struct redis_reporter *reporter, const struct asked *asked,
                              const redisReply *reply)
{
    (void)asked;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail(reporter, redis_fault_of(reply->str), reply->str);
    }
}

/* Fields of `fleet` that Redis had not: it was wiped, if they were written before. */
static void on_fleet_written(struct redis_reporter *reporter, const redisReply *reply)
{
    if (reporter->has_written && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0) {
        redis_reporter_begin_anew(reporter);
    }
    reporter->has_written = true;
}

void redis_reporter_on_exec(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail(reporter, redis_fault_of(reply->str), reply->str);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != asked->pool) {
        redis_reporter_fail(reporter, REDIS_FAULT_PROTOCOL, "EXEC");
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            redis_reporter_fail(reporter, redis_fault_of(reply->element[i]->str),
                                reply->element[i]->str);
            return;
        }
    }
    if (asked->broker != 0) {
        on_fleet_written(reporter, reply->element[reply->elements - 2]);
    }
}

/* ---- trouble */

static void tell(struct redis_reporter *reporter, bool *is_told, enum redis_fault fault,
                 const char *what, const char *why)
{
    char message[256];

    if (*is_told) {
        return;
    }
    *is_told = true;
    (void)snprintf(message, sizeof(message), "%s: %s", what, why);
    log_event(LOG_LEVEL_WARN, "redis_reporter", "code=%s why=%s", redis_fault_row(fault)->word,
              log_quote(message));
    redis_publisher_event(reporter->publisher, "config_error", "warn", NULL, NULL,
                          redis_fault_row(fault)->word, message);
}

static void step_down(struct redis_reporter *reporter)
{
    reporter->is_leader = false;
    redis_reporter_give_up(reporter);
    drop_rows(reporter);
}

void redis_reporter_refuse(struct redis_reporter *reporter, const char *why)
{
    tell(reporter, &reporter->is_refusal_told, REDIS_FAULT_WRONGTYPE,
         "a key of the fleet is somebody else's", why);
}

void redis_reporter_tell_excess(struct redis_reporter *reporter)
{
    tell(reporter, &reporter->is_excess_told, REDIS_FAULT_NONE, "some pools are left out",
         "the fleet has more brokers and pools than are added up");
}

void redis_reporter_fail_script(struct redis_reporter *reporter, const char *why)
{
    enum redis_fault fault = redis_script_fault(why);

    if (fault == REDIS_FAULT_OTHER) {
        /* Scripts do run here: what this one found is none of ours. */
        redis_reporter_refuse(reporter, why);
    } else {
        redis_reporter_fail(reporter, fault, why);
    }
}

void redis_reporter_fail(struct redis_reporter *reporter, enum redis_fault fault, const char *why)
{
    int64_t now_ms = loop_now_ms(reporter->publisher->loop);

    if (fault == REDIS_FAULT_WRONGTYPE) {
        redis_reporter_refuse(reporter, why);
        return;
    }
    if (fault == REDIS_FAULT_NOPERM || fault == REDIS_FAULT_UNKNOWN || fault == REDIS_FAULT_OTHER) {
        reporter->off_until_ms = now_ms + OFF_MS;
        tell(reporter, &reporter->is_off_told, fault, "this broker adds nothing up for the fleet",
             why);
        step_down(reporter);
        finish(reporter, reporter->wanted_seq, true);
        return;
    }
    reporter->is_owing = reporter->stage == ROUND_LEAVING || reporter->stage == ROUND_RESIGNING;
    redis_reporter_give_up(reporter);
}

/* ---- the lead */

static int64_t lease_ms(const struct redis_reporter *reporter)
{
    int64_t ticks_ms = 3 * reporter->publisher->tick_ms;

    return ticks_ms < LEASE_LEAST_MS ? LEASE_LEAST_MS : ticks_ms;
}

bool redis_reporter_on_tick(struct redis_reporter *reporter)
{
    struct redis_publisher *publisher = reporter->publisher;

    reporter->wanted_seq = publisher->seq;
    if (redis_reporter_is_off(reporter)) {
        return false;
    }
    if (!reporter->is_lease_asked) {
        reporter->is_lease_asked = true;
        reporter->lease_sent_ms = loop_now_ms(publisher->loop);
        redis_reporter_ask(reporter, ASKED_LEASE, 0, 0);
    }
    return reporter->is_leader && redis_reporter_still_leads(reporter);
}

bool redis_reporter_still_leads(struct redis_reporter *reporter)
{
    if (loop_now_ms(reporter->publisher->loop) < reporter->lease_until_ms) {
        return true;
    }
    /* We were frozen, or Redis was. */
    step_down(reporter);
    return false;
}

void redis_reporter_ask_lease(const struct redis_reporter *reporter, const struct asked *asked,
                              struct redis_command *command)
{
    bool is_end = reporter->stage >= ROUND_RESIGNING;

    (void)asked;
    redis_reporter_add_key(reporter, command, REDIS_KEY_LEADER, NULL, NULL);
    redis_command_add(command, reporter->publisher->instance);
    redis_command_add_int(command, is_end ? 0 : lease_ms(reporter));
}

void redis_reporter_begin_anew(struct redis_reporter *reporter)
{
    reporter->has_written = false;
    reporter->bases_due_ms = 0;
    reporter->tables_due_ms = 0;
    reporter->sampled_slot = 0;
}

static void on_holder(struct redis_reporter *reporter, const char *holder)
{
    bool was_leader = reporter->is_leader;

    if (strcmp(holder, reporter->publisher->instance) != 0) {
        (void)snprintf(reporter->holder, sizeof(reporter->holder), "%s", holder);
        if (was_leader) {
            log_event(LOG_LEVEL_INFO, "redis_reporter", "leader=%s", log_quote(holder));
            step_down(reporter);
        }
        return;
    }
    reporter->lease_until_ms = reporter->lease_sent_ms + lease_ms(reporter) - LEASE_MARGIN_MS;
    if (loop_now_ms(reporter->publisher->loop) >= reporter->lease_until_ms) {
        return; /* the answer to what we asked before we were frozen */
    }
    reporter->is_leader = true;
    if (!was_leader) {
        reporter->is_new_leader = true;
        redis_reporter_begin_anew(reporter);
        log_event(LOG_LEVEL_INFO, "redis_reporter", "leader=self");
    }
    if (reporter->stage == ROUND_REST) {
        begin_round(reporter);
    }
}

void redis_reporter_on_lease(struct redis_reporter *reporter, const struct asked *asked,
                             const redisReply *reply)
{
    uint64_t seq = reporter->wanted_seq;

    (void)asked;
    reporter->is_lease_asked = false;
    if (reporter->stage == ROUND_LEAVING || reporter->stage == ROUND_RESIGNING ||
        reporter->stage == ROUND_GONE) {
        return;
    }
    if (reply->type == REDIS_REPLY_STRING) {
        on_holder(reporter, reply->str);
    } else if (reply->type == REDIS_REPLY_ERROR &&
               redis_script_fault(reply->str) != REDIS_FAULT_WRONGTYPE) {
        redis_reporter_fail(reporter, redis_script_fault(reply->str), reply->str);
    } else {
        redis_reporter_fail(reporter, REDIS_FAULT_OTHER,
                            reply->type == REDIS_REPLY_ERROR ? reply->str : "the lease");
    }
    if (!reporter->is_leader) {
        finish(reporter, seq, true); /* their own rows are there, and that is all we owe */
    }
}

/* ---- the end */

bool redis_reporter_is_off(const struct redis_reporter *reporter)
{
    return loop_now_ms(reporter->publisher->loop) < reporter->off_until_ms;
}

bool redis_reporter_leave(struct redis_reporter *reporter)
{
    if (redis_reporter_is_off(reporter) || reporter->stage >= ROUND_LEAVING ||
        !redis_link_is_ready(reporter->publisher->link)) {
        return false;
    }
    begin(reporter, ROUND_LEAVING);
    pump(reporter);
    return true;
}
