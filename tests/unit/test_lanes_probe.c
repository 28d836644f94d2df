/* SPDX-License-Identifier: MIT */
/* Connections used again, when the server may be closing them: no request twice, none unknown. */
#include "unit.h"

#include "broker/runtime/clock.h"
#include "broker/upstream/lanes.h"
#include "tests/support/await.h"
#include "tests/support/fake_http.h"

#define HEAD "POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: "
#define BODY "{\"jsonrpc\":\"2.0\"}"

enum { TIMEOUT_MS = 15000, SHORT_MS = 60, POSTS_MAXIMUM = 8 };

/* What the server does with a request that it has heard. */
enum manner { ACCEPTS, ACCEPTS_AND_CLOSES, CLOSES, IS_SILENT, REFUSES };

struct post {
    struct exchange exchange;
    unsigned ends;
    struct delivery delivery;
    struct post *next; /* posted at once when this one ends */
};

static struct loop *loop;
static struct curl_driver *driver;
static struct lanes *lanes;
static struct fake_http http;
static enum manner manner;
static struct post posts[POSTS_MAXIMUM];

static void on_request(void *owner, struct fake_peer *peer, const struct fake_request *request)
{
    (void)owner;
    assert_span(request->body, BODY);
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
    case REFUSES:
        fake_http_reply(peer, 401);
        return;
    }
}

static void on_gone(void *owner, struct fake_peer *peer)
{
    (void)owner;
    (void)peer;
}

static const struct fake_http_events events = {on_request, on_gone};

static int open_all(void **state)
{
    char origin[64];
    struct lanes_options options = {
        .origin = origin,
        .connect_timeout_ms = TIMEOUT_MS,
        .limits = {.reuse = CONN_REUSE_PROBE, .idle_reuse_max_ms = TIMEOUT_MS, .maximum = 4}};

    (void)state;
    manner = ACCEPTS;
    memset(posts, 0, sizeof(posts));
    loop = loop_new();
    if (loop == NULL || fake_http_open(&http, loop, &events, NULL) < 0) {
        return -1;
    }
    (void)snprintf(origin, sizeof(origin), "http://127.0.0.1:%u", http.port);
    driver = curl_driver_new(loop, 0);
    lanes = driver == NULL ? NULL : lanes_new(loop, driver, &options);
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
    post->delivery = exchange->delivery;
    exchange_done(exchange);
    if (post->next != NULL) {
        start(post->next, TIMEOUT_MS);
    }
}

static void start(struct post *post, int64_t timeout_ms)
{
    assert_int_equal(exchange_init(&post->exchange, SPAN(HEAD), SPAN(BODY), on_end, post), 0);
    lanes_post(lanes, &post->exchange, timeout_ms);
}

static void run(struct post *post)
{
    start(post, TIMEOUT_MS);
    AWAIT(loop, post->ends == 1);
}

static void run_accepted(struct post *post)
{
    run(post);
    assert_int_equal(post->delivery.end, DELIVERY_REPLIED);
    assert_int_equal(post->delivery.status, 202);
    assert_int_equal(post->delivery.body_sent, strlen(BODY));
    assert_true(post->delivery.body_complete);
}

/* Longer than a connection is hot, or a witness rests. */
static void rest(void)
{
    int64_t until_us = clock_now_us() + 2 * KEEP_ALIVE_WITNESS_US;
    unsigned turns = 0;

    /* And some turns, in which what is due by then is done, should the machine have stalled. */
    AWAIT(loop, clock_now_us() > until_us && turns++ > 2);
}

/* One connection, idle beyond what is hot; the server has been seen to leave it alone. */
static void run_first(void)
{
    run_accepted(&posts[0]);
    rest();
    assert_int_equal(http.accepted, 1);
    assert_int_equal(http.expected, 0);
}

/* ---- proof */

static void test_the_first_idle_one_is_left_alone(void **state)
{
    (void)state;
    /* In the same turn: there is no proof yet. */
    posts[0].next = &posts[1];
    start(&posts[0], TIMEOUT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(http.accepted, 2);
    assert_int_equal(http.expected, 0);
    assert_int_equal(http.requests, 2);
}

static void test_what_is_hot_is_used_as_it_is(void **state)
{
    (void)state;
    run_first();
    for (size_t i = 1; i + 1 < POSTS_MAXIMUM; i++) {
        posts[i].next = &posts[i + 1];
    }
    /* The first of them asks, after a rest; the others follow at once. */
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[POSTS_MAXIMUM - 1].ends == 1);
    assert_int_equal(http.expected, lanes_figures(lanes)->asked);
    assert_true(http.expected >= 1);
    /* On a machine that stalls some rests may have been long. */
    assert_true(http.expected < POSTS_MAXIMUM - 1);
    assert_int_equal(http.accepted, 1);
    assert_int_equal(http.requests, POSTS_MAXIMUM);
}

static void test_a_witness_that_is_closed(void **state)
{
    (void)state;
    manner = ACCEPTS_AND_CLOSES;
    for (size_t i = 0; i < POSTS_MAXIMUM; i++) {
        run_accepted(&posts[i]);
    }
    assert_int_equal(http.accepted, POSTS_MAXIMUM);
    assert_int_equal(http.expected, 0);
    assert_int_equal(http.requests, POSTS_MAXIMUM);
}

static void test_forgotten(void **state)
{
    (void)state;
    run_first();
    lanes_forget(lanes);
    /* Hot or not: without proof it asks, and a new witness is needed. */
    posts[1].next = &posts[2];
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, posts[2].ends == 1);
    assert_int_equal(http.expected, 1);
    assert_int_equal(lanes_figures(lanes)->asked, 1);
    assert_true(posts[1].delivery.continued && posts[1].delivery.idled_us >= 0);
    assert_int_equal(http.accepted, 2);
}

static void test_the_witness_counts_as_used(void **state)
{
    (void)state;
    lanes_set_limits(lanes, &(struct lanes_limits){.idle_reuse_max_ms = TIMEOUT_MS, .maximum = 1});
    for (size_t i = 0; i < POSTS_MAXIMUM; i++) {
        start(&posts[i], TIMEOUT_MS);
    }
    AWAIT(loop, posts[POSTS_MAXIMUM - 1].ends == 1);
    assert_int_equal(http.accepted, 1);
    assert_int_equal(http.requests, POSTS_MAXIMUM);
}

/* ---- what a server may do when it is asked */

static void test_a4_cut_before_the_body(void **state)
{
    (void)state;
    run_first();
    http.manner = FAKE_HTTP_CUTS;
    run_accepted(&posts[1]);
    assert_int_equal(http.expected, 1);
    assert_int_equal(http.accepted, 2);
    assert_int_equal(http.requests, 2);
    assert_int_equal(lanes_figures(lanes)->moved, 1);
    assert_int_equal(posts[1].delivery.idled_us, -1);
}

static void test_a7_closed_while_the_head_is_on_its_way(void **state)
{
    (void)state;
    run_first();
    /* The close is on its way, and not seen yet: the next head meets a dead connection. */
    bufferevent_disable(fake_http_first(&http)->stream, EV_READ);
    start(&posts[1], TIMEOUT_MS);
    fake_http_cut(fake_http_first(&http));
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(posts[1].delivery.status, 202);
    assert_int_equal(http.requests, 2);
    assert_int_equal(http.accepted, 2);
}

static void test_a8_it_says_nothing(void **state)
{
    int64_t started_at_ms;

    (void)state;
    run_first();
    http.manner = FAKE_HTTP_WAITS;
    started_at_ms = clock_now_ms();
    run_accepted(&posts[1]);
    assert_true(clock_now_ms() >= started_at_ms + KEEP_ALIVE_PATIENCE_MS);
    assert_int_equal(http.expected, 1);
    assert_int_equal(http.requests, 2);
    /* From now on: a new connection, and no second wait. */
    rest();
    run_accepted(&posts[2]);
    assert_int_equal(http.expected, 1);
    assert_int_equal(http.accepted, 3);
    /* Until the server may be another one. */
    lanes_forget(lanes);
    http.manner = FAKE_HTTP_CONTINUES;
    run_accepted(&posts[3]);
    assert_int_equal(http.expected, 2);
    assert_int_equal(http.accepted, 3);
    assert_int_equal(http.requests, 4);
}

/* 417, and success that cannot be: neither has heard the message, both are not asked again. */
static void test_a9_it_refuses_to_be_asked(void **state)
{
    static const int statuses[] = {417, 202};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        unsigned accepted = http.accepted;
        unsigned expected = http.expected;

        lanes_forget(lanes);
        http.manner = FAKE_HTTP_CONTINUES;
        memset(posts, 0, sizeof(posts));
        http.requests = 0;
        run_accepted(&posts[0]);
        rest();
        expected = http.expected;
        accepted = http.accepted;
        http.manner = FAKE_HTTP_REPLIES;
        http.expect_status = statuses[i];
        run_accepted(&posts[1]);
        assert_row(i, http.expected == expected + 1 && http.accepted == accepted + 1);
        assert_row(i, http.requests == 2);
        rest();
        run_accepted(&posts[2]);
        assert_row(i, http.expected == expected + 1 && http.requests == 3);
    }
}

static void test_a_refusal_of_the_head(void **state)
{
    (void)state;
    run_first();
    http.manner = FAKE_HTTP_REPLIES;
    http.expect_status = 404;
    manner = REFUSES;
    run(&posts[1]);
    /* Asked for in full on a new connection: its word there is the one that counts. */
    assert_int_equal(posts[1].delivery.status, 401);
    assert_true(posts[1].delivery.body_complete);
    assert_int_equal(http.requests, 2);
    rest();
    manner = ACCEPTS;
    http.manner = FAKE_HTTP_CONTINUES;
    run_accepted(&posts[2]);
    assert_int_equal(http.expected, 2);
}

/* Heard, then gone: that is not known, and never tried again. */
static void test_a5_closed_after_the_body(void **state)
{
    (void)state;
    run_first();
    manner = CLOSES;
    run(&posts[1]);
    assert_true(posts[1].delivery.continued);
    assert_int_equal(posts[1].delivery.end, DELIVERY_BROKEN);
    assert_int_equal(posts[1].delivery.body_sent, strlen(BODY));
    assert_int_equal(http.requests, 2);
    assert_int_equal(lanes_figures(lanes)->moved, 0);
}

/* ---- time, cancels, other modes */

static void test_cancelled_while_it_asks(void **state)
{
    (void)state;
    run_first();
    http.manner = FAKE_HTTP_WAITS;
    start(&posts[1], TIMEOUT_MS);
    AWAIT(loop, http.expected == 1);
    lanes_cancel(lanes, &posts[1].exchange);
    exchange_done(&posts[1].exchange);
    AWAIT(loop, http.peers.count == 0);
    run_accepted(&posts[2]);
    assert_int_equal(http.requests, 2);
}

static void test_too_late_while_it_asks(void **state)
{
    (void)state;
    run_first();
    http.manner = FAKE_HTTP_WAITS;
    start(&posts[1], SHORT_MS);
    AWAIT(loop, posts[1].ends == 1);
    assert_int_equal(posts[1].delivery.end, DELIVERY_UNSENT);
    assert_true(delivery_is_untouched(&posts[1].delivery));
    assert_int_equal(http.requests, 1);
}

/* Cancelled when it is in line again, and when the new connection is refused. */
static void test_moved_to_nowhere(void **state)
{
    (void)state;
    run_first();
    http.manner = FAKE_HTTP_CUTS;
    fake_http_refuse(&http);
    run(&posts[1]);
    assert_int_equal(posts[1].delivery.end, DELIVERY_UNSENT);
    assert_true(delivery_is_untouched(&posts[1].delivery));
    assert_int_equal(http.requests, 1);
}

static void test_fresh(void **state)
{
    (void)state;
    lanes_set_limits(lanes, &(struct lanes_limits){.reuse = CONN_REUSE_FRESH,
                                                   .idle_reuse_max_ms = TIMEOUT_MS,
                                                   .maximum = 4});
    for (size_t i = 0; i < POSTS_MAXIMUM; i++) {
        run_accepted(&posts[i]);
    }
    assert_int_equal(http.accepted, POSTS_MAXIMUM);
    AWAIT(loop, http.peers.count == 0);
}

static void test_always(void **state)
{
    (void)state;
    lanes_set_limits(lanes, &(struct lanes_limits){.reuse = CONN_REUSE_ALWAYS,
                                                   .idle_reuse_max_ms = TIMEOUT_MS,
                                                   .maximum = 4});
    run_accepted(&posts[0]);
    rest();
    run_accepted(&posts[1]);
    assert_int_equal(http.accepted, 1);
    assert_int_equal(http.expected, 0);
}

#define PROBE_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(test_the_first_idle_one_is_left_alone),
        PROBE_TEST(test_what_is_hot_is_used_as_it_is),
        PROBE_TEST(test_a_witness_that_is_closed),
        PROBE_TEST(test_forgotten),
        PROBE_TEST(test_the_witness_counts_as_used),
        PROBE_TEST(test_a4_cut_before_the_body),
        PROBE_TEST(test_a7_closed_while_the_head_is_on_its_way),
        PROBE_TEST(test_a8_it_says_nothing),
        PROBE_TEST(test_a9_it_refuses_to_be_asked),
        PROBE_TEST(test_a_refusal_of_the_head),
        PROBE_TEST(test_a5_closed_after_the_body),
        PROBE_TEST(test_cancelled_while_it_asks),
        PROBE_TEST(test_too_late_while_it_asks),
        PROBE_TEST(test_moved_to_nowhere),
        PROBE_TEST(test_fresh),
        PROBE_TEST(test_always),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
