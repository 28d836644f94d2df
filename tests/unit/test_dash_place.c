/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "client-lib/dash/dash_place.h"

static void test_places(void **state)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        unsigned port;
        bool is_loopback;
        bool is_any;
    } rows[] = {
        {"127.0.0.1:9465", "127.0.0.1", 9465, true, false},
        {"127.0.0.1:0", "127.0.0.1", 0, true, false},
        {"localhost:80", "127.0.0.1", 80, true, false},
        {"LocalHost:80", "127.0.0.1", 80, true, false},
        {"[::1]:65535", "::1", 65535, true, false},
        {"0.0.0.0:1", "0.0.0.0", 1, false, true},
        {"[::]:1", "::", 1, false, true},
        {"10.1.2.3:1", "10.1.2.3", 1, false, false},
        {"[fe80::1]:1", "fe80::1", 1, false, false},
        {"", NULL, 0, false, false},
        {":", NULL, 0, false, false},
        {":80", NULL, 0, false, false},
        {"127.0.0.1", NULL, 0, false, false},
        {"127.0.0.1:", NULL, 0, false, false},
        {"127.0.0.1:65536", NULL, 0, false, false},
        {"127.0.0.1:123456", NULL, 0, false, false},
        {"127.0.0.1:-1", NULL, 0, false, false},
        {"127.0.0.1:+1", NULL, 0, false, false},
        {"127.0.0.1:8 0", NULL, 0, false, false},
        {"127.1:80", NULL, 0, false, false},
        {"host.example:80", NULL, 0, false, false},
        {"::1:80", NULL, 0, false, false},
        {"[::1]", NULL, 0, false, false},
        {"[::1]80", NULL, 0, false, false},
        {"[::1:80", NULL, 0, false, false},
        {"[127.0.0.1]:80", NULL, 0, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dash_place place = {"unchanged", 7};

        assert_row(i, dash_place_parse(&place, rows[i].text) == (rows[i].host != NULL));
        assert_string_equal(place.host, rows[i].host == NULL ? "unchanged" : rows[i].host);
        assert_int_equal(place.port, rows[i].host == NULL ? 7 : rows[i].port);
        if (rows[i].host != NULL) {
            assert_row(i, dash_place_is_loopback(&place) == rows[i].is_loopback);
            assert_row(i, dash_place_is_any(&place) == rows[i].is_any);
        }
    }
}

static void test_long_places(void **state)
{
    struct dash_place place;
    char text[600];

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + sizeof(text) - 4, ":80", 4);
    assert_false(dash_place_parse(&place, text));
}

static void test_hosts(void **state)
{
    static const struct dash_names names = {{"dash.example", "other"}, 2};
    static const struct {
        const char *listen;
        const char *host;
        bool is_served;
    } rows[] = {
        {"127.0.0.1:1", "localhost", true},
        {"127.0.0.1:1", "localhost:9465", true},
        {"127.0.0.1:1", "LOCALHOST.", true},
        {"127.0.0.1:1", "127.0.0.1:1", true},
        {"127.0.0.1:1", "127.1.2.3", true},
        {"127.0.0.1:1", "[::1]:1", true},
        {"127.0.0.1:1", "dash.example", true},
        {"127.0.0.1:1", "Dash.Example.:443", true},
        {"127.0.0.1:1", "other", true},
        {"127.0.0.1:1", "", false},
        {"127.0.0.1:1", ".", false},
        {"127.0.0.1:1", ":80", false},
        {"127.0.0.1:1", "evil.example", false},
        {"127.0.0.1:1", "localhost.evil.example", false},
        {"127.0.0.1:1", "127.0.0.1.evil.example", false},
        {"127.0.0.1:1", "xdash.example", false},
        {"127.0.0.1:1", "dash.example.evil", false},
        {"127.0.0.1:1", "localhost:", false},
        {"127.0.0.1:1", "localhost:80:80", false},
        {"127.0.0.1:1", "localhost:99999", false},
        {"127.0.0.1:1", "user@localhost", false},
        {"127.0.0.1:1", "localhost evil", false},
        {"127.0.0.1:1", "10.1.2.3", false},
        {"127.0.0.1:1", "2130706433", false},
        {"127.0.0.1:1", "::1", false},
        {"10.1.2.3:1", "10.1.2.3:9", true},
        {"10.1.2.3:1", "10.1.2.4", false},
        {"10.1.2.3:1", "localhost", true},
        {"[fe80::1]:1", "[FE80:0::1]:5", true},
        {"[fe80::1]:1", "[fe80::2]", false},
        {"0.0.0.0:1", "10.1.2.3", true},
        {"0.0.0.0:1", "[fe80::2]", true},
        {"0.0.0.0:1", "evil.example", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dash_place place;

        assert_true(dash_place_parse(&place, rows[i].listen));
        assert_row(i,
                   dash_place_serves(&place, &names, span_of(rows[i].host)) == rows[i].is_served);
    }
}

/* A header can hold what a C string cannot. */
static void test_host_with_nul(void **state)
{
    static const struct dash_names names = {{NULL}, 0};
    struct dash_place place;

    (void)state;
    assert_true(dash_place_parse(&place, "127.0.0.1:1"));
    assert_false(dash_place_serves(&place, &names, (struct span){"localhost\0.evil", 15}));
    assert_false(dash_place_serves(&place, &names, SPAN_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_long_places),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_host_with_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
