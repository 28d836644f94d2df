/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/base/hashmap.h"

struct entry {
    int64_t number;
    char text[16];
};

static void test_texts(void **state)
{
    struct entry one = {.text = "one"};
    struct entry two = {.text = "two"};
    struct hashmap map;

    (void)state;
    hashmap_init(&map);
    assert_null(hashmap_find(&map, SPAN("one")));
    assert_null(hashmap_take(&map, SPAN("one")));
    assert_null(hashmap_any(&map));
    assert_int_equal(hashmap_add(&map, span_of(one.text), &one), 0);
    assert_int_equal(hashmap_add(&map, span_of(two.text), &two), 0);
    assert_ptr_equal(hashmap_find(&map, SPAN("one")), &one);
    assert_ptr_equal(hashmap_find(&map, SPAN("two")), &two);
    /* A prefix, a longer key, and the empty one are other keys. */
    assert_null(hashmap_find(&map, SPAN("on")));
    assert_null(hashmap_find(&map, SPAN("one\0")));
    assert_null(hashmap_find(&map, SPAN("")));
    assert_ptr_equal(hashmap_take(&map, SPAN("one")), &one);
    assert_null(hashmap_find(&map, SPAN("one")));
    assert_ptr_equal(hashmap_any(&map), &two);
    assert_int_equal(map.count, 1);
    hashmap_done(&map);
}

static void test_empty_key(void **state)
{
    struct entry entry = {0};
    struct hashmap map;

    (void)state;
    hashmap_init(&map);
    assert_int_equal(hashmap_add(&map, SPAN(""), &entry), 0);
    assert_ptr_equal(hashmap_find(&map, SPAN("")), &entry);
    hashmap_done(&map);
}

/* Against an array: every key there is in one exactly when it is in the other. */
static void test_random_walk(void **state)
{
    enum { KEYS = 700, STEPS = 60000 };
    static struct entry entries[KEYS];
    static bool present[KEYS];
    struct hashmap map;
    uint64_t seed = 20240807;
    size_t count = 0;

    (void)state;
    hashmap_init(&map);
    for (int i = 0; i < KEYS; i++) {
        entries[i].number = (int64_t)i << (i % 3 * 20);
    }
    for (int step = 0; step < STEPS; step++) {
        size_t i = unit_random(&seed) % KEYS;
        struct span key = hashmap_number_key(&entries[i].number);

        assert_ptr_equal(hashmap_find(&map, key), present[i] ? &entries[i] : NULL);
        if (present[i]) {
            assert_ptr_equal(hashmap_take(&map, key), &entries[i]);
            count--;
        } else {
            assert_int_equal(hashmap_add(&map, key, &entries[i]), 0);
            count++;
        }
        present[i] = !present[i];
        assert_int_equal(map.count, count);
    }
    for (int i = 0; i < KEYS; i++) {
        struct span key = hashmap_number_key(&entries[i].number);

        assert_ptr_equal(hashmap_find(&map, key), present[i] ? &entries[i] : NULL);
    }
    hashmap_done(&map);
}

static void test_walk_and_empty(void **state)
{
    enum { KEYS = 100 };
    struct entry entries[KEYS];
    struct hashmap map;
    struct entry *entry;
    int64_t sum = 0;
    size_t left = KEYS;

    (void)state;
    hashmap_init(&map);
    HASHMAP_FOREACH (slot, &map) {
        fail();
    }
    for (int i = 0; i < KEYS; i++) {
        entries[i].number = i;
        assert_int_equal(hashmap_add(&map, hashmap_number_key(&entries[i].number), &entries[i]), 0);
    }
    HASHMAP_FOREACH (slot, &map) {
        entry = slot->value;
        sum += entry->number;
    }
    assert_int_equal(sum, KEYS * (KEYS - 1) / 2);
    while ((entry = hashmap_any(&map)) != NULL) {
        assert_ptr_equal(hashmap_take(&map, hashmap_number_key(&entry->number)), entry);
        assert_int_equal(map.count, --left);
    }
    assert_int_equal(left, 0);
    hashmap_done(&map);
}

static bool fill(void)
{
    static struct entry entries[200];
    struct hashmap map;
    bool succeeded = true;

    hashmap_init(&map);
    for (int i = 0; i < 200 && succeeded; i++) {
        entries[i].number = i;
        succeeded = hashmap_add(&map, hashmap_number_key(&entries[i].number), &entries[i]) == 0;
        if (!succeeded) {
            /* What was there before the failure is still there. */
            assert_int_equal(map.count, i);
            assert_null(hashmap_find(&map, hashmap_number_key(&entries[i].number)));
        }
    }
    for (size_t i = 0; i < map.count; i++) {
        assert_ptr_equal(hashmap_find(&map, hashmap_number_key(&entries[i].number)), &entries[i]);
    }
    hashmap_done(&map);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(fill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_empty_key),
        cmocka_unit_test(test_random_walk),   cmocka_unit_test(test_walk_and_empty),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
