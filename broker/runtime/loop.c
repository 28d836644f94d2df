/* SPDX-License-Identifier: MIT */
#include "broker/runtime/loop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "broker/runtime/clock.h"
#include "proto/base/mem.h"

/*
 * Timers are ours, not libevent's: those are set anew in the kernel by each turn, or are several
 * ms late.  The alarm is set only when something is due before it rings; most timers are
 * stopped in time, and it rings for nothing now and then.
 */
struct loop {
    struct event_base *base;
    struct list deferred;
    struct list reaper;
    struct timer_heap timers;
    struct list due;    /* timers whose time has come, to fire in this turn */
    struct event alarm; /* pending while there are timers, so that the loop goes on for them */
    int alarm_fd;
    int64_t rings_us; /* when it rings; INT64_MAX: it is not set */
    int64_t now_us;   /* 0: nobody has asked in this turn */
    bool running;
    bool stopping;
};

static void alarm_cb(evutil_socket_t fd, short what, void *arg);

static int open_alarm(struct loop *loop)
{
    loop->rings_us = INT64_MAX;
    loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->alarm_fd < 0) {
        return -errno;
    }
    return event_assign(&loop->alarm, loop->base, loop->alarm_fd, EV_READ | EV_PERSIST, alarm_cb,
                        loop);
}

struct loop *loop_new(void)
{
    struct loop *loop = MEM_NEW(struct loop);

    if (loop == NULL) {
        return NULL;
    }
    list_init(&loop->deferred);
    list_init(&loop->reaper);
    list_init(&loop->due);
    loop->base = event_base_new();
    if (loop->base == NULL || open_alarm(loop) < 0) {
        if (loop->base != NULL) {
            event_base_free(loop->base);
        }
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
    (void)event_del(&loop->alarm);
    (void)close(loop->alarm_fd);
    event_base_free(loop->base);
    mem_free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

static int64_t now_us(struct loop *loop)
{
    if (!loop->running) {
        return clock_now_us();
    }
    if (loop->now_us == 0) {
        loop->now_us = clock_now_us();
    }
    return loop->now_us;
}

/* ---- the alarm */

static void alarm_cb(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t rings;

    (void)what;
    (void)!read(fd, &rings, sizeof(rings));
    loop->rings_us = INT64_MAX;
}

/* False: the loop must not wait, since that is due already or cannot be waited for. */
static bool set_alarm(struct loop *loop, int64_t due_us)
{
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(due_us / 1000000),
                                           .tv_nsec = (long)(due_us % 1000000 * 1000)}};

    if (due_us == 0) {
        return false;
    }
    if (due_us >= loop->rings_us) {
        return true;
    }
    if (timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0) {
        return false;
    }
    loop->rings_us = due_us;
    return true;
}

static bool listen_for_alarm(struct loop *loop)
{
    return event_pending(&loop->alarm, EV_READ, NULL) != 0 || event_add(&loop->alarm, NULL) == 0;
}

/* Before the loop waits: how it may, for the sake of the timers. */
static int prepare_wait(struct loop *loop)
{
    const struct timer_node *first = loop->timers.root;

    if (!list_is_empty(&loop->due)) { /* left over when the loop was stopped */
        return EVLOOP_NONBLOCK;
    }
    if (first == NULL) {
        (void)event_del(&loop->alarm);
        return 0;
    }
    /* Without an alarm the loop looks at the clock again and again: a deadline must be kept. */
    return listen_for_alarm(loop) && set_alarm(loop, first->due_us) ? 0 : EVLOOP_NONBLOCK;
}

/* What a timer starts is for a later turn, even when it is due at once. */
static void fire_due(struct loop *loop)
{
    struct timer_node *first;
    struct list_node *node;

    while ((first = loop->timers.root) != NULL && first->due_us <= now_us(loop)) {
        struct timer *timer = LIST_ITEM(first, struct timer, node);

        timer_heap_remove(&loop->timers, first);
        list_append(&loop->due, &timer->in_due);
    }
    while (!loop->stopping && (node = list_take_first(&loop->due)) != NULL) {
        struct timer *timer = LIST_ITEM(node, struct timer, in_due);

        timer->armed = false;
        timer->fire(timer->owner);
    }
}

/* ---- running */

int loop_run(struct loop *loop)
{
    int r = 0;

    loop->stopping = false;
    loop->running = true;
    loop->now_us = 0;
    end_turn(loop);
    /* Positive: no event is left that could ever wake the loop. */
    while (!loop->stopping && r == 0) {
        int how = EVLOOP_ONCE | prepare_wait(loop);

        /* Read after the wait that a turn begins with, which may have been long. */
        loop->now_us = 0;
        r = event_base_loop(loop->base, how);
        if (r >= 0) {
            fire_due(loop);
            end_turn(loop);
        }
    }
    loop->running = false;
    return r < 0 ? -EIO : 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    event_base_loopbreak(loop->base);
}

int64_t loop_now_ms(struct loop *loop)
{
    return now_us(loop) / 1000;
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

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *owner), void *owner)
{
    *timer = (struct timer){.fire = fire, .owner = owner, .loop = loop};
}

void timer_start(struct timer *timer, int64_t delay_ms)
{
    const int64_t longest_ms = INT64_MAX / 4000;
    int64_t delay = delay_ms < longest_ms ? delay_ms : longest_ms;

    timer_stop(timer);
    timer->armed = true;
    /* 0 is due at once, in the next turn, whatever the clock says. */
    timer_heap_add(&timer->loop->timers, &timer->node,
                   delay <= 0 ? 0 : now_us(timer->loop) + delay * 1000);
}

void timer_stop(struct timer *timer)
{
    if (!timer->armed) {
        return;
    }
    timer->armed = false;
    if (timer->in_due.on != NULL) {
        list_remove(&timer->loop->due, &timer->in_due);
    } else {
        timer_heap_remove(&timer->loop->timers, &timer->node);
    }
}
