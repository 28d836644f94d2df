/* SPDX-License-Identifier: MIT */
/* Where a connection goes, and with what; how long to wait before the next one. */
#include "unit.h"

#include <errno.h>

#include "broker/health/redis_aim.h"
#include "broker/health/redis_backoff.h"

static struct redis_access access_of(const char *url)
{
    struct redis_access_texts texts = {.url = url};
    struct redis_access access;

    assert_int_equal(redis_access_init(&access, &texts), 0);
    return access;
}

static void assert_target(const struct redis_aim *aim, const char *host, unsigned port)
{
    struct redis_dial_target target = redis_aim_target(aim);

    assert_string_equal(target.host, host);
    assert_int_equal(target.port, port);
}

static void test_url_alone(void **state)
{
    struct redis_access access = access_of("redis://seed:7");
    struct redis_aim aim;

    (void)state;
    redis_aim_init(&aim, &access);
    assert_false(redis_aim_wants_sentinels(&aim) || redis_aim_has_choice(&aim));
    for (int i = 0; i < 3; i++) {
        assert_target(&aim, "seed", 7);
        assert_string_equal(redis_aim_place(&aim), "");
        redis_aim_lost(&aim);
    }
    assert_null(redis_aim_target(&aim).tls);
    redis_access_done(&access);
}

static void test_moved(void **state)
{
    struct redis_access access = access_of("rediss://seed:7");
    struct redis_aim aim;

    (void)state;
    redis_aim_init(&aim, &access);
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 node:8"), 0);
    assert_target(&aim, "node", 8);
    assert_true(redis_aim_target(&aim).tls == &access.tls);
    assert_string_equal(redis_aim_place(&aim), "node:8");
    assert_true(redis_aim_has_choice(&aim));
    /* An empty host is the one that was asked. */
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 :9"), 0);
    assert_target(&aim, "node", 9);
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 ::1:10"), 0);
    assert_string_equal(redis_aim_place(&aim), "[::1]:10");
    /* Lost: the url's host and the node in turns. */
    for (int i = 0; i < 3; i++) {
        redis_aim_lost(&aim);
        assert_target(&aim, "seed", 7);
        redis_aim_lost(&aim);
        assert_target(&aim, "::1", 10);
    }
    redis_access_done(&access);
}

static void test_moved_in_circles(void **state)
{
    struct redis_access access = access_of("redis://seed:7");
    struct redis_aim aim;

    (void)state;
    redis_aim_init(&aim, &access);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++) {
            assert_int_equal(redis_aim_move(&aim, "MOVED 1 node:8"), 0);
        }
        redis_aim_worked(&aim);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(redis_aim_move(&aim, "MOVED 1 node:8"), 0);
    }
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 node:8"), -ELOOP);
    assert_target(&aim, "seed", 7);
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 ?:8"), -EINVAL);
    /* A node that is gone is no circle, however often the others name it. */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(redis_aim_move(&aim, "MOVED 1 node:8"), 0);
        redis_aim_lost(&aim);
    }
    redis_access_done(&access);
    /* A path has no host to stay on. */
    access = access_of("unix:///r.sock");
    redis_aim_init(&aim, &access);
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 :8"), -EINVAL);
    assert_string_equal(redis_aim_target(&aim).path, "/r.sock");
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 h:8"), 0);
    assert_null(redis_aim_target(&aim).path);
    assert_target(&aim, "h", 8);
    redis_access_done(&access);
}

static void test_asking(void **state)
{
    struct redis_access access = access_of("redis://seed:7");
    struct redis_aim aim;

    (void)state;
    redis_aim_init(&aim, &access);
    assert_int_equal(redis_aim_move(&aim, "ASK 1 node:8"), 0);
    assert_true(redis_aim_is_asking(&aim));
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 old:9"), 0);
    assert_false(redis_aim_is_asking(&aim));
    assert_int_equal(redis_aim_move(&aim, "ASK 1 node:8"), 0);
    /* Such a node is not gone back to. */
    redis_aim_lost(&aim);
    assert_target(&aim, "seed", 7);
    redis_aim_lost(&aim);
    assert_target(&aim, "seed", 7);
    redis_access_done(&access);
}

static void test_sentinels(void **state)
{
    struct redis_access access = access_of("sentinels://:secret@a,b/m");
    struct redis_aim aim;

    (void)state;
    redis_aim_init(&aim, &access);
    assert_true(redis_aim_wants_sentinels(&aim) && redis_aim_has_choice(&aim));
    assert_string_equal(redis_aim_place(&aim), "");
    redis_aim_found(&aim, "10.0.0.1", 6379);
    assert_target(&aim, "10.0.0.1", 6379);
    assert_string_equal(redis_aim_place(&aim), "10.0.0.1:6379");
    assert_int_equal(redis_aim_move(&aim, "MOVED 1 h:8"), -EINVAL);
    redis_aim_lost(&aim);
    redis_aim_found(&aim, "::2", 1);
    assert_target(&aim, "::2", 1);
    assert_string_equal(access.credentials.password, "secret");
    assert_null(access.sentinel.password);
    redis_access_done(&access);
}

static const struct redis_access_texts all_texts = {.url = "redis://u:p@h",
                                                    .username = "",
                                                    .password = "p@:/%41",
                                                    .sentinel_username = "su",
                                                    .sentinel_password = "sp",
                                                    .tls_ca = "/ca",
                                                    .tls_cert = "/cert",
                                                    .tls_key = "/key",
                                                    .tls_server_name = "name"};

static void test_access(void **state)
{
    struct redis_access access;

    (void)state;
    assert_int_equal(redis_access_init(&access, &all_texts), 0);
    assert_string_equal(access.credentials.user, "u");
    assert_string_equal(access.credentials.password, "p@:/%41");
    assert_string_equal(access.sentinel.user, "su");
    assert_string_equal(access.sentinel.password, "sp");
    assert_string_equal(access.tls.ca, "/ca");
    assert_string_equal(access.tls.cert, "/cert");
    assert_string_equal(access.tls.key, "/key");
    assert_string_equal(access.tls.server_name, "name");
    redis_access_done(&access);
    assert_null(access.url.host);
}

static bool make_access(void)
{
    struct redis_access access = {0};
    int r = redis_access_init(&access, &all_texts);

    if (r < 0) {
        assert_int_equal(r, -ENOMEM);
        assert_null(access.url.host);
    }
    redis_access_done(&access);
    return r == 0;
}

static void test_without_memory(void **state)
{
    (void)state;
    each_allocation_fails(make_access);
}

static void test_backoff(void **state)
{
    int64_t worst_ms = 0;

    (void)state;
    for (unsigned failures = 0; failures < 40; failures++) {
        for (int i = 0; i < 200; i++) {
            int64_t wait_ms = redis_backoff_ms(failures, 15000);

            assert_in_range(wait_ms, 1, failures > 5 ? 15000 : 250 << failures);
            worst_ms = wait_ms > worst_ms ? wait_ms : worst_ms;
            assert_in_range(redis_backoff_ms(failures, 1000), 1, 1000);
        }
    }
    assert_true(worst_ms > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_alone),        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_moved_in_circles), cmocka_unit_test(test_asking),
        cmocka_unit_test(test_sentinels),        cmocka_unit_test(test_access),
        cmocka_unit_test(test_without_memory),   cmocka_unit_test(test_backoff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
