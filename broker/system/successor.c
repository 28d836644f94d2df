/* SPDX-License-Identifier: MIT */
/* Called by app_upgrade.c. */
#include "broker/system/successor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

enum { FIRST_FD = 3, PID_DIGITS = 10, OUR_VARIABLES = 4, TEXT_MAXIMUM = 1 << 20 };

/* Everything that the child needs, made before the fork: it may not allocate. */
struct birth {
    const struct successor_plan *plan;
    char **environment; /* owned, with its own strings in `text` */
    struct bytes text;
    char *pid_digits; /* in `text`: filled in by the child */
    int ready_fd;     /* the child's end */
};

bool successor_find_program(const char *argv0, char *path, size_t size)
{
    ssize_t length;

    if (strchr(argv0, '/') != NULL && strlen(argv0) < size && access(argv0, X_OK) == 0) {
        (void)snprintf(path, size, "%s", argv0);
        return true;
    }
    length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    return true;
}

/* Ours are set anew; the watchdog's pid is that of this process. */
static bool is_replaced(const char *variable)
{
    static const char *const names[] = {
        "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", SUCCESSOR_VARIABLE "=", "WATCHDOG_PID="};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(variable, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The four variables, each with a NUL at its end. */
static void write_variables(struct birth *birth)
{
    const struct successor_plan *plan = birth->plan;

    bytes_printf(&birth->text, "LISTEN_PID=%*d", PID_DIGITS, 0);
    bytes_append_char(&birth->text, '\0');
    bytes_printf(&birth->text, "LISTEN_FDS=%zu", plan->count);
    bytes_append_char(&birth->text, '\0');
    bytes_printf(&birth->text, SUCCESSOR_VARIABLE "=%zu,%zu", FIRST_FD + plan->count,
                 FIRST_FD + plan->count + 1);
    bytes_append_char(&birth->text, '\0');
    bytes_append_text(&birth->text, "LISTEN_FDNAMES=");
    for (size_t i = 0; i < plan->count; i++) {
        bytes_printf(&birth->text, "%s%s%s", i == 0 ? "" : ":",
                     plan->sockets[i].is_ours ? (char[]){SUCCESSOR_OUR_MARK, '\0'} : "",
                     plan->sockets[i].name);
    }
    bytes_append_char(&birth->text, '\0');
}

static int prepare(struct birth *birth)
{
    size_t count = 0;
    size_t at = 0;
    char *text;

    bytes_init(&birth->text, TEXT_MAXIMUM);
    write_variables(birth);
    while (environ[count] != NULL) {
        count++;
    }
    birth->environment = mem_new((count + OUR_VARIABLES + 1) * sizeof(char *));
    if (birth->text.failed || birth->environment == NULL) {
        return -ENOMEM;
    }
    text = birth->text.at;
    birth->pid_digits = text + strlen("LISTEN_PID=");
    for (size_t i = 0; i < OUR_VARIABLES; i++) {
        birth->environment[at++] = text;
        text += strlen(text) + 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_replaced(environ[i])) {
            birth->environment[at++] = environ[i];
        }
    }
    return 0;
}

/* ---- in the child: only what is safe after a fork in a process with threads */

static void write_pid(char *digits)
{
    long pid = (long)getpid();

    for (int i = PID_DIGITS - 1; i >= 0; i--) {
        digits[i] = (char)('0' + pid % 10);
        pid /= 10;
    }
}

/* FD at the number TO; first it is moved above all of those numbers. */
static bool lift(int *fd, int above)
{
    *fd = fcntl(*fd, F_DUPFD, above);
    return *fd >= 0;
}

static void become(const struct birth *birth, int *fds, const sigset_t *mask)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2};
    size_t count = birth->plan->count + 2;
    struct sigaction plain = {.sa_handler = SIG_DFL};

    for (size_t i = 0; i < count; i++) {
        if (!lift(&fds[i], FIRST_FD + (int)count)) {
            return;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (dup2(fds[i], FIRST_FD + (int)i) < 0) { /* without FD_CLOEXEC */
            return;
        }
    }
    /* Whatever some library left open: a server's connection must not outlive us in it. */
    (void)close_range((unsigned)(FIRST_FD + (int)count), ~0U, 0);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        (void)sigaction(handled[i], &plain, NULL);
    }
    write_pid(birth->pid_digits);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)execve(birth->plan->program, birth->plan->argv, birth->environment);
}

/* ---- in the parent */

static pid_t give_birth(const struct birth *birth)
{
    size_t count = birth->plan->count;
    int *fds = mem_new((count + 2) * sizeof(*fds));
    sigset_t all;
    sigset_t before;
    pid_t pid;

    if (fds == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        fds[i] = birth->plan->sockets[i].fd;
    }
    fds[count] = birth->plan->lock_fd;
    fds[count + 1] = birth->ready_fd;
    /* A signal to the child must not run our handlers, whose pipe is shared. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        become(birth, fds, &before);
        _exit(127);
    }
    pid = pid < 0 ? -errno : pid;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    mem_free(fds);
    return pid;
}

pid_t successor_start(const struct successor_plan *plan, int *ret_ready_fd)
{
    struct birth birth = {.plan = plan};
    int ends[2];
    pid_t pid = prepare(&birth);

    if (pid == 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        pid = -errno;
    }
    if (pid == 0) {
        birth.ready_fd = ends[1];
        pid = give_birth(&birth);
        (void)close(ends[1]);
        if (pid < 0) {
            (void)close(ends[0]);
        } else {
            *ret_ready_fd = ends[0];
        }
    }
    mem_free(birth.environment);
    bytes_done(&birth.text);
    return pid;
}

void successor_pause(pid_t pid)
{
    siginfo_t info;

    (void)kill(pid, SIGSTOP);
    while (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
}

int successor_end(pid_t pid)
{
    int status = 0;

    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}
