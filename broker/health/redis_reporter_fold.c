/* SPDX-License-Identifier: MIT */
/*
 * Who is gone.  A broker that falls silent is told of once (LOSING); when it has been silent for
 * long its totals are added to the base (FOLDING), and then it is no member any more (RETIRING).
 * At the end a broker does the same for itself (LEAVING, RESIGNING).
 */
#include <stdio.h>
#include <string.h>

#include "broker/health/redis_reporter_priv.h"

enum {
    SELF = UINT16_MAX, /* in place of an index of a broker */
    TRIMMED_AT_ONCE = 64,
    FORGET_TICKS = 3,    /* at least */
    COME_BACK_MS = 5000, /* of the longest wait before another try, and a tick */
};

static const int64_t FOREVER_MS = 1000000000000000;

/* ---- told of */

void redis_reporter_note_trouble(struct redis_reporter *reporter)
{
    reporter->judges_from_ms = loop_now_ms(reporter->publisher->loop) +
                               redis_key_dead_ms(reporter->publisher->tick_ms) + COME_BACK_MS;
}

static bool is_judging(const struct redis_reporter *reporter)
{
    return loop_now_ms(reporter->publisher->loop) >= reporter->judges_from_ms;
}

bool redis_reporter_next_losing(struct redis_reporter *reporter)
{
    while (is_judging(reporter) && reporter->cursor < reporter->broker_count) {
        size_t next = reporter->cursor++;
        const struct report_broker *broker = &reporter->brokers[next];

        if (!broker->is_live && !broker->is_loss_told) {
            redis_reporter_ask(reporter, ASKED_LOSS, 0, next);
            return true;
        }
    }
    return false;
}

void redis_reporter_ask_loss(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    const struct report_broker *broker = &reporter->brokers[asked->broker];

    redis_reporter_add_key(reporter, command, REDIS_KEY_LOST, NULL, NULL);
    redis_command_add(command, broker->iid);
    redis_command_add_int(command, broker->heard_ms);
    redis_command_add_int(command, reporter->now_ms - redis_key_row(REDIS_KEY_LOST)->ttl_ms);
    redis_command_add_int(command, redis_key_row(REDIS_KEY_LOST)->ttl_ms);
}

void redis_reporter_on_loss(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    struct report_broker *broker = &reporter->brokers[asked->broker];
    char message[96];

    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail_script(reporter, reply->str);
        return;
    }
    broker->is_suspect = true;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
        (void)snprintf(message, sizeof(message), "%s is silent", broker->iid);
        redis_publisher_event(reporter->publisher, "inst_lost", "error", NULL, NULL, broker->iid,
                              message);
    }
}

/* ---- folded */

static bool is_to_be_forgotten(const struct redis_reporter *reporter,
                               const struct report_broker *broker)
{
    int64_t ticks_ms = FORGET_TICKS * reporter->publisher->tick_ms;
    int64_t forget_ms = reporter->forget_ms < ticks_ms ? ticks_ms : reporter->forget_ms;

    return is_judging(reporter) && !broker->is_live &&
           reporter->now_ms - broker->heard_ms > forget_ms;
}

/* The oldest first; some in each round. */
static void choose_forgotten(struct redis_reporter *reporter)
{
    size_t left = REPORT_FOLDED_A_ROUND;

    for (size_t i = reporter->broker_count; i > 0 && left > 0; i--) {
        struct report_broker *broker = &reporter->brokers[i - 1];

        if (is_to_be_forgotten(reporter, broker)) {
            broker->is_gone = true;
            left--;
        }
    }
}

bool redis_reporter_next_folding(struct redis_reporter *reporter)
{
    if (reporter->cursor_part == 0) {
        reporter->cursor_part = 1;
        choose_forgotten(reporter);
    }
    for (; reporter->cursor_broker < reporter->broker_count; reporter->cursor_broker++) {
        if (reporter->brokers[reporter->cursor_broker].is_gone &&
            reporter->cursor < reporter->pool_count) {
            redis_reporter_ask(reporter, ASKED_FOLD, reporter->cursor++, reporter->cursor_broker);
            return true;
        }
        reporter->cursor = 0;
    }
    return false;
}

static const char *iid_of(const struct redis_reporter *reporter, const struct asked *asked)
{
    return asked->broker == SELF ? reporter->publisher->instance
                                 : reporter->brokers[asked->broker].iid;
}

static void add_totals_of(struct redis_command *command, enum row_field_kind kind)
{
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        if (fleet_folds[i] == FLEET_FOLD_TOTAL && pool_row_fields[i].kind == kind) {
            redis_command_add(command, pool_row_fields[i].name);
        }
    }
}

static int64_t whole_totals(void)
{
    int64_t count = 0;

    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        count += fleet_folds[i] == FLEET_FOLD_TOTAL && pool_row_fields[i].kind == ROW_FIELD_COUNT;
    }
    return count;
}

/* Their names, the whole ones first, and how many these are. */
static void add_totals(struct redis_command *command)
{
    redis_command_add_int(command, whole_totals());
    add_totals_of(command, ROW_FIELD_COUNT);
    add_totals_of(command, ROW_FIELD_DECIMAL);
}

static void add_fold(const struct redis_reporter *reporter, struct redis_command *command,
                     const char *pool, const char *iid, int64_t gone_ttl_ms)
{
    redis_reporter_add_key(reporter, command, REDIS_KEY_POOL, pool, iid);
    redis_reporter_add_key(reporter, command, REDIS_KEY_HISTOGRAMS, pool, iid);
    redis_reporter_add_key(reporter, command, REDIS_KEY_BASE, pool, NULL);
    redis_reporter_add_key(reporter, command, REDIS_KEY_GONE, pool, iid);
    redis_command_add_int(command, redis_key_row(REDIS_KEY_BASE)->ttl_ms);
    redis_command_add_int(command, gone_ttl_ms);
    add_totals(command);
}

void redis_reporter_ask_fold(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    const char *pool = asked->broker == SELF ? reporter->publisher->snapshot.pools[asked->pool].name
                                             : reporter->pools[asked->pool].row.name;

    add_fold(reporter, command, pool, iid_of(reporter, asked),
             redis_key_row(REDIS_KEY_GONE)->ttl_ms);
}

void redis_reporter_on_fold(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    (void)asked;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail_script(reporter, reply->str);
    }
}

void redis_reporter_ask_unfold(const struct redis_reporter *reporter, const struct asked *asked,
                               struct redis_command *command)
{
    const char *pool = reporter->pools[asked->pool].row.name;
    const char *iid = reporter->brokers[asked->broker].iid;

    redis_reporter_add_key(reporter, command, REDIS_KEY_POOL, pool, iid);
    redis_reporter_add_key(reporter, command, REDIS_KEY_BASE, pool, NULL);
    redis_reporter_add_key(reporter, command, REDIS_KEY_GONE, pool, iid);
    add_totals(command);
}

void redis_reporter_on_unfold(struct redis_reporter *reporter, const struct asked *asked,
                              const redisReply *reply)
{
    redis_reporter_on_fold(reporter, asked, reply);
}

bool redis_reporter_drop(struct redis_reporter *reporter, const char *pool)
{
    struct redis_command command;

    if (redis_reporter_is_off(reporter)) {
        return true;
    }
    /* Rare, and nobody would know its name when it had to be sent again: whole at once. */
    redis_script_begin(&command, REDIS_SCRIPT_FOLD, REDIS_SCRIPT_WHOLE);
    add_fold(reporter, &command, pool, reporter->publisher->instance, 0);
    return redis_reporter_post_aside(reporter, &command, ASKED_DROP);
}

void redis_reporter_ask_drop(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    redis_reporter_ask_queued(reporter, asked, command);
}

void redis_reporter_on_drop(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    redis_reporter_on_fold(reporter, asked, reply);
}

/* ---- no member any more */

/* One broker a round, and of it the folded totals of some pools a command, then its name. */
static bool next_trim(struct redis_reporter *reporter)
{
    size_t next = reporter->cursor;

    if (reporter->trimmed[0] == '\0' || reporter->cursor_part > 0) {
        return false;
    }
    reporter->cursor += TRIMMED_AT_ONCE;
    reporter->cursor_part = next >= reporter->pool_count ? 1 : 0;
    redis_reporter_ask(reporter, ASKED_TRIM, next, 0);
    return true;
}

bool redis_reporter_next_retiring(struct redis_reporter *reporter)
{
    while (reporter->cursor_broker < reporter->broker_count) {
        size_t next = reporter->cursor_broker++;

        if (reporter->brokers[next].is_gone) {
            redis_reporter_ask(reporter, ASKED_RETIRE, 0, next);
            return true;
        }
    }
    return next_trim(reporter);
}

void redis_reporter_ask_retire(const struct redis_reporter *reporter, const struct asked *asked,
                               struct redis_command *command)
{
    const char *iid = iid_of(reporter, asked);

    redis_reporter_add_key(reporter, command, REDIS_KEY_INST, NULL, NULL);
    redis_reporter_add_key(reporter, command, REDIS_KEY_LOST, NULL, NULL);
    redis_reporter_add_key(reporter, command, REDIS_KEY_INSTANCE, NULL, iid);
    redis_reporter_add_key(reporter, command, REDIS_KEY_TABLE_SESS, NULL, iid);
    redis_command_add(command, iid);
    redis_command_add_int(
        command, asked->broker == SELF ? FOREVER_MS : reporter->brokers[asked->broker].heard_ms);
    redis_command_add_int(command, redis_key_row(REDIS_KEY_LOST)->ttl_ms);
}

void redis_reporter_on_retire(struct redis_reporter *reporter, const struct asked *asked,
                              const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail_script(reporter, reply->str);
    } else if (asked->broker != SELF && reply->integer == 0) {
        /* It lives: what of it was folded is counted once all the same. */
        reporter->brokers[asked->broker].is_gone = false;
    }
}

/* Of one that fell silent long ago: what was folded of it, and with the last command itself. */
void redis_reporter_ask_trim(const struct redis_reporter *reporter, const struct asked *asked,
                             struct redis_command *command)
{
    if (asked->pool >= reporter->pool_count) {
        redis_command_begin(command, "ZREM");
        redis_reporter_add_key(reporter, command, REDIS_KEY_LOST, NULL, NULL);
        redis_command_add(command, reporter->trimmed);
        return;
    }
    redis_command_begin(command, "UNLINK");
    for (size_t i = asked->pool; i < reporter->pool_count && i - asked->pool < TRIMMED_AT_ONCE;
         i++) {
        redis_reporter_add_key(reporter, command, REDIS_KEY_GONE, reporter->pools[i].row.name,
                               reporter->trimmed);
    }
}

void redis_reporter_on_trim(struct redis_reporter *reporter, const struct asked *asked,
                            const redisReply *reply)
{
    (void)asked;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_reporter_fail(reporter, redis_fault_of(reply->str), reply->str);
    }
}

/* ---- the end of this one */

bool redis_reporter_next_leaving(struct redis_reporter *reporter)
{
    if (reporter->cursor >= reporter->publisher->snapshot.pool_count) {
        return false;
    }
    redis_reporter_ask(reporter, ASKED_FOLD, reporter->cursor++, SELF);
    return true;
}

bool redis_reporter_next_resigning(struct redis_reporter *reporter)
{
    switch (reporter->cursor++) {
    case 0:
        redis_reporter_ask(reporter, ASKED_RETIRE, 0, SELF);
        return true;
    case 1:
        redis_reporter_ask(reporter, ASKED_LEASE, 0, 0);
        return true;
    default:
        return false;
    }
}
