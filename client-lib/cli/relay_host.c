/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/relay_host.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/cli/duration.h"
#include "client-lib/cli/relay_link.h"
#include "client-lib/lib/value_text.h"

void relay_host_init(struct relay_host *host)
{
    *host = (struct relay_host){.in = STDIN_FILENO, .out = STDOUT_FILENO};
    frame_reader_init(&host->reader, RELAY_LINE_MAXIMUM);
    /* The soft mark, one line on top of it from each connection, and refusals. */
    bytes_init(&host->answers, SIZE_MAX / 2);
}

void relay_host_done(struct relay_host *host)
{
    frame_reader_done(&host->reader);
    bytes_done(&host->answers);
}

static void take(struct relay_host *host, struct span line, size_t newline)
{
    struct message_fault fault;

    host->has_line = true;
    host->since_ms = duration_now_ms();
    host->line = line;
    host->newline = newline;
    host->sent = 0;
    /* What is no message is the broker's to refuse. */
    host->is_message =
        newline > 0 && message_parse(line, &value_text_limits, &host->message, &fault) == 0;
}

bool relay_host_find_line(struct relay_host *host)
{
    struct span line;

    while (!host->has_line) {
        switch (frame_next(&host->reader, &line)) {
        case FRAME_READY:
            take(host, line, 1);
            break;
        case FRAME_TOO_LONG:
            relay_host_refuse(host, SPAN_NONE, FAILURE_FRAME_TOO_LONG, NULL);
            break;
        case FRAME_NONE:
            line = host->in < 0 ? frame_rest(&host->reader) : SPAN_NONE;
            if (line.length == 0) {
                return false;
            }
            take(host, line, 0);
            break;
        }
    }
    return true;
}

void relay_host_drop_line(struct relay_host *host)
{
    host->has_line = false;
    if (host->newline == 0) {
        frame_reader_done(&host->reader);
        frame_reader_init(&host->reader, RELAY_LINE_MAXIMUM);
    }
}

bool relay_host_asks(const struct relay_host *host)
{
    return host->has_line && host->is_message && host->message.kind == MESSAGE_REQUEST;
}

bool relay_host_may_read(const struct relay_host *host)
{
    return host->in >= 0 && !host->has_line && frame_reader_is_searched(&host->reader);
}

void relay_host_read(struct relay_host *host)
{
    size_t size;
    char *room = frame_reserve(&host->reader, RELAY_READ_SIZE, &size);
    ssize_t n = room == NULL ? -1 : read(host->in, room, size);

    if (n > 0) {
        frame_fed(&host->reader, (size_t)n);
    } else if (room == NULL || n == 0 || (errno != EAGAIN && errno != EINTR)) {
        host->in = -1;
    }
}

bool relay_host_has_room(const struct relay_host *host)
{
    return host->answers.length - host->written < RELAY_OUT_SOFT;
}

bool relay_host_may_write(const struct relay_host *host)
{
    return host->out >= 0 && host->written < host->answers.length;
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

void relay_host_write(struct relay_host *host)
{
    ssize_t n = write_some(host->out, host->answers.at + host->written,
                           host->answers.length - host->written);

    if (n >= 0) {
        host->written += (size_t)n;
    } else if (errno != EAGAIN && errno != EINTR) {
        host->out = -1;
    }
    if (host->written == host->answers.length) {
        bytes_trim(&host->answers, (size_t)RELAY_OUT_SOFT * 2);
        host->written = 0;
    }
}

/* What was written goes, once it is the greater part: each byte moves at most once or so. */
static void make_room(struct relay_host *host)
{
    if (host->written > host->answers.length / 2) {
        bytes_consume(&host->answers, host->written);
        host->written = 0;
    }
}

void relay_host_tell(struct relay_host *host, struct span line, size_t newline)
{
    make_room(host);
    bytes_append_span(&host->answers, line);
    bytes_append(&host->answers, "\n", newline);
}

void relay_host_refuse(struct relay_host *host, struct span id, enum failure failure,
                       const char *detail)
{
    struct failure_report report = failure_report_of(failure, detail);

    report.stage = failure_outcome(failure) == OUTCOME_UNKNOWN ? "sent" : "queued";
    reply_failure(&host->answers, id, &report);
    bytes_append_char(&host->answers, '\n');
}
