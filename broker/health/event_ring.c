/* SPDX-License-Identifier: MIT */
#include "broker/health/event_ring.h"

#include <string.h>

void event_ring_init(struct event_ring *ring, int64_t now_ms)
{
    *ring = (struct event_ring){.allowance_ms = EVENT_RING_BURST * EVENT_RING_EVERY_MS,
                                .counted_ms = now_ms};
}

static struct ring_event *event_at(struct event_ring *ring, size_t index)
{
    return &ring->events[(ring->first + index) % EVENT_RING_MAXIMUM];
}

static int is_equal(const struct ring_event *a, const struct ring_event *b)
{
    return strcmp(a->message, b->message) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->pool, b->pool) == 0 && strcmp(a->code, b->code) == 0 &&
           strcmp(a->session, b->session) == 0 && strcmp(a->severity, b->severity) == 0;
}

void event_ring_add(struct event_ring *ring, const struct ring_event *event, int64_t now_ms)
{
    struct ring_event *added;

    /* The newest first: that is where an equal one is, if a storm blows. */
    for (size_t i = ring->count; i > 0; i--) {
        struct ring_event *other = event_at(ring, i - 1);

        if (now_ms - other->first_ms > EVENT_RING_MERGE_MS) {
            break;
        }
        if (is_equal(other, event)) {
            other->n++;
            return;
        }
    }
    if (ring->count == EVENT_RING_MAXIMUM) {
        ring->dropped_total += event_at(ring, 0)->n;
        ring->first = (ring->first + 1) % EVENT_RING_MAXIMUM;
        ring->count--;
    }
    added = event_at(ring, ring->count++);
    *added = *event;
    added->n = 1;
    added->first_ms = now_ms;
}

static void refill(struct event_ring *ring, int64_t now_ms)
{
    int64_t full_ms = EVENT_RING_BURST * EVENT_RING_EVERY_MS;

    ring->allowance_ms += now_ms - ring->counted_ms;
    ring->allowance_ms = ring->allowance_ms > full_ms ? full_ms : ring->allowance_ms;
    ring->counted_ms = now_ms;
}

size_t event_ring_take_all(struct event_ring *ring, struct ring_event *events, size_t maximum)
{
    size_t taken = 0;

    while (taken < maximum && ring->count > 0) {
        events[taken++] = *event_at(ring, 0);
        ring->first = (ring->first + 1) % EVENT_RING_MAXIMUM;
        ring->count--;
    }
    return taken;
}

size_t event_ring_take(struct event_ring *ring, struct ring_event *events, size_t maximum,
                       int64_t now_ms)
{
    size_t allowed;
    size_t taken;

    refill(ring, now_ms);
    allowed = ring->allowance_ms < 0 ? 0 : (size_t)(ring->allowance_ms / EVENT_RING_EVERY_MS);
    taken = event_ring_take_all(ring, events, maximum < allowed ? maximum : allowed);
    ring->allowance_ms -= (int64_t)taken * EVENT_RING_EVERY_MS;
    return taken;
}

void event_ring_return(struct event_ring *ring, const struct ring_event *events, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        if (ring->count == EVENT_RING_MAXIMUM) {
            ring->dropped_total += events[i - 1].n;
            continue;
        }
        ring->first = (ring->first + EVENT_RING_MAXIMUM - 1) % EVENT_RING_MAXIMUM;
        ring->count++;
        *event_at(ring, 0) = events[i - 1];
    }
}
