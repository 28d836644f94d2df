/* SPDX-License-Identifier: MIT */
/* Peers that do not read, ask too much or say nothing; limits that change under way. */
#include "channel_unit.h"

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
    enum { FRAMES = 4000, LENGTH = 1000, SOFT = OUTPUT_SOFT, A_TURN = 64 };
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
    AWAIT(loop, (say_more(bytes_span(&text), &said), host.channel.holds == CHANNEL_HOLD_OUTPUT));
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

/* ---- what is not taken */

static void test_held(void **state)
{
    (void)state;
    host.full_at = 2;
    say("one\ntwo\nthree\r\nfour\nfi");
    AWAIT(loop, host.held == 1);
    say("ve\n");
    loop_settle(loop);
    assert_int_equal(host.channel.holds, CHANNEL_HOLD_REQUESTS);
    /* Not asked again before there is room; then in its order, nothing lost and nothing twice. */
    assert_int_equal(host.held, 1);
    assert_bytes(host.heard, "one|two|");
    host.full_at = 3;
    channel_release(&host.channel, CHANNEL_HOLD_REQUESTS);
    AWAIT(loop, host.held == 2);
    assert_bytes(host.heard, "one|two|three|");
    host.full_at = 0;
    channel_release(&host.channel, CHANNEL_HOLD_REQUESTS);
    AWAIT(loop, host.frames == 5);
    assert_bytes(host.heard, "one|two|three|four|five|");
}

/* One reason less is not enough while there is another. */
static void test_two_holds(void **state)
{
    (void)state;
    channel_hold(&host.channel, CHANNEL_HOLD_MEMORY);
    channel_hold(&host.channel, CHANNEL_HOLD_REQUESTS);
    channel_hold(&host.channel, CHANNEL_HOLD_REQUESTS);
    say("one\n");
    channel_release(&host.channel, CHANNEL_HOLD_REQUESTS);
    channel_send(&host.channel, SPAN("answer")); /* read by then, were it to be */
    assert_hears("answer\n");
    assert_int_equal(host.frames, 0);
    channel_release(&host.channel, CHANNEL_HOLD_MEMORY);
    AWAIT(loop, host.frames == 1);
}

static void test_what_it_waits_for(void **state)
{
    (void)state;
    channel_hold(&host.channel, CHANNEL_HOLD_MEMORY);
    assert_false(channel_waits_for(&host.channel, CHANNEL_HOLD_MEMORY));
    say("one\n");
    assert_true(channel_waits_for(&host.channel, CHANNEL_HOLD_MEMORY));
    channel_hold(&host.channel, CHANNEL_HOLD_OUTPUT);
    assert_false(channel_waits_for(&host.channel, CHANNEL_HOLD_MEMORY));
    channel_release(&host.channel, CHANNEL_HOLD_OUTPUT);
    channel_release(&host.channel, CHANNEL_HOLD_MEMORY);
    /* What it does not take stays in the buffer, and the socket is empty. */
    host.full_at = 1;
    say("two\n");
    AWAIT(loop, host.held == 1);
    assert_false(channel_waits_for(&host.channel, CHANNEL_HOLD_MEMORY));
    assert_true(channel_waits_for(&host.channel, CHANNEL_HOLD_REQUESTS));
}

static void test_closed_by_the_peer_while_held(void **state)
{
    (void)state;
    host.is_owing = true;
    channel_hold(&host.channel, CHANNEL_HOLD_MEMORY);
    say("one\n");
    close_peer();
    assert_ends(CHANNEL_GONE);
    assert_int_equal(host.frames, 0);
}

static void test_half_closed_while_held(void **state)
{
    (void)state;
    channel_hold(&host.channel, CHANNEL_HOLD_REQUESTS);
    say("one\n");
    (void)shutdown(peer, SHUT_WR);
    channel_release(&host.channel, CHANNEL_HOLD_REQUESTS);
    assert_ends(CHANNEL_GONE);
    assert_int_equal(host.frames, 1);
}

static void test_finished_while_held(void **state)
{
    (void)state;
    channel_hold(&host.channel, CHANNEL_HOLD_MEMORY);
    say("one\n");
    channel_finish(&host.channel);
    assert_ends(CHANNEL_GONE);
    assert_int_equal(host.frames, 1);
}

/* ---- peers that say nothing */

static void set_hello_timeout(int64_t timeout_ms)
{
    struct channel_limits limits = usual;

    limits.hello_timeout_ms = timeout_ms;
    channel_set_limits(&host.channel, &limits);
}

static void test_mute(void **state)
{
    (void)state;
    set_hello_timeout(SHORT_MS);
    say("half a frame");
    assert_ends(CHANNEL_MUTE);
    assert_int_equal(host.mutes, 1);
    /* It was told why. */
    assert_hears("say something\n");
    assert_int_equal(recv(peer, &(char){0}, 1, MSG_DONTWAIT), 0);
}

static void test_no_longer_mute(void **state)
{
    (void)state;
    set_hello_timeout(SHORT_MS);
    say("one\n");
    AWAIT(loop, host.frames == 1);
    assert_false(host.channel.hello.armed);
    /* Nor does a new limit make it so. */
    set_hello_timeout(2 * SHORT_MS);
    assert_false(host.channel.hello.armed);
    assert_int_equal(host.mutes, 0);
}

static void test_may_be_mute(void **state)
{
    (void)state;
    set_hello_timeout(SHORT_MS);
    assert_true(host.channel.hello.armed);
    set_hello_timeout(0);
    assert_false(host.channel.hello.armed);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHANNEL_TEST(test_too_much_output),
        CHANNEL_TEST(test_nothing_is_read_for_long),
        CHANNEL_TEST(test_something_is_read_now_and_then),
        CHANNEL_TEST(test_back_pressure),
        CHANNEL_TEST(test_held),
        CHANNEL_TEST(test_two_holds),
        CHANNEL_TEST(test_what_it_waits_for),
        CHANNEL_TEST(test_closed_by_the_peer_while_held),
        CHANNEL_TEST(test_half_closed_while_held),
        CHANNEL_TEST(test_finished_while_held),
        CHANNEL_TEST(test_mute),
        CHANNEL_TEST(test_no_longer_mute),
        CHANNEL_TEST(test_may_be_mute),
        CHANNEL_TEST(test_a_longer_frame_is_allowed),
        CHANNEL_TEST(test_a_shorter_frame_is_demanded),
        CHANNEL_TEST(test_less_output_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
