/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "proto/redis_url.h"

static const char *or_none(const char *text)
{
    return text == NULL ? "(none)" : text;
}

static void test_good_ones(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        unsigned port;
        const char *user;
        const char *password;
        unsigned database;
        const char *shown;
    } rows[] = {
        {"redis://redis", "redis", 6379, NULL, NULL, 0, "redis://redis:6379/0"},
        {"redis://redis/", "redis", 6379, NULL, NULL, 0, "redis://redis:6379/0"},
        {"redis://127.0.0.1:7000/3", "127.0.0.1", 7000, NULL, NULL, 3, "redis://127.0.0.1:7000/3"},
        {"redis://:secret@h", "h", 6379, NULL, "secret", 0, "redis://h:6379/0"},
        {"redis://teplo:secret@h:1", "h", 1, "teplo", "secret", 0, "redis://h:1/0"},
        {"redis://teplo@h", "h", 6379, "teplo", NULL, 0, "redis://h:6379/0"},
        {"redis://u:@h", "h", 6379, "u", "", 0, "redis://h:6379/0"},
        {"redis://u%3a:p%40%2Fq:r@h", "h", 6379, "u:", "p@/q:r", 0, "redis://h:6379/0"},
        {"redis://u:p@q@h", "h", 6379, "u", "p@q", 0, "redis://h:6379/0"},
        {"redis://[::1]", "::1", 6379, NULL, NULL, 0, "redis://[::1]:6379/0"},
        {"redis://:x@[fe80::1]:65535/15", "fe80::1", 65535, NULL, "x", 15,
         "redis://[fe80::1]:65535/15"},
        {"redis://grynya-redis.internal_net", "grynya-redis.internal_net", 6379, NULL, NULL, 0,
         "redis://grynya-redis.internal_net:6379/0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_url url;

        assert_row(i, redis_url_init(&url, rows[i].text) == 0);
        assert_null(url.path);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_string_equal(or_none(url.user), or_none(rows[i].user));
        assert_string_equal(or_none(url.password), or_none(rows[i].password));
        assert_int_equal(url.database, rows[i].database);
        assert_string_equal(url.shown, rows[i].shown);
        redis_url_done(&url);
        assert_null(url.password);
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *text;
        const char *path;
        unsigned database;
    } rows[] = {
        {"unix:///run/redis.sock", "/run/redis.sock", 0},
        {"unix:///run/redis.sock?db=12", "/run/redis.sock", 12},
        {"unix:///a%20b%3Fc", "/a b?c", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_url url;

        assert_row(i, redis_url_init(&url, rows[i].text) == 0);
        assert_string_equal(url.path, rows[i].path);
        assert_null(url.host);
        assert_int_equal(url.database, rows[i].database);
        redis_url_done(&url);
    }
}

static void test_bad_ones(void **state)
{
    static const char *const rows[] = {
        "",
        "redis",
        "redis:",
        "redis://",
        "redis://:6379",
        "redis:///0",
        "http://h",
        "rediss://h",
        "REDIS://h",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:6379x",
        "redis://h:-1",
        "redis://h/x",
        "redis://h/99999",
        "redis://h/1/2",
        "redis://h?db=1",
        "redis://h h",
        "redis://h\n",
        "redis://h#1",
        "redis://u:p%@h",
        "redis://u:p%4@h",
        "redis://u:p%zz@h",
        "redis://u:p%00@h",
        "redis://[::1",
        "redis://[::1]6379",
        "redis://[h]",
        "redis://[]",
        "redis://::1",
        "unix://",
        "unix://run/redis.sock",
        "unix:///a?db=",
        "unix:///a?db=x",
        "unix:///a?name=x",
        "unix:///a?",
        "unix:///a%00",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_url url = {.port = 7};

        assert_row(i, redis_url_init(&url, rows[i]) == -EINVAL);
        assert_row(i, url.port == 7 && url.host == NULL);
    }
}

static void test_too_long(void **state)
{
    char text[REDIS_URL_MAXIMUM + 64];
    struct redis_url url;

    (void)state;
    (void)snprintf(text, sizeof(text), "unix:///%0107d", 0);
    assert_int_equal(redis_url_init(&url, text), -EINVAL);
    (void)snprintf(text, sizeof(text), "unix:///%0106d", 0);
    assert_int_equal(redis_url_init(&url, text), 0);
    redis_url_done(&url);
    (void)snprintf(text, sizeof(text), "redis://%0256d", 0);
    assert_int_equal(redis_url_init(&url, text), -EINVAL);
    (void)snprintf(text, sizeof(text), "redis://:%02040d@h", 0);
    assert_int_equal(redis_url_init(&url, text), -EINVAL);
}

static void test_cut_anywhere(void **state)
{
    static const char whole[] = "redis://user:p%40ss@[fe80::1]:6380/15";

    (void)state;
    for (size_t length = 0; length < sizeof(whole); length++) {
        char *text = mem_copy_text(whole, length);
        struct redis_url url;

        assert_non_null(text);
        if (redis_url_init(&url, text) == 0) {
            redis_url_done(&url);
        }
        mem_free(text);
    }
}

static bool parse(void)
{
    struct redis_url url = {0};
    int r = redis_url_init(&url, "redis://user:pass@host:1/2");

    if (r < 0) {
        assert_int_equal(r, -ENOMEM);
    }
    redis_url_done(&url);
    return r == 0;
}

static bool parse_path(void)
{
    struct redis_url url = {0};
    int r = redis_url_init(&url, "unix:///run/redis.sock");

    if (r < 0) {
        assert_int_equal(r, -ENOMEM);
    }
    redis_url_done(&url);
    return r == 0;
}

static void test_without_memory(void **state)
{
    (void)state;
    each_allocation_fails(parse);
    each_allocation_fails(parse_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),    cmocka_unit_test(test_paths),
        cmocka_unit_test(test_bad_ones),     cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
