/* SPDX-License-Identifier: MIT */
/* A channel on one end of a socket pair, the test on the other. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "broker/downstream/channel.h"
#include "tests/support/await.h"
#include "tests/support/scarce.h"

enum { FRAME_MAXIMUM = 2048, OUTPUT_MAXIMUM = 4 << 20, SHORT_MS = 40, LONG_MS = 60000 };

/* The channel's owner: keeps what comes, one line a frame, and answers as it is told to. */
struct host {
    struct channel channel;
    struct bytes heard;
    unsigned frames;
    unsigned bad_frames;
    char complaint[128];
    bool echoes;
    bool is_owing;      /* holds an answer back */
    unsigned closes_at; /* the number of the frame in which it closes; 0: none */
    size_t most_unread;
    unsigned ends;
    enum channel_end end;
};

static const struct channel_limits usual = {.frame_max_bytes = FRAME_MAXIMUM,
                                            .output_max_bytes = OUTPUT_MAXIMUM,
                                            .slow_timeout_ms = LONG_MS};

static struct loop *loop;
static struct host host;
static int peer; /* the other end; -1: closed */

static void on_frame(struct channel *channel, struct span frame)
{
    host.frames++;
    if (host.echoes) {
        channel_send(channel, frame);
    } else {
        bytes_append_span(&host.heard, frame);
        bytes_append_char(&host.heard, '|');
    }
    if (channel_unread(channel) > host.most_unread) {
        host.most_unread = channel_unread(channel);
    }
    if (host.closes_at == host.frames) {
        channel_close(channel);
    }
}

static void on_bad_frame(struct channel *channel, const char *what)
{
    (void)channel;
    host.bad_frames++;
    (void)snprintf(host.complaint, sizeof(host.complaint), "%s", what);
}

static bool is_quiet(struct channel *channel)
{
    (void)channel;
    return !host.is_owing;
}

static void on_closed(struct channel *channel, enum channel_end end)
{
    assert_int_equal(channel->state, CHANNEL_IS_CLOSED);
    host.ends++;
    host.end = end;
}

static const struct channel_events events = {on_frame, on_bad_frame, is_quiet, on_closed};

static int open_with(const struct channel_limits *limits)
{
    int ends[2];

    memset(&host, 0, sizeof(host));
    bytes_init(&host.heard, OUTPUT_MAXIMUM);
    loop = loop_new();
    if (loop == NULL ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
        return -1;
    }
    peer = ends[1];
    return channel_init(&host.channel, loop, ends[0], limits, &events);
}

static int open_all(void **state)
{
    (void)state;
    return open_with(&usual);
}

static int close_all(void **state)
{
    (void)state;
    channel_close(&host.channel);
    channel_done(&host.channel);
    bytes_done(&host.heard);
    loop_free(loop);
    if (peer >= 0) {
        (void)close(peer);
    }
    return 0;
}

static void say(const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void close_peer(void)
{
    (void)close(peer);
    peer = -1;
}

/* What is there to read; *INTO grows.  False at the end of the stream. */
static bool hear(struct bytes *into)
{
    char buffer[65536];
    ssize_t n = recv(peer, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n > 0) {
        bytes_append(into, buffer, (size_t)n);
    }
    return n != 0;
}

/* Hear until COUNT bytes have come. */
static void hear_all(struct bytes *into, size_t count)
{
    AWAIT(loop, (hear(into), into->length >= count));
    assert_int_equal(into->length, count);
}

static void assert_hears(const char *text)
{
    struct bytes heard;

    bytes_init(&heard, OUTPUT_MAXIMUM);
    hear_all(&heard, strlen(text));
    assert_bytes(heard, text);
    bytes_done(&heard);
}

static void assert_ends(enum channel_end end)
{
    AWAIT(loop, host.ends > 0);
    assert_int_equal(host.ends, 1);
    assert_int_equal(host.end, end);
}

/* ---- frames in, lines out */

static void test_frames_and_lines(void **state)
{
    (void)state;
    host.echoes = true;
    say("one\ntwo\r\n\n \nthree\n");
    assert_hears("one\ntwo\nthree\n");
    assert_int_equal(host.frames, 3);
    assert_int_equal(host.channel.peer.uid, getuid());
    assert_int_equal(host.channel.pid, getpid());
}

static void test_byte_by_byte(void **state)
{
    static const char text[] = "one\r\n\ntwo\n";

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char one[2] = {text[i], '\0'};

        say(one);
        AWAIT(loop, recv(host.channel.fd, one, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
    }
    AWAIT(loop, host.frames == 2);
    assert_bytes(host.heard, "one|two|");
}

static void test_many_frames_at_once(void **state)
{
    enum { FRAMES = 1000 };
    struct bytes text;
    struct bytes heard;

    (void)state;
    bytes_init(&text, OUTPUT_MAXIMUM);
    for (int i = 0; i < FRAMES; i++) {
        bytes_printf(&text, "frame %d\n", i);
    }
    host.echoes = true;
    say(bytes_text(&text));
    bytes_init(&heard, OUTPUT_MAXIMUM);
    hear_all(&heard, text.length);
    assert_same_span(bytes_span(&heard), bytes_span(&text));
    bytes_done(&heard);
    bytes_done(&text);
}

static void test_too_long(void **state)
{
    char frame[2 * FRAME_MAXIMUM];

    (void)state;
    memset(frame, 'x', sizeof(frame));
    /* The longest, one byte more, and much more: each reported once, the next one read. */
    frame[FRAME_MAXIMUM] = '\n';
    assert_int_equal(send(peer, frame, FRAME_MAXIMUM + 1, 0), FRAME_MAXIMUM + 1);
    AWAIT(loop, host.frames == 1);
    assert_int_equal(host.bad_frames, 0);
    frame[FRAME_MAXIMUM] = 'x';
    frame[FRAME_MAXIMUM + 1] = '\n';
    assert_int_equal(send(peer, frame, FRAME_MAXIMUM + 2, 0), FRAME_MAXIMUM + 2);
    say("next\n");
    AWAIT(loop, host.frames == 2);
    assert_int_equal(host.bad_frames, 1);
    assert_non_null(strstr(host.complaint, "max_frame is 2048 bytes"));
    frame[FRAME_MAXIMUM + 1] = 'x';
    for (int i = 0; i < 8; i++) {
        assert_int_equal(send(peer, frame, sizeof(frame), 0), sizeof(frame));
    }
    say("\nlast\n");
    AWAIT(loop, host.frames == 3);
    assert_int_equal(host.bad_frames, 2);
    assert_true(span_starts_with((struct span){host.heard.at + host.heard.length - 10, 10},
                                 SPAN("next|last|")));
}

/* ---- the peer ends */

static void test_half_closed_with_nothing_owed(void **state)
{
    (void)state;
    host.echoes = true;
    say("one\n");
    (void)shutdown(peer, SHUT_WR);
    assert_hears("one\n");
    assert_ends(CHANNEL_GONE);
}

static void test_half_closed_with_an_answer_owed(void **state)
{
    (void)state;
    host.is_owing = true;
    say("one\n");
    (void)shutdown(peer, SHUT_WR);
    AWAIT(loop, host.channel.state == CHANNEL_IS_HALF);
    assert_int_equal(host.ends, 0);
    /* Told that something was answered, while something else is still owed. */
    channel_settle(&host.channel);
    channel_send(&host.channel, SPAN("answer"));
    assert_hears("answer\n");
    assert_int_equal(host.channel.state, CHANNEL_IS_HALF);
    channel_send(&host.channel, SPAN("the last"));
    host.is_owing = false;
    channel_settle(&host.channel);
    /* Not before it has gone out. */
    assert_int_equal(host.ends, 0);
    assert_hears("the last\n");
    assert_ends(CHANNEL_GONE);
}

static void test_an_unfinished_frame(void **state)
{
    (void)state;
    say("one\ntwo");
    (void)shutdown(peer, SHUT_WR);
    assert_ends(CHANNEL_GONE);
    assert_int_equal(host.frames, 1);
    assert_int_equal(host.bad_frames, 1);
    assert_non_null(strstr(host.complaint, "3 bytes"));
}

static void test_closed_by_the_peer(void **state)
{
    (void)state;
    host.is_owing = true;
    say("one\n");
    close_peer();
    assert_ends(CHANNEL_GONE);
    /* Nobody hears what is said now, and nothing happens. */
    channel_send(&host.channel, SPAN("late"));
    channel_settle(&host.channel);
    loop_settle(loop);
    assert_int_equal(host.ends, 1);
}

static void test_closed_by_the_peer_with_output_under_way(void **state)
{
    char line[100000];

    (void)state;
    memset(line, 'x', sizeof(line));
    for (int i = 0; i < 10; i++) {
        channel_send(&host.channel, (struct span){line, sizeof(line)});
    }
    AWAIT(loop, host.channel.out_sent > 0);
    close_peer();
    assert_ends(CHANNEL_GONE);
}

/* ---- we end */

static void test_closed_by_us(void **state)
{
    (void)state;
    channel_send(&host.channel, SPAN("the last"));
    channel_close(&host.channel);
    /* Before the return, and what could be written at once was. */
    assert_int_equal(host.ends, 1);
    assert_int_equal(host.end, CHANNEL_CLOSED);
    channel_close(&host.channel);
    assert_int_equal(host.ends, 1);
    assert_hears("the last\n");
    assert_int_equal(recv(peer, &(char){0}, 1, MSG_DONTWAIT), 0);
}

static void test_closed_within_a_frame(void **state)
{
    (void)state;
    host.closes_at = 2;
    say("one\ntwo\nthree\n");
    assert_ends(CHANNEL_CLOSED);
    assert_int_equal(host.frames, 2);
}

static void test_finished(void **state)
{
    (void)state;
    host.is_owing = true;
    say("one\n");
    channel_finish(&host.channel);
    /* What had come was heard; what comes now is not. */
    assert_int_equal(host.frames, 1);
    say("two\n");
    channel_send(&host.channel, SPAN("answer"));
    assert_hears("answer\n");
    assert_int_equal(host.ends, 0);
    host.is_owing = false;
    channel_settle(&host.channel);
    assert_ends(CHANNEL_GONE);
    assert_int_equal(host.frames, 1);
}

static void test_finished_with_many_frames(void **state)
{
    enum { FRAMES = 300 };
    struct bytes text;

    (void)state;
    bytes_init(&text, OUTPUT_MAXIMUM);
    for (int i = 0; i < FRAMES; i++) {
        bytes_append_text(&text, "frame\n");
    }
    say(bytes_text(&text));
    bytes_done(&text);
    channel_finish(&host.channel);
    assert_ends(CHANNEL_GONE);
    /* All had come in before it was told to finish. */
    assert_int_equal(host.frames, FRAMES);
}

/* ---- readers that do not read */

static void test_too_much_output(void **state)
{
    char line[65536];

    (void)state;
    memset(line, 'x', sizeof(line));
    for (size_t sent = 0; sent <= OUTPUT_MAXIMUM + sizeof(line); sent += sizeof(line)) {
        channel_send(&host.channel, (struct span){line, sizeof(line)});
    }
    /* The owner may be in the middle of something: it is told later. */
    assert_int_equal(host.ends, 0);
    assert_ends(CHANNEL_SLOW);
}

static void fill_output(size_t length)
{
    char line[65536];

    memset(line, 'x', sizeof(line));
    for (size_t sent = 0; sent < length; sent += sizeof(line)) {
        channel_send(&host.channel, (struct span){line, sizeof(line) - 1});
    }
}

static void set_slow_timeout(int64_t timeout_ms)
{
    struct channel_limits limits = usual;

    limits.slow_timeout_ms = timeout_ms;
    channel_set_limits(&host.channel, &limits);
}

static void test_nothing_is_read_for_long(void **state)
{
    int64_t started_at_ms = clock_now_ms();

    (void)state;
    set_slow_timeout(SHORT_MS);
    fill_output(1 << 20);
    assert_ends(CHANNEL_SLOW);
    assert_true(clock_now_ms() - started_at_ms >= SHORT_MS);
}

static void test_something_is_read_now_and_then(void **state)
{
    int64_t started_at_ms = clock_now_ms();
    struct bytes heard;

    (void)state;
    bytes_init(&heard, OUTPUT_MAXIMUM);
    set_slow_timeout(4 * SHORT_MS);
    fill_output(OUTPUT_MAXIMUM - (1 << 20));
    /* Slowly, and longer than the timeout in all. */
    while (clock_now_ms() - started_at_ms < 12 * SHORT_MS) {
        size_t sent = host.channel.out_sent;

        AWAIT(loop,
              (hear(&heard), host.channel.out_sent > sent || channel_unread(&host.channel) == 0));
    }
    assert_int_equal(host.ends, 0);
    AWAIT(loop, (hear(&heard), channel_unread(&host.channel) == 0));
    /* All was read: the clock stands still. */
    assert_false(host.channel.slow.armed);
    bytes_done(&heard);
}

/* Says what there is room for. */
static void say_more(struct span text, size_t *said)
{
    ssize_t n = send(peer, text.at + *said, text.length - *said, MSG_NOSIGNAL | MSG_DONTWAIT);

    *said += n > 0 ? (size_t)n : 0;
}

static void test_back_pressure(void **state)
{
    enum { FRAMES = 4000, LENGTH = 1000, SOFT = 262144, A_TURN = 64 };
    struct bytes text;
    struct bytes heard;
    size_t said = 0;

    (void)state;
    bytes_init(&text, 2 * OUTPUT_MAXIMUM);
    bytes_init(&heard, 2 * OUTPUT_MAXIMUM);
    for (int i = 0; i < FRAMES; i++) {
        bytes_printf(&text, "%0*d\n", LENGTH, i);
    }
    host.echoes = true;
    /* Until neither side takes more. */
    AWAIT(loop, (say_more(bytes_span(&text), &said), !host.channel.is_reading));
    assert_true(host.frames < FRAMES);
    assert_true(channel_unread(&host.channel) >= SOFT);
    assert_true(host.most_unread <= SOFT + 2 * A_TURN * (LENGTH + 1));
    /* The peer reads: it is asked for more, and every frame is answered in its order. */
    AWAIT(loop, (say_more(bytes_span(&text), &said), hear(&heard), heard.length >= text.length));
    assert_same_span(bytes_span(&heard), bytes_span(&text));
    assert_int_equal(host.frames, FRAMES);
    assert_true(host.most_unread <= SOFT + 2 * A_TURN * (LENGTH + 1));
    bytes_done(&text);
    bytes_done(&heard);
}

/* ---- limits that change under way */

static void test_a_longer_frame_is_allowed(void **state)
{
    struct channel_limits limits = usual;
    char frame[3 * FRAME_MAXIMUM];

    (void)state;
    memset(frame, 'x', sizeof(frame));
    assert_int_equal(send(peer, frame, FRAME_MAXIMUM / 2, 0), FRAME_MAXIMUM / 2);
    AWAIT(loop, host.channel.reader.buffer.length == FRAME_MAXIMUM / 2);
    limits.frame_max_bytes = 4 * FRAME_MAXIMUM;
    channel_set_limits(&host.channel, &limits);
    assert_int_equal(send(peer, frame, sizeof(frame), 0), sizeof(frame));
    say("\nnext\n");
    AWAIT(loop, host.frames == 2);
    assert_int_equal(host.bad_frames, 0);
}

static void test_a_shorter_frame_is_demanded(void **state)
{
    struct channel_limits limits = usual;
    char frame[FRAME_MAXIMUM];

    (void)state;
    memset(frame, 'x', sizeof(frame));
    assert_int_equal(send(peer, frame, sizeof(frame), 0), sizeof(frame));
    AWAIT(loop, host.channel.reader.buffer.length == sizeof(frame));
    limits.frame_max_bytes = 16;
    channel_set_limits(&host.channel, &limits);
    say("\nnext\n");
    AWAIT(loop, host.bad_frames == 1 && host.frames == 1);
}

static void test_less_output_is_allowed(void **state)
{
    struct channel_limits limits = usual;

    (void)state;
    fill_output(1 << 20);
    AWAIT(loop, host.channel.out_sent > 0);
    limits.output_max_bytes = 1000;
    channel_set_limits(&host.channel, &limits);
    /* There is more already than is allowed now. */
    channel_send(&host.channel, SPAN("one more"));
    assert_ends(CHANNEL_SLOW);
}

/* ---- too little memory */

/* One echo with the NUMBER-th allocation refused.  False: it took fewer than that. */
static bool echo_without(size_t number, size_t refusals, struct bytes *heard)
{
    bool is_scarce;

    bytes_clear(heard);
    scarce_begin(number, refusals);
    if (open_with(&usual) == 0) {
        host.echoes = true;
        say("one\n");
        (void)shutdown(peer, SHUT_WR);
        AWAIT(loop, host.ends > 0);
    }
    is_scarce = scarce_end();
    if (loop != NULL) {
        while (hear(heard) && errno != EAGAIN) {
        }
        assert_int_equal(host.ends, 1);
        assert_int_equal(close_all(NULL), 0);
    }
    /* The echo, whole; or nothing, and the channel's end. */
    assert_row(number, heard->length == 0 ? is_scarce : span_is(bytes_span(heard), "one\n"));
    return is_scarce;
}

static void test_out_of_memory(void **state)
{
    static const size_t refusals[] = {SCARCE_ONCE, SCARCE_ALL};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct bytes heard;
        size_t n = 0;

        bytes_init(&heard, OUTPUT_MAXIMUM);
        bytes_append_text(&heard, "room enough for the echo");
        while (echo_without(n, refusals[i], &heard)) {
            n++;
        }
        assert_bytes(heard, "one\n");
        assert_true(n > 2);
        bytes_done(&heard);
    }
}

#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHANNEL_TEST(test_frames_and_lines),
        CHANNEL_TEST(test_byte_by_byte),
        CHANNEL_TEST(test_many_frames_at_once),
        CHANNEL_TEST(test_too_long),
        CHANNEL_TEST(test_half_closed_with_nothing_owed),
        CHANNEL_TEST(test_half_closed_with_an_answer_owed),
        CHANNEL_TEST(test_an_unfinished_frame),
        CHANNEL_TEST(test_closed_by_the_peer),
        CHANNEL_TEST(test_closed_by_the_peer_with_output_under_way),
        CHANNEL_TEST(test_closed_by_us),
        CHANNEL_TEST(test_closed_within_a_frame),
        CHANNEL_TEST(test_finished),
        CHANNEL_TEST(test_finished_with_many_frames),
        CHANNEL_TEST(test_too_much_output),
        CHANNEL_TEST(test_nothing_is_read_for_long),
        CHANNEL_TEST(test_something_is_read_now_and_then),
        CHANNEL_TEST(test_back_pressure),
        CHANNEL_TEST(test_a_longer_frame_is_allowed),
        CHANNEL_TEST(test_a_shorter_frame_is_demanded),
        CHANNEL_TEST(test_less_output_is_allowed),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
