/* SPDX-License-Identifier: MIT */
#include "broker/runtime/loop.h"

#include <errno.h>

#include "broker/runtime/clock.h"
#include "proto/base/mem.h"

struct loop {
    struct event_base *base;
    struct list deferred;
    struct list reaper;
    int64_t now_ms; /* 0: nobody has asked in this turn */
    bool stopping;
};

struct loop *loop_new(void)
{
    struct loop *loop = MEM_NEW(struct loop);
    struct event_config *config;

    if (loop == NULL) {
        return NULL;
    }
    list_init(&loop->deferred);
    list_init(&loop->reaper);
    config = event_config_new();
    if (config != NULL) {
        /* The coarse clock would make a 10 ms timer up to 4 ms late. */
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        loop->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (loop->base == NULL) {
        mem_free(loop);
        return NULL;
    }
    return loop;
}

static void run_deferred(struct loop *loop)
{
    struct list_node *node;

    /* What a deferred function schedules runs in this same turn; each run is a step forward. */
    while ((node = list_take_first(&loop->deferred)) != NULL) {
        struct deferred *deferred = LIST_ITEM(node, struct deferred, in_deferred);

        deferred->run(deferred->owner);
    }
}

static void run_reaper(struct loop *loop)
{
    struct list_node *node;

    while ((node = list_take_first(&loop->reaper)) != NULL) {
        struct reapable *reapable = LIST_ITEM(node, struct reapable, in_reaper);

        reapable->reap(reapable->owner);
    }
}

static void end_turn(struct loop *loop)
{
    run_deferred(loop);
    run_reaper(loop);
}

void loop_settle(struct loop *loop)
{
    end_turn(loop);
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    end_turn(loop);
    event_base_free(loop->base);
    mem_free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

int loop_run(struct loop *loop)
{
    loop->stopping = false;
    loop->now_ms = 0;
    end_turn(loop);
    while (!loop->stopping) {
        int r;

        /* Read after the wait that a turn begins with, which may have been long. */
        loop->now_ms = 0;
        r = event_base_loop(loop->base, EVLOOP_ONCE);
        if (r < 0) {
            return -EIO;
        }
        end_turn(loop);
        if (r > 0) {
            /* No event is left that could ever wake the loop. */
            return 0;
        }
    }
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    event_base_loopbreak(loop->base);
}

int64_t loop_now_ms(struct loop *loop)
{
    if (loop->now_ms == 0) {
        loop->now_ms = clock_now_ms();
    }
    return loop->now_ms;
}

void deferred_init(struct deferred *deferred, struct loop *loop, void (*run)(void *owner),
                   void *owner)
{
    *deferred = (struct deferred){.run = run, .owner = owner, .loop = loop};
}

void deferred_schedule(struct deferred *deferred)
{
    if (deferred->in_deferred.on == NULL) {
        list_append(&deferred->loop->deferred, &deferred->in_deferred);
    }
}

void deferred_cancel(struct deferred *deferred)
{
    if (deferred->in_deferred.on != NULL) {
        list_remove(&deferred->loop->deferred, &deferred->in_deferred);
    }
}

void loop_reap(struct loop *loop, struct reapable *reapable, void (*reap)(void *owner), void *owner)
{
    reapable->reap = reap;
    reapable->owner = owner;
    list_append(&loop->reaper, &reapable->in_reaper);
}

static void timer_cb(evutil_socket_t fd, short what, void *arg)
{
    struct timer *timer = arg;

    (void)fd;
    (void)what;
    timer->armed = false;
    timer->fire(timer->owner);
}

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *owner), void *owner)
{
    *timer = (struct timer){.fire = fire, .owner = owner, .loop = loop};
    CHECK(event_assign(&timer->event, loop->base, -1, 0, timer_cb, timer) == 0);
}

void timer_start(struct timer *timer, int64_t delay_ms)
{
    int64_t delay = delay_ms < 0 ? 0 : delay_ms;
    struct timeval after = {.tv_sec = (time_t)(delay / 1000),
                            .tv_usec = (suseconds_t)(delay % 1000 * 1000)};

    /* Fails only without memory for the heap; the object then ends by its other events. */
    timer->armed = event_add(&timer->event, &after) == 0;
}

void timer_stop(struct timer *timer)
{
    if (timer->armed) {
        (void)event_del(&timer->event);
        timer->armed = false;
    }
}
