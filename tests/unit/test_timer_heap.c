/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/runtime/timer_heap.h"

enum { NODES = 600, STEPS = 60000 };

static struct timer_node nodes[NODES];
static bool is_in[NODES];

/* What a list would say is first. */
static struct timer_node *find_first(void)
{
    struct timer_node *first = NULL;

    for (size_t i = 0; i < NODES; i++) {
        if (is_in[i] && (first == NULL || nodes[i].due_us < first->due_us ||
                         (nodes[i].due_us == first->due_us && nodes[i].order < first->order))) {
            first = &nodes[i];
        }
    }
    return first;
}

/* Added and removed at random, it always agrees with a list. */
static void the_first_is_always_the_earliest(void **state)
{
    struct timer_heap heap = {0};
    uint64_t seed = 11;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        size_t i = unit_random(&seed) % NODES;

        if (is_in[i]) {
            timer_heap_remove(&heap, &nodes[i]);
        } else {
            timer_heap_add(&heap, &nodes[i], unit_random(&seed) % 1000);
        }
        is_in[i] = !is_in[i];
        if (step % 16 == 0) {
            assert_ptr_equal(heap.root, find_first());
        }
    }
    while (heap.root != NULL) {
        struct timer_node *first = heap.root;

        assert_ptr_equal(first, find_first());
        timer_heap_remove(&heap, first);
        is_in[first - nodes] = false;
    }
    assert_null(find_first());
}

static void those_due_together_come_in_the_order_of_adding(void **state)
{
    struct timer_heap heap = {0};

    (void)state;
    for (size_t i = 0; i < NODES; i++) {
        timer_heap_add(&heap, &nodes[i], 5);
    }
    for (size_t i = 0; i < NODES; i++) {
        assert_ptr_equal(heap.root, &nodes[i]);
        timer_heap_remove(&heap, &nodes[i]);
    }
    assert_null(heap.root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_always_the_earliest),
        cmocka_unit_test(those_due_together_come_in_the_order_of_adding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
