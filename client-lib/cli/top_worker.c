/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/top_worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/cli/duration.h"
#include "proto/base/mem.h"

/* How long the end of a thread is waited for. */
enum { STOP_MS = 200 };

struct top_worker {
    struct top_source *source;
    int64_t interval_ms;
    int event_fd;
    pthread_t thread;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct fleet_view newest; /* good if has_newest */
    bool has_newest;
    bool is_paused;
    bool is_ending;
    bool has_ended;
};

/* A moment for pthread_cond_timedwait, on the monotonic clock. */
static struct timespec moment_of(int64_t at_ms)
{
    return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

static void hand_over(struct top_worker *worker, struct fleet_view *view)
{
    const uint64_t one = 1;

    (void)pthread_mutex_lock(&worker->lock);
    if (worker->has_newest) {
        fleet_view_follow(&worker->newest, view);
    } else {
        worker->newest = *view;
        worker->has_newest = true;
    }
    (void)pthread_mutex_unlock(&worker->lock);
    if (write(worker->event_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: it is readable already. */
    }
}

/* False: it is time to end. */
static bool wait_for_turn(struct top_worker *worker, int64_t next_ms)
{
    struct timespec next = moment_of(next_ms);
    bool goes_on;

    (void)pthread_mutex_lock(&worker->lock);
    while (!worker->is_ending && (worker->is_paused || duration_now_ms() < next_ms)) {
        if (worker->is_paused) {
            (void)pthread_cond_wait(&worker->changed, &worker->lock);
            next_ms = duration_now_ms(); /* at once, when it goes on */
        } else if (pthread_cond_timedwait(&worker->changed, &worker->lock, &next) == ETIMEDOUT) {
            break;
        }
    }
    goes_on = !worker->is_ending;
    (void)pthread_mutex_unlock(&worker->lock);
    return goes_on;
}

static void *run(void *owner)
{
    struct top_worker *worker = owner;
    struct fleet_view view;
    int64_t next_ms = duration_now_ms();

    while (wait_for_turn(worker, next_ms)) {
        next_ms = duration_now_ms() + worker->interval_ms;
        top_source_init_view(worker->source, &view);
        top_source_refresh(worker->source, &view);
        hand_over(worker, &view);
    }
    (void)pthread_mutex_lock(&worker->lock);
    worker->has_ended = true;
    (void)pthread_cond_broadcast(&worker->changed);
    (void)pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static void free_worker(struct top_worker *worker)
{
    if (worker->has_newest) {
        fleet_view_done(&worker->newest);
    }
    (void)pthread_cond_destroy(&worker->changed);
    (void)pthread_mutex_destroy(&worker->lock);
    if (worker->event_fd >= 0) {
        (void)close(worker->event_fd);
    }
    mem_free(worker);
}

/* Signals are the main thread's. */
static int start_thread(struct top_worker *worker)
{
    sigset_t all;
    sigset_t before;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&worker->thread, NULL, run, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int top_worker_start(struct top_worker **ret_worker, struct top_source *source, int64_t interval_ms)
{
    struct top_worker *worker = MEM_NEW(struct top_worker);
    pthread_condattr_t monotonic;
    int r;

    if (worker == NULL) {
        return -ENOMEM;
    }
    worker->source = source;
    worker->interval_ms = interval_ms;
    worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&worker->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&worker->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    r = worker->event_fd < 0 ? -errno : start_thread(worker);
    if (r < 0) {
        free_worker(worker);
        return r;
    }
    *ret_worker = worker;
    return 0;
}

bool top_worker_stop(struct top_worker *worker)
{
    struct timespec end = moment_of(duration_from_now_ms(STOP_MS));
    bool has_ended;

    (void)pthread_mutex_lock(&worker->lock);
    worker->is_ending = true;
    (void)pthread_cond_broadcast(&worker->changed);
    while (!worker->has_ended &&
           pthread_cond_timedwait(&worker->changed, &worker->lock, &end) == 0) {
        continue;
    }
    has_ended = worker->has_ended;
    (void)pthread_mutex_unlock(&worker->lock);
    if (has_ended) {
        (void)pthread_join(worker->thread, NULL);
        free_worker(worker);
    }
    return has_ended;
}

int top_worker_fd(const struct top_worker *worker)
{
    return worker->event_fd;
}

bool top_worker_take(struct top_worker *worker, struct fleet_view *view)
{
    uint64_t count;
    bool is_new;

    if (read(worker->event_fd, &count, sizeof(count)) < 0) {
        /* EAGAIN: nothing new was told of. */
    }
    (void)pthread_mutex_lock(&worker->lock);
    is_new = worker->has_newest;
    if (is_new) {
        fleet_view_follow(view, &worker->newest);
        worker->has_newest = false;
    }
    (void)pthread_mutex_unlock(&worker->lock);
    return is_new;
}

void top_worker_pause(struct top_worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    worker->is_paused = true;
    (void)pthread_mutex_unlock(&worker->lock);
}

void top_worker_go_on(struct top_worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    worker->is_paused = false;
    (void)pthread_cond_broadcast(&worker->changed);
    (void)pthread_mutex_unlock(&worker->lock);
}
