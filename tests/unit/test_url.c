/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "broker/upstream/url.h"

#define BASE "http://server.example:8000/mcp/sse?token=hush"

static void test_parts(void **state)
{
    static const struct {
        const char *text;
        const char *origin;
        const char *host;
        const char *target;
        const char *shown;
    } rows[] = {
        /* A port of its own: in the Host header. */
        {"http://a:8000/sse", "http://a:8000", "a:8000", "/sse", "http://a:8000/sse"},
        /* The scheme's port: not in the Host header, named in the origin. */
        {"http://a/sse", "http://a:80", "a", "/sse", "http://a/sse"},
        {"http://a:80/sse", "http://a:80", "a", "/sse", "http://a/sse"},
        {"https://a/sse", "https://a:443", "a", "/sse", "https://a/sse"},
        {"https://a:443/sse", "https://a:443", "a", "/sse", "https://a/sse"},
        /* The other scheme's port. */
        {"https://a:80/sse", "https://a:80", "a:80", "/sse", "https://a:80/sse"},
        {"http://a:443/sse", "http://a:443", "a:443", "/sse", "http://a:443/sse"},
        /* No path. */
        {"http://a", "http://a:80", "a", "/", "http://a/"},
        {"http://a?k=v", "http://a:80", "a", "/?k=v", "http://a/"},
        /* A query goes out and is not shown. */
        {"http://a/sse?token=hush", "http://a:80", "a", "/sse?token=hush", "http://a/sse"},
        /* IPv6, with its brackets. */
        {"http://[::1]:8000/sse", "http://[::1]:8000", "[::1]:8000", "/sse",
         "http://[::1]:8000/sse"},
        {"http://[2001:db8::1]/sse", "http://[2001:db8::1]:80", "[2001:db8::1]", "/sse",
         "http://[2001:db8::1]/sse"},
        /* The scheme is written in any case. */
        {"HTTP://a/SSE", "http://a:80", "a", "/SSE", "http://a/SSE"},
        /* Dot segments are gone. */
        {"http://a/x/../sse", "http://a:80", "a", "/sse", "http://a/sse"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct url url;

        assert_row(i, url_init(&url, rows[i].text) == 0);
        assert_string_equal(url.origin, rows[i].origin);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.target, rows[i].target);
        assert_string_equal(url.shown, rows[i].shown);
        url_done(&url);
    }
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        /* Nothing, and not absolute. */
        "", "/sse", "server.example/sse", "//server.example/sse",
        /* Other schemes. */
        "ftp://a/sse", "ws://a/sse", "file:///etc/passwd", "javascript:alert(1)",
        /* No host; a port that is none. */
        "http://", "http://a:99999/", "http://a:x/", "http://a:-1/",
        /* Credentials belong into "headers"; a fragment is never sent. */
        "http://user@a/", "http://user:secret@a/", "http://@a/", "http://a/#part",
        /* Bytes that would break a request line, or a log line. */
        "http://a/\r\nX: y", "http://a/\n", "http://a/\x01", "http://a/\x7f", "http://a /sse",
        "http://a/s se", "http://a\t/", " http://a/",
        /* Brackets that do not close. */
        "http://[::1/sse", "http://[zz]/"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct url url;
        int r = url_init(&url, rows[i]);

        if (r == 0) {
            print_message("accepted: %s as %s\n", rows[i], url.text);
        }
        assert_row(i, r == -EINVAL);
        assert_row(i, url.text == NULL && url.shown == NULL);
        url_done(&url);
    }
}

static void test_length(void **state)
{
    char text[URL_MAXIMUM + 2];
    struct url url;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "http://a/", 9);
    text[URL_MAXIMUM] = '\0';
    assert_int_equal(url_init(&url, text), 0);
    url_done(&url);
    text[URL_MAXIMUM] = 'x';
    text[URL_MAXIMUM + 1] = '\0';
    assert_int_equal(url_init(&url, text), -EINVAL);
}

static void test_references(void **state)
{
    static const struct {
        const char *reference;
        const char *text;
        bool is_same_origin;
    } rows[] = {
        /* As the official SDKs send it: a path with a query. */
        {"/messages/?session_id=1", "http://server.example:8000/messages/?session_id=1", true},
        {"/", "http://server.example:8000/", true},
        /* Without the slash: beside the last segment of the base. */
        {"messages?session_id=1", "http://server.example:8000/mcp/messages?session_id=1", true},
        {"../messages", "http://server.example:8000/messages", true},
        {"./messages", "http://server.example:8000/mcp/messages", true},
        /* A query alone keeps the path and loses the base's query. */
        {"?session_id=1", "http://server.example:8000/mcp/sse?session_id=1", true},
        /* Absolute, on the same origin. */
        {"http://server.example:8000/m?s=1", "http://server.example:8000/m?s=1", true},
        {"//server.example:8000/m", "http://server.example:8000/m", true},
        /* Another port, the default one too. */
        {"http://server.example:8001/m", "http://server.example:8001/m", false},
        {"http://server.example/m", "http://server.example/m", false},
        {"//server.example/m", "http://server.example/m", false},
        /* Another scheme. */
        {"https://server.example:8000/m", "https://server.example:8000/m", false},
        /* Another host; one that only begins like ours. */
        {"http://evil.example:8000/m", "http://evil.example:8000/m", false},
        {"//evil.example:8000/m", "http://evil.example:8000/m", false},
        {"http://server.example.evil.example:8000/m", "http://server.example.evil.example:8000/m",
         false},
        /* Escapes stay escapes. */
        {"/m?s=a%20b%2Fc", "http://server.example:8000/m?s=a%20b%2Fc", true},
    };
    struct url base;

    (void)state;
    assert_int_equal(url_init(&base, BASE), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct url url;

        assert_row(i, url_init_relative(&url, &base, span_of(rows[i].reference)) == 0);
        assert_string_equal(url.text, rows[i].text);
        assert_row(i, url_same_origin(&url, &base) == rows[i].is_same_origin);
        assert_row(i, strchr(url.shown, '?') == NULL);
        url_done(&url);
    }
    url_done(&base);
}

static void test_references_refused(void **state)
{
    static const struct span rows[] = {
        /* Nothing. */
        SPAN_INIT(""),
        /* Bytes that would end the request line: an endpoint must not add headers. */
        SPAN_INIT("/m\r\nX-Evil: 1"), SPAN_INIT("/m\n"), SPAN_INIT("/m\t"), SPAN_INIT("/m\0x"),
        SPAN_INIT("/a b"), SPAN_INIT(" /m"), SPAN_INIT("/m\x7f"), SPAN_INIT("/\xc3\xa9"),
        /* Credentials, a fragment, another scheme. */
        SPAN_INIT("http://user@server.example:8000/m"),
        SPAN_INIT("http://user:secret@server.example:8000/m"), SPAN_INIT("/m#part"),
        SPAN_INIT("ftp://server.example/m"), SPAN_INIT("javascript:alert(1)"),
        SPAN_INIT("file:///etc/passwd"),
        /* A port that is none. */
        SPAN_INIT("http://server.example:99999/m")};
    struct url base;

    (void)state;
    assert_int_equal(url_init(&base, BASE), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct url url;
        int r = url_init_relative(&url, &base, rows[i]);

        if (r == 0) {
            print_message("accepted: %.*s as %s\n", (int)rows[i].length, rows[i].at, url.text);
        }
        assert_row(i, r == -EINVAL);
        url_done(&url);
    }
    url_done(&base);
}

static void test_reference_too_long(void **state)
{
    char text[URL_MAXIMUM + 1];
    struct url base;
    struct url url;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[0] = '/';
    assert_int_equal(url_init(&base, BASE), 0);
    assert_int_equal(url_init_relative(&url, &base, (struct span){text, sizeof(text)}), -EINVAL);
    /* Not too long by itself, but with the host before it. */
    assert_int_equal(url_init_relative(&url, &base, (struct span){text, URL_MAXIMUM}), -EINVAL);
    url_done(&base);
}

static void test_a_user_in_the_base(void **state)
{
    struct url base;
    struct url url;

    (void)state;
    /* A base has none; a reference cannot bring one by way of a relative form either. */
    assert_int_equal(url_init(&base, "http://a/"), 0);
    assert_int_equal(url_init_relative(&url, &base, SPAN("//user@a/m")), -EINVAL);
    url_done(&base);
}

static bool resolve_with_failing_memory(void)
{
    struct url base;
    struct url url = {0};
    bool is_done = url_init(&base, BASE) == 0 &&
                   url_init_relative(&url, &base, SPAN("/messages?session_id=1")) == 0;

    url_done(&url);
    url_done(&base);
    return is_done;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(resolve_with_failing_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_references_refused),
        cmocka_unit_test(test_reference_too_long),
        cmocka_unit_test(test_a_user_in_the_base),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
