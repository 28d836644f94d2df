/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/broker_link.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/interrupt.h"
#include "client-lib/lib/value_text.h"

enum {
    OPEN_MS = 5000,
    OPEN_RETRY_MS = 10, /* a full listen queue cannot be polled */
    GRACE_MS = 250,     /* the broker's own word on a deadline is better than ours */
    READ_SIZE = 256 << 10,
    HINT_MAXIMUM = 256,
    LATE_READS = 256, /* after the deadline, what may already lie in the socket is still read */
};

/* 0 once connected, or a negative errno; -ECANCELED: interrupted. */
static int try_connect(int fd, const struct sockaddr_un *address, int64_t end_ms)
{
    for (;;) {
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        if (duration_now_ms() >= end_ms) {
            return -ETIMEDOUT;
        }
        if (interrupt_poll(-1, 0, OPEN_RETRY_MS) == -ECANCELED) {
            return -ECANCELED;
        }
    }
}

enum exit_status broker_link_open(struct broker_link *link, const struct invocation *invocation,
                                  enum socket_kind kind, int64_t end_ms)
{
    int64_t latest_ms = duration_from_now_ms(OPEN_MS);
    struct sockaddr_un address;
    enum exit_status status;
    int r;

    *link = (struct broker_link){.fd = -1, .end_ms = end_ms};
    frame_reader_init(&link->reader, BROKER_LINK_ANSWER_MAXIMUM);
    status = socket_path_find(invocation, kind, &address);
    if (status != STATUS_OK) {
        return status;
    }
    link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    r = link->fd < 0 ? -errno
                     : try_connect(link->fd, &address, end_ms < latest_ms ? end_ms : latest_ms);
    if (r < 0) {
        broker_link_done(link);
        if (r == -ECANCELED) {
            complaint("NOT EXECUTED: interrupted");
            return STATUS_NOT_EXECUTED;
        }
        return socket_path_explain(invocation, &address, -r);
    }
    return STATUS_OK;
}

void broker_link_done(struct broker_link *link)
{
    if (link->fd >= 0) {
        (void)close(link->fd);
        link->fd = -1;
    }
    frame_reader_done(&link->reader);
}

int broker_link_take_fd(struct broker_link *link)
{
    int fd = link->fd;

    link->fd = -1;
    return fd;
}

/* 0 when an event came, -ECANCELED when interrupted, -ETIMEDOUT, or another negative errno. */
static int wait_for(int fd, short events, int64_t end_ms)
{
    for (;;) {
        int n = interrupt_poll(fd, events, duration_poll_ms(end_ms));

        if (n > 0) {
            return 0;
        }
        if (n < 0 && n != -EINTR) {
            return n;
        }
        if (end_ms != DURATION_FOREVER && duration_now_ms() >= end_ms) {
            return -ETIMEDOUT;
        }
    }
}

/* 0 once the kernel has all of LINE. */
static int send_all(int fd, struct span line, int64_t end_ms)
{
    size_t sent = 0;

    while (sent < line.length) {
        ssize_t n = send(fd, line.at + sent, line.length - sent, MSG_NOSIGNAL);
        int r;

        if (n >= 0) {
            sent += (size_t)n;
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return -errno;
        }
        r = wait_for(fd, POLLOUT, end_ms);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* -EAGAIN when there is more, -ENODATA at the end of the stream, or another negative errno. */
static int read_more(struct broker_link *link, int64_t end_ms)
{
    for (;;) {
        size_t size;
        char *room = frame_reserve(&link->reader, READ_SIZE, &size);
        ssize_t n;
        int r;

        if (room == NULL) {
            return -ENOMEM;
        }
        n = recv(link->fd, room, size, 0);
        if (n > 0) {
            frame_fed(&link->reader, (size_t)n);
            return -EAGAIN;
        }
        if (n == 0) {
            return -ENODATA;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        r = wait_for(link->fd, POLLIN, end_ms);
        if (r < 0) {
            return r;
        }
    }
}

/* 0 if FRAME is the answer, -EAGAIN if it is something else, -EBADMSG if it is no message. */
static int look_at(struct broker_link *link, const struct question *question, struct span frame,
                   struct message *ret_answer)
{
    struct message_fault fault;
    struct message message;

    if (message_parse(frame, &value_text_limits, &message, &fault) < 0) {
        return -EBADMSG;
    }
    if (question_is_answer(&message, link->id)) {
        *ret_answer = message;
        return 0;
    }
    if (question->on_progress != NULL && message.kind == MESSAGE_NOTIFICATION &&
        json_string_is(message.method, "notifications/progress")) {
        question->on_progress(&message);
    }
    return -EAGAIN;
}

/* 0, -EMSGSIZE for an answer beyond the maximum, -EBADMSG, or why there is none. */
static int wait_for_answer(struct broker_link *link, const struct question *question,
                           int64_t end_ms, struct message *ret_answer)
{
    int late = 0;

    for (;;) {
        struct span frame;
        int r = -EAGAIN;

        switch (frame_next(&link->reader, &frame)) {
        case FRAME_READY:
            r = look_at(link, question, frame, ret_answer);
            break;
        case FRAME_TOO_LONG:
            r = -EMSGSIZE;
            break;
        case FRAME_NONE:
            late += duration_now_ms() >= end_ms;
            r = interrupt_came() ? -ECANCELED : -EAGAIN;
            if (r == -EAGAIN) {
                r = late > LATE_READS ? -ETIMEDOUT : read_more(link, end_ms);
            }
            break;
        }
        if (r != -EAGAIN) {
            return r;
        }
    }
}

/* The question was not handed over wholly, so it cannot have been carried out. */
static enum exit_status explain_unsent(const struct question *question, int error)
{
    const char *preface = question->preface == NULL ? "NOT EXECUTED: " : question->preface;

    if (error == -ETIMEDOUT) {
        complaint("%sthe broker did not take the request in time", preface);
    } else if (error == -ECANCELED) {
        complaint("%sinterrupted", preface);
    } else if (error == -ENOMEM) {
        complaint("%sout of memory", preface);
    } else {
        complaint("%sthe broker hung up before it had the whole request", preface);
    }
    return STATUS_NOT_EXECUTED;
}

static enum exit_status explain_unknown(const struct question *question, const char *what)
{
    struct bytes hint;
    const char *text;

    bytes_init(&hint, HINT_MAXIMUM);
    question_append_hint(question, SPAN_NONE, &hint);
    text = bytes_text(&hint);
    if (question->doubt == NULL) {
        /* Nothing is changed by asking: no need for doubt. */
        complaint("%s%s", question_preface(question), what);
    } else {
        complaint("OUTCOME UNKNOWN: %s; %s%s", what, question->doubt, text == NULL ? "" : text);
    }
    bytes_done(&hint);
    return STATUS_UNKNOWN;
}

/* The question was handed over; no answer can be given. */
static enum exit_status explain_silence(const struct question *question, int error)
{
    switch (error) {
    case -EMSGSIZE:
        complaint("%sRESULT LOST: the answer is longer than %d MiB", question_preface(question),
                  BROKER_LINK_ANSWER_MAXIMUM >> 20);
        return STATUS_RESULT_LOST;
    case -ENOMEM:
        complaint("%sRESULT LOST: out of memory", question_preface(question));
        return STATUS_RESULT_LOST;
    case -EBADMSG:
        return explain_unknown(question, "the broker's answer is no JSON-RPC message");
    case -ECANCELED:
        return explain_unknown(question, "interrupted");
    case -ETIMEDOUT:
        return explain_unknown(question, "no answer came in time");
    default:
        return explain_unknown(question, "the broker hung up before it answered");
    }
}

/*
 * Nobody waits for the answer to the last question any more.  If there is no room for the line,
 * hanging up has to say it.
 */
static void take_back(const struct broker_link *link)
{
    char line[128];
    int length = snprintf(line, sizeof(line),
                          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                          "\"params\":{\"requestId\":%" PRId64 "}}\n",
                          link->id);

    (void)send(link->fd, line, (size_t)length, MSG_NOSIGNAL);
}

/* How long the answer is waited for: a broker that was told of the deadline gets a little more. */
static int64_t last_moment(const struct question *question)
{
    bool is_told = question->form == QUESTION_MCP && question->end_ms != DURATION_FOREVER;

    return is_told ? question->end_ms + GRACE_MS : question->end_ms;
}

static enum exit_status carry(struct broker_link *link, const struct question *question,
                              struct span line, struct span *ret_result)
{
    int64_t end_ms = last_moment(question);
    int unsent = send_all(link->fd, line, end_ms);
    struct message answer = {0};
    int r;

    if (unsent == -ETIMEDOUT || unsent == -ECANCELED) {
        return explain_unsent(question, unsent);
    }
    /* A broker that hung up early may have said why. */
    r = wait_for_answer(link, question, end_ms, &answer);
    if (r == -ECANCELED && unsent == 0) {
        take_back(link);
    }
    if (r < 0) {
        return unsent < 0 ? explain_unsent(question, unsent) : explain_silence(question, r);
    }
    if (answer.kind == MESSAGE_ERROR) {
        return question_refused(question, answer.error);
    }
    *ret_result = answer.result;
    return STATUS_OK;
}

enum exit_status broker_link_ask(struct broker_link *link, const struct question *question,
                                 struct span *ret_result)
{
    enum exit_status status;
    struct bytes line;

    if (question->end_ms != DURATION_FOREVER && duration_now_ms() >= question->end_ms) {
        return explain_unsent(question, -ETIMEDOUT);
    }
    if (interrupt_came()) {
        return explain_unsent(question, -ECANCELED);
    }
    link->id++;
    bytes_init(&line, SIZE_MAX / 2);
    question_write(question, link->id, &line);
    status = line.failed ? explain_unsent(question, -ENOMEM)
                         : carry(link, question, bytes_span(&line), ret_result);
    bytes_done(&line);
    return status;
}
