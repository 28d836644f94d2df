/* SPDX-License-Identifier: MIT */
#include "unit.h"

/* SLACK: an allocator rounds large blocks up to pages. */
enum { SIZE = 100000, SLACK = 8192 };

static bool refuse(size_t size)
{
    (void)size;
    return false;
}

static void assert_grown(size_t before, size_t size)
{
    assert_true(mem_in_use() >= before + size);
    assert_true(mem_in_use() <= before + size + SLACK);
}

static void test_in_use(void **state)
{
    size_t before = mem_in_use();
    void *block = mem_new(SIZE);
    char *text;

    (void)state;
    assert_non_null(block);
    assert_grown(before, SIZE);
    text = mem_copy_text("abc", 3);
    assert_non_null(text);
    assert_grown(before, SIZE + 4);
    mem_free(text);
    block = mem_resize(block, 10 * SIZE);
    assert_non_null(block);
    assert_grown(before, 10 * SIZE);
    block = mem_resize(block, SIZE);
    assert_non_null(block);
    assert_true(mem_in_use() >= before + SIZE && mem_in_use() < before + 10 * SIZE);
    mem_free(block);
    assert_int_equal(mem_in_use(), before);
    mem_free(NULL);
    assert_int_equal(mem_in_use(), before);
    block = mem_resize(NULL, SIZE);
    assert_non_null(block);
    assert_grown(before, SIZE);
    mem_free(block);
    assert_int_equal(mem_in_use(), before);
}

/* What was refused is not in use, and what it was to replace still is. */
static void test_refused(void **state)
{
    size_t before = mem_in_use();
    void *block = mem_new(SIZE);
    void *none[3];

    (void)state;
    assert_non_null(block);
    mem_set_hook(refuse);
    none[0] = mem_new(1);
    none[1] = mem_resize(block, 2 * SIZE);
    none[2] = mem_copy_text("a", 1);
    mem_set_hook(NULL);
    assert_true(none[0] == NULL && none[1] == NULL && none[2] == NULL);
    assert_grown(before, SIZE);
    mem_free(block);
    assert_int_equal(mem_in_use(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
