/* SPDX-License-Identifier: MIT */
/* Declarations as a whole: names, lengths, shape. */
#include "client-lib/formats/lint.h"

#include <stdio.h>

#include "client-lib/formats/declaration.h"
#include "client-lib/formats/names.h"

bool lint_fail(struct lint *lint, const char *reason)
{
    if (lint->reason[0] == '\0') {
        (void)snprintf(lint->reason, sizeof(lint->reason), "%s", reason);
        lint->wrong = lint->at;
    }
    return false;
}

static void append_escaped(struct bytes *out, struct span token)
{
    struct bytes text;

    bytes_init(&text, token.length * 3);
    tree_token_text(token, &text);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];

        if (c == '~' || c == '/') {
            bytes_append_text(out, c == '~' ? "~0" : "~1");
        } else {
            bytes_append_char(out, c);
        }
    }
    out->failed = out->failed || text.failed;
    bytes_done(&text);
}

static bool is_schema_of_tool(const struct tree_node *node)
{
    return tree_key_is(node, "parameters") || tree_key_is(node, "parametersJsonSchema") ||
           tree_key_is(node, "input_schema");
}

void lint_place(const struct lint *lint, struct bytes *out)
{
    const struct tree_node *path[JSON_DEPTH_MAXIMUM];
    size_t depth = 0;
    size_t first = 0;

    for (const struct tree_node *at = lint->wrong; at != NULL && depth < JSON_DEPTH_MAXIMUM;
         at = at->parent) {
        path[depth++] = at;
        /* The outermost one counts: arguments may have such names too. */
        first = is_schema_of_tool(at) ? depth : first;
    }
    while (first-- > 1) {
        size_t index = 0;

        bytes_append_char(out, '/');
        if (!span_is_none(path[first - 1]->key)) {
            append_escaped(out, path[first - 1]->key);
            continue;
        }
        for (const struct tree_node *at = path[first - 1]; at->previous != NULL;
             at = at->previous) {
            index++;
        }
        bytes_printf(out, "%zu", index);
    }
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* A name that every provider takes is a string token without escapes. */
static bool lint_name(struct lint *lint, const struct tree_node *name)
{
    if (tree_kind(name) != JSON_STRING || name->token.length < 3 ||
        name->token.length - 2 > PUBLIC_NAME_MAXIMUM) {
        return lint_fail(lint, "name missing, or of a wrong length");
    }
    for (size_t i = 1; i + 1 < name->token.length; i++) {
        if (!is_name_char(name->token.at[i])) {
            return lint_fail(lint, "a character that names may not have");
        }
    }
    if ((name->token.at[1] >= '0' && name->token.at[1] <= '9') || name->token.at[1] == '-') {
        return lint_fail(lint, "a name that begins with no letter");
    }
    return true;
}

static bool lint_description(struct lint *lint, const struct tree_node *description, size_t most)
{
    struct bytes text;
    bool fits;

    if (description == NULL) {
        return true;
    }
    if (description->kind != JSON_STRING) {
        return lint_fail(lint, "a description that is no text");
    }
    bytes_init(&text, description->token.length);
    fits = json_string_decode(description->token, &text) &&
           (most == 0 || text_length(bytes_span(&text)) <= most);
    bytes_done(&text);
    return fits || lint_fail(lint, "a description that is too long, or no text");
}

/* What a string cannot be decoded to is refused by most readers. */
static bool lint_strings(struct lint *lint, const struct tree_node *root)
{
    for (const struct tree_node *at = root; at != NULL; at = tree_next(root, at)) {
        struct bytes text;
        bool fine = true;

        bytes_init(&text, at->key.length + at->token.length);
        if (!span_is_none(at->key)) {
            fine = json_string_decode(at->key, &text);
        }
        if (at->kind == JSON_STRING) {
            fine = fine && json_string_decode(at->token, &text);
        }
        bytes_done(&text);
        if (!fine) {
            return lint_fail(lint, "half a surrogate pair in a text");
        }
    }
    return true;
}

static bool only_has(struct lint *lint, const struct tree_node *object, const char *const *keys)
{
    for (const struct tree_node *member = object->first; member != NULL; member = member->next) {
        const char *const *key = keys;

        while (*key != NULL && !tree_key_is(member, *key)) {
            key++;
        }
        if (*key == NULL) {
            return lint_fail(lint, "a member that the declaration may not have");
        }
    }
    return true;
}

static bool lint_openai(struct lint *lint, const struct tree_node *declaration)
{
    static const char *const keys[] = {"type", "name", "description", "parameters", "strict", NULL};
    static const char *const outer[] = {"type", "function", NULL};
    const struct tree_node *function = declaration;
    const struct tree_node *strict;
    enum target target;

    if (!tree_is(tree_find(declaration, "type"), "function")) {
        return lint_fail(lint, "type is not function");
    }
    if (lint->provider == TEPLO_OPENAI_CHAT) {
        function = tree_find(declaration, "function");
        if (tree_kind(function) != JSON_OBJECT || !only_has(lint, declaration, outer)) {
            return lint_fail(lint, "no function");
        }
    }
    strict = tree_find(function, "strict");
    target = target_of(lint->provider, tree_kind(strict) == JSON_TRUE);
    if (lint->provider == TEPLO_OPENAI_RESPONSES && tree_kind(strict) != JSON_TRUE &&
        tree_kind(strict) != JSON_FALSE) {
        return lint_fail(lint, "strict is not said");
    }
    return only_has(lint, function, keys) && lint_name(lint, tree_find(function, "name")) &&
           lint_description(lint, tree_find(function, "description"),
                            target_limits[target].description) &&
           lint_json_schema(lint, target, tree_find(function, "parameters"));
}

static bool lint_gemini(struct lint *lint, const struct tree_node *declaration)
{
    static const char *const json_keys[] = {"name", "description", "parametersJsonSchema", NULL};
    static const char *const open_keys[] = {"name", "description", "parameters", NULL};
    bool is_json = lint->provider == TEPLO_GEMINI;
    const struct tree_node *schema =
        tree_find(declaration, is_json ? "parametersJsonSchema" : "parameters");

    if (!only_has(lint, declaration, is_json ? json_keys : open_keys) ||
        !lint_name(lint, tree_find(declaration, "name")) ||
        !lint_description(lint, tree_find(declaration, "description"), 0)) {
        return false;
    }
    if (tree_find(declaration, "description") == NULL) {
        return lint_fail(lint, "no description");
    }
    if (is_json) {
        return lint_json_schema(lint, TARGET_GJSON, schema);
    }
    return schema == NULL || lint_gemini_schema(lint, schema);
}

static bool lint_anthropic(struct lint *lint, const struct tree_node *declaration)
{
    static const char *const keys[] = {"name", "description", "input_schema", "strict", NULL};
    int is_strict = tree_kind(tree_find(declaration, "strict")) == JSON_TRUE;

    return only_has(lint, declaration, keys) && lint_name(lint, tree_find(declaration, "name")) &&
           lint_description(lint, tree_find(declaration, "description"), 0) &&
           lint_json_schema(lint, target_of(TEPLO_ANTHROPIC, is_strict),
                            tree_find(declaration, "input_schema"));
}

bool lint_declaration(struct lint *lint, const struct tree_node *declaration)
{
    lint->reason[0] = '\0';
    lint->wrong = NULL;
    lint->at = declaration;
    if (tree_kind(declaration) != JSON_OBJECT) {
        return lint_fail(lint, "no object");
    }
    if (!lint_strings(lint, declaration)) {
        return false;
    }
    switch (lint->provider) {
    case TEPLO_OPENAI_CHAT:
    case TEPLO_OPENAI_RESPONSES:
        return lint_openai(lint, declaration);
    case TEPLO_GEMINI:
    case TEPLO_GEMINI_OPENAPI:
        return lint_gemini(lint, declaration);
    case TEPLO_ANTHROPIC:
        return lint_anthropic(lint, declaration);
    }
    return lint_fail(lint, "no such provider");
}
