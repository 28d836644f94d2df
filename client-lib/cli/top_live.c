/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/top_live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/top_worker.h"
#include "client-lib/top/top_frame.h"
#include "client-lib/top/top_screen.h"

enum {
    ESCAPE_MS = 50, /* what follows an Escape within this time is one key with it */
    FRAME_MAXIMUM = 4 << 20,
    POLLED = 3,
};

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

struct live {
    struct top_source *source;
    struct top_worker *worker;
    struct fleet_view view;
    struct top_state state;
    struct top_keys keys;
    struct top_look look;
    struct bytes frame;
    sigset_t caught;
    int signal_fd;
    bool is_ending;
    int ended_by; /* a signal that is to end the process; 0: none */
};

/* ---- frames */

static void draw(struct live *live)
{
    const struct top_look fallback = {.width = 80, .height = 24};

    top_screen_size(&live->look, &fallback);
    bytes_clear(&live->frame);
    top_frame_write(&live->frame, &live->view, &live->state, &live->look,
                    top_source_place(live->source));
    /* Without memory the frame before stays. */
    if (!live->frame.failed && top_screen_show(bytes_span(&live->frame)) < 0) {
        live->is_ending = true;
    }
}

static void enter_again(struct live *live)
{
    if (top_screen_enter() < 0) {
        live->is_ending = true;
        return;
    }
    draw(live);
}

/* The shell has the terminal until the process goes on. */
static void suspend(struct live *live)
{
    sigset_t stop;

    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTSTP);
    top_screen_leave();
    (void)raise(SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &stop, NULL); /* here it stops */
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
    enter_again(live);
}

/* ---- keys */

static void press(struct live *live, const struct top_press *pressed)
{
    switch (top_state_press(&live->state, pressed)) {
    case TOP_QUIT:
        live->is_ending = true;
        break;
    case TOP_SUSPEND:
        suspend(live);
        break;
    case TOP_REFRESH:
        top_worker_go_on(live->worker);
        break;
    case TOP_REDRAW:
        if (live->state.is_paused) {
            top_worker_pause(live->worker);
        }
        break;
    }
    if (!live->is_ending) {
        draw(live);
    }
}

static void take_keys(struct live *live)
{
    char bytes[TOP_KEYS_MAXIMUM];
    struct top_press pressed;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
    size_t fed = 0;

    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        live->is_ending = true;
        return;
    }
    while (n > 0 && fed < (size_t)n) {
        fed += top_keys_feed(&live->keys, bytes + fed, (size_t)n - fed);
        while (!live->is_ending && top_keys_next(&live->keys, &pressed)) {
            press(live, &pressed);
        }
    }
}

static void end_keys(struct live *live)
{
    struct top_press pressed;

    if (top_keys_end(&live->keys, &pressed)) {
        press(live, &pressed);
    }
}

/* ---- signals */

/* One that is ignored stays so: a job in the background is not to be interrupted. */
static int catch_signals(struct live *live)
{
    struct sigaction action;

    (void)sigemptyset(&live->caught);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            (void)sigaddset(&live->caught, signals[i]);
        }
    }
    (void)sigprocmask(SIG_BLOCK, &live->caught, NULL);
    live->signal_fd = signalfd(-1, &live->caught, SFD_CLOEXEC | SFD_NONBLOCK);
    return live->signal_fd < 0 ? -errno : 0;
}

static void take_signal(struct live *live)
{
    struct signalfd_siginfo signal;

    if (read(live->signal_fd, &signal, sizeof(signal)) != (ssize_t)sizeof(signal)) {
        return;
    }
    switch (signal.ssi_signo) {
    case SIGWINCH:
        draw(live);
        break;
    case SIGCONT:
        enter_again(live);
        break;
    case SIGTSTP:
        suspend(live);
        break;
    case SIGINT:
        live->is_ending = true;
        break;
    default:
        live->ended_by = (int)signal.ssi_signo;
        live->is_ending = true;
        break;
    }
}

/* ---- the loop */

static void run(struct live *live)
{
    struct pollfd polled[POLLED] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                    {.fd = live->signal_fd, .events = POLLIN},
                                    {.fd = top_worker_fd(live->worker), .events = POLLIN}};

    draw(live);
    while (!live->is_ending) {
        int n = poll(polled, POLLED, live->keys.length > 0 ? ESCAPE_MS : -1);

        if (n < 0 && errno != EINTR) {
            return;
        }
        if (n == 0) {
            end_keys(live);
        }
        if (n > 0 && polled[0].revents != 0) {
            take_keys(live);
        }
        if (n > 0 && polled[1].revents != 0) {
            take_signal(live);
        }
        if (n > 0 && polled[2].revents != 0 && top_worker_take(live->worker, &live->view) &&
            !live->is_ending) {
            draw(live);
        }
    }
}

static int begin(struct live *live, const struct invocation *invocation)
{
    int r = catch_signals(live);

    if (r == 0) {
        r = top_worker_start(&live->worker, live->source, invocation->interval_ms);
    }
    if (r == 0) {
        check_set_dump(top_screen_leave);
        r = top_screen_enter();
    }
    return r;
}

static void end(struct live *live)
{
    top_screen_leave();
    check_set_dump(NULL);
    if (live->worker == NULL || top_worker_stop(live->worker)) {
        top_source_close(live->source);
    }
    if (live->signal_fd >= 0) {
        (void)close(live->signal_fd);
    }
    bytes_done(&live->frame);
    fleet_view_done(&live->view);
    (void)sigprocmask(SIG_UNBLOCK, &live->caught, NULL);
}

enum exit_status top_live(struct top_source *source, const struct invocation *invocation)
{
    struct live live = {.source = source, .signal_fd = -1};
    int r;

    top_source_init_view(source, &live.view);
    live.view.redis_state = FLEET_REDIS_UP;
    (void)fleet_clean(live.view.why, sizeof(live.view.why), SPAN("waiting for the first answer"));
    top_state_init(&live.state);
    top_screen_manners(&live.look);
    bytes_init(&live.frame, FRAME_MAXIMUM);
    r = begin(&live, invocation);
    if (r == 0) {
        run(&live);
    }
    end(&live);
    if (r < 0) {
        complaint("the terminal cannot be used: %s", strerror(-r));
        return STATUS_NOT_EXECUTED;
    }
    if (live.ended_by != 0) {
        (void)raise(live.ended_by);
    }
    return STATUS_OK;
}
