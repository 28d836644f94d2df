/* SPDX-License-Identifier: MIT */
/* The normal form by itself: what becomes of references, limits and sloppy schemas. */
#include "unit.h"

#include <errno.h>

#include "client-lib/formats/normalise.h"

enum { ROOM = 64 * 1024 * 1024 };

struct normal_case {
    const char *schema;
    const char *expected; /* or the reason why there is none */
};

static int bring(struct arena *arena, struct span text, enum recursion recursion,
                 struct normalised *ret)
{
    struct tree_parsed parsed;

    assert_int_equal(tree_parse(arena, text, &tree_limits_schema, &parsed), 0);
    return normalise(arena, parsed.root, recursion, ret);
}

static void expect(size_t row, struct span schema, enum recursion recursion, const char *expected)
{
    struct normalised normal;
    struct arena arena;
    struct bytes out;

    arena_init(&arena, ROOM);
    bytes_init(&out, ROOM);
    if (bring(&arena, schema, recursion, &normal) == 0) {
        tree_write(normal.root, &out);
    } else {
        bytes_append_span(&out, normal.refused);
    }
    if (!span_is(bytes_span(&out), expected)) {
        print_error("row %zu\n", row);
        assert_bytes(out, expected);
    }
    bytes_done(&out);
    arena_done(&arena);
}

static void sloppy_schemas_are_put_in_order(void **state)
{
    static const struct normal_case rows[] = {
        {"{}", "{\"type\":\"object\",\"properties\":{}}"},
        {"{\"type\":[\"null\",\"object\"],\"enum\":[{}],\"const\":{},\"if\":{},\"else\":{}}",
         "{\"type\":\"object\",\"properties\":{}}"},
        {"{\"type\":\"array\"}", "root type is array"},
        {"{\"type\":[\"array\",\"string\"]}", "root type is string, array"},
        {"{\"anyOf\":[{\"type\":\"string\"}]}", "root type is string"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
         "no alternative at the root is an object"},
        {"{\"$ref\":\"#\"}",
         "{\"$comment\":\"reference to itself\",\"type\":\"object\",\"properties\":{},\"$defs\":{"
         "\"root\":{\"$comment\":\"reference to itself\"}}}"},
        {"{\"properties\":{\"a\":{\"type\":[\"string\",\"string\"]}},\"required\":[\"a\","
         "\"\\u0061\","
         "\"b\",\"a\"]}",
         "{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"maximum\":3,\"exclusiveMaximum\":true}}}",
         "{\"properties\":{\"a\":{\"exclusiveMaximum\":3}},\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"items\":false,\"maxItems\":7}}}",
         "{\"properties\":{\"a\":{\"maxItems\":0}},\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"multipleOf\":0,\"minLength\":-1,\"uniqueItems\":1,"
         "\"x-a\":1,\"$id\":\"i\",\"discriminator\":{}}}}",
         "{\"properties\":{\"a\":{}},\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"not\":true},\"b\":false,\"c\":{\"not\":{\"type\":\"null\"}}}}",
         "{\"properties\":{\"c\":{\"not\":{\"type\":\"null\"}}},\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"type\":\"number\",\"allOf\":[{\"type\":\"integer\"},"
         "{\"minimum\":1},{\"minimum\":2}]}}}",
         "{\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":2}},\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"allOf\":[{\"minimum\":1.5},{\"minimum\":2.5}]}}}",
         "{\"properties\":{\"a\":{\"allOf\":[{\"minimum\":1.5},{\"minimum\":2.5}]}},"
         "\"type\":\"object\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(i, span_of(rows[i].schema), RECURSION_KEPT, rows[i].expected);
    }
}

static void references_lead_where_they_say(void **state)
{
    static const struct normal_case rows[] = {
        {"{\"$id\":\"http://x/s\",\"properties\":{\"a\":{\"$ref\":\"http://x/s#/$defs/A\"},\"b\":{"
         "\"$ref\":\"#an\"},\"c\":{\"$ref\":\"#old\"},\"d\":{\"$ref\":\"#/$defs/L/0\"}},\"$defs\":{"
         "\"A\":{\"$anchor\":\"an\",\"type\":\"string\"},\"O\":{\"$id\":\"#old\",\"type\":"
         "\"integer\"},\"L\":[{\"type\":\"null\"}]}}",
         "{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"},\"c\":{\"type\":"
         "\"integer\"},\"d\":{\"type\":\"null\"}},\"type\":\"object\"}"},
        {"{\"properties\":{\"kids\":{\"items\":{\"$ref\":\"#\"}}}}",
         "{\"properties\":{\"kids\":{\"items\":{\"$ref\":\"#/$defs/root\"}}},\"type\":\"object\","
         "\"$defs\":{\"root\":{\"properties\":{\"kids\":{\"items\":{\"$ref\":\"#/$defs/"
         "root\"}}}}}}"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"},\"b\":{\"$ref\":\"#/$defs/"
         "B\"}},\"$defs\":{"
         "\"A\":{\"items\":{\"$ref\":\"#/$defs/B\"}},\"B\":{\"items\":{\"$ref\":\"#/$defs/A\"}}}}",
         "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"},\"b\":{\"$ref\":\"#/$defs/B\"}},\"type\":"
         "\"object\",\"$defs\":{\"A\":{\"items\":{\"$ref\":\"#/$defs/B\"}},\"B\":{\"items\":{"
         "\"$ref\":\"#/$defs/A\"}}}}"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/x%20y\",\"description\":\"d\"}},\"$defs\":{"
         "\"x y\":{\"items\":{\"$ref\":\"#/$defs/x y\"}}}}",
         "{\"properties\":{\"a\":{\"description\":\"d\",\"anyOf\":[{\"$ref\":\"#/$defs/x_y\"}]}},"
         "\"type\":\"object\",\"$defs\":{\"x_y\":{\"items\":{\"$ref\":\"#/$defs/x_y\"}}}}"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"}},\"$defs\":{\"A\":{\"$ref\":\"#/$defs/"
         "B\"},"
         "\"B\":{\"$ref\":\"#/$defs/A\"}}}",
         "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"}},\"type\":\"object\",\"$defs\":{\"A\":{"
         "\"$comment\":\"reference to itself\"},\"B\":{\"$ref\":\"#/$defs/A\"}}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(i, span_of(rows[i].schema), RECURSION_KEPT, rows[i].expected);
    }
    expect(0,
           SPAN("{\"properties\":{\"n\":{\"$ref\":\"#/$defs/N\"}},\"$defs\":{\"N\":{\"items\":{"
                "\"$ref\":\"#/$defs/N\"}}}}"),
           RECURSION_CUT,
           "{\"properties\":{\"n\":{\"items\":{\"$comment\":\"nested N\"}}},\"type\":\"object\"}");
}

/* COUNT definitions, each of which refers TIMES to the next. */
static void write_chain(struct bytes *out, int count, int times)
{
    bytes_clear(out);
    bytes_append_text(out, "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/d0\"}},\"$defs\":{");
    for (int i = 0; i < count; i++) {
        bytes_printf(out, "\"d%d\":{\"properties\":{", i);
        for (int j = 0; j < times; j++) {
            bytes_printf(out, "%s\"p%d\":{\"$ref\":\"#/$defs/d%d\"}", j == 0 ? "" : ",", j, i + 1);
        }
        bytes_append_text(out, "}},");
    }
    bytes_printf(out, "\"d%d\":{\"type\":\"string\"}}}", count);
}

static void what_would_be_too_much_stays_a_reference(void **state)
{
    struct normalised normal;
    struct arena arena;
    struct bytes text;

    (void)state;
    bytes_init(&text, ROOM);
    arena_init(&arena, ROOM);
    write_chain(&text, 20, 2);
    assert_int_equal(bring(&arena, bytes_span(&text), RECURSION_KEPT, &normal), 0);
    assert_int_equal(tree_find(normal.root, "$defs")->count, 21);
    assert_true(tree_size(normal.root) < 400);
    assert_int_equal(bring(&arena, bytes_span(&text), RECURSION_CUT, &normal), -EBADMSG);
    assert_span(normal.refused, "references expand past 4000 nodes");
    write_chain(&text, 70, 1);
    assert_int_equal(bring(&arena, bytes_span(&text), RECURSION_KEPT, &normal), 0);
    assert_int_equal(bring(&arena, bytes_span(&text), RECURSION_CUT, &normal), -EBADMSG);
    assert_span(normal.refused, "nested too deeply");
    write_chain(&text, TARGETS_MAXIMUM + 10, 1);
    assert_int_equal(bring(&arena, bytes_span(&text), RECURSION_KEPT, &normal), -EBADMSG);
    assert_span(normal.refused, "references lead to more than 512 schemas");
    arena_done(&arena);
    bytes_done(&text);
}

static void what_is_left_out_is_noted(void **state)
{
    struct normalised normal;
    struct arena arena;

    (void)state;
    arena_init(&arena, ROOM);
    assert_int_equal(bring(&arena,
                           SPAN("{\"properties\":{\"a/~\":{\"items\":{\"minimum\":\"1\"}},\"b\":{"
                                "\"$ref\":\"other.json\"}},\"not\":{}}"),
                           RECURSION_KEPT, &normal),
                     0);
    assert_span(normal.notes->at, "/properties/a~1~0/items/minimum");
    assert_span(normal.notes->reason, "left out: not a value for this keyword");
    assert_span(normal.notes->next->at, "/properties/b");
    assert_span(normal.notes->next->reason, "external reference not followed");
    assert_span(normal.notes->next->next->at, "");
    assert_null(normal.notes->next->next->next);
    arena_done(&arena);
}

static void a_small_arena_is_no_memory(void **state)
{
    static const char schema[] = "{\"properties\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/A\"}]}},"
                                 "\"$defs\":{\"A\":{\"items\":{\"$ref\":\"#/$defs/A\"}}}}";
    struct normalised normal;
    struct tree_parsed parsed;
    struct arena source;
    int result = -ENOMEM;

    (void)state;
    arena_init(&source, ROOM);
    assert_int_equal(tree_parse(&source, span_of(schema), &tree_limits_schema, &parsed), 0);
    for (size_t room = 0; result == -ENOMEM; room += 64) {
        struct arena arena;

        arena_init(&arena, room);
        result = normalise(&arena, parsed.root, RECURSION_KEPT, &normal);
        assert_true(result == 0 || (result == -ENOMEM && arena.failed == ARENA_FULL));
        arena_done(&arena);
    }
    assert_int_equal(result, 0);
    arena_done(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sloppy_schemas_are_put_in_order),
        cmocka_unit_test(references_lead_where_they_say),
        cmocka_unit_test(what_would_be_too_much_stays_a_reference),
        cmocka_unit_test(what_is_left_out_is_noted),
        cmocka_unit_test(a_small_arena_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
