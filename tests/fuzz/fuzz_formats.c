/* SPDX-License-Identifier: MIT */
/*
 * Any JSON as a listing of tools: nothing crashes, what comes out is JSON, and every declaration
 * passes the lint of its provider.  The first byte chooses provider and flags.
 */
#include "fuzz.h"

#include "client-lib/formats/lint.h"
#include "client-lib/formats/toolset.h"

static const struct tree_limits wide = {
    .bytes = FUZZ_ROOM, .depth = JSON_DEPTH_MAXIMUM, .nodes = 10000000};

static struct span text_of(const char *(*get)(const struct teplo_toolset *, size_t *),
                           const struct teplo_toolset *toolset)
{
    struct span text;

    text.at = get(toolset, &text.length);
    return text;
}

static void look_at_tools(const struct teplo_toolset *toolset)
{
    struct arena arena;
    struct lint lint = {.provider = format_provider(toolset), .arena = &arena};
    struct tree_parsed parsed = {.root = NULL};
    const struct tree_node *tool;
    size_t count = 0;

    arena_init(&arena, (size_t)16 * FUZZ_ROOM);
    PROPERTY(tree_parse(&arena, text_of(teplo_toolset_tools, toolset), &wide, &parsed) == 0);
    PROPERTY(!parsed.duplicates);
    tool = parsed.root->first;
    tool = tree_find(tool, "functionDeclarations") == NULL
               ? tool
               : tree_find(tool, "functionDeclarations")->first;
    for (; tool != NULL; tool = tool->next) {
        PROPERTY(lint_declaration(&lint, tool));
        count++;
    }
    PROPERTY(count == format_count(toolset));
    arena_done(&arena);
}

/* Every path of a schema for decoding ends, whatever refers to what. */
static void look_at_schemas(const struct teplo_toolset *toolset)
{
    for (const struct format_tool *tool = format_first(toolset); tool != NULL; tool = tool->next) {
        PROPERTY(format_find(toolset, tool->public_name) == tool);
        PROPERTY(tree_find(tool->schema, "properties") != NULL);
        for (const struct tree_node *at = tool->schema; at != NULL;
             at = tree_next(tool->schema, at)) {
            const struct tree_node *found = format_resolve(tool, at);

            PROPERTY(found == NULL || found == at || tree_find(found, "$ref") == NULL ||
                     tree_kind(tree_find(found, "$ref")) != JSON_STRING);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span listing = fuzz_input(at, size);
    unsigned choice = fuzz_take_byte(&listing);
    struct teplo_toolset *toolset = NULL;
    uint32_t flags = (choice / 8 % 2 != 0 ? TEPLO_T_STRICT : 0) |
                     (choice / 16 % 2 != 0 ? TEPLO_T_PREFIX : 0) |
                     (choice / 32 % 2 != 0 ? TEPLO_T_MODE_ANY : 0);
    int result;

    PROPERTY(teplo_toolset_new((enum teplo_provider)(choice % 8 % 5 + 1), flags, &toolset) == 0);
    result = teplo_toolset_add(toolset, "server", listing.at, listing.length);
    PROPERTY(result == TEPLO_OK || result == TEPLO_E_INVAL);
    PROPERTY((result == TEPLO_OK) == (teplo_toolset_error(toolset)[0] == '\0'));
    PROPERTY(fuzz_is_json(text_of(teplo_toolset_diagnostics, toolset)));
    look_at_tools(toolset);
    look_at_schemas(toolset);
    teplo_toolset_free(toolset);
    return 0;
}
