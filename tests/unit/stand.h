/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the broker, played by the test itself: it accepts, reads lines, writes what the
 * test says and hangs up when told.  One thread does both sides, so that each test is one order of
 * events.
 */
#ifndef TEPLO_TESTS_STAND_H
#define TEPLO_TESTS_STAND_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client-lib/include/teplo.h"
#include "proto/frame.h"
#include "proto/message.h"

enum { STAND_PATIENCE_MS = 20000, STAND_FRAME_MAXIMUM = 64 << 20, STAND_PEERS = 4 };

struct stand_peer {
    int fd;
    struct frame_reader reader;
};

struct stand {
    char dir[64];
    struct sockaddr_un address;
    int listener;
    struct teplo_options *options; /* already with the socket's path */
};

static inline void stand_listen(struct stand *stand)
{
    stand->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(stand->listener >= 0);
    assert_return_code(
        bind(stand->listener, (const struct sockaddr *)&stand->address, sizeof(stand->address)),
        errno);
    assert_return_code(listen(stand->listener, 16), errno);
}

/* The socket's file goes too. */
static inline void stand_deafen(struct stand *stand)
{
    if (stand->listener >= 0) {
        assert_return_code(close(stand->listener), errno);
        assert_return_code(unlink(stand->address.sun_path), errno);
    }
    stand->listener = -1;
}

/* With a private directory, and nobody listening yet. */
static inline void stand_init(struct stand *stand)
{
    *stand = (struct stand){.dir = "/tmp/tp-XXXXXX", .listener = -1};
    assert_non_null(mkdtemp(stand->dir));
    stand->address.sun_family = AF_UNIX;
    (void)snprintf(stand->address.sun_path, sizeof(stand->address.sun_path), "%s/teplo.sock",
                   stand->dir);
    stand->options = teplo_options_new();
    assert_non_null(stand->options);
    assert_int_equal(
        teplo_options_set_text(stand->options, TEPLO_OPT_SOCKET, stand->address.sun_path),
        TEPLO_OK);
}

static inline void stand_open(struct stand *stand)
{
    stand_init(stand);
    stand_listen(stand);
}

static inline void stand_done(struct stand *stand)
{
    stand_deafen(stand);
    assert_return_code(rmdir(stand->dir), errno);
    teplo_options_free(stand->options);
}

static inline struct teplo_client *stand_client(struct stand *stand)
{
    struct teplo_client *client = NULL;

    assert_int_equal(teplo_open(stand->options, &client), TEPLO_OK);
    assert_non_null(client);
    return client;
}

/* ---- the broker's side */

static inline void stand_poll(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&poller, 1, STAND_PATIENCE_MS), 1);
}

static inline struct stand_peer stand_accept(struct stand *stand)
{
    struct stand_peer peer = {.fd = -1};

    stand_poll(stand->listener);
    peer.fd = accept4(stand->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer.fd >= 0);
    frame_reader_init(&peer.reader, STAND_FRAME_MAXIMUM);
    return peer;
}

static inline void stand_hang_up(struct stand_peer *peer)
{
    assert_return_code(close(peer->fd), errno);
    frame_reader_done(&peer->reader);
    peer->fd = -1;
}

/* The next line, or none when the client has hung up.  Valid until the next one. */
static inline struct span stand_line(struct stand_peer *peer)
{
    struct span frame;
    size_t size;

    while (frame_next(&peer->reader, &frame) != FRAME_READY) {
        char *room = frame_reserve(&peer->reader, 65536, &size);
        ssize_t n;

        assert_non_null(room);
        stand_poll(peer->fd);
        n = recv(peer->fd, room, size, 0);
        if (n <= 0) {
            return SPAN_NONE;
        }
        frame_fed(&peer->reader, (size_t)n);
    }
    return frame;
}

static inline char stand_last_byte(struct span line)
{
    return line.at == NULL || line.length == 0 ? '\0' : line.at[line.length - 1];
}

/* The next line, a message. */
static inline struct message stand_message(struct stand_peer *peer)
{
    struct message message;
    struct message_fault fault;
    struct span line = stand_line(peer);

    assert_false(span_is_none(line));
    assert_int_equal(message_parse(line, &json_limits_default, &message, &fault), 0);
    return message;
}

/* The same, if one is there whole. */
static inline bool stand_try_message(struct stand_peer *peer, struct message *ret_message)
{
    struct message_fault fault;
    struct span frame;
    size_t size;

    while (frame_next(&peer->reader, &frame) != FRAME_READY) {
        char *room = frame_reserve(&peer->reader, 65536, &size);
        ssize_t n;

        assert_non_null(room);
        n = recv(peer->fd, room, size, MSG_DONTWAIT);
        if (n <= 0) {
            return false;
        }
        frame_fed(&peer->reader, (size_t)n);
    }
    assert_int_equal(message_parse(frame, &json_limits_default, ret_message, &fault), 0);
    return true;
}

static inline bool stand_is_silent(const struct stand_peer *peer)
{
    struct pollfd poller = {.fd = peer->fd, .events = POLLIN};

    return poll(&poller, 1, 0) == 0;
}

static inline void stand_say_bytes(struct stand_peer *peer, const char *bytes, size_t length)
{
    assert_int_equal(send(peer->fd, bytes, length, MSG_NOSIGNAL), length);
}

static inline void PRINTF_LIKE(2, 3) stand_say(struct stand_peer *peer, const char *format, ...)
{
    char text[8192];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_true(length > 0 && length < (int)sizeof(text));
    stand_say_bytes(peer, text, (size_t)length);
}

/* The usual answer to request ID. */
static inline void stand_answer(struct stand_peer *peer, uint64_t id, const char *text)
{
    stand_say(peer,
              "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{\"content\":[{\"type\":\"text\","
              "\"text\":\"%s\"}]}}\n",
              (unsigned long long)id, text);
}

/* The broker's own refusal. */
static inline void stand_refuse(struct stand_peer *peer, const char *id, int code,
                                const char *outcome, const char *reason)
{
    stand_say(
        peer,
        "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"words\",\"data\":"
        "{\"teplo\":{\"v\":1,\"outcome\":\"%s\",\"reason\":\"%s\",\"retry_after_ms\":7}}}}\n",
        id, code, outcome, reason);
}

static inline uint64_t stand_id(const struct message *message)
{
    int64_t id = 0;

    assert_true(json_to_int(message->id, &id));
    return (uint64_t)id;
}

/* After the loss of a connection the next has to show first that somebody reads. */
static inline struct stand_peer stand_accept_again(struct stand *stand)
{
    struct stand_peer peer = stand_accept(stand);
    struct message message = stand_message(&peer);

    assert_span(message.id, "\"probe\"");
    assert_true(json_string_is(message.method, "teplo/outcome"));
    assert_true(stand_is_silent(&peer));
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n");
    return peer;
}

/* ---- the client's side */

static inline uint64_t stand_call(struct teplo_client *client, const char *tool,
                                  const struct teplo_callopts *callopts)
{
    uint64_t ticket = 0;

    assert_int_equal(teplo_call_tool_start(client, tool, NULL, 0, callopts, &ticket), TEPLO_OK);
    assert_true(ticket > 0);
    return ticket;
}

static inline struct teplo_result *stand_next(struct teplo_client *client, uint64_t *ret_ticket,
                                              enum teplo_kind *ret_kind)
{
    struct teplo_result *result = NULL;

    assert_int_equal(teplo_wait(client, STAND_PATIENCE_MS), 1);
    assert_int_equal(teplo_next(client, ret_ticket, ret_kind, &result), 1);
    assert_non_null(result);
    return result;
}

/* The next thing is the answer of TICKET. */
static inline struct teplo_result *stand_result(struct teplo_client *client, uint64_t ticket)
{
    enum teplo_kind kind;
    uint64_t answered;
    struct teplo_result *result = stand_next(client, &answered, &kind);

    assert_int_equal(kind, TEPLO_K_ANSWER);
    assert_int_equal(answered, ticket);
    return result;
}

/* The same, and that it ended so. */
static inline void stand_ends(struct teplo_client *client, uint64_t ticket, int status,
                              enum teplo_outcome outcome, const char *reason)
{
    struct teplo_result *result = stand_result(client, ticket);

    if (teplo_result_status(result) != status || teplo_result_outcome(result) != outcome) {
        print_error("%d %d %s\n", teplo_result_status(result), (int)teplo_result_outcome(result),
                    teplo_result_message(result, NULL));
    }
    assert_int_equal(teplo_result_status(result), status);
    assert_int_equal(teplo_result_outcome(result), outcome);
    assert_string_equal(teplo_result_reason(result), reason);
    teplo_result_free(result);
}

/* Something to do now, as an event loop would see it. */
static inline bool stand_is_readable(const struct teplo_client *client)
{
    struct pollfd poller = {.fd = teplo_fd(client), .events = POLLIN};

    return poll(&poller, 1, 0) == 1;
}

static inline size_t stand_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

#endif
