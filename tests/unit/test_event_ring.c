/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>

#include "broker/health/event_ring.h"

static struct event_ring ring;
static struct ring_event taken[EVENT_RING_MAXIMUM];

static int start_empty(void **state)
{
    (void)state;
    event_ring_init(&ring, 0);
    return 0;
}

static void add(const char *message, int64_t now_ms)
{
    struct ring_event event = {.type = "health", .severity = "warn", .pool = "demo"};

    (void)snprintf(event.message, sizeof(event.message), "%s", message);
    event_ring_add(&ring, &event, now_ms);
}

static void add_numbered(int first, int count, int64_t now_ms)
{
    for (int i = first; i < first + count; i++) {
        char message[16];

        (void)snprintf(message, sizeof(message), "%d", i);
        add(message, now_ms);
    }
}

static uint64_t sum_of(size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += taken[i].n;
    }
    return sum;
}

static void test_in_order(void **state)
{
    (void)state;
    assert_int_equal(event_ring_take(&ring, taken, 20, 0), 0);
    add_numbered(0, 3, 0);
    assert_int_equal(event_ring_take(&ring, taken, 2, 0), 2);
    assert_string_equal(taken[0].message, "0");
    assert_string_equal(taken[1].message, "1");
    assert_int_equal(taken[1].n, 1);
    assert_int_equal(event_ring_take(&ring, taken, 20, 0), 1);
    assert_string_equal(taken[0].message, "2");
    assert_int_equal(ring.dropped_total, 0);
}

static void test_equal_ones_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        add("same", i);
        add("other", i);
    }
    assert_int_equal(ring.count, 2);
    add("same", EVENT_RING_MERGE_MS);
    assert_int_equal(ring.count, 2);
    /* Too late to be the same. */
    add("same", EVENT_RING_MERGE_MS + 1);
    assert_int_equal(ring.count, 3);
    assert_int_equal(event_ring_take_all(&ring, taken, 20), 3);
    assert_int_equal(taken[0].n, 51);
    assert_int_equal(taken[1].n, 50);
    assert_int_equal(taken[2].n, 1);
}

static void test_any_difference_counts_apart(void **state)
{
    struct ring_event event = {.type = "a"};

    (void)state;
    event_ring_add(&ring, &event, 0);
    (void)snprintf(event.severity, sizeof(event.severity), "warn");
    event_ring_add(&ring, &event, 0);
    (void)snprintf(event.pool, sizeof(event.pool), "p");
    event_ring_add(&ring, &event, 0);
    (void)snprintf(event.session, sizeof(event.session), "s");
    event_ring_add(&ring, &event, 0);
    (void)snprintf(event.code, sizeof(event.code), "c");
    event_ring_add(&ring, &event, 0);
    (void)snprintf(event.type, sizeof(event.type), "b");
    event_ring_add(&ring, &event, 0);
    assert_int_equal(ring.count, 6);
}

static void test_the_rate(void **state)
{
    size_t total = 0;

    (void)state;
    add_numbered(0, 200, 0);
    assert_int_equal(event_ring_take(&ring, taken, 256, 0), EVENT_RING_BURST);
    assert_int_equal(event_ring_take(&ring, taken, 256, 0), 0);
    assert_int_equal(event_ring_take(&ring, taken, 256, EVENT_RING_EVERY_MS - 1), 0);
    assert_int_equal(event_ring_take(&ring, taken, 256, EVENT_RING_EVERY_MS), 1);
    for (int64_t now_ms = EVENT_RING_EVERY_MS; now_ms <= 10000 + EVENT_RING_EVERY_MS;
         now_ms += 37) {
        total += event_ring_take(&ring, taken, 256, now_ms);
    }
    assert_in_range(total, 49, 50);
    /* A quiet night does not buy more than one burst. */
    assert_int_equal(event_ring_take(&ring, taken, 256, 100000000), EVENT_RING_BURST);
}

static void test_the_oldest_is_dropped(void **state)
{
    (void)state;
    add("twice", 0);
    add("twice", 0);
    add_numbered(0, EVENT_RING_MAXIMUM - 1, 0);
    assert_int_equal(ring.dropped_total, 0);
    add_numbered(1000, 3, 0);
    /* `twice` stood for two. */
    assert_int_equal(ring.dropped_total, 4);
    assert_int_equal(ring.count, EVENT_RING_MAXIMUM);
    assert_int_equal(event_ring_take_all(&ring, taken, 1), 1);
    assert_string_equal(taken[0].message, "2");
}

static void test_what_is_returned_comes_first(void **state)
{
    (void)state;
    add_numbered(0, 10, 0);
    assert_int_equal(event_ring_take_all(&ring, taken, 5), 5);
    add_numbered(10, 2, 0);
    event_ring_return(&ring, taken, 5);
    assert_int_equal(event_ring_take_all(&ring, taken, 256), 12);
    for (int i = 0; i < 12; i++) {
        assert_row(i, strtol(taken[i].message, NULL, 10) == i);
    }
}

static void test_returned_to_a_full_ring(void **state)
{
    (void)state;
    add_numbered(0, EVENT_RING_MAXIMUM, 0);
    assert_int_equal(event_ring_take_all(&ring, taken, 5), 5);
    add_numbered(1000, 3, 0);
    event_ring_return(&ring, taken, 5);
    /* The newest of them have a place, the oldest have not. */
    assert_int_equal(ring.dropped_total, 3);
    assert_int_equal(event_ring_take_all(&ring, taken, 1), 1);
    assert_string_equal(taken[0].message, "3");
}

/* Whatever happens, each event is given out, waits, or is counted as dropped. */
static void test_nothing_is_lost_silently(void **state)
{
    uint64_t seed = 3;
    uint64_t added = 0;
    uint64_t given = 0;

    (void)state;
    for (int64_t now_ms = 0; now_ms < 500000; now_ms += unit_random(&seed) % 50) {
        for (uint32_t i = unit_random(&seed) % 12; i > 0; i--) {
            add_numbered((int)(unit_random(&seed) % 400), 1, now_ms);
            added++;
        }
        if (unit_random(&seed) % 5 == 0) {
            size_t count = event_ring_take(&ring, taken, 20, now_ms);

            if (unit_random(&seed) % 3 == 0) {
                event_ring_return(&ring, taken, count);
            } else {
                given += sum_of(count);
            }
        }
    }
    while (event_ring_take_all(&ring, taken, 1) == 1) {
        given += taken[0].n;
    }
    assert_true(ring.dropped_total > 0 && given > 0);
    assert_int_equal(added, given + ring.dropped_total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_order, start_empty),
        cmocka_unit_test_setup(test_equal_ones_are_counted, start_empty),
        cmocka_unit_test_setup(test_any_difference_counts_apart, start_empty),
        cmocka_unit_test_setup(test_the_rate, start_empty),
        cmocka_unit_test_setup(test_the_oldest_is_dropped, start_empty),
        cmocka_unit_test_setup(test_what_is_returned_comes_first, start_empty),
        cmocka_unit_test_setup(test_returned_to_a_full_ring, start_empty),
        cmocka_unit_test_setup(test_nothing_is_lost_silently, start_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
