/* SPDX-License-Identifier: MIT */
/* How texts, numbers and rows look in Redis. */
#include "unit.h"

#include <math.h>

#include "broker/health/redis_text.h"
#include "broker/health/row_field.h"

static void test_texts(void **state)
{
    static const struct {
        const char *given;
        const char *expected;
    } rows[] = {
        {NULL, "-"},
        {"", "-"},
        {"   ", "-"},
        {"serving", "serving"},
        {"2025-06-18", "2025-06-18"},
        {"0.1.0", "0.1.0"},
        {"err_pct,broken", "err_pct,broken"},
        {"a\nb\tc\x7f", "a?b?c?"},
        {"\xd1\x82\xd0\xb5\xd0\xbf", "???"},
        {"a\xff\xfe", "a??"},
        {"ends in blanks  ", "ends in blanks"},
        {"12", "~12"},
        {"-1.5", "~-1.5"},
        {"12e4", "~12e4"},
        {"0x1p2", "~0x1p2"},
        {"1_000", "~1_000"},
        {"inf", "~inf"},
        {"Infinity", "~Infinity"},
        {"NaN", "~NaN"},
        {" 7", "~ 7"},
        {"7 ", "~7"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[REDIS_TEXT_SIZE];
        size_t length = redis_text_clean(out, sizeof(out), rows[i].given);

        assert_string_equal(out, rows[i].expected);
        assert_int_equal(length, strlen(out));
        assert_false(redis_text_is_number(out));
    }
}

static void test_long_texts_are_cut(void **state)
{
    char given[200];
    char out[REDIS_TEXT_SIZE];

    (void)state;
    memset(given, 'x', sizeof(given));
    given[sizeof(given) - 1] = '\0';
    assert_int_equal(redis_text_clean(out, sizeof(out), given), 64);
    /* Also when the mark in front takes a place, and when only the cut makes it a number. */
    memset(given, '7', sizeof(given) - 1);
    assert_int_equal(redis_text_clean(out, sizeof(out), given), 64);
    assert_int_equal(out[0], '~');
    given[100] = 'x';
    assert_int_equal(redis_text_clean(out, sizeof(out), given), 64);
    assert_int_equal(out[0], '~');
}

static void test_any_bytes(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        static const char letters[] = "0123456789.eExXpP_+-infaINFAty \xd1\x01";
        char given[40];
        char out[12];
        size_t length = unit_random(&seed) % (sizeof(given) - 1);

        for (size_t i = 0; i < length; i++) {
            given[i] = letters[unit_random(&seed) % (sizeof(letters) - 1)];
        }
        given[length] = '\0';
        length = redis_text_clean(out, sizeof(out), given);
        assert_in_range(length, 1, sizeof(out) - 1);
        assert_int_equal(strlen(out), length);
        assert_false(redis_text_is_number(out));
        for (size_t i = 0; i < length; i++) {
            assert_in_range((unsigned char)out[i], 0x20, 0x7e);
        }
    }
}

static void test_decimals(void **state)
{
    static const struct {
        double given;
        const char *expected;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {-0.0001, "0"},
        {1, "1"},
        {100, "100"},
        {1.5, "1.5"},
        {0.0005, "0.001"},
        {12.3456, "12.346"},
        {-2.25, "-2.25"},
        {1e9, "1000000000"},
        {1e300, "1000000000000000"},
        {-1e300, "-1000000000000000"},
        {NAN, "0"},
        {INFINITY, "0"},
        {-INFINITY, "0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[REDIS_TEXT_SIZE];
        size_t length = redis_text_decimal(out, sizeof(out), rows[i].given);

        assert_string_equal(out, rows[i].expected);
        assert_int_equal(length, strlen(out));
    }
}

static void test_names(void **state)
{
    static const char *const good[] = {"main",        "a",    "graph-2_b",
                                       "information", "nano", "abcdefghijklmnopqrstuvwxyz012345"};
    static const char *const bad[] = {
        "",     "Main", "1a",  "-a",       "a.b", "a b",
        "a{b}", "inf",  "nan", "infinity", "a:b", "abcdefghijklmnopqrstuvwxyz0123456"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_row(i, redis_text_is_name(good[i]));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_row(i, !redis_text_is_name(bad[i]));
    }
}

/* ---- rows */

static const struct row_field *pool_field(const char *name)
{
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        if (strcmp(pool_row_fields[i].name, name) == 0) {
            return &pool_row_fields[i];
        }
    }
    fail_msg("no field %s", name);
    return NULL;
}

static void assert_field(const struct pool_row *row, const char *name, const char *expected)
{
    char out[REDIS_TEXT_SIZE];

    assert_int_equal(row_field_text(pool_field(name), row, 1000000, out), strlen(expected));
    assert_string_equal(out, expected);
}

static void test_fields_as_text(void **state)
{
    struct pool_row row = {.transport = "sse",
                           .proto = "2025",
                           .calls_total = UINT64_MAX,
                           .maxwait_ms = 0.1239,
                           .last_ok_at_ms = 234};

    (void)state;
    assert_field(&row, "transport", "sse");
    assert_field(&row, "era", "-");
    assert_field(&row, "proto", "~2025");
    assert_field(&row, "calls_total", "18446744073709551615");
    assert_field(&row, "ok_total", "0");
    assert_field(&row, "maxwait_ms", "0.124");
    assert_field(&row, "last_ok_at_ms", "1000234");
    /* Never stays never on any clock. */
    assert_field(&row, "last_err_at_ms", "0");
}

static size_t count_changes(const struct pool_row *a, const struct pool_row *b)
{
    size_t count = 0;

    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        count += row_field_is_equal(&pool_row_fields[i], a, b) ? 0 : 1;
    }
    return count;
}

static void test_a_delta_has_what_changed(void **state)
{
    struct pool_row a = {.transport = "sse", .calls_total = 5, .wait_ms_sum = 1.5};
    struct pool_row b = a;

    (void)state;
    assert_int_equal(count_changes(&a, &b), 0);
    /* What stands behind the end of a text is none of its value. */
    b.transport[10] = 'x';
    assert_int_equal(count_changes(&a, &b), 0);
    b.calls_total++;
    b.wait_ms_sum += 0.25;
    (void)snprintf(b.health, sizeof(b.health), "degraded");
    b.updated_at_ms = 1;
    assert_int_equal(count_changes(&a, &b), 4);
    assert_false(row_field_is_equal(pool_field("health"), &a, &b));
    assert_true(row_field_is_equal(pool_field("health_code"), &a, &b));
}

static void test_field_names_are_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        assert_row(i, redis_text_is_name(pool_row_fields[i].name));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(pool_row_fields[i].name, pool_row_fields[j].name);
        }
    }
    for (size_t i = 0; i < INSTANCE_FIELD_COUNT; i++) {
        assert_row(i, redis_text_is_name(instance_row_fields[i].name));
    }
}

/* ---- snapshots */

static void test_a_snapshot_grows(void **state)
{
    struct snapshot snapshot;
    struct pool_row *row;

    (void)state;
    snapshot_init(&snapshot);
    for (int i = 0; i < SNAPSHOT_POOLS_MAXIMUM; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "p%d", i);
        row = snapshot_add_pool(&snapshot, name);
        assert_non_null(row);
        assert_int_equal(row->calls_total, 0);
        row->calls_total = 7;
    }
    assert_null(snapshot_add_pool(&snapshot, "one-more"));
    assert_string_equal(snapshot.pools[1023].name, "p1023");
    snapshot_clear(&snapshot);
    row = snapshot_add_pool(&snapshot, "again");
    assert_non_null(row);
    assert_int_equal(row->calls_total, 0);
    snapshot_done(&snapshot);
    assert_null(snapshot.pools);
}

static bool add_twenty(void)
{
    struct snapshot snapshot;
    bool is_whole = true;

    snapshot_init(&snapshot);
    for (int i = 0; i < 20; i++) {
        is_whole = snapshot_add_pool(&snapshot, "p") != NULL && is_whole;
    }
    snapshot_done(&snapshot);
    return is_whole;
}

static void test_without_memory(void **state)
{
    (void)state;
    each_allocation_fails(add_twenty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fields_as_text),
        cmocka_unit_test(test_a_delta_has_what_changed),
        cmocka_unit_test(test_field_names_are_words),
        cmocka_unit_test(test_a_snapshot_grows),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
