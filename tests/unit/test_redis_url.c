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

static void test_tls(void **state)
{
    struct redis_url url;

    (void)state;
    assert_int_equal(redis_url_init(&url, "rediss://teplo:s%20t@h:6380/2"), 0);
    assert_true(url.has_tls);
    assert_string_equal(url.host, "h");
    assert_int_equal(url.port, 6380);
    assert_string_equal(url.user, "teplo");
    assert_string_equal(url.password, "s t");
    assert_int_equal(url.database, 2);
    assert_string_equal(url.shown, "rediss://h:6380/2");
    redis_url_done(&url);
    assert_int_equal(redis_url_init(&url, "redis://h"), 0);
    assert_false(url.has_tls);
    redis_url_done(&url);
}

static void test_sentinels(void **state)
{
    static const struct {
        const char *text;
        const char *master;
        const char *user;
        const char *password;
        const char *shown;
    } rows[] = {
        {"sentinel://h/mymaster", "mymaster", NULL, NULL, "sentinel://h:26379/mymaster/0"},
        {"sentinel://h1,h2:7,[::1],[fe80::1]:8/a.b_c-1/3", "a.b_c-1", NULL, NULL,
         "sentinel://h1:26379,h2:7,[::1]:26379,[fe80::1]:8/a.b_c-1/3"},
        {"sentinels://u:p%40,:@a:1,b:2/m/", "m", "u", "p@,:", "sentinels://a:1,b:2/m/0"},
        {"sentinel://:p@a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8/m", "m", NULL, "p",
         "sentinel://a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8/m/0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redis_url url;

        assert_row(i, redis_url_init(&url, rows[i].text) == 0);
        assert_row(i, url.host == NULL && url.path == NULL && url.sentinel_count > 0);
        assert_row(i, url.has_tls == (strncmp(rows[i].text, "sentinels:", 10) == 0));
        assert_string_equal(url.master, rows[i].master);
        assert_string_equal(or_none(url.user), or_none(rows[i].user));
        assert_string_equal(or_none(url.password), or_none(rows[i].password));
        assert_string_equal(url.shown, rows[i].shown);
        redis_url_done(&url);
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

static const char *const bad_ones[] = {
    "",
    "redis",
    "redis:",
    "redis://",
    "redis://:6379",
    "redis:///0",
    "http://h",
    "rediss:/h",
    "redisss://h",
    "rediss://",
    "rediss://h/x",
    "rediss+unix:///a",
    "sentinel://",
    "sentinel:///m",
    "sentinel://h",
    "sentinel://h/",
    "sentinel://h/m/x",
    "sentinel://h/m/0/1",
    "sentinel://h,/m",
    "sentinel://,h/m",
    "sentinel://h,,h/m",
    "sentinel://h/m n",
    "sentinel://h/m@n",
    "sentinel://h:0/m",
    "sentinel://[::1/m",
    "sentinel://a,b,c,d,e,f,g,h,i/m",
    "sentinel://u:%@h/m",
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

static void test_bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_ones); i++) {
        struct redis_url url = {.port = 7};

        assert_row(i, redis_url_init(&url, bad_ones[i]) == -EINVAL);
        assert_row(i, url.port == 7 && url.host == NULL);
        assert_row(i, redis_url_refusal(bad_ones[i]) != NULL);
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
    static const char *const rows[] = {"redis://user:p%40ss@[fe80::1]:6380/15",
                                       "sentinels://user:p%40ss@[fe80::1]:1,host/m/15",
                                       "unix:///run/a%20b?db=3"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t length = 0; length <= strlen(rows[i]); length++) {
            char *text = mem_copy_text(rows[i], length);
            struct redis_url url;

            assert_non_null(text);
            if (redis_url_init(&url, text) == 0) {
                assert_null(redis_url_refusal(text));
                redis_url_done(&url);
            }
            mem_free(text);
        }
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

static bool parse_others(void)
{
    struct redis_url url = {0};
    int r = redis_url_init(&url, "unix:///run/redis.sock");

    redis_url_done(&url);
    if (r == 0) {
        r = redis_url_init(&url, "sentinel://u:p@h,[::1]:1/m");
    }

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
    each_allocation_fails(parse_others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),    cmocka_unit_test(test_tls),
        cmocka_unit_test(test_sentinels),    cmocka_unit_test(test_paths),
        cmocka_unit_test(test_bad_ones),     cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
