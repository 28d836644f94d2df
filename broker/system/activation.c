/* SPDX-License-Identifier: MIT */
/* Called by the app at its start; the other side is successor.c, or systemd. */
#include "broker/system/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/runtime/log.h"
#include "broker/system/successor.h"
#include "proto/base/mem.h"

enum { FIRST_FD = 3, SOCKETS_MAXIMUM = 1024 };

/* A number of decimal digits, or -1. */
static long number_of(const char *text)
{
    char *end;
    long number;

    if (text == NULL || *text == '\0') {
        return -1;
    }
    errno = 0;
    number = strtol(text, &end, 10);
    return errno != 0 || *end != '\0' || number < 0 ? -1 : number;
}

/* NULL, or what is wrong with FD as a place to accept at, as SOCKET wants it. */
static const char *fault_of(int fd, const struct activation_socket *socket,
                            struct sockaddr_un *address, socklen_t *length)
{
    int listens = 0;
    int type = 0;
    socklen_t size = sizeof(int);

    *length = sizeof(*address);
    memset(address, 0, sizeof(*address));
    if (getsockname(fd, (struct sockaddr *)address, length) < 0) {
        return strerror(errno);
    }
    if (socket->is_port != (address->sun_family != AF_UNIX)) {
        return socket->is_port ? "no TCP socket" : "no Unix socket";
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM) {
        return "no stream socket";
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || listens == 0) {
        return "it does not listen";
    }
    return NULL;
}

/* NAME: as in $LISTEN_FDNAMES. */
static void take_in(struct activation *activation, int fd, struct activation_socket *socket)
{
    struct sockaddr_un address;
    socklen_t length;
    const char *fault;

    socket->is_port = strcmp(socket->name, ACTIVATION_METRICS) == 0;
    fault = fault_of(fd, socket, &address, &length);
    if (fault != NULL) {
        log_event(LOG_LEVEL_WARN, "socket_refused", "fd=%d name=%s why=%s", fd,
                  log_quote(socket->name), log_quote(fault));
        (void)close(fd);
        return;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    socket->fd = fd;
    (void)snprintf(socket->path, sizeof(socket->path), "%.*s",
                   socket->is_port ? 0 : (int)sizeof(address.sun_path), address.sun_path);
    activation->sockets[activation->count++] = *socket;
}

/* The next of the names, which colons separate. */
static void next_name(const char **names, struct activation_socket *socket, bool is_upgrade)
{
    const char *from = *names == NULL ? "" : *names;
    size_t length = strcspn(from, ":");

    *names = from[length] == ':' ? from + length + 1 : NULL;
    *socket = (struct activation_socket){.fd = -1};
    if (is_upgrade && from[0] == SUCCESSOR_OUR_MARK) {
        socket->is_ours = true;
        from++;
        length--;
    }
    (void)snprintf(socket->name, sizeof(socket->name), "%.*s", (int)length, from);
}

static void read_sockets(struct activation *activation, long count, bool is_upgrade)
{
    const char *names = getenv("LISTEN_FDNAMES");

    activation->sockets = mem_new((size_t)count * sizeof(*activation->sockets));
    for (int i = 0; i < count; i++) {
        struct activation_socket socket;

        next_name(&names, &socket, is_upgrade);
        if (activation->sockets == NULL) {
            (void)close(FIRST_FD + i);
        } else {
            take_in(activation, FIRST_FD + i, &socket);
        }
    }
}

/* "LOCK,READY": the numbers of two more descriptors. */
static bool read_upgrade(struct activation *activation)
{
    const char *text = getenv(SUCCESSOR_VARIABLE);
    int lock_fd;
    int ready_fd;

    if (text == NULL || sscanf(text, "%d,%d", &lock_fd, &ready_fd) != 2 || lock_fd < FIRST_FD ||
        ready_fd < FIRST_FD || fcntl(lock_fd, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(ready_fd, F_SETFD, FD_CLOEXEC) < 0) {
        return false;
    }
    activation->lock_fd = lock_fd;
    activation->ready_fd = ready_fd;
    return true;
}

void activation_read(struct activation *activation)
{
    static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                        SUCCESSOR_VARIABLE};
    long count = number_of(getenv("LISTEN_FDS"));

    *activation = (struct activation){.lock_fd = -1, .ready_fd = -1};
    /* Else they were meant for a parent of ours, and the descriptors are something else. */
    if (number_of(getenv("LISTEN_PID")) == (long)getpid()) {
        bool is_upgrade = read_upgrade(activation);

        if (count > SOCKETS_MAXIMUM) {
            log_event(LOG_LEVEL_WARN, "socket_refused", "why=\"too many\" n=%ld", count);
        } else if (count > 0) {
            read_sockets(activation, count, is_upgrade);
        }
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unsetenv(names[i]);
    }
}

static int take(struct activation_socket *socket, bool *ret_is_ours)
{
    int fd = socket->fd;

    *ret_is_ours = socket->is_ours;
    socket->fd = -1;
    return fd;
}

int activation_take_metrics(struct activation *activation, bool *ret_is_ours)
{
    for (size_t i = 0; i < activation->count; i++) {
        if (activation->sockets[i].fd >= 0 && activation->sockets[i].is_port) {
            return take(&activation->sockets[i], ret_is_ours);
        }
    }
    return -1;
}

int activation_take(struct activation *activation, const char *name, const char *path,
                    bool *ret_is_ours)
{
    struct activation_socket *found = NULL;

    for (size_t i = 0; i < activation->count; i++) {
        struct activation_socket *socket = &activation->sockets[i];

        if (socket->fd < 0 || socket->is_port) {
            continue;
        }
        if (strcmp(socket->name, name) == 0) {
            found = socket;
            break;
        }
        if (found == NULL && strcmp(socket->path, path) == 0) {
            found = socket;
        }
    }
    return found == NULL ? -1 : take(found, ret_is_ours);
}

int activation_take_lock(struct activation *activation)
{
    int fd = activation->lock_fd;

    activation->lock_fd = -1;
    return fd;
}

int activation_tell_ready(struct activation *activation)
{
    int r = 0;

    if (activation->ready_fd >= 0) {
        r = write(activation->ready_fd, "1", 1) == 1 ? 0 : -EPIPE;
        (void)close(activation->ready_fd);
        activation->ready_fd = -1;
    }
    for (size_t i = 0; r < 0 && i < activation->count; i++) {
        activation->sockets[i].is_ours = false;
    }
    return r;
}

void activation_done(struct activation *activation)
{
    for (size_t i = 0; i < activation->count; i++) {
        struct activation_socket *socket = &activation->sockets[i];

        if (socket->fd < 0) {
            continue;
        }
        log_event(LOG_LEVEL_WARN, "socket_unused", "name=%s path=%s", log_quote(socket->name),
                  log_quote(socket->path));
        if (socket->is_ours && activation->ready_fd < 0 && !socket->is_port) {
            (void)unlink(socket->path);
        }
        (void)close(socket->fd);
    }
    mem_free(activation->sockets);
    activation->sockets = NULL;
    activation->count = 0;
    if (activation->lock_fd >= 0) {
        (void)close(activation->lock_fd);
        activation->lock_fd = -1;
    }
    if (activation->ready_fd >= 0) {
        (void)close(activation->ready_fd);
        activation->ready_fd = -1;
    }
}
