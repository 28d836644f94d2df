/* SPDX-License-Identifier: MIT */
/*
 * The event loop: one thread, one event_base.  A turn is one pass of it.
 * What is handed to the reaper is freed at the end of the turn, so that code called
 * from a callback may close anything; what is deferred runs after the callbacks of
 * the turn, so that a completion never runs before its starter has returned.
 */
#ifndef TEPLO_RUNTIME_LOOP_H
#define TEPLO_RUNTIME_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/runtime/timer_heap.h"
#include "proto/base/check.h"
#include "proto/base/list.h"

struct loop;

MUST_CHECK struct loop *loop_new(void);
/* Runs what is deferred and reaps what is waiting first. */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
/* Until loop_stop.  0, or -EIO when the backend failed. */
MUST_CHECK int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Outside of loop_run: run what is deferred and free what was handed to the reaper. */
void loop_settle(struct loop *loop);

/* Monotonic ms, the same for all of a turn's events. */
int64_t loop_now_ms(struct loop *loop);

/* Embedded by who wants to be called later in this turn.  Safe to cancel, also when idle. */
struct deferred {
    struct list_node in_deferred;
    void (*run)(void *owner);
    void *owner;
    struct loop *loop;
};
void deferred_init(struct deferred *deferred, struct loop *loop, void (*run)(void *owner),
                   void *owner);
/* Once, however often it is asked for before it runs. */
void deferred_schedule(struct deferred *deferred);
void deferred_cancel(struct deferred *deferred);

/* Embedded by what is freed at the end of the turn. */
struct reapable {
    struct list_node in_reaper;
    void (*reap)(void *owner);
    void *owner;
};
/* Once per object. */
void loop_reap(struct loop *loop, struct reapable *reapable, void (*reap)(void *owner),
               void *owner);

/* One-shot timer, embedded.  It fires no earlier than it is due, after the turn's other events. */
struct timer {
    struct timer_node node;
    struct list_node in_due; /* its time has come in this turn: out of the heap */
    void (*fire)(void *owner);
    void *owner;
    struct loop *loop;
    bool armed;
};
void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *owner), void *owner);
/* Again replaces the earlier time.  DELAY_MS below 0 counts as 0. */
void timer_start(struct timer *timer, int64_t delay_ms);
void timer_stop(struct timer *timer);

#endif
