/* SPDX-License-Identifier: MIT */
/*
 * `teploctl connect`: bytes from stdin to the broker and back, as they are.  What one
 * side does not take stays in a full buffer, which stops reading from the other.
 * It knows nothing of JSON.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/cli/broker_link.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"

enum { BUFFER_SIZE = 256 << 10 };

/*
 * One direction.  Invariant: start <= end <= BUFFER_SIZE; bytes between them wait.
 * `from` or `to` -1: that end is closed.
 */
struct flow {
    int from;
    int to;
    size_t start;
    size_t end;
    char buffer[BUFFER_SIZE];
};

static bool wants_read(const struct flow *flow)
{
    return flow->from >= 0 && flow->to >= 0 && flow->end < BUFFER_SIZE;
}

static bool wants_write(const struct flow *flow)
{
    return flow->to >= 0 && flow->start < flow->end;
}

static bool is_transient(int error)
{
    return error == EAGAIN || error == EINTR;
}

static void fill(struct flow *flow)
{
    ssize_t n = read(flow->from, flow->buffer + flow->end, BUFFER_SIZE - flow->end);

    if (n > 0) {
        flow->end += (size_t)n;
    } else if (n == 0 || !is_transient(errno)) {
        flow->from = -1;
    }
}

/*
 * stdout must not be made non-blocking: whoever shares it would see that.  A socket
 * can be asked not to block; to a pipe that polls as writable, PIPE_BUF bytes fit.
 */
static ssize_t write_some(int fd, const char *at, size_t length)
{
    ssize_t n = send(fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == ENOTSOCK) {
        n = write(fd, at, length < PIPE_BUF ? length : PIPE_BUF);
    }
    return n;
}

static void drain(struct flow *flow)
{
    ssize_t n = write_some(flow->to, flow->buffer + flow->start, flow->end - flow->start);

    if (n >= 0) {
        flow->start += (size_t)n;
    } else if (!is_transient(errno)) {
        flow->to = -1;
    }
    if (flow->start == flow->end) {
        flow->start = flow->end = 0;
    }
}

/* Both directions once, as far as they can go without waiting.  Negative errno if poll fails. */
static int turn(struct flow *up, struct flow *down)
{
    struct pollfd entries[4] = {
        {.fd = wants_read(up) ? up->from : -1, .events = POLLIN},
        {.fd = wants_write(up) ? up->to : -1, .events = POLLOUT},
        {.fd = wants_read(down) ? down->from : -1, .events = POLLIN},
        {.fd = wants_write(down) ? down->to : -1, .events = POLLOUT},
    };

    if (poll(entries, 4, -1) < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    if (entries[1].revents != 0) {
        drain(up);
    }
    if (entries[3].revents != 0) {
        drain(down);
    }
    if (entries[0].revents != 0 && wants_read(up)) {
        fill(up);
    }
    if (entries[2].revents != 0 && wants_read(down)) {
        fill(down);
    }
    return 0;
}

static enum exit_status relay(struct flow *up, struct flow *down)
{
    int fd = down->from;
    bool half_closed = false;

    /* The broker's end of the stream, with all of it passed on, is the end. */
    while (down->to >= 0 && (down->from >= 0 || wants_write(down))) {
        int r = turn(up, down);

        if (r < 0) {
            complaint("poll failed: %s", strerror(-r));
            return STATUS_UNKNOWN;
        }
        if (up->from < 0 && up->to >= 0 && !wants_write(up) && !half_closed) {
            (void)shutdown(fd, SHUT_WR);
            half_closed = true;
        }
    }
    if (down->to < 0) {
        complaint("stdout was closed: answers of the broker are lost");
        return STATUS_RESULT_LOST;
    }
    if (!half_closed) {
        complaint("the broker hung up (is teplod still running? start it: teplod --server "
                  "NAME=URL)");
        return STATUS_NO_BROKER;
    }
    return STATUS_OK;
}

enum exit_status command_connect(const struct invocation *invocation)
{
    static struct flow up; /* large for a stack */
    static struct flow down;
    struct broker_link link;
    enum exit_status status = broker_link_open(&link, invocation, SOCKET_CLIENT, DURATION_FOREVER);
    int fd;

    if (status == STATUS_OK) {
        (void)signal(SIGPIPE, SIG_IGN);
        fd = broker_link_take_fd(&link);
        up.from = STDIN_FILENO;
        up.to = fd;
        down.from = fd;
        down.to = STDOUT_FILENO;
        status = relay(&up, &down);
        (void)close(fd);
    }
    broker_link_done(&link);
    return status;
}
