/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/decode.h"

#include <errno.h>

#include "client-lib/formats/facets.h"
#include "client-lib/formats/mend.h"
#include "client-lib/formats/shape.h"

/* The tree of the longest arguments, and of the JSON text that is in them. */
enum { ARENA_MAXIMUM = 64 * 1024 * 1024 };

struct decoding {
    struct arena arena;
    struct facets facets;
    uint32_t values_left;
    bool has_duplicates;
};

static int decode_tree(struct decoding *decoding, struct span written, struct bytes *out,
                       struct bytes *complaint);
static void decode_value(struct decoding *decoding, struct tree_node *value,
                         const struct tree_node *schema, unsigned depth);

int decode_arguments(const struct format_tool *tool, struct span written, uint32_t *steps,
                     struct bytes *out, unsigned *ret_flags, struct bytes *complaint)
{
    struct decoding decoding = {.values_left = ARGUMENTS_VALUES};
    struct span trimmed = json_trim(written);
    uint32_t before;
    int error;

    *ret_flags = 0;
    if (trimmed.length == 0 || span_is(trimmed, "null")) {
        bytes_append_text(out, "{}");
        return out->failed ? -ENOMEM : 0;
    }
    arena_init(&decoding.arena, ARENA_MAXIMUM);
    facets_init(&decoding.facets, tool, *steps);
    before = decoding.facets.steps_left;
    error = decode_tree(&decoding, trimmed, out, complaint);
    *ret_flags |= decoding.has_duplicates ? DECODED_DUPLICATE_KEYS : 0U;
    *steps -= before - decoding.facets.steps_left;
    arena_done(&decoding.arena);
    return error;
}

static int refuse(const struct decoding *decoding, struct bytes *complaint)
{
    bytes_append_text(complaint, " Nothing was called. Expected: one JSON object, ");
    shape_append(decoding->facets.tool, complaint);
    return complaint->failed ? -ENOMEM : -EBADMSG;
}

static int refuse_text(const struct decoding *decoding, struct json_error error,
                       struct span written, struct bytes *complaint)
{
    if (error.fault == JSON_FAULT_DEPTH || error.fault == JSON_FAULT_TOKENS) {
        bytes_printf(complaint,
                     "The arguments are too large: more than %d levels or %d values, at byte %zu.",
                     ARGUMENTS_DEPTH, ARGUMENTS_VALUES, error.at);
    } else {
        bytes_printf(complaint, "The arguments are not valid JSON: %s, at byte %zu of %zu.",
                     json_fault_text(error.fault), error.at, written.length);
    }
    return refuse(decoding, complaint);
}

/* The maximum of memory counts as too large, not as out of memory. */
static int arena_error(const struct decoding *decoding, struct bytes *complaint)
{
    if (decoding->arena.failed == ARENA_NO_MEMORY) {
        return -ENOMEM;
    }
    bytes_append_text(complaint, "The arguments are too large.");
    return refuse(decoding, complaint);
}

static int decode_tree(struct decoding *decoding, struct span written, struct bytes *out,
                       struct bytes *complaint)
{
    const struct tree_limits limits = {
        .bytes = ARGUMENTS_MAXIMUM, .depth = ARGUMENTS_DEPTH, .nodes = ARGUMENTS_VALUES};
    struct tree_parsed parsed = {.root = NULL};
    int error = tree_parse(&decoding->arena, written, &limits, &parsed);

    if (error == -EBADMSG) {
        return refuse_text(decoding, parsed.error, written, complaint);
    }
    if (error == -E2BIG) {
        bytes_printf(complaint, "The arguments are too large: %zu bytes, %d at most.",
                     written.length, ARGUMENTS_MAXIMUM);
        return refuse(decoding, complaint);
    }
    if (error < 0) {
        return arena_error(decoding, complaint);
    }
    if (parsed.root->kind != JSON_OBJECT) {
        bytes_append_text(complaint, "The arguments are not a JSON object.");
        return refuse(decoding, complaint);
    }
    decoding->has_duplicates = parsed.duplicates;
    decode_value(decoding, parsed.root, decoding->facets.tool->schema, 0);
    if (decoding->arena.failed != ARENA_FINE) {
        return arena_error(decoding, complaint);
    }
    /* Half of them decoded would be other arguments than the model meant. */
    if (facets_are_exhausted(&decoding->facets)) {
        bytes_append_text(complaint, "The arguments are too many for so large a schema: give fewer "
                                     "values, or make fewer calls at once.");
        return refuse(decoding, complaint);
    }
    tree_write(parsed.root, out);
    return out->failed ? -ENOMEM : 0;
}

/* What the string VALUE says as JSON, a value that is no string itself; NULL: it says none. */
static struct tree_node *parse_text(struct decoding *decoding, const struct tree_node *value,
                                    unsigned depth)
{
    const struct tree_limits limits = {.bytes = ARGUMENTS_MAXIMUM,
                                       .depth = ARGUMENTS_DEPTH - depth,
                                       .nodes = decoding->values_left};
    struct tree_parsed parsed = {.root = NULL};
    struct bytes text;

    bytes_init(&text, 4 * value->token.length);
    tree_text(value, &text);
    if (text.failed) {
        (void)arena_take(&decoding->arena, &text);
    } else if (tree_parse(&decoding->arena, bytes_span(&text), &limits, &parsed) < 0 ||
               parsed.root->kind == JSON_STRING) {
        parsed.root = NULL;
    }
    bytes_done(&text);
    if (parsed.root != NULL) {
        decoding->values_left -= (uint32_t)tree_size(parsed.root);
        decoding->has_duplicates = decoding->has_duplicates || parsed.duplicates;
    }
    return parsed.root;
}

/* The node that stands in the place of the string VALUE from now on. */
static struct tree_node *decode_string(struct decoding *decoding, struct tree_node *value,
                                       const struct tree_node *schema, unsigned depth)
{
    unsigned types = facets_types(&decoding->facets, schema);
    unsigned containers = types & (VALUE_OBJECT | VALUE_ARRAY);
    bool is_text = facets_want_text(&decoding->facets, schema);
    bool is_container = containers != 0 && (types & ~(containers | VALUE_NULL)) == 0;
    struct tree_node *parsed = is_text || is_container ? parse_text(decoding, value, depth) : NULL;

    if (parsed != NULL && (is_text || (value_type_of(parsed) & containers) != 0)) {
        tree_replace(&decoding->arena, value, parsed);
        return parsed;
    }
    value->token = mend_token(&decoding->arena, value->token);
    return value;
}

static void decode_number(struct decoding *decoding, struct tree_node *value,
                          const struct tree_node *schema)
{
    unsigned types = facets_types(&decoding->facets, schema);

    if ((types & VALUE_INTEGER) != 0 && (types & VALUE_NUMBER) == 0 &&
        value_is_whole(value->token)) {
        value->token = value_whole(value->token);
    }
}

static void decode_array(struct decoding *decoding, struct tree_node *array,
                         const struct tree_node *schema, unsigned depth)
{
    struct schema_parts parts;
    struct tree_node *next;
    size_t index = 0;

    facets_of(&decoding->facets, schema, array, &parts);
    for (struct tree_node *element = array->first; element != NULL; element = next) {
        next = element->next;
        decode_value(decoding, element, facets_element(&decoding->facets, &parts, element, index),
                     depth);
        index++;
    }
}

/* Of two members with one key the earlier goes. */
static void drop_duplicates(struct decoding *decoding, struct tree_node *object)
{
    struct tree_node **sorted;
    uint32_t count = object->count;

    tree_sort(&decoding->arena, object);
    sorted = object->sorted;
    if (decoding->arena.failed != ARENA_FINE || sorted == NULL) {
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        if (span_equal(sorted[i - 1]->key, sorted[i]->key)) {
            tree_remove(sorted[i - 1]);
            decoding->has_duplicates = true;
        }
    }
}

/* MEMBER gets the tool's own key.  True if it has changed. */
static bool rename_back(struct decoding *decoding, struct tree_node *member,
                        const struct tree_node *property)
{
    struct span written = member->key;

    member->key = property == NULL ? mend_token(&decoding->arena, written) : property->key;
    return !span_equal(member->key, written);
}

static void decode_object(struct decoding *decoding, struct tree_node *object,
                          const struct tree_node *schema, unsigned depth)
{
    struct schema_parts parts;
    struct tree_node *next;
    bool is_renamed = false;

    facets_of(&decoding->facets, schema, object, &parts);
    for (struct tree_node *member = object->first; member != NULL; member = next) {
        const struct tree_node *property = facets_property(&decoding->facets, &parts, member);

        next = member->next;
        if (member->kind == JSON_NULL && property != NULL &&
            facets_strip_null(&decoding->facets, &parts, property->key)) {
            tree_remove(member);
            continue;
        }
        schema = property != NULL ? property : facets_additional(&decoding->facets, &parts, member);
        is_renamed = rename_back(decoding, member, property) || is_renamed;
        decode_value(decoding, member, schema, depth);
    }
    if (is_renamed) {
        object->sorted = NULL;
        drop_duplicates(decoding, object);
    }
}

/* Recursive, as deep as ARGUMENTS_DEPTH lets it: DEPTH containers are around VALUE. */
static void decode_value(struct decoding *decoding, struct tree_node *value,
                         const struct tree_node *schema, unsigned depth)
{
    if (decoding->arena.failed != ARENA_FINE) {
        return;
    }
    if (value->kind == JSON_STRING) {
        value = decode_string(decoding, value, schema, depth);
    }
    if (value->kind == JSON_NUMBER) {
        decode_number(decoding, value, schema);
    } else if (value->kind == JSON_ARRAY) {
        decode_array(decoding, value, schema, depth + 1);
    } else if (value->kind == JSON_OBJECT) {
        decode_object(decoding, value, schema, depth + 1);
    }
}
