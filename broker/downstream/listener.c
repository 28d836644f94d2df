/* SPDX-License-Identifier: MIT */
#include "broker/downstream/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum { BACKLOG = 4096, ACCEPTS_A_TURN = 64, PAUSE_MS = 100 };

struct listener {
    struct loop *loop;
    int fd;
    bool is_foreign;
    bool has_path; /* which goes with it */
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct event readable;
    struct timer pause; /* no descriptors left: look again a little later instead of spinning */
    void (*on_accept)(void *owner, int fd);
    void *owner;
    struct reapable reapable;
};

static void on_readable(struct listener *listener);
static void on_pause_over(void *owner);
static void readable_cb(evutil_socket_t fd, short what, void *arg);

static int bind_path(int fd, const char *path, mode_t mode)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    mode_t before;
    int r;

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (lstat(path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) {
            errno = EEXIST;
            return -1;
        }
        (void)unlink(path);
    }
    /* The mode is there from the first moment: a chmod after bind could come too late. */
    before = umask(0777 & ~mode);
    r = bind(fd, (struct sockaddr *)&address, sizeof(address));
    (void)umask(before);
    return r;
}

static int bind_address(int fd, const struct listener_place *place)
{
    int on = 1;

    /* Connections of a broker before us that are in TIME_WAIT are no reason to fail. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return bind(fd, place->address, place->address_length);
}

static int bind_place(int fd, const struct listener_place *place)
{
    return place->address == NULL ? bind_path(fd, place->path, place->mode)
                                  : bind_address(fd, place);
}

/* A new socket, bound and listening, or -1. */
static int bind_new(const struct listener_place *place)
{
    int family = place->address == NULL ? AF_UNIX : place->address->sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (bind_place(fd, place) < 0 || listen(fd, BACKLOG) < 0)) {
        int saved = errno;

        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

struct listener *listener_open(struct loop *loop, const struct listener_place *place,
                               void (*on_accept)(void *owner, int fd), void *owner)
{
    struct listener *listener = MEM_NEW(struct listener);
    int fd = place->fd >= 0 ? place->fd : bind_new(place);

    if (listener == NULL || fd < 0) {
        int saved = listener == NULL ? ENOMEM : errno;

        if (fd >= 0) {
            (void)close(fd);
        }
        mem_free(listener);
        errno = saved;
        return NULL;
    }
    listener->loop = loop;
    listener->fd = fd;
    listener->is_foreign = place->is_foreign;
    listener->has_path = place->address == NULL;
    listener->on_accept = on_accept;
    listener->owner = owner;
    (void)snprintf(listener->path, sizeof(listener->path), "%s", place->path);
    timer_init(&listener->pause, loop, on_pause_over, listener);
    (void)event_assign(&listener->readable, loop_base(loop), fd, EV_READ | EV_PERSIST, readable_cb,
                       listener);
    if (event_add(&listener->readable, NULL) < 0) {
        /* A socket that nobody would ever accept from is worse than none. */
        if (place->fd < 0 && place->address == NULL) {
            (void)unlink(place->path);
        }
        (void)close(fd);
        mem_free(listener);
        errno = ENOMEM;
        return NULL;
    }
    return listener;
}

static void reap(void *owner)
{
    mem_free(owner);
}

/* Never shutdown(2), which would end the socket for everybody who has it. */
void listener_leave(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    timer_stop(&listener->pause);
    (void)event_del(&listener->readable);
    (void)close(listener->fd);
    loop_reap(listener->loop, &listener->reapable, reap, listener);
}

void listener_close(struct listener *listener)
{
    if (listener != NULL && !listener->is_foreign) {
        on_readable(listener);
        if (listener->has_path) {
            (void)unlink(listener->path);
        }
    }
    listener_leave(listener);
}

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}

bool listener_is_foreign(const struct listener *listener)
{
    return listener->is_foreign;
}

static void on_accept_failed(struct listener *listener, int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED) {
        return;
    }
    log_event(LOG_LEVEL_WARN, "accept_failed", "path=%s why=%s", log_quote(listener->path),
              log_quote(strerror(error)));
    (void)event_del(&listener->readable);
    timer_start(&listener->pause, PAUSE_MS);
}

static void on_readable(struct listener *listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            on_accept_failed(listener, errno);
            return;
        }
        listener->on_accept(listener->owner, fd);
    }
}

static void on_pause_over(void *owner)
{
    struct listener *listener = owner;

    if (event_add(&listener->readable, NULL) < 0) {
        timer_start(&listener->pause, PAUSE_MS);
    }
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    on_readable(arg);
}
