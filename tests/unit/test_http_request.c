/* SPDX-License-Identifier: MIT */
/* Requests for pages: what is taken, what is refused and with what, however the bytes come. */
#include "unit.h"

#include "broker/control/http_accept.h"
#include "broker/control/http_request.h"
#include "broker/control/loopback.h"

#include <netinet/in.h>

static enum http_take feed(struct http_request *request, const char *text, size_t at_once)
{
    size_t length = strlen(text);
    enum http_take take = HTTP_MORE;

    http_request_init(request);
    for (size_t at = 0; at < length && take == HTTP_MORE; at += at_once) {
        size_t piece = length - at < at_once ? length - at : at_once;

        take = http_request_feed(request, (struct span){text + at, piece});
    }
    return take;
}

#define GET_REQUEST(target) "GET " target " HTTP/1.1\r\nHost: localhost:9464\r\n\r\n"

static void test_whole_requests(void **state)
{
    static const struct {
        const char *text;
        const char *path, *query, *host;
        bool is_head;
    } rows[] = {
        {GET_REQUEST("/metrics"), "/metrics", NULL, "localhost:9464", false},
        {GET_REQUEST("/readyz?verbose"), "/readyz", "verbose", "localhost:9464", false},
        {"HEAD / HTTP/1.1\r\nhOsT:  [::1]  \r\nX: y\r\n\r\n", "/", NULL, "[::1]", true},
        {"GET / HTTP/1.0\r\n\r\n", "/", NULL, NULL, false},
        {"\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "/a", NULL, "h", false},
        {"GET http://127.0.0.1:1/b?x HTTP/1.1\r\nHost: other\r\n\r\n", "/b", "x", "127.0.0.1",
         false},
        {"GET / HTTP/1.1\r\nHost: \r\n\r\n", "/", NULL, NULL, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "/",
         NULL, "a", false},
        {GET_REQUEST("/metrics") GET_REQUEST("/second"), "/metrics", NULL, "localhost:9464", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t at_once = 1; at_once < 200; at_once += at_once < 8 ? 1 : 60) {
            struct http_request request;

            assert_row(i, feed(&request, rows[i].text, at_once) == HTTP_WHOLE);
            assert_span(request.path, rows[i].path);
            assert_span(request.query, rows[i].query);
            assert_row(i, span_is(request.host, rows[i].host == NULL ? "" : rows[i].host));
            assert_row(i, request.is_head == rows[i].is_head);
            http_request_done(&request);
        }
    }
}

static void test_refused_requests(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *word;
    } rows[] = {
        {"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405, "GET"},
        {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "teploctl"},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "GET"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, "GET"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413, "no body"},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413, "body"},
        {"GET / HTTP/1.1\r\n\r\n", 400, "Host"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "Host"},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no HTTP"},
        {"GET\x01 / HTTP/1.1\r\n\r\n", 400, "no HTTP"},
        {"\x16\x03\x01\x02", 400, "no HTTP"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "no HTTP"},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "Host"},
        {"GET metrics HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "no HTTP"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t at_once = 1; at_once < 200; at_once += 66) {
            struct http_request request;

            assert_row(i, feed(&request, rows[i].text, at_once) == HTTP_REFUSED);
            if ((int)request.status != rows[i].status) {
                print_error("row %zu: %d\n", i, (int)request.status);
            }
            assert_row(i, (int)request.status == rows[i].status);
            assert_row(i, strstr(request.refusal, rows[i].word) != NULL);
            http_request_done(&request);
        }
    }
}

/* HEAD, then FILLER times COUNT, then TAIL. */
static char *long_text(const char *head, const char *filler, size_t count, const char *tail)
{
    struct bytes text;
    size_t length;

    bytes_init(&text, 1 << 20);
    bytes_append_text(&text, head);
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(&text, filler);
    }
    bytes_append_text(&text, tail);
    bytes_append_char(&text, '\0');
    return bytes_take(&text, &length);
}

static void test_long_requests(void **state)
{
    static const struct {
        const char *head, *filler;
        size_t count;
        int status; /* 0: it is taken */
    } rows[] = {
        {"GET /", "x", 2047, 0},
        {"GET /", "x", 2048, 414},
        {"GET /", "x", 100000, 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", 7000, 0},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", 100000, 431},
        {"GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 10000, 431},
        {"GET / HTTP/1.1\r\nHost: ", "a", 512, 0},
        {"GET / HTTP/1.1\r\nHost: ", "a", 513, 431},
        {"GET / HTTP/1.1\r\nHost: a\r\nAccept: ", "a", 2049, 431},
        {"GET / HTTP/1.1\r\nHost: a\r\n", "Accept: a\r\n", 600, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *tail = i < 3                                  ? " HTTP/1.1\r\nHost: a\r\n\r\n"
                           : strchr(rows[i].filler, '\n') != NULL ? "\r\n"
                                                                  : "\r\n\r\n";
        char *text = long_text(rows[i].head, rows[i].filler, rows[i].count, tail);
        struct http_request request;
        enum http_take take = feed(&request, text, 1000);

        assert_row(i, take == (rows[i].status == 0 ? HTTP_WHOLE : HTTP_REFUSED));
        assert_row(i, rows[i].status == 0 || (int)request.status == rows[i].status);
        assert_true(request.taken <= HTTP_HEAD_MAXIMUM);
        http_request_done(&request);
        mem_free(text);
    }
}

static void test_query(void **state)
{
    static const struct {
        const char *target;
        bool asks;
    } rows[] = {{"/readyz?verbose", true},   {"/readyz?a&verbose&b", true},
                {"/readyz", false},          {"/readyz?verbose=1", false},
                {"/readyz?verbos", false},   {"/readyz?&&verbose", true},
                {"/readyz?verbose#x", true}, {"/readyz?", false}};
    char text[128];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_request request;

        (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].target);
        assert_row(i, feed(&request, text, 1000) == HTTP_WHOLE);
        assert_row(i, http_request_asks(&request, "verbose") == rows[i].asks);
        http_request_done(&request);
    }
}

static void test_accept(void **state)
{
    static const struct {
        const char *accept;
        bool is_openmetrics;
    } rows[] = {
        {"", false},
        {"*/*", false},
        {"text/plain", false},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text; Version=1.0.0", true},
        {"application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", true},
        {"application/openmetrics-text; version=2.0.0", false},
        {"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.6", false},
        {"application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5", true},
        {"text/plain;q=0.5, application/openmetrics-text;q=0.5", true},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;q=1.5", false},
        {"application/openmetrics-text;q=x", false},
        {"application/openmetrics-text;x=\",\";q=0.001", true},
        {",,;;=,\"", false},
        /* As Prometheus 2.5x and 3 send it. */
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
         "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         true},
        {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
         "encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3",
         false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, http_accept_prefers_openmetrics(span_of(rows[i].accept)) ==
                          rows[i].is_openmetrics);
    }
}

static void test_several_accept_headers_are_one(void **state)
{
    struct http_request request;

    (void)state;
    assert_int_equal(feed(&request,
                          "GET / HTTP/1.1\r\nAccept: text/plain;q=0.1\r\nHost: a\r\n"
                          "ACCEPT: application/openmetrics-text\r\n\r\n",
                          7),
                     HTTP_WHOLE);
    assert_true(http_request_wants_openmetrics(&request));
    http_request_done(&request);
}

/* ---- addresses */

static void test_loopback_addresses(void **state)
{
    static const struct {
        const char *text;
        int family; /* 0: refused */
        in_port_t port;
    } rows[] = {
        {"127.0.0.1:9464", AF_INET, 9464},
        {"127.1.2.3:1", AF_INET, 1},
        {"localhost:65535", AF_INET, 65535},
        {"LocalHost:0", AF_INET, 0},
        {"[::1]:9464", AF_INET6, 9464},
        {"[127.0.0.1]:9464", AF_INET, 9464},
        {"[0:0:0:0:0:0:0:1]:9464", AF_INET6, 9464},
        {"0.0.0.0:9464", 0, 0},
        {"[::]:9464", 0, 0},
        {"[::ffff:127.0.0.1]:9464", 0, 0},
        {"10.0.0.1:9464", 0, 0},
        {"128.0.0.1:9464", 0, 0},
        {"localhost.evil.example:9464", 0, 0},
        {"127.0.0.1.evil:9464", 0, 0},
        {"127.1:9464", 0, 0},
        {"2130706433:9464", 0, 0},
        {":9464", 0, 0},
        {"9464", 0, 0},
        {"127.0.0.1", 0, 0},
        {"127.0.0.1:", 0, 0},
        {"127.0.0.1:65536", 0, 0},
        {"127.0.0.1:-1", 0, 0},
        {"127.0.0.1:123456789012", 0, 0},
        {"::1:9464", 0, 0},
        {"[::1]9464", 0, 0},
        {"[::1", 0, 0},
        {"[]:1", 0, 0},
        {"", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loopback read = {0};
        const char *refusal = loopback_read(span_of(rows[i].text), &read);
        const struct sockaddr_in *in =
            (const void *)&read.address; /* the port is the same in both */

        assert_row(i, (refusal == NULL) == (rows[i].family != 0));
        assert_row(i, refusal != NULL || (read.address.ss_family == rows[i].family &&
                                          ntohs(in->sin_port) == rows[i].port));
        assert_row(i, refusal == NULL || strstr(refusal, "127.0.0.1") != NULL);
    }
}

static void test_loopback_hosts(void **state)
{
    static const char *const good[] = {"localhost",      "localhost:1", "LOCALHOST", "127.0.0.1",
                                       "127.0.0.1:9464", "[::1]",       "[::1]:80"};
    static const char *const bad[] = {"",      "evil.example",     "localhost.evil.example",
                                      "a",     "127.0.0.1.nip.io", "10.0.0.1:9464",
                                      "[::2]", "localhost:x",      "localhost:1:2",
                                      "::1"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_row(i, loopback_is_host(span_of(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_row(i, !loopback_is_host(span_of(bad[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_requests),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_long_requests),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_several_accept_headers_are_one),
        cmocka_unit_test(test_loopback_addresses),
        cmocka_unit_test(test_loopback_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
