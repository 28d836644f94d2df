/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/routing/list_pages.h"
#include "proto/json_scan.h"

enum { MAXIMUM = 4096, PAGES = 3 };

static void assert_is_json(struct span text)
{
    struct json_error error;

    assert_int_equal(json_check(text, &json_limits_default, &error), 0);
}

static void test_joined(void **state)
{
    static const struct {
        const char *pages[PAGES];
        const char *expected;
    } rows[] = {
        /* One page, as it is. */
        {{"{\"tools\":[{\"name\":\"a\"}]}"}, "{\"tools\":[{\"name\":\"a\"}]}"},
        /* Nothing in the list; no list at all; no object. */
        {{"{\"tools\":[]}"}, "{\"tools\":[]}"},
        {{"{}"}, "{\"tools\":[]}"},
        {{"[1]"}, "{\"tools\":[]}"},
        /* Pages in their order; the cursors are gone. */
        {{"{\"tools\":[1],\"nextCursor\":\"x\"}", "{\"tools\":[2,3],\"nextCursor\":\"\"}",
          "{\"tools\":[4]}"},
         "{\"tools\":[1,2,3,4]}"},
        /* An empty page in the middle, at the beginning, at the end. */
        {{"{\"tools\":[1],\"nextCursor\":\"x\"}", "{\"tools\":[],\"nextCursor\":\"y\"}",
          "{\"tools\":[2]}"},
         "{\"tools\":[1,2]}"},
        {{"{\"tools\":[],\"nextCursor\":\"x\"}", "{\"tools\":[1]}"}, "{\"tools\":[1]}"},
        {{"{\"tools\":[1],\"nextCursor\":\"x\"}", "{\"tools\":[]}"}, "{\"tools\":[1]}"},
        /* The first page's other members stay, behind the list; the later pages' do not. */
        {{"{\"_meta\":{\"k\":[1,2]},\"tools\":[1],\"nextCursor\":\"x\",\"ttlMs\":5}",
          "{\"_meta\":{\"l\":0},\"tools\":[2],\"ttlMs\":6}"},
         "{\"tools\":[1,2],\"_meta\":{\"k\":[1,2]},\"ttlMs\":5}"},
        /* What a tool says of tasks is dropped, with its comma, wherever it stands. */
        {{"{\"tools\":[{\"execution\":{\"taskSupport\":\"required\"},\"name\":\"a\"},"
          "{\"name\":\"b\",\"execution\":{}},{\"execution\":{}}]}"},
         "{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"},{}]}"},
        /* The same word deeper down, or as a value, is the tool's own. */
        {{"{\"tools\":[{\"name\":\"execution\",\"inputSchema\":{\"execution\":1}}]}"},
         "{\"tools\":[{\"name\":\"execution\",\"inputSchema\":{\"execution\":1}}]}"},
        /* Line ends between tokens are dropped: they would break a frame. */
        {{"{\r\n \"tools\": [\n  {\"name\":\r\n \"a\"}\n ]\n,\n\"k\":[\n1\r]}"},
         "{\"tools\":[{\"name\": \"a\"}],\"k\":[1]}"},
        /* Numbers, escapes and duplicates inside an element keep their bytes. */
        {{"{\"tools\":[{\"n\":9007199254740993,\"e\":1e400,\"n\":\"\\u00e9\\n\"}]}"},
         "{\"tools\":[{\"n\":9007199254740993,\"e\":1e400,\"n\":\"\\u00e9\\n\"}]}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct list_pages pages;
        struct bytes out;

        list_pages_init(&pages, "tools", MAXIMUM);
        bytes_init(&out, MAXIMUM);
        for (size_t page = 0; page < PAGES && rows[i].pages[page] != NULL; page++) {
            list_pages_add(&pages, span_of(rows[i].pages[page]));
        }
        assert_row(i, list_pages_write(&pages, &out));
        assert_bytes(out, rows[i].expected);
        assert_is_json(bytes_span(&out));
        bytes_done(&out);
        list_pages_done(&pages);
    }
}

static void test_cleared(void **state)
{
    struct list_pages pages;
    struct bytes out;

    (void)state;
    list_pages_init(&pages, "prompts", MAXIMUM);
    bytes_init(&out, MAXIMUM);
    list_pages_add(&pages, SPAN("{\"prompts\":[1],\"k\":1}"));
    list_pages_clear(&pages);
    list_pages_add(&pages, SPAN("{\"prompts\":[2],\"l\":2}"));
    assert_true(list_pages_write(&pages, &out));
    assert_bytes(out, "{\"prompts\":[2],\"l\":2}");
    bytes_done(&out);
    list_pages_done(&pages);
}

static void test_too_large(void **state)
{
    struct list_pages pages;
    struct bytes out;

    (void)state;
    list_pages_init(&pages, "tools", 16);
    bytes_init(&out, MAXIMUM);
    list_pages_add(&pages, SPAN("{\"tools\":[\"0123456789\"],\"nextCursor\":\"x\"}"));
    list_pages_add(&pages, SPAN("{\"tools\":[\"0123456789\"]}"));
    assert_false(list_pages_write(&pages, &out));
    /* The next list is a new one. */
    list_pages_clear(&pages);
    bytes_clear(&out);
    list_pages_add(&pages, SPAN("{\"tools\":[\"0123456789\"]}"));
    assert_true(list_pages_write(&pages, &out));
    bytes_done(&out);
    list_pages_done(&pages);
}

static void test_stale(void **state)
{
    static const struct {
        const char *list;
        const char *expected;
    } rows[] = {
        /* No _meta yet. */
        {"{\"tools\":[]}", "{\"tools\":[],\"_meta\":{\"dev.teplo/stale\":true}}"},
        /* One that is empty. */
        {"{\"tools\":[],\"_meta\":{}}", "{\"tools\":[],\"_meta\":{\"dev.teplo/stale\":true}}"},
        {"{\"tools\":[],\"_meta\":{ }}", "{\"tools\":[],\"_meta\":{\"dev.teplo/stale\":true }}"},
        /* One with members, which stay. */
        {"{\"tools\":[],\"_meta\":{\"k\":1}}",
         "{\"tools\":[],\"_meta\":{\"dev.teplo/stale\":true,\"k\":1}}"},
        /* A _meta of an element is not the list's. */
        {"{\"tools\":[{\"_meta\":{}}]}",
         "{\"tools\":[{\"_meta\":{}}],\"_meta\":{\"dev.teplo/stale\":true}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes out;

        bytes_init(&out, MAXIMUM);
        list_mark_stale(span_of(rows[i].list), &out);
        assert_false(out.failed);
        assert_bytes(out, rows[i].expected);
        assert_is_json(bytes_span(&out));
        bytes_done(&out);
    }
}

static void test_stale_with_an_odd_meta(void **state)
{
    struct bytes out;
    struct span text = SPAN("{\"tools\":[],\"_meta\":null}");

    (void)state;
    /* A server's null is no object: whatever is made of it, it must be JSON and marked. */
    bytes_init(&out, MAXIMUM);
    list_mark_stale(text, &out);
    assert_is_json(bytes_span(&out));
    assert_non_null(strstr(bytes_text(&out), "\"dev.teplo/stale\":true"));
    bytes_done(&out);
}

static bool join_with_failing_memory(void)
{
    struct list_pages pages;
    struct bytes out;
    bool is_done;

    list_pages_init(&pages, "tools", MAXIMUM);
    bytes_init(&out, MAXIMUM);
    list_pages_add(&pages, SPAN("{\"tools\":[1],\"k\":2,\"nextCursor\":\"x\"}"));
    list_pages_add(&pages, SPAN("{\"tools\":[{\"execution\":1}]}"));
    is_done = list_pages_write(&pages, &out);
    bytes_done(&out);
    list_pages_done(&pages);
    return is_done;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(join_with_failing_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_cleared),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_stale_with_an_odd_meta),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
