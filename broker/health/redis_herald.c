/* SPDX-License-Identifier: MIT */
/* Events to the stream `ev`, and the clock of Redis: what goes outside the transactions. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/health/redis_budget.h"
#include "broker/health/redis_publisher_priv.h"
#include "broker/runtime/clock.h"

/* In the year 5138; beyond, microseconds would overflow one day. */
static const int64_t SECONDS_MAXIMUM = 100000000000;

/* ---- the clock */

void redis_herald_ask_time(struct redis_publisher *publisher)
{
    struct redis_command command;

    if (publisher->time_sent_us != 0) {
        return;
    }
    publisher->time_sent_us = clock_now_us();
    redis_command_begin(&command, "TIME");
    redis_publisher_send(publisher, &command, REPLY_TIME);
}

/* Seconds and microseconds as two strings; -1 if it is not that. */
static int64_t microseconds_of(const redisReply *reply)
{
    int64_t seconds;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING) {
        return -1;
    }
    seconds = strtoll(reply->element[0]->str, NULL, 10);
    if (seconds < 0 || seconds > SECONDS_MAXIMUM) {
        return -1;
    }
    return seconds * 1000000 + strtoll(reply->element[1]->str, NULL, 10) % 1000000;
}

void redis_herald_on_time(struct redis_publisher *publisher, const redisReply *reply)
{
    int64_t sent_us = publisher->time_sent_us;
    int64_t redis_us;

    publisher->time_sent_us = 0;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_publisher_fail(publisher, redis_fault_of(reply->str), reply->str);
        return;
    }
    redis_us = microseconds_of(reply);
    if (redis_us < 0) {
        redis_publisher_fail(publisher, REDIS_FAULT_PROTOCOL, "TIME");
        return;
    }
    if (redis_clock_update(&publisher->clock, redis_us, sent_us, clock_now_us()) ==
        REDIS_CLOCK_JUMPED) {
        redis_publisher_event(publisher, "clock_jump", "warn", NULL, NULL, NULL,
                              "the clock of Redis jumped by more than 1 s against ours");
        redis_publisher_resync(publisher);
    }
    if (publisher->is_fresh) {
        publisher->is_fresh = false;
        redis_tick_begin(publisher);
    }
}

/* ---- events */

static void add_field(struct redis_command *command, const char *name, const char *value)
{
    redis_command_add(command, name);
    redis_command_add(command, value);
}

static void send_event(struct redis_publisher *publisher, const struct ring_event *event,
                       enum reply_tag tag)
{
    struct redis_command command;

    redis_command_begin(&command, "XADD");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_EV, NULL);
    redis_command_add(&command, "MAXLEN");
    redis_command_add(&command, "~");
    redis_command_add_int(&command, REDIS_EVENTS_KEPT);
    redis_command_add(&command, "*");
    add_field(&command, "type", event->type);
    add_field(&command, "sev", event->severity);
    add_field(&command, "inst", publisher->instance);
    add_field(&command, "pool", event->pool);
    add_field(&command, "sess", event->session);
    add_field(&command, "code", event->code);
    redis_command_add(&command, "n");
    redis_command_add_int(&command, (int64_t)event->n);
    add_field(&command, "msg", event->message);
    redis_publisher_send(publisher, &command, tag);
}

void redis_herald_send_events(struct redis_publisher *publisher)
{
    if (publisher->sending_count > 0 || publisher->is_refused[REDIS_KEY_EV]) {
        return;
    }
    publisher->sending_answered = publisher->sending_failed = 0;
    publisher->sending_fault = REDIS_FAULT_NONE;
    publisher->sending_count = event_ring_take(&publisher->ring, publisher->sending, EVENTS_A_TICK,
                                               loop_now_ms(publisher->loop));
    for (size_t i = 0; i < publisher->sending_count; i++) {
        send_event(publisher, &publisher->sending[i], REPLY_EVENT);
    }
}

void redis_herald_send_last_events(struct redis_publisher *publisher)
{
    struct ring_event event;

    while (!publisher->is_refused[REDIS_KEY_EV] &&
           event_ring_take_all(&publisher->ring, &event, 1) == 1) {
        send_event(publisher, &event, REPLY_ASIDE);
    }
}

/* Rows are worth having without events: an ACL may forbid XADD, an old Redis not know it. */
static bool is_about_events(enum redis_fault fault)
{
    return fault == REDIS_FAULT_WRONGTYPE || fault == REDIS_FAULT_NOPERM ||
           fault == REDIS_FAULT_UNKNOWN || fault == REDIS_FAULT_OTHER;
}

static void on_events_answered(struct redis_publisher *publisher)
{
    enum redis_fault fault = publisher->sending_fault;

    event_ring_return(&publisher->ring, publisher->sending, publisher->sending_failed);
    publisher->sending_count = 0;
    if (is_about_events(fault)) {
        redis_publisher_refuse(publisher, REDIS_KEY_EV, publisher->sending_why);
    } else if (fault != REDIS_FAULT_NONE) {
        redis_publisher_fail(publisher, fault, publisher->sending_why);
    }
}

void redis_herald_on_event_reply(struct redis_publisher *publisher, const redisReply *reply)
{
    size_t index = publisher->sending_answered++;

    CHECK(index < publisher->sending_count);
    if (reply->type != REDIS_REPLY_ERROR) {
        redis_publisher_expire(publisher, REDIS_KEY_EV);
    } else {
        if (publisher->sending_failed == 0) {
            publisher->sending_fault = redis_fault_of(reply->str);
            (void)snprintf(publisher->sending_why, sizeof(publisher->sending_why), "%s",
                           reply->str);
        }
        publisher->sending[publisher->sending_failed++] = publisher->sending[index];
    }
    if (publisher->sending_answered == publisher->sending_count) {
        on_events_answered(publisher);
    }
}

void redis_herald_forget(struct redis_publisher *publisher)
{
    const struct ring_event *unanswered = publisher->sending + publisher->sending_answered;

    publisher->time_sent_us = 0;
    if (publisher->sending_count > 0) {
        event_ring_return(&publisher->ring, unanswered,
                          publisher->sending_count - publisher->sending_answered);
        event_ring_return(&publisher->ring, publisher->sending, publisher->sending_failed);
    }
    publisher->sending_count = 0;
}
