/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "proto/redis_redirect.h"

static void test_good_ones(void **state)
{
    static const struct {
        const char *reply;
        bool is_ask;
        const char *host;
        unsigned port;
    } rows[] = {
        {"MOVED 3999 127.0.0.1:6381", false, "127.0.0.1", 6381},
        {"ASK 3999 127.0.0.1:6381", true, "127.0.0.1", 6381},
        {"MOVED 0 :1", false, "", 1},
        {"MOVED 16383 ::1:65535", false, "::1", 65535},
        {"MOVED 1 fe80::1:2:3", false, "fe80::1:2", 3},
        {"MOVED 1 node-1.example:7000", false, "node-1.example", 7000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_redirect redirect;

        assert_row(i, redis_redirect_read(&redirect, rows[i].reply) == 0);
        assert_row(i, redirect.is_ask == rows[i].is_ask && redirect.port == rows[i].port);
        assert_string_equal(redirect.host, rows[i].host);
    }
}

static void test_bad_ones(void **state)
{
    static const char *const rows[] = {
        "",
        "MOVED",
        "MOVED ",
        "MOVED 1",
        "MOVED 1 ",
        "MOVED 1 h",
        "MOVED 1 h:",
        "MOVED 1 h:0",
        "MOVED 1 h:x",
        "MOVED 1 h:65536",
        "MOVED 1 :",
        "MOVED 1 ?:1",
        "MOVED 1 h:-1",
        "MOVED 1 h:1 ",
        "MOVED 1 a b:1",
        "moved 1 h:1",
        "MOVEDX 1 h:1",
        "ASK 1 h:100000",
        "ASKING 1 h:1",
        "MOVED 1 \x7f:1",
    };
    struct redis_redirect redirect = {.port = 7};
    char text[512];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, redis_redirect_read(&redirect, rows[i]) == -EINVAL);
        assert_row(i, redirect.port == 7);
    }
    (void)snprintf(text, sizeof(text), "MOVED 1 %0255d:1", 0);
    assert_int_equal(redis_redirect_read(&redirect, text), 0);
    (void)snprintf(text, sizeof(text), "MOVED 1 %0256d:1", 0);
    assert_int_equal(redis_redirect_read(&redirect, text), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_bad_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
