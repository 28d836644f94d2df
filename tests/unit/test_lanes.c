/* SPDX-License-Identifier: MIT */
/* Lanes against a real TCP server on the same loop. */
#include "unit.h"

#include <sys/socket.h>

#include "broker/upstream/lanes.h"
#include "proto/base/mem.h"
#include "tests/support/await.h"
#include "tests/support/fake_http.h"
#include "tests/support/scarce.h"

#define HEAD "POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: "
#define BODY "{\"jsonrpc\":\"2.0\"}"
#define LENGTH (sizeof(HEAD "17\r\n\r\n" BODY) - 1)

enum { ASKING = sizeof("Expect: 100-continue\r\n") - 1 };
enum { TIMEOUT_MS = 15000, SHORT_MS = 60, POSTS_MAXIMUM = 64 };

/* What the server does with a request. */
enum manner {
    ACCEPTS,
    ACCEPTS_AND_CLOSES, /* without a word of it: the next request meets a dead connection */
    CLOSES,
    IS_SILENT,
    REFUSES_EARLY, /* does not wait for the body */
    IS_NO_HTTP,
};

struct post {
    struct exchange exchange;
    unsigned ends;
    enum delivery_end end;
    int status;
    size_t sent;       /* of head and body */
    size_t body_sent;  /* of that */
    struct post *next; /* posted at once when this one ends */
};

static struct loop *loop;
static struct curl_driver *driver;
static struct lanes *lanes;
static struct fake_http http;
static enum manner manner;
static enum conn_reuse reuse;
static unsigned gone; /* connections that our side closed */
static unsigned most_peers;
static struct post posts[POSTS_MAXIMUM];

static void on_request(void *owner, struct fake_peer *peer, const struct fake_request *request)
{
    (void)owner;
    assert_span(request->body, BODY);
    assert_true(request->head.length + request->body.length == LENGTH + (peer->asked ? ASKING : 0));
    most_peers = http.peers.count > most_peers ? (unsigned)http.peers.count : most_peers;
    switch (manner) {
    case ACCEPTS:
        fake_http_reply(peer, 202);
        return;
    case ACCEPTS_AND_CLOSES:
        fake_http_reply(peer, 202);
        fake_http_end(peer);
        return;
    case CLOSES:
        fake_http_cut(peer);
        return;
    case IS_SILENT:
        return;
    case REFUSES_EARLY:
        fail();
        return;
    case IS_NO_HTTP:
        fake_http_send(peer, SPAN("\x15\x03\x01\x00\x02\x02\x16"));
        return;
    }
}

static void on_gone(void *owner, struct fake_peer *peer)
{
    (void)owner;
    (void)peer;
    gone++;
}

static const struct fake_http_events events = {on_request, on_gone};

static struct lanes *open_lanes(unsigned port, size_t maximum)
{
    char origin[64];
    struct lanes_options options = {
        .origin = origin,
        .connect_timeout_ms = TIMEOUT_MS,
        .limits = {.reuse = reuse, .idle_reuse_max_ms = TIMEOUT_MS, .maximum = maximum}};

    (void)snprintf(origin, sizeof(origin), "http://127.0.0.1:%u", port);
    return lanes_new(loop, driver, &options);
}

static void set_limits(int64_t idle_reuse_max_ms, size_t maximum)
{
    lanes_set_limits(lanes, &(struct lanes_limits){.reuse = reuse,
                                                   .idle_reuse_max_ms = idle_reuse_max_ms,
                                                   .maximum = maximum});
}

static int open_all(void **state)
{
    (void)state;
    manner = ACCEPTS;
    reuse = CONN_REUSE_ALWAYS;
    gone = 0;
    most_peers = 0;
    memset(posts, 0, sizeof(posts));
    loop = loop_new();
    if (loop == NULL || fake_http_open(&http, loop, &events, NULL) < 0) {
        return -1;
    }
    driver = curl_driver_new(loop, 0);
    lanes = driver == NULL ? NULL : open_lanes(http.port, 4);
    return lanes == NULL ? -1 : 0;
}

static int close_all(void **state)
{
    (void)state;
    lanes_close(lanes);
    fake_http_close(&http);
    loop_settle(loop);
    curl_driver_free(driver);
    loop_free(loop);
    return 0;
}

static void start(struct post *post, int64_t timeout_ms);

static void on_end(struct exchange *exchange)
{
    struct post *post = exchange->owner;

    post->ends++;
    post->end = exchange->delivery.end;
    post->status = exchange->delivery.status;
    post->body_sent = exchange->delivery.body_sent;
    post->sent = exchange->delivery.head_sent + post->body_sent;
    exchange_done(exchange);
    if (post->next != NULL) {
        start(post->next, TIMEOUT_MS);
    }
}

static void start(struct post *post, int64_t timeout_ms)
{
    assert_int_equal(exchange_init(&post->exchange, SPAN(HEAD), SPAN(BODY), on_end, post), 0);
    lanes_post(lanes, &post->exchange, timeout_ms);
    /* Never before the call that started it has returned. */
    assert_int_equal(post->ends, 0);
}

static void start_all(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        start(&posts[i], TIMEOUT_MS);
    }
}

static unsigned ended(size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += posts[i].ends;
    }
    return sum;
}

static void assert_accepted(const struct post *post)
{
    assert_int_equal(post->ends, 1);
    assert_int_equal(post->end, DELIVERY_REPLIED);
    assert_int_equal(post->status, 202);
    assert_int_equal(post->sent, LENGTH);
}

/* ---- reuse */

static void test_one_connection_for_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < POSTS_MAXIMUM; i++) {
        start(&posts[i], TIMEOUT_MS);
        AWAIT(loop, posts[i].ends > 0);
        assert_accepted(&posts[i]);
    }
    assert_int_equal(http.accepted, 1);
    assert_int_equal(lanes_figures(lanes)->opened, 1);
    assert_int_equal(lanes_figures(lanes)->posts, POSTS_MAXIMUM);
    assert_int_equal(lanes_figures(lanes)->sent_bytes, POSTS_MAXIMUM * LENGTH);
}

static void test_no_more_than_the_maximum(void **state)
{
    (void)state;
    start_all(POSTS_MAXIMUM);
    AWAIT(loop, ended(POSTS_MAXIMUM) == POSTS_MAXIMUM);
    for (size_t i = 0; i < POSTS_MAXIMUM; i++) {
        assert_accepted(&posts[i]);
    }
    assert_int_equal(http.accepted, 4);
    assert_int_equal(most_peers, 4);
    assert_int_equal(http.requests, POSTS_MAXIMUM);
}

static void test_the_queue_is_in_order(void **state)
{
    (void)state;
    set_limits(TIMEOUT_MS, 1);
    manner = IS_SILENT;
    start_all(3);
    AWAIT(loop, http.requests == 1);
    manner = ACCEPTS;
    fake_http_reply(fake_http_first(&http), 202);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(posts[0].ends, 1);
    AWAIT(loop, posts[2].ends == 1);
    assert_int_equal(http.accepted, 1);
}

static void test_too_old_for_reuse(void **state)
{
    (void)state;
    set_limits(-1, 4);
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_accepted(&posts[1]);
    assert_int_equal(http.accepted, 2);
    /* One that nobody may use again is not kept. */
    AWAIT(loop, http.peers.count == 0);
}

static void test_older_than_the_limit(void **state)
{
    int64_t rested_at_ms;

    (void)state;
    set_limits(SHORT_MS, 4);
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    rested_at_ms = clock_now_ms();
    AWAIT(loop, clock_now_ms() > rested_at_ms + SHORT_MS);
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_accepted(&posts[1]);
    assert_int_equal(http.accepted, 2);
    assert_int_equal(lanes_figures(lanes)->stale, 1);
}

/* ---- connections that the server ends */

/* The next is posted as soon as the last has ended: the dead lane is still on the idle list. */
static void test_stale_found_before_a_byte_is_written(void **state)
{
    enum { ROUNDS = 200, CHAIN = 4 };

    (void)state;
    manner = ACCEPTS_AND_CLOSES;
    for (int round = 0; round < ROUNDS / CHAIN; round++) {
        memset(posts, 0, CHAIN * sizeof(posts[0]));
        for (size_t i = 0; i + 1 < CHAIN; i++) {
            posts[i].next = &posts[i + 1];
        }
        start(&posts[0], TIMEOUT_MS);
        AWAIT(loop, ended(CHAIN) == CHAIN);
        for (size_t i = 0; i < CHAIN; i++) {
            assert_accepted(&posts[i]);
        }
    }
    /* Zero failures, and not one request twice. */
    assert_int_equal(http.requests, ROUNDS);
    assert_int_equal(http.accepted, ROUNDS);
    assert_int_equal(lanes_figures(lanes)->opened, ROUNDS);
}

static void test_an_idle_lane_is_cut(void **state)
{
    (void)state;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    fake_http_cut(fake_http_first(&http));
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_accepted(&posts[1]);
    assert_int_equal(http.requests, 2);
    assert_int_equal(lanes_figures(lanes)->stale, 1);
}

static void test_an_idle_lane_ends(void **state)
{
    (void)state;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    (void)shutdown(bufferevent_getfd(fake_http_first(&http)->stream), SHUT_WR);
    /* It is let go when it ends, not when the next one wants it. */
    AWAIT(loop, gone == 1);
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_accepted(&posts[1]);
    assert_int_equal(lanes_figures(lanes)->stale, 0);
}

static void test_bytes_nobody_asked_for(void **state)
{
    (void)state;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    fake_http_send(fake_http_first(&http), SPAN("HTTP/1.1 202 Late\r\nContent-Length: 0\r\n\r\n"));
    /* The connection is given up: its bytes could be taken for the next reply. */
    AWAIT(loop, gone == 1);
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(http.accepted, 2);
}

static void test_closed_without_a_reply(void **state)
{
    (void)state;
    manner = CLOSES;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    assert_int_equal(posts[0].end, DELIVERY_BROKEN);
    assert_int_equal(posts[0].sent, LENGTH);
    /* Heard once and never again, on a fresh connection as on one that was kept alive. */
    manner = ACCEPTS;
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(http.requests, 2);
    manner = CLOSES;
    start(&posts[2], TIMEOUT_MS);
    AWAIT(loop, posts[2].ends == 1);
    assert_int_equal(posts[2].end, DELIVERY_BROKEN);
    assert_int_equal(posts[2].sent, LENGTH);
    assert_int_equal(http.requests, 3);
    assert_int_equal(http.accepted, 2);
}

static void test_no_http(void **state)
{
    (void)state;
    manner = IS_NO_HTTP;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    assert_int_equal(posts[0].end, DELIVERY_BROKEN);
    assert_int_equal(posts[0].status, 0);
    AWAIT(loop, gone == 1);
}

static void test_refused(void **state)
{
    (void)state;
    fake_http_refuse(&http);
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[0].ends == 1);
    assert_int_equal(posts[0].end, DELIVERY_UNSENT);
    assert_int_equal(posts[0].sent, 0);
    /* And no grudge. */
    assert_int_equal(fake_http_listen(&http), 0);
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_accepted(&posts[1]);
}

/* ---- time and cancellation */

static void test_never_answered(void **state)
{
    int64_t started_at_ms = clock_now_ms();

    (void)state;
    manner = IS_SILENT;
    start(&posts[0], SHORT_MS);
    AWAIT(loop, posts[0].ends == 1);
    assert_int_equal(posts[0].end, DELIVERY_TIMED_OUT);
    assert_int_equal(posts[0].sent, LENGTH);
    assert_true(clock_now_ms() >= started_at_ms + SHORT_MS);
    /* A late reply must not meet the next request. */
    AWAIT(loop, gone == 1);
    assert_int_equal(http.requests, 1);
}

static void test_never_sent(void **state)
{
    (void)state;
    set_limits(TIMEOUT_MS, 1);
    manner = IS_SILENT;
    start(&posts[0], TIMEOUT_MS);
    start(&posts[1], SHORT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(posts[1].end, DELIVERY_UNSENT);
    assert_int_equal(posts[1].sent, 0);
    assert_int_equal(posts[0].ends, 0);
    lanes_cancel(lanes, &posts[0].exchange);
    exchange_done(&posts[0].exchange);
}

static void cancel(struct post *post)
{
    lanes_cancel(lanes, &post->exchange);
    lanes_cancel(lanes, &post->exchange);
    exchange_done(&post->exchange);
}

static void test_cancelled_under_way(void **state)
{
    (void)state;
    manner = IS_SILENT;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, http.requests == 1);
    cancel(&posts[0]);
    assert_false(posts[0].exchange.deadline.armed);
    AWAIT(loop, gone == 1);
    manner = ACCEPTS;
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(posts[0].ends, 0);
}

static void test_cancelled_at_every_moment(void **state)
{
    (void)state;
    /* Before it is connected, in the queue, after its end but before it is told. */
    set_limits(TIMEOUT_MS, 1);
    start(&posts[0], TIMEOUT_MS);
    start(&posts[1], TIMEOUT_MS);
    cancel(&posts[0]);
    cancel(&posts[1]);
    start(&posts[2], TIMEOUT_MS);
    AWAIT(loop, posts[2].ends == 1);
    assert_accepted(&posts[2]);
    assert_int_equal(ended(2), 0);
    /* Its place in line goes to the next one. */
    manner = IS_SILENT;
    start(&posts[3], TIMEOUT_MS);
    start(&posts[4], TIMEOUT_MS);
    AWAIT(loop, http.requests == 2);
    manner = ACCEPTS;
    cancel(&posts[3]);
    AWAIT(loop, posts[4].ends == 1);
    assert_accepted(&posts[4]);
}

/* One callback cancels the other, whose end is on the same list. */
static void on_end_cancel(struct exchange *exchange)
{
    struct post *post = exchange->owner;

    post->ends++;
    exchange_done(exchange);
    cancel(post->next);
}

static void test_cancelled_by_another_end(void **state)
{
    struct post *first = &posts[0];
    struct post *second = &posts[1];

    (void)state;
    set_limits(TIMEOUT_MS, 1);
    manner = IS_SILENT;
    start(&posts[2], TIMEOUT_MS);
    assert_int_equal(exchange_init(&first->exchange, SPAN(HEAD), SPAN(BODY), on_end_cancel, first),
                     0);
    assert_int_equal(
        exchange_init(&second->exchange, SPAN(HEAD), SPAN(BODY), on_end_cancel, second), 0);
    first->next = second;
    second->next = first;
    /* Both end in the same turn, in line. */
    lanes_post(lanes, &first->exchange, 0);
    lanes_post(lanes, &second->exchange, 0);
    AWAIT(loop, ended(2) > 0);
    assert_int_equal(ended(2), 1);
    cancel(&posts[2]);
}

static void test_closed_with_lanes_busy(void **state)
{
    (void)state;
    manner = IS_SILENT;
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, http.requests == 1);
    /* What carries none goes with the set, busy connecting or idle. */
    cancel(&posts[0]);
    manner = ACCEPTS;
    start_all(3);
    AWAIT(loop, ended(3) == 3);
    lanes_close(lanes);
    lanes_close(lanes);
    lanes = NULL;
    AWAIT(loop, http.peers.count == 0);
}

/* ---- large requests, and too little memory */

static void test_a_reply_before_the_body_is_out(void **state)
{
    enum { LARGE = 32 << 20 };
    char *body = mem_new(LARGE);
    struct fake_peer *peer;

    (void)state;
    assert_non_null(body);
    manner = REFUSES_EARLY;
    assert_int_equal(exchange_init(&posts[0].exchange, SPAN(HEAD), (struct span){body, LARGE},
                                   on_end, &posts[0]),
                     0);
    mem_free(body);
    lanes_post(lanes, &posts[0].exchange, TIMEOUT_MS);
    AWAIT(loop, posts[0].exchange.delivery.body_sent > 0);
    assert_int_equal(http.accepted, 1);
    peer = fake_http_first(&http);
    (void)bufferevent_disable(peer->stream, EV_READ);
    fake_http_reply(peer, 413);
    AWAIT(loop, posts[0].ends == 1);
    assert_int_equal(posts[0].end, DELIVERY_REPLIED);
    assert_int_equal(posts[0].status, 413);
    assert_true(posts[0].sent < LARGE);
    /* The rest of the body must not be taken for a request. */
    manner = ACCEPTS;
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(http.accepted, 2);
}

static bool post_without(size_t number)
{
    struct post *post = &posts[0];
    bool is_scarce;

    memset(post, 0, sizeof(*post));
    lanes_close(lanes);
    lanes = open_lanes(http.port, 4);
    assert_non_null(lanes);
    assert_int_equal(exchange_init(&post->exchange, SPAN(HEAD), SPAN(BODY), on_end, post), 0);
    scarce_begin(number, SCARCE_ONCE);
    lanes_post(lanes, &post->exchange, TIMEOUT_MS);
    AWAIT(loop, post->ends > 0);
    is_scarce = scarce_end();
    /* One end, and at once; where it failed, nothing had left. */
    assert_int_equal(post->ends, 1);
    assert_true(post->end == DELIVERY_REPLIED || (post->end == DELIVERY_UNSENT && post->sent == 0));
    return is_scarce;
}

static void test_out_of_memory(void **state)
{
    size_t n = 0;

    (void)state;
    while (post_without(n)) {
        n++;
    }
    assert_true(n > 1);
    assert_accepted(&posts[0]);
}

#define LANES_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LANES_TEST(test_one_connection_for_many),
        LANES_TEST(test_no_more_than_the_maximum),
        LANES_TEST(test_the_queue_is_in_order),
        LANES_TEST(test_too_old_for_reuse),
        LANES_TEST(test_older_than_the_limit),
        LANES_TEST(test_stale_found_before_a_byte_is_written),
        LANES_TEST(test_an_idle_lane_is_cut),
        LANES_TEST(test_an_idle_lane_ends),
        LANES_TEST(test_bytes_nobody_asked_for),
        LANES_TEST(test_closed_without_a_reply),
        LANES_TEST(test_no_http),
        LANES_TEST(test_refused),
        LANES_TEST(test_never_answered),
        LANES_TEST(test_never_sent),
        LANES_TEST(test_cancelled_under_way),
        LANES_TEST(test_cancelled_at_every_moment),
        LANES_TEST(test_cancelled_by_another_end),
        LANES_TEST(test_closed_with_lanes_busy),
        LANES_TEST(test_a_reply_before_the_body_is_out),
        LANES_TEST(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
