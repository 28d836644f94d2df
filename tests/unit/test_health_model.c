/* SPDX-License-Identifier: MIT */
/* The health of a pool over time, on a clock of its own: a second a step. */
#include "unit.h"

#include "broker/pool/health_model.h"

enum { STEP_MS = 1000, START_MS = 1000, MINUTE_S = 60, HOUR_S = 3600 };

/* Facts that many rows begin with. */
#define USED .has_opened = true
#define WELL USED, .open = 1
#define DOWN .has_failure = true
#define CALLS(count, failed) .window = {.calls = (count), .faults = (failed)}

/* One pool as it goes on. */
struct course {
    struct health_memory memory;
    int64_t now_ms;
    size_t changes; /* of what is shown */
};

static struct course begin(void)
{
    return (struct course){.memory = health_model_begin(START_MS), .now_ms = START_MS};
}

static void step(struct course *course, const struct health_facts *facts)
{
    struct health_memory next = health_model_next(&course->memory, facts, course->now_ms);

    course->changes += next.health != course->memory.health ? 1 : 0;
    course->memory = next;
    course->now_ms += STEP_MS;
}

/* So many looks at the same facts, a second apart. */
static void go_on(struct course *course, const struct health_facts *facts, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        step(course, facts);
    }
}

/* ---- from one constant set of facts into another */

static const struct {
    struct health_facts first;
    int first_s;
    struct health_facts then;
    int then_s;
    enum health health;
    const char *reason;
} courses[] = {
    /* Nobody has called; the first result counts at once. */
    {{.open = 0}, 1, {.open = 0}, 90, HEALTH_UNKNOWN, "unused"},
    {{.open = 0}, 1, {WELL}, 1, HEALTH_HEALTHY, "-"},
    {{.open = 0}, 1, {USED}, 1, HEALTH_HEALTHY, "-"},
    {{.open = 0}, 1, {DOWN}, 1, HEALTH_UNHEALTHY, "no_session"},
    {{.open = 0}, 1, {DOWN, .gave_up = true}, 1, HEALTH_CIRCUIT_OPEN, "breaker,no_session"},
    {{.open = 0}, 1, {DOWN, .gave_up = true, .is_settled = true}, 1, HEALTH_UNHEALTHY, "refused"},
    {{.open = 0}, 1, {DOWN, .is_settled = true, .is_auth = true}, 1, HEALTH_UNHEALTHY, "auth"},
    /* Hard facts, while it is well. */
    {{WELL}, 9, {USED, DOWN, .gave_up = true}, 1, HEALTH_CIRCUIT_OPEN, "breaker"},
    {{WELL}, 9, {USED, DOWN, .failing_ms = 4999}, 60, HEALTH_HEALTHY, "-"},
    {{WELL}, 9, {USED, DOWN, .failing_ms = 5000}, 1, HEALTH_UNHEALTHY, "no_session"},
    {{WELL}, 9, {USED, .oldest_wait_ms = 5000}, 1, HEALTH_UNHEALTHY, "no_session"},
    {{WELL}, 9, {WELL, .unauthorized_ms = 5}, 1, HEALTH_UNHEALTHY, "auth"},
    {{WELL, .probes_failed = 1}, 9, {WELL, .probes_failed = 4}, 1, HEALTH_UNHEALTHY, "probes"},
    /* What has to last for 10 s, the first of which is the first look. */
    {{WELL}, 9, {WELL, DOWN}, 10, HEALTH_HEALTHY, "-"},
    {{WELL}, 9, {WELL, DOWN}, 11, HEALTH_DEGRADED, "cannot_grow"},
    {{WELL}, 9, {WELL, .oldest_wait_ms = 1000}, 10, HEALTH_HEALTHY, "-"},
    {{WELL}, 9, {WELL, .oldest_wait_ms = 1000}, 11, HEALTH_DEGRADED, "wait"},
    {{WELL, CALLS(100, 0)}, 9, {WELL, CALLS(100, 5)}, 10, HEALTH_HEALTHY, "-"},
    {{WELL, CALLS(100, 0)}, 9, {WELL, CALLS(100, 5)}, 11, HEALTH_DEGRADED, "err_pct"},
    {{WELL, CALLS(100, 0)}, 9, {WELL, CALLS(100, 4)}, 99, HEALTH_HEALTHY, "-"},
    {{WELL, CALLS(100, 0)}, 9, {WELL, CALLS(100, 25)}, 10, HEALTH_HEALTHY, "-"},
    {{WELL, CALLS(100, 0)}, 9, {WELL, CALLS(100, 25)}, 11, HEALTH_UNHEALTHY, "err_pct"},
    {{WELL, CALLS(19, 0)}, 9, {WELL, CALLS(19, 19)}, 99, HEALTH_HEALTHY, "-"},
    {{WELL, .minimum = 1}, 9, {WELL, .minimum = 2}, 11, HEALTH_DEGRADED, "cold"},
    /* A total that has grown is news for a minute. */
    {{WELL}, 9, {WELL, .ratelimited = 5}, 11, HEALTH_DEGRADED, "ratelimited"},
    {{WELL}, 9, {WELL, .ratelimited = 4}, 99, HEALTH_HEALTHY, "-"},
    {{WELL, .lost = 1}, 9, {WELL, .lost = 3}, 11, HEALTH_DEGRADED, "sess_lost"},
    {{WELL}, 9, {WELL, .lost = 2}, 99, HEALTH_HEALTHY, "-"},
    /* Of the reasons the three worst. */
    {{WELL},
     9,
     {WELL, DOWN, .minimum = 9, .oldest_wait_ms = 1000, .ratelimited = 9, .unauthorized_ms = 9,
      CALLS(100, 50)},
     11,
     HEALTH_UNHEALTHY,
     "auth,err_pct,cannot_grow"},
    {{WELL},
     9,
     {WELL, .minimum = 9, .oldest_wait_ms = 1000, .ratelimited = 9},
     11,
     HEALTH_DEGRADED,
     "ratelimited,wait,cold"},
    /* Back: clear for 30 s, one level a time. */
    {{WELL, CALLS(100, 5)}, 11, {WELL, CALLS(100, 3)}, 999, HEALTH_DEGRADED, "err_pct"},
    {{WELL, CALLS(100, 5)}, 11, {WELL, CALLS(100, 2)}, 30, HEALTH_DEGRADED, "recovering"},
    {{WELL, CALLS(100, 5)}, 11, {WELL, CALLS(100, 2)}, 31, HEALTH_HEALTHY, "-"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 11)}, 999, HEALTH_UNHEALTHY, "err_pct"},
    {{WELL, CALLS(100, 25)},
     11,
     {WELL, CALLS(100, 10)},
     30,
     HEALTH_UNHEALTHY,
     "recovering,err_pct"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 10)}, 31, HEALTH_DEGRADED, "err_pct"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 10)}, 999, HEALTH_DEGRADED, "err_pct"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 0)}, 30, HEALTH_UNHEALTHY, "recovering"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 0)}, 31, HEALTH_DEGRADED, "recovering"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 0)}, 60, HEALTH_DEGRADED, "recovering"},
    {{WELL, CALLS(100, 25)}, 11, {WELL, CALLS(100, 0)}, 61, HEALTH_HEALTHY, "-"},
    /* The breaker closes: unhealthy at once, then as ever. */
    {{USED, DOWN, .gave_up = true}, 9, {WELL}, 1, HEALTH_UNHEALTHY, "recovering"},
    {{USED, DOWN, .gave_up = true}, 9, {WELL}, 30, HEALTH_UNHEALTHY, "recovering"},
    {{USED, DOWN, .gave_up = true}, 9, {WELL}, 31, HEALTH_DEGRADED, "recovering"},
    {{USED, DOWN, .gave_up = true}, 9, {WELL}, 61, HEALTH_HEALTHY, "-"},
    {{DOWN}, 9, {WELL}, 31, HEALTH_DEGRADED, "recovering"},
    {{DOWN}, 9, {WELL}, 61, HEALTH_HEALTHY, "-"},
    {{DOWN}, 9, {WELL, DOWN}, 31, HEALTH_DEGRADED, "cannot_grow"},
    /* An answer shows that the credentials are good again. */
    {{WELL, .unauthorized_ms = 5},
     9,
     {WELL, .unauthorized_ms = 5, .window.last_ok_ms = 6},
     61,
     HEALTH_HEALTHY,
     "-"},
    {{WELL, .unauthorized_ms = 5}, 9, {WELL, .unauthorized_ms = 5}, 999, HEALTH_UNHEALTHY, "auth"},
    {{WELL, .probes_failed = 3},
     9,
     {WELL, .probes_failed = 3, .probes_ok = 1},
     99,
     HEALTH_UNHEALTHY,
     "probes"},
    {{WELL, .probes_failed = 3},
     9,
     {WELL, .probes_failed = 3, .probes_ok = 2},
     61,
     HEALTH_HEALTHY,
     "-"},
    /* A minute and more after the last of them. */
    {{WELL, .ratelimited = 5}, 11, {WELL, .ratelimited = 5}, 110, HEALTH_HEALTHY, "-"},
    {{WELL, .lost = 3}, 11, {WELL, .lost = 3}, 110, HEALTH_HEALTHY, "-"},
    /* Draining is said before anything else, and changes nothing. */
    {{WELL}, 9, {WELL, .is_draining = true}, 1, HEALTH_DRAINING, "draining"},
    {{.open = 0}, 9, {.is_draining = true}, 1, HEALTH_DRAINING, "draining"},
    {{WELL},
     9,
     {USED, DOWN, .gave_up = true, .is_draining = true},
     99,
     HEALTH_DRAINING,
     "draining"},
    {{WELL, .is_draining = true}, 9, {WELL}, 1, HEALTH_HEALTHY, "-"},
    {{.is_draining = true}, 9, {.open = 0}, 1, HEALTH_UNKNOWN, "unused"},
    /* What tools answer is no fault, however many of them. */
    {{WELL, CALLS(1000, 0)}, 9, {WELL, CALLS(1000, 0)}, 999, HEALTH_HEALTHY, "-"},
};

static void test_courses(void **state)
{
    (void)state;
    assert_true(COUNT_OF(courses) >= 60);
    for (size_t i = 0; i < COUNT_OF(courses); i++) {
        struct course course = begin();

        go_on(&course, &courses[i].first, courses[i].first_s);
        go_on(&course, &courses[i].then, courses[i].then_s);
        if (strcmp(course.memory.reason, courses[i].reason) != 0) {
            print_error("row %zu: %s: %s\n", i, health_name(course.memory.health),
                        course.memory.reason);
        }
        assert_row(i, course.memory.health == courses[i].health);
        assert_row(i, strcmp(course.memory.reason, courses[i].reason) == 0);
    }
}

/* ---- courses of their own */

static void test_draining_keeps_the_level(void **state)
{
    const struct health_facts open = {USED, DOWN, .gave_up = true};
    const struct health_facts draining = {WELL, .is_draining = true};
    const struct health_facts well = {WELL};
    struct course course = begin();

    (void)state;
    go_on(&course, &open, 9);
    go_on(&course, &draining, 999);
    /* One level, as if there had been no draining; and no sooner for it. */
    step(&course, &well);
    assert_int_equal(course.memory.health, HEALTH_UNHEALTHY);
    go_on(&course, &well, 29);
    assert_int_equal(course.memory.health, HEALTH_UNHEALTHY);
    step(&course, &well);
    assert_int_equal(course.memory.health, HEALTH_DEGRADED);
}

static void test_slow_against_the_last_hour(void **state)
{
    struct health_facts facts = {WELL, .window = {.calls = 100, .p95_ms = 200}};
    struct course course = begin();

    (void)state;
    /* Too short a past: nothing is known. */
    go_on(&course, &facts, 200);
    facts.window.p95_ms = 2000;
    go_on(&course, &facts, 30);
    assert_int_equal(course.memory.health, HEALTH_HEALTHY);
    facts.window.p95_ms = 200;
    go_on(&course, &facts, HOUR_S);
    facts.window.p95_ms = 700;
    go_on(&course, &facts, 11);
    assert_int_equal(course.memory.health, HEALTH_DEGRADED);
    assert_string_equal(course.memory.reason, "slow");
    /* Between: still three times as slow as twice. */
    facts.window.p95_ms = 500;
    go_on(&course, &facts, 120);
    assert_int_equal(course.memory.health, HEALTH_DEGRADED);
    facts.window.p95_ms = 300;
    go_on(&course, &facts, 31);
    assert_int_equal(course.memory.health, HEALTH_HEALTHY);
}

static void test_what_is_slow_for_long_is_usual(void **state)
{
    struct health_facts facts = {WELL, .window = {.calls = 100, .p95_ms = 200}};
    struct course course = begin();

    (void)state;
    go_on(&course, &facts, HOUR_S);
    facts.window.p95_ms = 800;
    go_on(&course, &facts, 10 * MINUTE_S);
    assert_int_equal(course.memory.health, HEALTH_DEGRADED);
    go_on(&course, &facts, HOUR_S);
    assert_int_equal(course.memory.health, HEALTH_HEALTHY);
}

static void test_flapping(void **state)
{
    const struct health_facts bad = {WELL, .unauthorized_ms = 5};
    const struct health_facts well = {WELL, .unauthorized_ms = 5, .window.last_ok_ms = 6};
    struct course course = begin();

    (void)state;
    step(&course, &well);
    step(&course, &bad);
    go_on(&course, &well, 61);
    assert_int_equal(course.memory.health, HEALTH_HEALTHY);
    /* The fourth change, and to the better it would be the fifth. */
    step(&course, &bad);
    assert_string_equal(course.memory.reason, "auth");
    go_on(&course, &well, 31);
    assert_int_equal(course.memory.health, HEALTH_UNHEALTHY);
    assert_string_equal(course.memory.reason, "flapping,recovering");
    go_on(&course, &well, 299);
    assert_int_equal(course.memory.health, HEALTH_UNHEALTHY);
    /* 5 min later all is forgotten. */
    step(&course, &well);
    assert_int_equal(course.memory.health, HEALTH_DEGRADED);
    go_on(&course, &well, 30);
    assert_int_equal(course.memory.health, HEALTH_HEALTHY);
    assert_string_equal(course.memory.reason, "-");
    assert_true(health_model_is_steady(&course.memory));
}

static void test_it_gets_worse_while_it_flaps(void **state)
{
    const struct health_facts bad = {WELL, .unauthorized_ms = 5};
    const struct health_facts well = {WELL, .unauthorized_ms = 5, .window.last_ok_ms = 6};
    const struct health_facts open = {USED, DOWN, .gave_up = true, .failing_ms = 9000};
    struct course course = begin();

    (void)state;
    step(&course, &well);
    step(&course, &bad);
    go_on(&course, &well, 61);
    step(&course, &bad);
    go_on(&course, &well, 60);
    step(&course, &open);
    assert_int_equal(course.memory.health, HEALTH_CIRCUIT_OPEN);
    assert_string_equal(course.memory.reason, "flapping,breaker,no_session");
    /* A closed breaker is never called an open one; the rest stays as bad as it was. */
    step(&course, &well);
    assert_int_equal(course.memory.health, HEALTH_UNHEALTHY);
    go_on(&course, &well, 250);
    assert_int_equal(course.memory.health, HEALTH_UNHEALTHY);
}

static void test_noise(void **state)
{
    struct health_facts facts = {WELL, CALLS(1000, 0)};
    struct course course = begin();
    uint64_t random = 42;
    size_t changes = 0;

    (void)state;
    step(&course, &facts);
    for (int minute = 0; minute < MINUTE_S; minute++) {
        size_t before = course.changes;

        for (int second = 0; second < MINUTE_S; second++) {
            facts.window.faults = unit_random(&random) % 101; /* 0 to 10 %, 5 % on average */
            step(&course, &facts);
        }
        assert_row(minute, course.changes - before <= 1);
        changes += course.changes - before;
    }
    assert_true(changes <= 2);
    /* The same noise where only one limit would be crossed at a time. */
    for (int second = 0; second < HOUR_S; second++) {
        facts.window.faults = second % 40 < 20 ? 55 : 45;
        step(&course, &facts);
    }
    assert_int_equal(course.memory.health, HEALTH_DEGRADED);
    assert_true(course.changes - changes <= 2);
}

/* ---- whatever happens */

static uint64_t some(uint64_t *random, uint64_t most)
{
    return unit_random(random) % (most + 1);
}

static bool maybe(uint64_t *random, unsigned one_in)
{
    return unit_random(random) % one_in == 0;
}

/* Facts that may follow FACTS: totals only grow. */
static void change(struct health_facts *facts, uint64_t *random, int64_t now_ms)
{
    facts->is_draining = maybe(random, 20);
    facts->has_opened = facts->has_opened || maybe(random, 3);
    facts->has_failure = maybe(random, 3);
    facts->is_settled = maybe(random, 6);
    facts->is_auth = maybe(random, 6);
    facts->gave_up = facts->has_failure && maybe(random, 3);
    facts->failing_ms = facts->has_failure ? (int64_t)some(random, 9000) : 0;
    facts->open = some(random, 3);
    facts->minimum = maybe(random, 4) ? 2 : 0;
    facts->oldest_wait_ms = maybe(random, 3) ? (int64_t)some(random, 7000) : 0;
    facts->lost += maybe(random, 4) ? some(random, 3) : 0;
    facts->ratelimited += maybe(random, 6) ? some(random, 6) : 0;
    facts->probes_ok += maybe(random, 3) ? some(random, 2) : 0;
    facts->probes_failed += maybe(random, 5) ? some(random, 3) : 0;
    facts->unauthorized_ms = maybe(random, 30) ? now_ms : facts->unauthorized_ms;
    facts->window = (struct health_window){.calls = some(random, 100),
                                           .p95_ms = (double)some(random, 2000),
                                           .last_ok_ms = facts->window.last_ok_ms};
    facts->window.faults = maybe(random, 2) ? 0 : some(random, facts->window.calls);
    facts->window.last_ok_ms = maybe(random, 4) ? facts->window.last_ok_ms : now_ms;
}

static bool has_signal_of(const struct health_memory *memory, enum health level)
{
    for (size_t i = 0; i < HEALTH_SIGNAL_COUNT; i++) {
        if (memory->signals[i].is_on && health_signal_kinds[i].level == level) {
            return true;
        }
    }
    return false;
}

static void check_step(const struct health_memory *before, const struct health_memory *now,
                       const struct health_facts *facts)
{
    bool was_known = before->level != HEALTH_UNKNOWN;

    assert_true(now->level != HEALTH_DRAINING && now->health != (enum health)HEALTH_COUNT);
    assert_int_equal(now->health, facts->is_draining ? HEALTH_DRAINING : now->level);
    /* Never better by more than one level, never unknown again, and nothing while it drains. */
    assert_true(!was_known || now->level != HEALTH_UNKNOWN);
    assert_true(!was_known || now->level + 1 >= before->level);
    assert_true(!facts->is_draining || now->level == before->level);
    /* Worse only for a signal of that very level. */
    if (now->level > before->level && was_known) {
        assert_true(has_signal_of(now, now->level));
    }
    /* Better only after 30 s, unless the breaker has closed. */
    if (now->level < before->level && was_known && before->level != HEALTH_CIRCUIT_OPEN) {
        assert_true(now->level_ms - before->level_ms >= HEALTH_UP_MS);
        assert_true(before->flapping_ms == 0 || before->flapping_ms <= now->level_ms);
    }
    assert_true(now->health != HEALTH_HEALTHY || strcmp(now->reason, "-") == 0 ||
                now->flapping_ms != 0);
    assert_true(now->health == HEALTH_HEALTHY || strcmp(now->reason, "-") != 0);
}

static void test_properties(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct course course = begin();
        struct health_facts facts = {0};
        uint64_t random = seed * 0x9E3779B97F4A7C15U;
        unsigned calm = 1 + (unsigned)some(&random, 60);

        for (int second = 0; second < HOUR_S; second++) {
            struct health_memory before = course.memory;

            if (maybe(&random, calm)) {
                change(&facts, &random, course.now_ms);
            }
            step(&course, &facts);
            check_step(&before, &course.memory, &facts);
        }
    }
}

/* Once it says that nothing can change, nothing does, for as long as the facts are the same. */
static void test_steady(void **state)
{
    size_t steady = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct course course = begin();
        struct health_facts facts = {0};
        uint64_t random = seed * 0x9E3779B97F4A7C15U;
        struct health_memory rest;

        for (int i = 0; i < 30; i++) {
            change(&facts, &random, course.now_ms);
            go_on(&course, &facts, 1 + (int)some(&random, 40));
        }
        for (int i = 0; i < 2 * HOUR_S && !health_model_is_steady(&course.memory); i++) {
            /* The last minute has no end of calls. */
            facts.window.p95_ms = 0;
            step(&course, &facts);
        }
        if (!health_model_is_steady(&course.memory)) {
            continue;
        }
        steady++;
        rest = course.memory;
        go_on(&course, &facts, HOUR_S);
        assert_int_equal(course.memory.health, rest.health);
        assert_string_equal(course.memory.reason, rest.reason);
    }
    assert_int_equal(steady, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_courses),
        cmocka_unit_test(test_draining_keeps_the_level),
        cmocka_unit_test(test_slow_against_the_last_hour),
        cmocka_unit_test(test_what_is_slow_for_long_is_usual),
        cmocka_unit_test(test_flapping),
        cmocka_unit_test(test_it_gets_worse_while_it_flaps),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_steady),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
