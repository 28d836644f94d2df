/* SPDX-License-Identifier: MIT */
/* Frames in and lines out, and every way in which a channel ends. */
#include "channel_unit.h"

#include <errno.h>

#include "tests/support/scarce.h"

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
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
