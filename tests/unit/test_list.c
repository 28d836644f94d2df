/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/base/list.h"

struct item {
    int number;
    struct list_node in_list;
};

static int number_of(struct list_node *node)
{
    return node == NULL ? -1 : LIST_ITEM(node, struct item, in_list)->number;
}

static void test_empty(void **state)
{
    struct list list;

    (void)state;
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_last(&list));
    assert_null(list_take_first(&list));
    assert_null(LIST_ITEM_OR_NULL(list_first(&list), struct item, in_list));
    LIST_FOREACH (node, &list) {
        fail();
    }
}

static void test_order(void **state)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list list;
    int expected = 0;

    (void)state;
    list_init(&list);
    list_append(&list, &items[1].in_list);
    list_append(&list, &items[3].in_list);
    list_prepend(&list, &items[0].in_list);
    list_insert_after(&list, &items[1].in_list, &items[2].in_list);
    assert_int_equal(list.count, 4);
    LIST_FOREACH (node, &list) {
        assert_int_equal(number_of(node), expected++);
    }
    assert_int_equal(number_of(list_first(&list)), 0);
    assert_int_equal(number_of(list_last(&list)), 3);
    assert_int_equal(number_of(list_take_first(&list)), 0);
    list_remove(&list, &items[3].in_list);
    assert_int_equal(number_of(list_last(&list)), 2);
    assert_int_equal(list.count, 2);
}

static void test_membership(void **state)
{
    struct item item = {0};
    struct list a;
    struct list b;

    (void)state;
    list_init(&a);
    list_init(&b);
    list_append(&a, &item.in_list);
    assert_true(list_has(&a, &item.in_list));
    assert_false(list_has(&b, &item.in_list));
    list_remove(&a, &item.in_list);
    assert_false(list_has(&a, &item.in_list));
    list_append(&b, &item.in_list);
    assert_true(list_has(&b, &item.in_list));
}

static void test_safe_walk_removes(void **state)
{
    struct item items[5] = {
        {.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct list list;

    (void)state;
    list_init(&list);
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        list_append(&list, &items[i].in_list);
    }
    LIST_FOREACH_SAFE (node, &list) {
        if (number_of(node) % 2 == 0) {
            list_remove(&list, node);
        }
    }
    assert_int_equal(list.count, 2);
    assert_int_equal(number_of(list_first(&list)), 1);
    assert_int_equal(number_of(list_last(&list)), 3);
}

/* ---- what must abort */

static void remove_through_another_list(const void *context)
{
    struct item item = {0};
    struct list a;
    struct list b;

    (void)context;
    list_init(&a);
    list_init(&b);
    list_append(&a, &item.in_list);
    list_remove(&b, &item.in_list);
}

static void remove_twice(const void *context)
{
    struct item item = {0};
    struct list list;

    (void)context;
    list_init(&list);
    list_append(&list, &item.in_list);
    list_remove(&list, &item.in_list);
    list_remove(&list, &item.in_list);
}

static void add_twice(const void *context)
{
    struct item item = {0};
    struct list list;

    (void)context;
    list_init(&list);
    list_append(&list, &item.in_list);
    list_append(&list, &item.in_list);
}

static void insert_after_a_stranger(const void *context)
{
    struct item item = {0};
    struct item stranger = {0};
    struct list list;

    (void)context;
    list_init(&list);
    list_insert_after(&list, &stranger.in_list, &item.in_list);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    assert_true(does_abort(remove_through_another_list, NULL));
    assert_true(does_abort(remove_twice, NULL));
    assert_true(does_abort(add_twice, NULL));
    assert_true(does_abort(insert_after_a_stranger, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_order),
        cmocka_unit_test(test_membership),    cmocka_unit_test(test_safe_walk_removes),
        cmocka_unit_test(test_misuse_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
