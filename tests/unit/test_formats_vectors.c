/* SPDX-License-Identifier: MIT */
/* Each vector's schema in each provider's format, as tests/vectors says. */
#include "unit.h"

#include "client-lib/formats/toolset.h"
#include "vectors.h"

enum { ROOM = 64 * 1024 * 1024 };

static const struct tree_limits wide = {.bytes = ROOM, .depth = 1000, .nodes = 1000000};

static const struct way {
    const char *expected; /* the vector's member */
    enum teplo_provider provider;
    uint32_t flags;
    const char *function; /* where name and schema are; "" for the tool itself */
    const char *schema;
    const char *refused; /* the member that says why there is none */
    const char *renames;
} ways[] = {
    {"openai", TEPLO_OPENAI_CHAT, 0, "function", "parameters", "rejected", NULL},
    {"openai", TEPLO_OPENAI_RESPONSES, 0, "", "parameters", "rejected", NULL},
    {"openai_strict", TEPLO_OPENAI_CHAT, TEPLO_T_STRICT, "function", "parameters", "strict_refused",
     NULL},
    {"openai_strict", TEPLO_OPENAI_RESPONSES, TEPLO_T_STRICT, "", "parameters", "strict_refused",
     NULL},
    {"gemini_parameters", TEPLO_GEMINI_OPENAPI, 0, "", "parameters", "gemini_parameters_refused",
     "gemini_rename"},
    {"gemini_parameters_json", TEPLO_GEMINI, 0, "", "parametersJsonSchema", "rejected",
     "gemini_rename"},
    {"anthropic", TEPLO_ANTHROPIC, 0, "", "input_schema", "rejected", "anthropic_rename"},
    {"anthropic_strict", TEPLO_ANTHROPIC, TEPLO_T_STRICT, "", "input_schema",
     "anthropic_strict_refused", "anthropic_rename"},
};

static struct teplo_toolset *toolset_of(const struct way *way, struct span schema)
{
    struct teplo_toolset *toolset = NULL;
    struct bytes listing;

    bytes_init(&listing, ROOM);
    bytes_append_text(&listing, "{\"tools\":[{\"name\":\"t\",\"title\":\"T\",\"inputSchema\":");
    bytes_append_span(&listing, schema);
    bytes_append_text(&listing, "}]}");
    assert_int_equal(teplo_toolset_new(way->provider, way->flags, &toolset), TEPLO_OK);
    assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
    bytes_done(&listing);
    return toolset;
}

/* Members of "properties" have to be in order, those of other objects not. */
static bool is_same(const struct tree_node *a, const struct tree_node *b)
{
    if (!tree_equal(a, b)) {
        return false;
    }
    for (const struct tree_node *at = a; at != NULL; at = tree_next(a, at)) {
        const struct tree_node *other = b;
        const struct tree_node *mine;
        const struct tree_node *path[256];
        size_t depth = 0;

        if (!tree_key_is(at, "properties") || at->kind != JSON_OBJECT) {
            continue;
        }
        for (const struct tree_node *up = at; up != a; up = up->parent) {
            path[depth++] = up;
        }
        while (depth-- > 0) {
            size_t index = 0;

            if (!span_is_none(path[depth]->key)) {
                other = tree_find_key(other, path[depth]->key);
                continue;
            }
            for (mine = path[depth]; mine->previous != NULL; mine = mine->previous) {
                index++;
            }
            for (other = other->first; index > 0; index--) {
                other = other->next;
            }
        }
        other = other->first;
        for (mine = at->first; mine != NULL; mine = mine->next, other = other->next) {
            if (!span_equal(mine->key, other->key)) {
                return false;
            }
        }
    }
    return true;
}

static struct tree_node *parse(struct arena *arena, struct span text)
{
    struct tree_parsed parsed = {.root = NULL};

    assert_int_equal(tree_parse(arena, text, &wide, &parsed), 0);
    return parsed.root;
}

/* The declaration of the only tool, or NULL if it is dropped. */
static const struct tree_node *declaration_of(const struct way *way, const struct tree_node *tools)
{
    const struct tree_node *tool = tools->first;
    const struct tree_node *gemini = tree_find(tool, "functionDeclarations");

    tool = gemini != NULL ? gemini->first : tool;
    return tool != NULL && way->function[0] != '\0' ? tree_find(tool, way->function) : tool;
}

static void expect_schema(const struct way *way, const struct tree_node *schema,
                          const struct tree_node *expected, struct arena *arena)
{
    struct bytes got;
    struct bytes wanted;
    char what[64];

    if ((schema == NULL) == (expected->kind == JSON_NULL) &&
        (schema == NULL || is_same(schema, expected))) {
        return;
    }
    bytes_init(&got, ROOM);
    bytes_init(&wanted, ROOM);
    tree_write(schema == NULL ? tree_null(arena) : schema, &got);
    tree_write(expected, &wanted);
    (void)snprintf(what, sizeof(what), "%s (provider %d)", way->expected, (int)way->provider);
    vector_fail(what, bytes_span(&got), bytes_span(&wanted));
    bytes_done(&got);
    bytes_done(&wanted);
}

/* A diagnostic of KIND with the reason that the vector's MEMBER is. */
static void expect_reason(const struct teplo_toolset *toolset, struct arena *arena,
                          const char *kind, struct span reason)
{
    size_t length;
    const char *text = teplo_toolset_diagnostics(toolset, &length);
    const struct tree_node *all = parse(arena, (struct span){text, length});

    for (const struct tree_node *one = all->first; one != NULL; one = one->next) {
        if (tree_is(tree_find(one, "kind"), kind) &&
            json_string_equal(tree_find(one, "reason")->token, reason)) {
            return;
        }
    }
    vector_fail("no such diagnostic", (struct span){text, length}, reason);
}

/* PATHS of the vector name anyOf and items as a schema does: as paths of arguments. */
static bool is_same_path(struct span at, struct span path)
{
    char text[512];
    char made[512];
    size_t length = 0;

    assert_true(json_string_copy(path, text, sizeof(text)));
    for (const char *c = text; *c != '\0';) {
        if (strncmp(c, "/anyOf/", 7) == 0) {
            c += 8;
        } else if (strncmp(c, "/items", 6) == 0 && (c[6] == '/' || c[6] == '\0')) {
            made[length++] = '/';
            made[length++] = '*';
            c += 6;
        } else {
            made[length++] = *c++;
        }
    }
    return span_equal(at, (struct span){made, length});
}

static size_t count_places(const struct format_tool *tool, enum format_change change)
{
    size_t count = 0;

    for (const struct format_place *place = tool->places; place != NULL; place = place->next) {
        count += place->change == change ? 1 : 0;
    }
    return count;
}

static void expect_places(const struct format_tool *tool, enum format_change change,
                          struct span expected)
{
    struct json_walk walk = json_walk_of(expected);
    struct json_item item;
    size_t count = 0;

    while (json_walk_next(&walk, &item)) {
        struct span path = change == CHANGE_RENAMED ? item.key : item.value;
        const struct format_place *place = tool->places;

        while (place != NULL &&
               (place->change != change || !is_same_path(place->at, path) ||
                (change == CHANGE_RENAMED && !json_string_equal(place->key, item.value)))) {
            place = place->next;
        }
        if (place == NULL) {
            vector_fail("no such place", SPAN(""), path);
        }
        count++;
    }
    if (count != count_places(tool, change)) {
        vector_fail("more places", SPAN(""), expected);
    }
}

static void play_way(const struct way *way, struct span vector)
{
    struct span expected = json_find(vector, way->expected);
    struct span refused = json_find(vector, way->refused);
    struct span rejected = json_find(vector, "rejected");
    struct teplo_toolset *toolset = toolset_of(way, json_find(vector, "inputSchema"));
    bool is_strict = (way->flags & TEPLO_T_STRICT) != 0;
    const struct tree_node *declaration;
    struct arena arena;
    size_t length;
    const char *text = teplo_toolset_tools(toolset, &length);

    arena_init(&arena, ROOM);
    declaration = declaration_of(way, parse(&arena, (struct span){text, length}));
    if (!span_is_none(rejected)) {
        assert_null(declaration);
        expect_reason(toolset, &arena, "dropped", rejected);
    } else if (!span_is_none(refused) && !is_strict) {
        assert_null(declaration);
        expect_reason(toolset, &arena, "dropped", refused);
    } else if (!span_is_none(refused)) {
        expect_reason(toolset, &arena, "not_strict", refused);
        assert_int_equal(tree_kind(tree_find(declaration, "strict")), JSON_FALSE);
    } else if (declaration == NULL) {
        vector_fail(way->expected, span_of(teplo_toolset_diagnostics(toolset, NULL)), expected);
    } else if (!span_is_none(expected)) {
        expect_schema(way, tree_find(declaration, way->schema), parse(&arena, expected), &arena);
        if (way->renames != NULL) {
            expect_places(format_first(toolset), CHANGE_RENAMED, json_find(vector, way->renames));
        }
        if (strcmp(way->expected, "openai_strict") == 0) {
            expect_places(format_first(toolset), CHANGE_NULL, json_find(vector, "null_strip"));
        }
        if ((tree_kind(tree_find(declaration, "strict")) == JSON_TRUE) != is_strict) {
            vector_fail("strict", span_of(teplo_toolset_diagnostics(toolset, NULL)), SPAN(""));
        }
    }
    arena_done(&arena);
    teplo_toolset_free(toolset);
}

static void play(struct span vector)
{
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        play_way(&ways[i], vector);
    }
}

static void vectors_hold(void **state)
{
    (void)state;
    vectors_play(TEPLO_VECTORS "/tool-schemas.jsonl", play);
}

static void more_vectors_hold(void **state)
{
    (void)state;
    vectors_play(TEPLO_VECTORS "/more-schemas.jsonl", play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_hold),
        cmocka_unit_test(more_vectors_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
