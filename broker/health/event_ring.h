/* SPDX-License-Identifier: MIT */
/*
 * Events on their way to Redis: a ring of the last ones, equal ones counted together, given
 * out at a bounded rate.  Pure: time is an argument.
 */
#ifndef TEPLO_HEALTH_EVENT_RING_H
#define TEPLO_HEALTH_EVENT_RING_H

#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_RING_MAXIMUM = 256,  /* one more pushes the oldest out: it is dropped and counted */
    EVENT_RING_BURST = 20,     /* events given out at once, after a quiet time */
    EVENT_RING_EVERY_MS = 200, /* one more may go out */
    EVENT_RING_MERGE_MS = 10000,
};

/* Texts are as they go to Redis: redis_text_clean. */
struct ring_event {
    char type[24];
    char severity[8];
    char pool[34];
    char session[65];
    char code[33];
    char message[161];
    uint64_t n; /* how many equal ones it stands for */
    int64_t first_ms;
};

struct event_ring {
    struct ring_event events[EVENT_RING_MAXIMUM];
    size_t first; /* the oldest */
    size_t count;
    uint64_t dropped_total;
    int64_t allowance_ms; /* EVENT_RING_EVERY_MS buys one event */
    int64_t counted_ms;   /* until then it is counted */
};

void event_ring_init(struct event_ring *ring, int64_t now_ms);
/* Copied; n and first_ms are set here.  Counted with an equal one of the last 10 s if there is. */
void event_ring_add(struct event_ring *ring, const struct ring_event *event, int64_t now_ms);
/* Moves the oldest out, at most MAXIMUM and as many as the rate allows; how many. */
size_t event_ring_take(struct event_ring *ring, struct ring_event *events, size_t maximum,
                       int64_t now_ms);
/* The same, whatever the rate. */
size_t event_ring_take_all(struct event_ring *ring, struct ring_event *events, size_t maximum);
/* What was taken and not delivered goes back to the front, as far as there is room. */
void event_ring_return(struct event_ring *ring, const struct ring_event *events, size_t count);

#endif
