/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/runtime/clock.h"
#include "broker/runtime/loop.h"
#include "proto/base/mem.h"

enum { TRACE_SIZE = 64 };

static struct loop *loop;
static char trace[TRACE_SIZE];

static int open_loop(void **state)
{
    (void)state;
    trace[0] = '\0';
    loop = loop_new();
    return loop == NULL ? -1 : 0;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void note(char what)
{
    size_t length = strlen(trace);

    assert_true(length + 1 < TRACE_SIZE);
    trace[length] = what;
    trace[length + 1] = '\0';
}

/* What the tests schedule: notes its letter, and then does one more thing. */
struct actor {
    char letter;
    struct deferred deferred;
    struct reapable reapable;
    struct timer timer;
    struct actor *schedules;
    struct actor *cancels;
    struct actor *reaps;
    bool stops;
};

static void on_reap(void *owner)
{
    struct actor *actor = owner;

    note((char)(actor->letter - 'a' + 'A'));
}

static void act(void *owner)
{
    struct actor *actor = owner;

    note(actor->letter);
    if (actor->schedules != NULL) {
        deferred_schedule(&actor->schedules->deferred);
    }
    if (actor->cancels != NULL) {
        deferred_cancel(&actor->cancels->deferred);
    }
    if (actor->reaps != NULL) {
        loop_reap(loop, &actor->reaps->reapable, on_reap, actor->reaps);
    }
    if (actor->stops) {
        loop_stop(loop);
    }
}

static void init_actors(struct actor *actors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        actors[i] = (struct actor){.letter = (char)('a' + (int)i)};
        deferred_init(&actors[i].deferred, loop, act, &actors[i]);
        timer_init(&actors[i].timer, loop, act, &actors[i]);
    }
}

/* ---- deferred work */

static void test_deferred_in_order(void **state)
{
    struct actor actors[3];

    (void)state;
    init_actors(actors, 3);
    deferred_schedule(&actors[1].deferred);
    deferred_schedule(&actors[0].deferred);
    deferred_schedule(&actors[2].deferred);
    assert_string_equal(trace, "");
    loop_settle(loop);
    assert_string_equal(trace, "bac");
    loop_settle(loop);
    assert_string_equal(trace, "bac");
}

static void test_deferred_once(void **state)
{
    struct actor actors[2];

    (void)state;
    init_actors(actors, 2);
    deferred_schedule(&actors[0].deferred);
    deferred_schedule(&actors[1].deferred);
    deferred_schedule(&actors[0].deferred);
    loop_settle(loop);
    assert_string_equal(trace, "ab");
    /* And again, once it has run. */
    deferred_schedule(&actors[0].deferred);
    loop_settle(loop);
    assert_string_equal(trace, "aba");
}

static void test_deferred_cancelled(void **state)
{
    struct actor actors[3];

    (void)state;
    init_actors(actors, 3);
    /* Idle. */
    deferred_cancel(&actors[0].deferred);
    /* Scheduled. */
    deferred_schedule(&actors[0].deferred);
    deferred_cancel(&actors[0].deferred);
    deferred_cancel(&actors[0].deferred);
    /* By one that runs before it. */
    actors[1].cancels = &actors[2];
    deferred_schedule(&actors[1].deferred);
    deferred_schedule(&actors[2].deferred);
    loop_settle(loop);
    assert_string_equal(trace, "b");
}

static void test_deferred_by_deferred(void **state)
{
    struct actor actors[3];

    (void)state;
    init_actors(actors, 3);
    actors[0].schedules = &actors[2];
    deferred_schedule(&actors[0].deferred);
    deferred_schedule(&actors[1].deferred);
    loop_settle(loop);
    /* In the same turn, behind those who came earlier. */
    assert_string_equal(trace, "abc");
}

/* ---- the reaper */

static void test_reaped_at_the_end(void **state)
{
    struct actor actors[3];

    (void)state;
    init_actors(actors, 3);
    actors[0].reaps = &actors[0];
    actors[1].reaps = &actors[1];
    actors[0].schedules = &actors[2];
    deferred_schedule(&actors[0].deferred);
    deferred_schedule(&actors[1].deferred);
    loop_settle(loop);
    /* After everything deferred, in order. */
    assert_string_equal(trace, "abcAB");
}

static void test_reaped_in_the_turn_of_an_event(void **state)
{
    struct actor actors[2];

    (void)state;
    init_actors(actors, 2);
    actors[0].reaps = &actors[0];
    actors[0].schedules = &actors[1];
    actors[1].stops = true;
    timer_start(&actors[0].timer, 0);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "abA");
}

static void test_what_waits_is_reaped_by_free(void **state)
{
    struct actor actors[2];
    struct loop *outer = loop;

    (void)state;
    loop = loop_new();
    assert_non_null(loop);
    init_actors(actors, 2);
    actors[0].reaps = &actors[1];
    deferred_schedule(&actors[0].deferred);
    loop_free(loop);
    assert_string_equal(trace, "aB");
    loop = outer;
}

/* ---- timers */

static void test_timers_in_order(void **state)
{
    struct actor actors[3];

    (void)state;
    init_actors(actors, 3);
    timer_start(&actors[0].timer, 20);
    timer_start(&actors[1].timer, 5);
    timer_start(&actors[2].timer, 30);
    actors[2].stops = true;
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "bac");
    assert_false(actors[0].timer.armed);
}

static void test_timer_restarted(void **state)
{
    struct actor actors[3];

    (void)state;
    init_actors(actors, 3);
    /* Later, and earlier, than asked for first. */
    timer_start(&actors[0].timer, 1);
    timer_start(&actors[0].timer, 40);
    timer_start(&actors[1].timer, 10000);
    timer_start(&actors[1].timer, 20);
    timer_start(&actors[2].timer, 60);
    actors[2].stops = true;
    assert_int_equal(loop_run(loop), 0);
    /* Each once. */
    assert_string_equal(trace, "bac");
}

static void test_timer_stopped(void **state)
{
    struct actor actors[2];

    (void)state;
    init_actors(actors, 2);
    timer_stop(&actors[0].timer);
    timer_start(&actors[0].timer, 1);
    timer_stop(&actors[0].timer);
    assert_false(actors[0].timer.armed);
    timer_start(&actors[1].timer, 20);
    actors[1].stops = true;
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "b");
}

static void test_timer_below_zero(void **state)
{
    struct actor actors[1];

    (void)state;
    init_actors(actors, 1);
    timer_start(&actors[0].timer, INT64_MIN);
    actors[0].stops = true;
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "a");
}

static int64_t fired_at_ms;

static void on_time(void *owner)
{
    (void)owner;
    fired_at_ms = loop_now_ms(loop);
    loop_stop(loop);
}

static void test_time_after_waiting(void **state)
{
    enum { DELAY_MS = 50 };
    struct timer timer;
    int64_t started_at_ms;

    (void)state;
    timer_init(&timer, loop, on_time, NULL);
    started_at_ms = clock_now_ms();
    timer_start(&timer, DELAY_MS);
    assert_int_equal(loop_run(loop), 0);
    /* The turn's time is that of its events, not of the moment when it began to wait for them. */
    assert_true(fired_at_ms >= started_at_ms + DELAY_MS);
    assert_true(fired_at_ms <= clock_now_ms());
}

static void on_time_passing(void *owner)
{
    int64_t *ret_moved_ms = owner;
    int64_t before_ms = loop_now_ms(loop);

    while (clock_now_ms() < before_ms + 3) {
    }
    *ret_moved_ms = loop_now_ms(loop) - before_ms;
    loop_stop(loop);
}

static void test_time_stands_in_a_turn(void **state)
{
    struct timer timer;
    int64_t moved_ms = -1;

    (void)state;
    timer_init(&timer, loop, on_time_passing, &moved_ms);
    timer_start(&timer, 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(moved_ms, 0);
}

/* ---- running */

static void test_run_without_events(void **state)
{
    (void)state;
    /* Nothing could ever wake it. */
    assert_int_equal(loop_run(loop), 0);
}

static void test_stopped_by_deferred(void **state)
{
    struct actor actors[2];

    (void)state;
    init_actors(actors, 2);
    actors[0].stops = true;
    deferred_schedule(&actors[0].deferred);
    timer_start(&actors[1].timer, 10000);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "a");
    /* Left without its timer, which would still fire otherwise. */
    timer_stop(&actors[1].timer);
}

static bool open_with_failing_memory(void)
{
    struct loop *own = loop_new();

    loop_free(own);
    return own != NULL;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(open_with_failing_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_deferred_in_order, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_deferred_once, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_deferred_cancelled, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_deferred_by_deferred, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_reaped_at_the_end, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_reaped_in_the_turn_of_an_event, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_what_waits_is_reaped_by_free, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_timers_in_order, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_timer_restarted, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_timer_stopped, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_timer_below_zero, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_time_after_waiting, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_time_stands_in_a_turn, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_run_without_events, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(test_stopped_by_deferred, open_loop, close_loop),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
