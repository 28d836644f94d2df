/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/downstream/relief.h"

enum { FIRST = 7, SECOND = 8, THIRD = 9, LATE_MS = 1000 + RELIEF_AFTER_MS };

static struct relief relief;

static int begin(void **state)
{
    (void)state;
    relief = (struct relief){0};
    return 0;
}

/* A round in which those wait, the first of them longest; ends with RELIEF_NOBODY. */
static uint64_t round_of(int64_t now_ms, const uint64_t *numbers)
{
    relief_begin(&relief);
    for (size_t i = 0; numbers[i] != RELIEF_NOBODY; i++) {
        relief_add(&relief, numbers[i], 1000 + (int64_t)i);
    }
    return relief_choose(&relief, now_ms);
}

#define ROUND(now_ms, ...) round_of(now_ms, (const uint64_t[]){__VA_ARGS__, RELIEF_NOBODY})

static void test_nobody_goes_on_before_its_time(void **state)
{
    (void)state;
    assert_int_equal(ROUND(1000, FIRST, SECOND), RELIEF_NOBODY);
    assert_int_equal(ROUND(LATE_MS - 1, FIRST, SECOND), RELIEF_NOBODY);
    assert_false(relief.is_on);
    assert_int_equal(ROUND(LATE_MS, FIRST, SECOND), FIRST);
    assert_true(relief.is_on);
}

static void test_one_at_a_time_in_turn(void **state)
{
    (void)state;
    assert_int_equal(ROUND(LATE_MS, FIRST, SECOND, THIRD), FIRST);
    /* It keeps its turn until it was heard, or its time is over. */
    assert_int_equal(ROUND(LATE_MS + RELIEF_TURN_MS - 1, FIRST, SECOND), FIRST);
    assert_false(relief_heard(&relief, SECOND));
    assert_true(relief_heard(&relief, FIRST));
    assert_false(relief_heard(&relief, FIRST));
    assert_int_equal(ROUND(LATE_MS + 10, SECOND, THIRD, FIRST), SECOND);
    assert_int_equal(ROUND(LATE_MS + 10 + RELIEF_TURN_MS, THIRD, FIRST, SECOND), THIRD);
    /* Whoever has nothing to say any more, or has gone, does not keep the others waiting. */
    assert_int_equal(ROUND(LATE_MS + 20 + RELIEF_TURN_MS, FIRST, SECOND), FIRST);
    /* Nobody else waits: a slow one goes on. */
    assert_int_equal(ROUND(LATE_MS * 9, FIRST), FIRST);
}

/* Once it is on nobody waits two seconds again, until memory is ample. */
static void test_it_stays_on_until_memory_is_ample(void **state)
{
    (void)state;
    assert_int_equal(ROUND(LATE_MS, FIRST), FIRST);
    assert_true(relief_heard(&relief, FIRST));
    assert_int_equal(round_of(LATE_MS + 1, (const uint64_t[]){RELIEF_NOBODY}), RELIEF_NOBODY);
    assert_int_equal(ROUND(1001, SECOND), SECOND);
    relief_end(&relief);
    assert_int_equal(ROUND(1001, SECOND), RELIEF_NOBODY);
}

/* However many wait, nobody waits for more turns than there are others. */
static void test_nobody_is_passed_over(void **state)
{
    enum { MANY = 50 };
    int64_t since[MANY];
    int64_t now_ms = LATE_MS;
    unsigned turns[MANY] = {0};

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        since[i] = 1000;
    }
    for (int round = 0; round < MANY * 4; round++) {
        uint64_t turn;

        relief_begin(&relief);
        for (size_t i = 0; i < MANY; i++) {
            relief_add(&relief, i + 1, since[i]);
        }
        turn = relief_choose(&relief, ++now_ms);
        assert_in_range(turn, 1, MANY);
        assert_true(relief_heard(&relief, turn));
        since[turn - 1] = now_ms;
        turns[turn - 1]++;
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_row(i, turns[i] == 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_goes_on_before_its_time, begin),
        cmocka_unit_test_setup(test_one_at_a_time_in_turn, begin),
        cmocka_unit_test_setup(test_it_stays_on_until_memory_is_ample, begin),
        cmocka_unit_test_setup(test_nobody_is_passed_over, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
