/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/redis_key.h"

static const char prefix[] = "teplo:{main}:v1:";

static void assert_key(enum redis_key key, const char *expected)
{
    char text[128];

    assert_int_equal(redis_key_write(key, prefix, "grynya", "i-web1-7f3a9c21", text, sizeof(text)),
                     strlen(expected));
    assert_string_equal(text, expected);
}

static void test_names_are_put_in(void **state)
{
    char text[128];

    (void)state;
    assert_key(REDIS_KEY_META, "teplo:{main}:v1:meta");
    assert_key(REDIS_KEY_INSTANCE, "teplo:{main}:v1:i:i-web1-7f3a9c21");
    assert_key(REDIS_KEY_CONFIG, "teplo:{main}:v1:cfg:grynya");
    assert_key(REDIS_KEY_POOL, "teplo:{main}:v1:p:grynya:i-web1-7f3a9c21");
    assert_key(REDIS_KEY_TABLE_SESS, "teplo:{main}:v1:tbl:sess:i-web1-7f3a9c21");
    (void)redis_key_write(REDIS_KEY_EV, "", NULL, NULL, text, sizeof(text));
    assert_string_equal(text, "ev");
}

static void test_what_is_too_long_is_cut(void **state)
{
    char text[24];

    (void)state;
    assert_int_equal(redis_key_write(REDIS_KEY_POOL, prefix, "grynya", "i", text, sizeof(text)),
                     23);
    assert_string_equal(text, "teplo:{main}:v1:p:gryny");
    assert_int_equal(redis_key_write(REDIS_KEY_POOL, prefix, "grynya", "i", text, 1), 0);
    assert_string_equal(text, "");
}

/* A key that nobody writes again must end, and one that somebody does must not. */
static void test_every_key_ends_and_outlives_its_cadence(void **state)
{
    (void)state;
    for (int i = 0; i < REDIS_KEY_COUNT; i++) {
        const struct redis_key_row *row = redis_key_row((enum redis_key)i);

        assert_true(row->ttl_ms > 0);
        assert_true(row->ttl_ms >= 3 * row->cadence_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_put_in),
        cmocka_unit_test(test_what_is_too_long_is_cut),
        cmocka_unit_test(test_every_key_ends_and_outlives_its_cadence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
