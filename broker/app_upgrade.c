/* SPDX-License-Identifier: MIT */
/*
 * SIGUSR2: the program as it is on the disk now takes over.  It inherits the listening sockets,
 * so that no connect fails, and serves beside us until it says that it does; then we stop
 * accepting, answer what our clients have sent, and let each of them go between two messages.
 * If it does not become ready nothing has changed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/app_priv.h"
#include "broker/runtime/log.h"
#include "broker/system/notify.h"
#include "broker/system/successor.h"
#include "proto/base/mem.h"

enum { READY_WITHIN_MS = 10000, LOOK_MS = 20, LOOKS = 250 };

static void on_too_late(void *owner);
static void ready_cb(evutil_socket_t fd, short what, void *arg);

void app_init_upgrade(struct app *app)
{
    struct upgrade *upgrade = &app->upgrade;

    upgrade->ready_fd = -1;
    timer_init(&upgrade->timer, app->loop, on_too_late, app);
    if (!successor_find_program(app->arguments->argv[0], upgrade->program,
                                sizeof(upgrade->program))) {
        upgrade->program[0] = '\0';
    }
}

/* Nothing is awaited from it any more. */
static void stop_listening(struct app *app)
{
    struct upgrade *upgrade = &app->upgrade;

    timer_stop(&upgrade->timer);
    if (upgrade->ready_fd >= 0) {
        (void)event_del(&upgrade->readable);
        (void)close(upgrade->ready_fd);
        upgrade->ready_fd = -1;
    }
}

static void fail(const char *why)
{
    log_event(LOG_LEVEL_ERROR, "upgrade_failed", "kept=old why=%s", log_quote(why));
    notify_manager("READY=1");
}

/* ---- start */

static void add_socket(struct successor_plan *plan, struct successor_socket *sockets,
                       const struct listener *listener, const char *name)
{
    sockets[plan->count++] = (struct successor_socket){
        .fd = listener_fd(listener), .name = name, .is_ours = !listener_is_foreign(listener)};
}

static pid_t start(struct app *app)
{
    struct successor_socket *sockets = mem_new((app->doors.count + 2) * sizeof(*sockets));
    struct successor_plan plan = {.program = app->upgrade.program,
                                  .argv = app->arguments->argv,
                                  .sockets = sockets,
                                  .lock_fd = app->dir.lock_fd};
    pid_t pid;

    if (sockets == NULL) {
        return -ENOMEM;
    }
    add_socket(&plan, sockets, admin_listener(app->admin), "admin");
    if (app->metrics_port != NULL) {
        add_socket(&plan, sockets, app->metrics_port, ACTIVATION_METRICS);
    }
    LIST_FOREACH (node, &app->doors) {
        struct door *door = LIST_ITEM(node, struct door, in_doors);

        add_socket(&plan, sockets, door->listener, app_door_name(door));
    }
    pid = successor_start(&plan, &app->upgrade.ready_fd);
    mem_free(sockets);
    return pid;
}

void app_upgrade(struct app *app)
{
    struct upgrade *upgrade = &app->upgrade;

    if (app->state != APP_SERVING || upgrade->pid != 0) {
        log_event(
            LOG_LEVEL_WARN, "upgrade_ignored", "why=%s",
            log_quote(app->state == APP_SERVING ? "one is under way" : "this process is ending"));
        return;
    }
    notify_reloading();
    upgrade->pid = start(app);
    if (upgrade->pid < 0) {
        fail(strerror(-upgrade->pid));
        upgrade->pid = 0;
        return;
    }
    log_event(LOG_LEVEL_INFO, "upgrading", "program=%s pid=%d", log_quote(upgrade->program),
              (int)upgrade->pid);
    (void)event_assign(&upgrade->readable, loop_base(app->loop), upgrade->ready_fd,
                       EV_READ | EV_PERSIST, ready_cb, app);
    (void)event_add(&upgrade->readable, NULL);
    timer_init(&upgrade->timer, app->loop, on_too_late, app);
    timer_start(&upgrade->timer, READY_WITHIN_MS);
}

/* ---- its end */

static void on_ready(struct app *app)
{
    pid_t pid = app->upgrade.pid;
    char state[64];

    stop_listening(app);
    app->upgrade.pid = 0;
    /* One datagram, from the process that the manager still takes for the main one. */
    (void)snprintf(state, sizeof(state), "MAINPID=%d\nREADY=1", (int)pid);
    notify_manager(state);
    app_hand_over(app);
    log_event(LOG_LEVEL_INFO, "handing_over", "from=%d to=%d clients=%zu waiting=%zu",
              (int)getpid(), (int)pid, app->clients.all.count, clients_waiting(&app->clients));
}

static void tell_end(struct app *app, int status)
{
    char why[96];

    app->upgrade.pid = 0;
    if (WIFEXITED(status)) {
        (void)snprintf(why, sizeof(why), "%s: it ended with status %d", app->upgrade.why_over,
                       WEXITSTATUS(status));
    } else {
        (void)snprintf(why, sizeof(why), "%s: it was ended by signal %d", app->upgrade.why_over,
                       WTERMSIG(status));
    }
    fail(why);
}

/* It was given up: it ends by itself, or is killed in the end. */
static void on_look(void *owner)
{
    struct app *app = owner;
    struct upgrade *upgrade = &app->upgrade;
    int status;

    if (waitpid(upgrade->pid, &status, WNOHANG) == upgrade->pid) {
        tell_end(app, status);
    } else if (upgrade->looks-- > 0) {
        timer_start(&upgrade->timer, LOOK_MS);
    } else {
        tell_end(app, successor_end(upgrade->pid));
    }
}

static void give_up(struct app *app, const char *why, int looks)
{
    stop_listening(app);
    app->upgrade.why_over = why;
    app->upgrade.looks = looks;
    timer_init(&app->upgrade.timer, app->loop, on_look, app);
    on_look(app);
}

/* Whether it has said that it is ready; -1 not yet, 0 it never will, 1 it is. */
static int look(const struct app *app)
{
    char byte;
    ssize_t n = read(app->upgrade.ready_fd, &byte, 1);

    return n < 0 ? -1 : n > 0;
}

/*
 * The same for the last time.  It stands still after that: no byte of it may get lost between the
 * look and the end of listening, or it would serve, and be ended for not serving.
 */
static bool look_at_last(const struct app *app)
{
    if (app->upgrade.ready_fd < 0) {
        return false;
    }
    successor_pause(app->upgrade.pid);
    return look(app) > 0;
}

/* It serves. */
static void go_on(struct app *app)
{
    (void)kill(app->upgrade.pid, SIGCONT);
    on_ready(app);
}

void app_end_upgrade(struct app *app)
{
    pid_t pid = app->upgrade.pid;

    if (pid == 0) {
        return;
    }
    if (look_at_last(app)) {
        go_on(app); /* the word to stop is for this process alone */
        return;
    }
    stop_listening(app);
    (void)kill(pid, SIGTERM);
    (void)kill(pid, SIGCONT);
    app->upgrade.pid = 0;
    log_event(LOG_LEVEL_WARN, "upgrade_ended", "why=\"this process is told to stop\"");
}

static void ready_cb(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = arg;
    int answer = look(app);

    (void)fd;
    (void)what;
    if (answer > 0) {
        on_ready(app);
    } else if (answer == 0) {
        give_up(app, "the new process did not start", LOOKS);
    }
}

static void on_too_late(void *owner)
{
    struct app *app = owner;

    if (look_at_last(app)) {
        go_on(app);
    } else {
        give_up(app, "the new process was not ready in 10 s", 0);
    }
}
