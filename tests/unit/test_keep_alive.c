/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/keep_alive.h"

enum { HOT = KEEP_ALIVE_HOT_US, LONG_MS = 4000, LONG_US = 1000 * LONG_MS, NOW_US = 1 << 20 };

static struct keep_alive fresh_start(enum conn_reuse reuse, int64_t idle_max_ms)
{
    struct keep_alive keep;

    keep_alive_init(&keep);
    keep_alive_set_limits(&keep, reuse, idle_max_ms);
    return keep;
}

static void test_modes(void **state)
{
    static const struct {
        enum conn_reuse reuse;
        int64_t idled_us;
        enum keep_alive_use unproven;
        enum keep_alive_use proven;
    } rows[] = {
        {CONN_REUSE_PROBE, 0, KEEP_ALIVE_ASKING, KEEP_ALIVE_AS_IS},
        {CONN_REUSE_PROBE, HOT, KEEP_ALIVE_ASKING, KEEP_ALIVE_AS_IS},
        {CONN_REUSE_PROBE, HOT + 1, KEEP_ALIVE_ASKING, KEEP_ALIVE_ASKING},
        {CONN_REUSE_PROBE, LONG_US, KEEP_ALIVE_ASKING, KEEP_ALIVE_ASKING},
        {CONN_REUSE_PROBE, LONG_US + 1, KEEP_ALIVE_NOT, KEEP_ALIVE_NOT},
        {CONN_REUSE_FRESH, 0, KEEP_ALIVE_NOT, KEEP_ALIVE_NOT},
        {CONN_REUSE_ALWAYS, LONG_US, KEEP_ALIVE_AS_IS, KEEP_ALIVE_AS_IS},
        {CONN_REUSE_ALWAYS, LONG_US + 1, KEEP_ALIVE_NOT, KEEP_ALIVE_NOT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct keep_alive keep = fresh_start(rows[i].reuse, LONG_MS);

        assert_row(i, keep_alive_use(&keep, rows[i].idled_us, NOW_US) == rows[i].unproven);
        assert_row(i, keep_alive_wants_witness(&keep) == (rows[i].reuse == CONN_REUSE_PROBE));
        assert_row(i, keep_alive_keeps(&keep) == (rows[i].reuse != CONN_REUSE_FRESH));
        keep_alive_on_witness(&keep);
        assert_row(i, keep_alive_use(&keep, rows[i].idled_us, NOW_US) == rows[i].proven);
        assert_row(i, !keep_alive_wants_witness(&keep));
    }
}

static void test_no_reuse_at_all(void **state)
{
    struct keep_alive keep = fresh_start(CONN_REUSE_PROBE, -1);

    (void)state;
    assert_false(keep_alive_keeps(&keep));
    assert_false(keep_alive_wants_witness(&keep));
    assert_int_equal(keep_alive_use(&keep, 0, NOW_US), KEEP_ALIVE_NOT);
    /* A limit that no count of microseconds can hold. */
    keep = fresh_start(CONN_REUSE_ALWAYS, INT64_MAX / 10);
    assert_int_equal(keep_alive_use(&keep, INT64_MAX, NOW_US), KEEP_ALIVE_AS_IS);
}

static void test_closes_are_learnt(void **state)
{
    struct keep_alive keep = fresh_start(CONN_REUSE_PROBE, LONG_MS);

    (void)state;
    keep_alive_on_witness(&keep);
    keep_alive_on_close(&keep, 20000);
    assert_int_equal(keep_alive_use(&keep, 10000, NOW_US), KEEP_ALIVE_ASKING);
    assert_int_equal(keep_alive_use(&keep, 10001, NOW_US), KEEP_ALIVE_NOT);
    /* A later one teaches nothing; the proof holds. */
    keep_alive_on_close(&keep, 30000);
    assert_int_equal(keep_alive_use(&keep, 10001, NOW_US), KEEP_ALIVE_NOT);
    assert_int_equal(keep_alive_use(&keep, HOT, NOW_US), KEEP_ALIVE_AS_IS);
    /* One at once: no reuse at all. */
    keep_alive_on_close(&keep, 300);
    assert_int_equal(keep_alive_use(&keep, 0, NOW_US), KEEP_ALIVE_NOT);
    assert_false(keep_alive_keeps(&keep));
    assert_false(keep_alive_wants_witness(&keep));
    keep_alive_forget(&keep);
    assert_int_equal(keep_alive_use(&keep, LONG_US, NOW_US), KEEP_ALIVE_ASKING);
    assert_true(keep_alive_wants_witness(&keep));
}

static void test_a8_deaf(void **state)
{
    const int64_t until_us = NOW_US + 1000 * (int64_t)KEEP_ALIVE_DEAF_MS;
    struct keep_alive keep = fresh_start(CONN_REUSE_PROBE, LONG_MS);

    (void)state;
    keep_alive_on_deaf(&keep, NOW_US);
    assert_int_equal(keep_alive_use(&keep, 0, NOW_US), KEEP_ALIVE_NOT);
    /* Kept all the same: a witness can still make the short rests safe. */
    assert_true(keep_alive_keeps(&keep) && keep_alive_wants_witness(&keep));
    keep_alive_on_witness(&keep);
    assert_int_equal(keep_alive_use(&keep, HOT, NOW_US), KEEP_ALIVE_AS_IS);
    assert_int_equal(keep_alive_use(&keep, HOT + 1, until_us - 1), KEEP_ALIVE_NOT);
    assert_int_equal(keep_alive_use(&keep, HOT + 1, until_us), KEEP_ALIVE_ASKING);
    keep_alive_on_deaf(&keep, NOW_US);
    keep_alive_forget(&keep);
    assert_int_equal(keep_alive_use(&keep, HOT + 1, NOW_US), KEEP_ALIVE_ASKING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_no_reuse_at_all),
        cmocka_unit_test(test_closes_are_learnt),
        cmocka_unit_test(test_a8_deaf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
