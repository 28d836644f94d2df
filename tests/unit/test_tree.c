/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "client-lib/formats/tree.h"

enum { ROOM = 16 * 1024 * 1024 };

static const struct tree_limits wide = {.bytes = 1 << 20, .depth = 64, .nodes = 100000};

static struct tree_parsed parse(struct arena *arena, const char *text)
{
    struct tree_parsed parsed = {.root = NULL};

    assert_int_equal(tree_parse(arena, span_of(text), &wide, &parsed), 0);
    assert_non_null(parsed.root);
    return parsed;
}

static void assert_tree(const struct tree_node *node, const char *text)
{
    struct bytes out;

    bytes_init(&out, ROOM);
    tree_write(node, &out);
    assert_false(out.failed);
    assert_bytes(out, text);
    bytes_done(&out);
}

static void tokens_and_order_survive(void **state)
{
    static const char *const texts[][2] = {
        {"9223372036854775807", "9223372036854775807"},
        {" 1e400 ", "1e400"},
        {"\"\\u0416\\/\"", "\"\\u0416\\/\""},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {" { \"b\" : [ 1 , -0.0 , { } , [ ] ] ,\n\"a\" : { \"x\" : null } } ",
         "{\"b\":[1,-0.0,{},[]],\"a\":{\"x\":null}}"},
        {"[true,false,[[\"]\"],{\"}\":\"\\\\\\\"\"}]]",
         "[true,false,[[\"]\"],{\"}\":\"\\\\\\\"\"}]]"},
        {"\"\\ud800\"", "\"\\ud800\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena arena;

        arena_init(&arena, ROOM);
        assert_tree(parse(&arena, texts[i][0]).root, texts[i][1]);
        arena_done(&arena);
    }
}

static void keys_are_found_however_escaped(void **state)
{
    struct arena arena;
    struct tree_node *root;

    (void)state;
    arena_init(&arena, ROOM);
    root = parse(&arena, "{\"\\u0061b\":1,\"\\u043d\":2,\"q\\\"\":3,\"\":4,\"\\ud800\":5}").root;
    assert_span(tree_find(root, "ab")->token, "1");
    assert_span(tree_find(root, "\xd0\xbd")->token, "2");
    assert_span(tree_find_key(root, tree_key(&arena, SPAN("q\"")))->token, "3");
    assert_span(tree_find(root, "")->token, "4");
    assert_null(tree_find(root, "b"));
    assert_null(tree_find(NULL, "b"));
    assert_tree(root, "{\"ab\":1,\"\xd0\xbd\":2,\"q\\\"\":3,\"\":4,\"\\ud800\":5}");
    arena_done(&arena);
}

static void the_last_of_equal_keys_wins(void **state)
{
    struct arena arena;
    struct tree_parsed parsed;
    struct bytes many;
    char key[32];

    (void)state;
    arena_init(&arena, ROOM);
    parsed = parse(&arena, "{\"a\":1,\"b\":2,\"\\u0061\":3}");
    assert_true(parsed.duplicates);
    assert_tree(parsed.root, "{\"b\":2,\"a\":3}");
    assert_false(parse(&arena, "{\"a\":{\"a\":1},\"b\":{\"a\":1}}").duplicates);
    bytes_init(&many, ROOM);
    bytes_append_char(&many, '{');
    for (int i = 0; i < 3000; i++) {
        bytes_printf(&many, "\"k%d\":%d,", i % 1000, i);
    }
    bytes_append_text(&many, "\"end\":0}");
    parsed = parse(&arena, bytes_text(&many));
    assert_true(parsed.duplicates);
    assert_int_equal(parsed.root->count, 1001);
    for (int i = 0; i < 1000; i += 37) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(strtol(tree_find(parsed.root, key)->token.at, NULL, 10), 2000 + i);
    }
    assert_null(tree_find(parsed.root, "k1000"));
    bytes_done(&many);
    arena_done(&arena);
}

static void what_is_too_much_is_refused(void **state)
{
    static const struct tree_limits narrow = {.bytes = 20, .depth = 2, .nodes = 4};
    struct arena arena;
    struct tree_parsed parsed;

    (void)state;
    arena_init(&arena, ROOM);
    assert_int_equal(tree_parse(&arena, SPAN("[[],1,2]"), &narrow, &parsed), 0);
    assert_int_equal(tree_parse(&arena, SPAN("[[[]]]"), &narrow, &parsed), -EBADMSG);
    assert_int_equal(parsed.error.fault, JSON_FAULT_DEPTH);
    assert_int_equal(tree_parse(&arena, SPAN("[1,2,3,4]"), &narrow, &parsed), -EBADMSG);
    assert_int_equal(parsed.error.fault, JSON_FAULT_TOKENS);
    assert_int_equal(tree_parse(&arena, SPAN("[                   ]"), &narrow, &parsed), -E2BIG);
    assert_int_equal(tree_parse(&arena, SPAN("{\"a\":}"), &narrow, &parsed), -EBADMSG);
    assert_int_equal(parsed.error.fault, JSON_FAULT_UNEXPECTED);
    assert_int_equal(parsed.error.at, 5);
    arena_done(&arena);
    arena_init(&arena, 64);
    assert_int_equal(tree_parse(&arena, SPAN("[1]"), &narrow, &parsed), -ENOMEM);
    assert_int_equal(arena.failed, ARENA_FULL);
    arena_done(&arena);
}

static void edits_keep_the_order(void **state)
{
    struct arena arena;
    struct tree_node *root;
    struct tree_node *copy;
    struct tree_node *array;

    (void)state;
    arena_init(&arena, ROOM);
    root = parse(&arena, "{\"a\":1,\"b\":[true,{\"x\":2}],\"c\":3}").root;
    copy = tree_copy(&arena, root);
    tree_set(&arena, root, "a", tree_word(&arena, "new"));
    tree_set(&arena, root, "d", tree_null(&arena));
    tree_remove(tree_find(root, "c"));
    array = tree_find(root, "b");
    tree_remove(array->first);
    tree_push(&arena, array, tree_number(&arena, INT64_MIN));
    tree_replace(&arena, array->first, tree_new(&arena, JSON_ARRAY));
    tree_remove(NULL);
    assert_tree(root, "{\"a\":\"new\",\"b\":[[],-9223372036854775808],\"d\":null}");
    assert_tree(copy, "{\"a\":1,\"b\":[true,{\"x\":2}],\"c\":3}");
    assert_int_equal(tree_size(copy), 7);
    assert_int_equal(tree_depth(copy), 3);
    assert_int_equal(tree_depth(copy->first), 0);
    tree_sort(&arena, root);
    assert_true(tree_find(root, "d")->kind == JSON_NULL);
    assert_null(tree_find(root, "c"));
    arena_done(&arena);
}

static void equal_is_what_means_the_same(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } rows[] = {
        {"{\"a\":1,\"b\":[2,{}]}", "{\"b\":[2,{}],\"a\":1}", true},
        {"{\"a\":{\"x\":1},\"b\":2}", "{\"b\":2,\"a\":{\"x\":1}}", true},
        {"[1,2]", "[2,1]", false},
        {"[1,[2]]", "[1,[2,3]]", false},
        {"\"\\u0061\"", "\"a\"", true},
        {"1", "1.0", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":null}", "{}", false},
        {"{\"a\":{\"p\":1,\"q\":2},\"z\":3}", "{\"z\":3,\"a\":{\"q\":2,\"p\":4}}", false},
        {"true", "false", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;

        arena_init(&arena, ROOM);
        assert_row(i, tree_equal(parse(&arena, rows[i].a).root, parse(&arena, rows[i].b).root) ==
                          rows[i].equal);
        arena_done(&arena);
    }
}

static void text_is_always_utf8(void **state)
{
    static const char *const rows[][2] = {
        {"\"a\\n\\u0416\"", "a\n\xd0\x96"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"x\\ud83d\\u0041\\ude00y\"", "x\xef\xbf\xbd\x41\xef\xbf\xbdy"},
        {"\"\\ud83d\\ud83d\\ude00\\\\ud800\"", "\xef\xbf\xbd\xf0\x9f\x98\x80\\ud800"},
        {"\"\\uD800\"", "\xef\xbf\xbd"},
        {"12", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct bytes out;

        arena_init(&arena, ROOM);
        bytes_init(&out, ROOM);
        tree_text(parse(&arena, rows[i][0]).root, &out);
        assert_row(i, span_equal((struct span){out.at, out.length}, span_of(rows[i][1])));
        bytes_done(&out);
        arena_done(&arena);
    }
}

static bool build_and_copy(void)
{
    static const char text[] = "{\"\\u0061\":[1,2,{\"b\":\"\\u0416\"}],\"c\":{},\"\\u0061\":null,"
                               "\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,"
                               "\"9\":1,\"10\":1,\"11\":1,\"12\":1,\"13\":1,\"14\":1,\"15\":1}";
    struct arena arena;
    struct tree_parsed parsed;
    struct tree_node *copy;
    bool fine;

    arena_init(&arena, ROOM);
    if (tree_parse(&arena, span_of(text), &wide, &parsed) == 0) {
        copy = tree_copy(&arena, parsed.root);
        tree_set(&arena, copy, "more", tree_number(&arena, 7));
        tree_push(&arena, tree_new(&arena, JSON_ARRAY), tree_word(&arena, "x"));
        for (int i = 0; i < 200; i++) {
            tree_set_key(&arena, copy, tree_key(&arena, SPAN("k")), tree_copy(&arena, parsed.root));
        }
        tree_replace(&arena, copy->first, tree_null(&arena));
    }
    fine = arena.failed == ARENA_FINE;
    arena_done(&arena);
    return fine;
}

static void memory_out_shows_at_the_end(void **state)
{
    (void)state;
    each_allocation_fails(build_and_copy);
    assert_int_equal(mem_in_use(), 0);
}

static void arenas_join(void **state)
{
    struct arena arena;
    struct arena giver;
    struct tree_node *root;

    (void)state;
    arena_init(&arena, 0);
    arena_init(&giver, ROOM);
    root = parse(&giver, "[1,2]").root;
    arena_join(&arena, &giver);
    arena_done(&giver);
    assert_tree(root, "[1,2]");
    arena_done(&arena);
    assert_int_equal(mem_in_use(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_and_order_survive),
        cmocka_unit_test(keys_are_found_however_escaped),
        cmocka_unit_test(the_last_of_equal_keys_wins),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(edits_keep_the_order),
        cmocka_unit_test(equal_is_what_means_the_same),
        cmocka_unit_test(text_is_always_utf8),
        cmocka_unit_test(memory_out_shows_at_the_end),
        cmocka_unit_test(arenas_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
