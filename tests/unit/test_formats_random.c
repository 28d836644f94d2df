/* SPDX-License-Identifier: MIT */
/*
 * Schemas at random, as servers write them: each provider takes what becomes of them.
 * TEPLO_RANDOM_SCHEMAS says how many, TEPLO_RANDOM_SEED from where; a failure names its seed.
 */
#include "unit.h"

#include <stdlib.h>

#include "client-lib/formats/lint.h"
#include "client-lib/formats/toolset.h"
#include "schema_maker.h"

enum { ROOM = 64 * 1024 * 1024, SCHEMAS = 500 };

static const struct tree_limits wide = {.bytes = ROOM, .depth = 1000, .nodes = 1000000};

static uint64_t seed;

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void fail_with(const char *what, struct span text)
{
    print_error("TEPLO_RANDOM_SEED=%llu TEPLO_RANDOM_SCHEMAS=1: %s\n%.*s\n",
                (unsigned long long)seed, what, (int)text.length, text.at);
    fail();
}

static struct tree_node *parse(struct arena *arena, struct span text)
{
    struct tree_parsed parsed = {.root = NULL};

    if (tree_parse(arena, text, &wide, &parsed) < 0) {
        fail_with("not JSON", text);
    }
    return parsed.root;
}

static struct teplo_toolset *add(enum teplo_provider provider, uint32_t flags, struct span listing)
{
    struct teplo_toolset *toolset = NULL;

    assert_int_equal(teplo_toolset_new(provider, flags, &toolset), TEPLO_OK);
    if (teplo_toolset_add(toolset, "s", listing.at, listing.length) != TEPLO_OK) {
        fail_with(teplo_toolset_error(toolset), listing);
    }
    return toolset;
}

static struct span tools_of(const struct teplo_toolset *toolset)
{
    size_t length;
    const char *text = teplo_toolset_tools(toolset, &length);

    return (struct span){text, length};
}

/* Nothing is dropped, and strict mode refused only for what the converter itself cannot say. */
static void look_at_diagnostics(const struct teplo_toolset *toolset, struct arena *arena,
                                struct span listing)
{
    size_t length;
    const char *text = teplo_toolset_diagnostics(toolset, &length);
    const struct tree_node *all = parse(arena, (struct span){text, length});

    for (const struct tree_node *one = all->first; one != NULL; one = one->next) {
        struct bytes reason;

        bytes_init(&reason, ROOM);
        tree_text(tree_find(one, "reason"), &reason);
        if (tree_is(tree_find(one, "kind"), "dropped") ||
            (tree_is(tree_find(one, "kind"), "not_strict") &&
             strstr(bytes_text(&reason), " at /") == NULL && tree_is(tree_find(one, "at"), ""))) {
            fail_with(bytes_text(&reason), listing);
        }
        bytes_done(&reason);
    }
}

static void look_at_tools(const struct teplo_toolset *toolset, struct arena *arena,
                          struct span listing)
{
    const struct tree_node *tool = parse(arena, tools_of(toolset))->first;
    const struct tree_node *gemini = tree_find(tool, "functionDeclarations");
    struct lint lint = {.provider = format_provider(toolset), .arena = arena};

    for (tool = gemini == NULL ? tool : gemini->first; tool != NULL; tool = tool->next) {
        if (!lint_declaration(&lint, tool)) {
            fail_with(lint.reason, listing);
        }
    }
}

static void try_provider(enum teplo_provider provider, uint32_t flags, struct span listing)
{
    struct teplo_toolset *toolset = add(provider, flags, listing);
    struct teplo_toolset *again = add(provider, flags, listing);
    struct arena arena;

    arena_init(&arena, ROOM);
    if (!span_equal(tools_of(toolset), tools_of(again))) {
        fail_with("not the same twice", listing);
    }
    look_at_diagnostics(toolset, &arena, listing);
    look_at_tools(toolset, &arena, listing);
    arena_done(&arena);
    teplo_toolset_free(toolset);
    teplo_toolset_free(again);
}

static void try_schema(void)
{
    struct schema_maker maker = schema_maker_of(seed);
    struct bytes listing;
    struct bytes arguments;
    struct arena arena;
    const struct tree_node *root;

    bytes_init(&listing, ROOM);
    bytes_init(&arguments, ROOM);
    arena_init(&arena, ROOM);
    bytes_append_text(&listing, "[{\"name\":\"t\",\"inputSchema\":");
    schema_maker_schema(&maker, &listing);
    bytes_append_text(&listing, "}]");
    root = parse(&arena, bytes_span(&listing));
    schema_maker_arguments(&maker, tree_find(root->first, "inputSchema"), &arguments);
    assert_int_equal(parse(&arena, bytes_span(&arguments))->kind, JSON_OBJECT);
    for (int provider = TEPLO_OPENAI_CHAT; provider <= TEPLO_ANTHROPIC; provider++) {
        try_provider((enum teplo_provider)provider, 0, bytes_span(&listing));
        try_provider((enum teplo_provider)provider, TEPLO_T_STRICT, bytes_span(&listing));
    }
    arena_done(&arena);
    bytes_done(&arguments);
    bytes_done(&listing);
}

static void every_schema_becomes_what_providers_take(void **state)
{
    uint64_t first = number_of("TEPLO_RANDOM_SEED", 1);
    uint64_t count = number_of("TEPLO_RANDOM_SCHEMAS", SCHEMAS);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        seed = first + i;
        try_schema();
    }
    assert_int_equal(mem_in_use(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schema_becomes_what_providers_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
