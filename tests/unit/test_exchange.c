/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/exchange.h"

#define HEAD "POST /m?s=1 HTTP/1.1\r\nHost: a\r\nContent-Length: "
#define BODY "{\"jsonrpc\":\"2.0\"}"

enum reply_fate {
    COMPLETE,        /* by its own length */
    COMPLETE_BY_END, /* by the end of the connection */
    INCOMPLETE,      /* also after the end */
    NO_HTTP,
};

struct reply {
    struct span text;
    enum reply_fate fate;
    int status;
    bool keep_alive;
};

static const struct reply replies[] = {
    /* As the official servers answer. */
    {SPAN_INIT("HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted"), COMPLETE, 202, true},
    {SPAN_INIT("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"), COMPLETE, 202, true},
    {SPAN_INIT("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
               "4\r\nAcce\r\n4;x=y\r\npted\r\n0\r\n\r\n"),
     COMPLETE, 202, true},
    {SPAN_INIT("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n"),
     COMPLETE, 202, true},
    /* 204 and 304 have no body, whatever they say. */
    {SPAN_INIT("HTTP/1.1 204 No Content\r\n\r\n"), COMPLETE, 204, true},
    /* Line ends without CR, and no reason. */
    {SPAN_INIT("HTTP/1.1 202\nContent-Length: 0\n\n"), COMPLETE, 202, true},
    /* Interim replies come first, one or more. */
    {SPAN_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n"),
     COMPLETE, 202, true},
    {SPAN_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
               "HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n"),
     COMPLETE, 202, true},
    /* The server says that it closes. */
    {SPAN_INIT("HTTP/1.1 202 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), COMPLETE, 202,
     false},
    /* HTTP/1.0 closes, unless it says that it does not. */
    {SPAN_INIT("HTTP/1.0 202 OK\r\nContent-Length: 0\r\n\r\n"), COMPLETE, 202, false},
    {SPAN_INIT("HTTP/1.0 202 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"), COMPLETE,
     202, true},
    /* No length: the end of the connection ends the body. */
    {SPAN_INIT("HTTP/1.1 202 OK\r\n\r\nAccepted"), COMPLETE_BY_END, 202, false},
    {SPAN_INIT("HTTP/1.1 202 OK\r\nConnection: close\r\n\r\n"), COMPLETE_BY_END, 202, false},
    {SPAN_INIT("HTTP/1.0 500 Oh\r\n\r\nno"), COMPLETE_BY_END, 500, false},
    /* Refusals are replies too. */
    {SPAN_INIT("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"), COMPLETE, 404, true},
    {SPAN_INIT("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), COMPLETE,
     503, false},
    /* Cut short, in the body, in a chunk, in the head, after an interim reply, at once. */
    {SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Length: 9\r\n\r\nAccepted"), INCOMPLETE, 202, false},
    {SPAN_INIT("HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nAc"), INCOMPLETE, 202,
     false},
    {SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Le"), INCOMPLETE, 0, false},
    {SPAN_INIT("HTTP/1.1 100 Continue\r\n\r\n"), INCOMPLETE, 0, false},
    {SPAN_INIT(""), INCOMPLETE, 0, false},
    /* Not HTTP at all, or broken. */
    {SPAN_INIT("SSH-2.0-OpenSSH_9.2\r\n"), NO_HTTP, 0, false},
    {SPAN_INIT("\x16\x03\x01\x02"), NO_HTTP, 0, false},
    {SPAN_INIT("{\"jsonrpc\":\"2.0\"}"), NO_HTTP, 0, false},
    {SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Length: x\r\n\r\n"), NO_HTTP, 0, false},
    {SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), NO_HTTP, 0,
     false},
    {SPAN_INIT("HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"), NO_HTTP, 202, false},
    {SPAN_INIT("POST / HTTP/1.1\r\n\r\n"), NO_HTTP, 0, false},
    /* Nobody asked for another protocol. */
    {SPAN_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
     NO_HTTP, 0, false},
};

static uint64_t seed = 20261124;

static size_t whole(size_t left)
{
    return left;
}

static size_t one_byte(size_t left)
{
    (void)left;
    return 1;
}

static size_t some_bytes(size_t left)
{
    size_t size = 1 + unit_random(&seed) % 9;

    return size < left ? size : left;
}

static void on_end(struct exchange *exchange)
{
    (void)exchange;
    fail();
}

static void begin(struct exchange *exchange)
{
    assert_int_equal(exchange_init(exchange, SPAN(HEAD), SPAN(BODY), on_end, NULL), 0);
}

/* With its request out, as it is when a well-behaved server answers. */
static void begin_sent(struct exchange *exchange)
{
    begin(exchange);
    exchange_sent(exchange, exchange_unsent(exchange).length);
}

/* False: the exchange did not want more.  Stops at the reply, as a lane does. */
static bool feed(struct exchange *exchange, struct span text, size_t (*next_size)(size_t left))
{
    while (text.length > 0 && !exchange->replied) {
        size_t size = next_size(text.length);
        /* A copy of its own, so that a sanitizer sees reads past the end. */
        char *copy = mem_copy_text(text.at, size);
        bool is_fine;

        assert_non_null(copy);
        is_fine = exchange_feed(exchange, (struct span){copy, size});
        mem_free(copy);
        if (!is_fine) {
            return false;
        }
        text.at += size;
        text.length -= size;
    }
    return true;
}

static void assert_reply(size_t row, size_t (*next_size)(size_t left))
{
    const struct reply *reply = &replies[row];
    struct exchange exchange;
    bool is_http;

    begin_sent(&exchange);
    is_http = feed(&exchange, reply->text, next_size);
    assert_row(row, is_http == (reply->fate != NO_HTTP));
    assert_row(row, exchange.replied == (reply->fate == COMPLETE));
    if (is_http) {
        bool is_complete = exchange_feed_end(&exchange);

        assert_row(row, is_complete == (reply->fate != INCOMPLETE));
    }
    assert_row(row, exchange.delivery.status == reply->status);
    assert_row(row, (exchange.replied && exchange.keep_alive) == reply->keep_alive);
    exchange_done(&exchange);
}

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        assert_reply(i, whole);
        assert_reply(i, one_byte);
        for (int round = 0; round < 200; round++) {
            assert_reply(i, some_bytes);
        }
    }
}

static void test_request(void **state)
{
    struct exchange exchange;

    (void)state;
    begin(&exchange);
    assert_span(exchange_unsent(&exchange), HEAD "17\r\n\r\n" BODY);
    exchange_sent(&exchange, 5);
    assert_int_equal(exchange.delivery.head_sent, 5);
    assert_int_equal(exchange.delivery.body_sent, 0);
    assert_span(exchange_unsent(&exchange), "/m?s=1 HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                            "17\r\n\r\n" BODY);
    exchange_sent(&exchange, strlen(HEAD "17\r\n\r\n") - 5);
    assert_int_equal(exchange.delivery.head_sent, strlen(HEAD "17\r\n\r\n"));
    assert_true(delivery_is_untouched(&exchange.delivery));
    exchange_sent(&exchange, 1);
    assert_int_equal(exchange.delivery.body_sent, 1);
    assert_false(delivery_is_untouched(&exchange.delivery));
    assert_false(exchange.delivery.body_complete);
    exchange_sent(&exchange, exchange_unsent(&exchange).length);
    assert_int_equal(exchange_unsent(&exchange).length, 0);
    assert_int_equal(exchange.delivery.body_sent, strlen(BODY));
    assert_true(exchange.delivery.body_complete);
    exchange_done(&exchange);
}

/* The body waits for the server's word, and nothing of it counts as sent. */
static void test_asking(void **state)
{
    struct exchange exchange;

    (void)state;
    begin(&exchange);
    exchange_begin(&exchange, 12);
    exchange_ask(&exchange);
    assert_int_equal(exchange.delivery.idled_us, 12);
    assert_span(exchange_unsent(&exchange), HEAD "17\r\nExpect: 100-continue\r\n\r\n");
    exchange_sent(&exchange, 3);
    assert_true(exchange_is_asking(&exchange));
    exchange_sent(&exchange, exchange_unsent(&exchange).length);
    assert_int_equal(exchange_unsent(&exchange).length, 0);
    exchange_offer(&exchange);
    assert_true(delivery_is_untouched(&exchange.delivery));
    /* Other interim replies are no such word. */
    assert_true(exchange_feed(&exchange, SPAN("HTTP/1.1 102 Processing\r\n\r\n")));
    assert_int_equal(exchange_unsent(&exchange).length, 0);
    assert_true(exchange_feed(&exchange, SPAN("HTTP/1.1 100 Continue\r\n\r\n")));
    assert_true(exchange.delivery.continued);
    assert_span(exchange_unsent(&exchange), BODY);
    exchange_sent(&exchange, 1);
    exchange_sent(&exchange, exchange_unsent(&exchange).length);
    assert_true(exchange.delivery.body_complete);
    assert_true(exchange_feed(&exchange, SPAN("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n")));
    assert_true(exchange.replied && exchange.keep_alive);
    exchange_done(&exchange);
}

static void test_begun_again(void **state)
{
    struct exchange exchange;

    (void)state;
    begin(&exchange);
    exchange_ask(&exchange);
    exchange_sent(&exchange, exchange_unsent(&exchange).length);
    assert_true(exchange_feed(&exchange, SPAN("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno")));
    assert_true(exchange.replied && !exchange.keep_alive);
    exchange_begin(&exchange, -1);
    assert_span(exchange_unsent(&exchange), HEAD "17\r\n\r\n" BODY);
    assert_false(exchange.replied);
    assert_int_equal(exchange.delivery.status, 0);
    assert_int_equal(exchange.delivery.reply_bytes, 0);
    exchange_sent(&exchange, exchange_unsent(&exchange).length);
    assert_true(exchange_feed(&exchange, SPAN("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n")));
    assert_int_equal(exchange.delivery.status, 202);
    exchange_done(&exchange);
}

/* Below TLS bytes may leave uncounted: what was offered counts as left. */
static void test_offered(void **state)
{
    struct exchange exchange;

    (void)state;
    begin(&exchange);
    exchange_offer(&exchange);
    assert_int_equal(exchange.delivery.body_sent, 0);
    assert_false(delivery_is_untouched(&exchange.delivery));
    exchange_done(&exchange);
}

static void test_a_refusal_is_kept(void **state)
{
    static const struct {
        struct span reply;
        const char *kept;
        bool is_encoded;
    } rows[] = {
        {SPAN_INIT("HTTP/1.1 400 No\r\nContent-Length: 6\r\n\r\nreason"), "reason", false},
        {SPAN_INIT("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n3\r\nson\r\n"
                   "0\r\n\r\n"),
         "reason", false},
        /* Of success nothing: the answer comes by the stream. */
        {SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Length: 8\r\n\r\nAccepted"), NULL, false},
        /* What nobody asked for is not read. */
        {SPAN_INIT(
             "HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"),
         NULL, true},
        {SPAN_INIT(
             "HTTP/1.1 400 No\r\nX: gzip\r\ncontent-ENCODING:   br\r\nContent-Length: 2\r\n\r\nxx"),
         NULL, true},
        {SPAN_INIT("HTTP/1.1 400 No\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nno"),
         "no", false},
        {SPAN_INIT("HTTP/1.1 400 No\r\nContent-Encodin: gzip\r\nContent-Encodings: gzip\r\n"
                   "Content-Encoding:\r\nVia: g\r\nContent-Length: 2\r\n\r\nno"),
         "no", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int round = 0; round < 100; round++) {
            struct exchange exchange;

            begin_sent(&exchange);
            assert_row(i, feed(&exchange, rows[i].reply, round == 0 ? one_byte : some_bytes));
            assert_row(i, exchange.replied && exchange.delivery.reply_complete);
            assert_span(exchange.delivery.reply_body, rows[i].kept);
            assert_row(i, exchange.delivery.reply_encoded == rows[i].is_encoded);
            exchange_done(&exchange);
        }
    }
}

/* The longest body that is kept, and one byte more, of which nothing is. */
static void test_a_long_refusal(void **state)
{
    static char body[EXCHANGE_KEPT_MAXIMUM + 1];

    (void)state;
    memset(body, 'x', sizeof(body));
    for (size_t more = 0; more < 2; more++) {
        struct exchange exchange;
        char head[96];
        size_t length = EXCHANGE_KEPT_MAXIMUM + more;
        int head_length =
            snprintf(head, sizeof(head), "HTTP/1.1 500 No\r\nContent-Length: %zu\r\n\r\n", length);

        begin_sent(&exchange);
        assert_true(exchange_feed(&exchange, (struct span){head, (size_t)head_length}));
        assert_true(feed(&exchange, (struct span){body, length}, some_bytes));
        assert_true(exchange.replied && exchange.keep_alive);
        assert_int_equal(exchange.delivery.reply_body.length, more == 0 ? length : 0);
        exchange_done(&exchange);
    }
}

static void test_extra_bytes(void **state)
{
    static const struct span extras[] = {/* One byte, a line end, a second reply. */
                                         SPAN_INIT("x"), SPAN_INIT("\r\n"),
                                         SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(extras); i++) {
        struct exchange exchange;
        struct bytes text;

        begin_sent(&exchange);
        bytes_init(&text, 4096);
        bytes_append_text(&text, "HTTP/1.1 202 OK\r\nContent-Length: 2\r\n\r\nok");
        bytes_append_span(&text, extras[i]);
        assert_row(i, exchange_feed(&exchange, bytes_span(&text)));
        assert_row(i, exchange.replied && exchange.delivery.status == 202);
        assert_row(i, !exchange.keep_alive);
        bytes_done(&text);
        exchange_done(&exchange);
    }
}

static void test_reply_before_the_request_is_out(void **state)
{
    struct exchange exchange;

    (void)state;
    begin(&exchange);
    exchange_sent(&exchange, exchange_unsent(&exchange).length - 1);
    assert_true(
        exchange_feed(&exchange, SPAN("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")));
    assert_true(exchange.replied);
    assert_int_equal(exchange.delivery.status, 413);
    assert_false(exchange.keep_alive);
    exchange_done(&exchange);
}

/* The longest body of which all is still read, and one byte more. */
static void test_size(void **state)
{
    static const struct span head =
        SPAN_INIT("HTTP/1.1 202 OK\r\nContent-Length: 99999999\r\n\r\n");
    static const struct span filler = SPAN_INIT("0123456789abcdef");
    struct exchange exchange;
    size_t fed = head.length;

    (void)state;
    begin_sent(&exchange);
    assert_true(exchange_feed(&exchange, head));
    while (fed + filler.length <= EXCHANGE_REPLY_MAXIMUM) {
        assert_true(exchange_feed(&exchange, filler));
        fed += filler.length;
    }
    assert_false(exchange_feed(&exchange, filler));
    assert_false(exchange.replied);
    exchange_done(&exchange);
}

static void test_endless_head(void **state)
{
    struct exchange exchange;
    size_t fed = 0;

    (void)state;
    begin_sent(&exchange);
    assert_true(exchange_feed(&exchange, SPAN("HTTP/1.1 202 OK\r\nX: ")));
    while (exchange_feed(&exchange, SPAN("0123456789abcdef"))) {
        fed += 16;
        assert_true(fed <= EXCHANGE_REPLY_MAXIMUM);
    }
    assert_false(exchange.replied);
    exchange_done(&exchange);
}

static void test_endless_interim_replies(void **state)
{
    struct exchange exchange;
    size_t fed = 0;

    (void)state;
    begin_sent(&exchange);
    while (exchange_feed(&exchange, SPAN("HTTP/1.1 100 Continue\r\n\r\n"))) {
        fed += 25;
        assert_true(fed <= EXCHANGE_REPLY_MAXIMUM);
    }
    assert_false(exchange.replied);
    exchange_done(&exchange);
}

/* Noise must not be taken for a reply, nor read past its end. */
static void test_noise(void **state)
{
    static const char alphabet[] = "HTP/1.0 2\r\n:x\x80";

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char noise[64];
        struct exchange exchange;

        for (size_t i = 0; i < sizeof(noise); i++) {
            noise[i] = alphabet[unit_random(&seed) % (sizeof(alphabet) - 1)];
        }
        begin_sent(&exchange);
        (void)feed(&exchange, (struct span){noise, sizeof(noise)}, some_bytes);
        assert_true(!exchange.replied || exchange.delivery.status != 0);
        exchange_done(&exchange);
    }
}

static bool begin_with_failing_memory(void)
{
    struct exchange exchange;

    if (exchange_init(&exchange, SPAN(HEAD), SPAN(BODY), on_end, NULL) < 0) {
        return false;
    }
    exchange_done(&exchange);
    return true;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(begin_with_failing_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_asking),
        cmocka_unit_test(test_begun_again),
        cmocka_unit_test(test_offered),
        cmocka_unit_test(test_a_refusal_is_kept),
        cmocka_unit_test(test_a_long_refusal),
        cmocka_unit_test(test_extra_bytes),
        cmocka_unit_test(test_reply_before_the_request_is_out),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_endless_head),
        cmocka_unit_test(test_endless_interim_replies),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
