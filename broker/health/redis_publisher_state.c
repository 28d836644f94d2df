/* SPDX-License-Identifier: MIT */
/* How Redis is doing, as told to the log, to events and to the instance row. */
#include <stdio.h>

#include "broker/health/redis_publisher_priv.h"
#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"

static const struct {
    const char *word;
    enum log_level level;
    const char *event;
} states[] = {
#define STATE(name, word, level, event) {word, level, event},
#include "broker/health/redis_states.def"
#undef STATE
};

struct redis_figures redis_publisher_state(const struct redis_publisher *publisher)
{
    struct redis_figures figures = {.state = "off"};

    if (publisher == NULL) {
        return figures;
    }
    figures.state = states[publisher->state].word;
    figures.rtt_ms = publisher->clock.rtt_ms;
    if (publisher->clock.is_known) {
        figures.offset_ms =
            publisher->clock.distance_ms + (double)clock_now_us() / 1000 - (double)clock_wall_ms();
    }
    figures.drops_total = publisher->ring.dropped_total;
    figures.reconnects_total =
        publisher->connections_total == 0 ? 0 : publisher->connections_total - 1;
    figures.skipped_total = publisher->skipped_total;
    figures.is_reporter = redis_reporter_is_leader(publisher->reporter);
    figures.seq = publisher->seq;
    return figures;
}

void redis_publisher_fill(const struct redis_publisher *publisher, struct instance_row *row)
{
    struct redis_figures figures = redis_publisher_state(publisher);

    (void)snprintf(row->redis_state, sizeof(row->redis_state), "%s", figures.state);
    row->redis_rtt_ms = figures.rtt_ms;
    row->redis_offset_ms = figures.offset_ms;
    row->redis_drops_total = figures.drops_total;
    row->redis_reconnects_total = figures.reconnects_total;
    row->redis_skipped_total = figures.skipped_total;
}

/* Refused, reset, silent: all the same trouble, seen at different moments. */
static bool is_absence(enum redis_fault fault)
{
    return fault == REDIS_FAULT_LOST || fault == REDIS_FAULT_TIMEOUT ||
           fault == REDIS_FAULT_PROTOCOL || fault == REDIS_FAULT_MEMORY;
}

static bool is_same_trouble(enum redis_fault a, enum redis_fault b)
{
    return a == b || (is_absence(a) && is_absence(b));
}

static void write_log(const struct redis_publisher *publisher, const char *why)
{
    const char *url = log_quote(redis_link_url(publisher->link));
    const char *place = redis_link_place(publisher->link);
    enum log_level level = states[publisher->state].level;
    const char *event = states[publisher->state].event;
    const char *at = *place == '\0' ? "" : " at=";

    if (publisher->state == REDIS_STATE_UP) {
        log_event(level, event, "redis=%s%s%s reconnects=%llu", url, at, place,
                  (unsigned long long)redis_publisher_state(publisher).reconnects_total);
    } else {
        log_event(level, event, "redis=%s%s%s code=%s why=%s", url, at, place,
                  redis_fault_row(publisher->fault)->word, log_quote(why));
    }
}

void redis_publisher_set_state(struct redis_publisher *publisher, enum redis_state state,
                               enum redis_fault fault, const char *why)
{
    bool is_first = !publisher->is_told;
    bool is_up = state == REDIS_STATE_UP;
    char message[256];

    if (!is_first && state == publisher->state && is_same_trouble(fault, publisher->fault)) {
        return;
    }
    publisher->is_told = true;
    publisher->state = state;
    publisher->fault = fault;
    write_log(publisher, why);
    if (is_first && is_up) {
        return; /* as it should be: no news */
    }
    (void)snprintf(message, sizeof(message), "%s%s%s", states[state].word,
                   why[0] == '\0' ? "" : ": ", why);
    redis_publisher_event(publisher, "redis_state", is_up ? "info" : "warn", NULL, NULL,
                          fault == REDIS_FAULT_NONE ? NULL : redis_fault_row(fault)->word, message);
}
