/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/schema_words.h"

const struct word schema_words[WORD_COUNT] = {
#define KEYWORD(name, text, value, types, ...) [WORD_##name] = {text, VALUE_##value, TYPE_##types},
#include "client-lib/formats/keywords.def"
#undef KEYWORD
};

static const struct {
    struct span text;
    struct span upper;
} types[TYPE_COUNT] = {
#define TYPE(name, text, upper) {SPAN_INIT(text), SPAN_INIT(upper)},
#include "client-lib/formats/types.def"
#undef TYPE
};

enum keyword word_of(const struct tree_node *node)
{
    for (int word = 0; word < WORD_COUNT; word++) {
        if (tree_key_is(node, schema_words[word].text)) {
            return (enum keyword)word;
        }
    }
    return WORD_COUNT;
}

struct tree_node *word_find(const struct tree_node *schema, enum keyword word)
{
    return tree_find(schema, schema_words[word].text);
}

static bool all_are(const struct tree_node *array, enum json_kind kind)
{
    if (tree_kind(array) != JSON_ARRAY) {
        return false;
    }
    for (const struct tree_node *item = array->first; item != NULL; item = item->next) {
        if (item->kind != kind) {
            return false;
        }
    }
    return true;
}

static bool all_members_are(const struct tree_node *object, bool (*is)(const struct tree_node *))
{
    if (tree_kind(object) != JSON_OBJECT) {
        return false;
    }
    for (const struct tree_node *member = object->first; member != NULL; member = member->next) {
        if (!is(member)) {
            return false;
        }
    }
    return true;
}

static bool is_names(const struct tree_node *node)
{
    return all_are(node, JSON_STRING);
}

static bool is_types(const struct tree_node *node)
{
    if (node->kind == JSON_STRING) {
        return type_of_word(node->token) != 0;
    }
    if (!all_are(node, JSON_STRING) || node->count == 0) {
        return false;
    }
    for (const struct tree_node *item = node->first; item != NULL; item = item->next) {
        if (type_of_word(item->token) == 0) {
            return false;
        }
    }
    return true;
}

/* A digit other than 0 stands before the exponent, and no minus. */
static bool is_above_zero(const struct tree_node *node)
{
    if (node->kind != JSON_NUMBER || node->token.at[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < node->token.length; i++) {
        char c = node->token.at[i];

        if (c == 'e' || c == 'E') {
            return false;
        }
        if (c >= '1' && c <= '9') {
            return true;
        }
    }
    return false;
}

/* The parts of schemas are not looked at. */
bool word_is_valid(enum keyword word, const struct tree_node *value)
{
    switch (schema_words[word].value) {
    case VALUE_VALUE:
        return true;
    case VALUE_TEXT:
        return value->kind == JSON_STRING;
    case VALUE_VALUES:
        return value->kind == JSON_ARRAY && value->count > 0;
    case VALUE_NUMBER:
        return value->kind == JSON_NUMBER;
    case VALUE_POSITIVE:
        return is_above_zero(value);
    case VALUE_COUNT:
        return value->kind == JSON_NUMBER && json_is_integer(value->token) &&
               value->token.at[0] != '-';
    case VALUE_FLAG:
        return value->kind == JSON_TRUE || value->kind == JSON_FALSE;
    case VALUE_TYPES:
        return is_types(value);
    case VALUE_NAMES:
        return is_names(value);
    case VALUE_NAMES_MAP:
        return all_members_are(value, is_names);
    case VALUE_SCHEMA:
        return value->kind == JSON_OBJECT || value->kind == JSON_TRUE || value->kind == JSON_FALSE;
    case VALUE_SCHEMAS:
        return value->kind == JSON_ARRAY && value->count > 0;
    case VALUE_MAP:
        return value->kind == JSON_OBJECT;
    }
    return false;
}

const char *type_text(enum schema_type type)
{
    return types[type].text.at;
}

const char *type_upper(enum schema_type type)
{
    return types[type].upper.at;
}

unsigned type_of_word(struct span token)
{
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        if (json_string_is(token, types[i].text.at)) {
            return 1U << i;
        }
    }
    return 0;
}

unsigned type_of_upper(struct span token)
{
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        if (json_string_is(token, types[i].upper.at)) {
            return 1U << i;
        }
    }
    return 0;
}

unsigned types_of(const struct tree_node *schema)
{
    const struct tree_node *type = word_find(schema, WORD_TYPE);
    unsigned found = 0;

    if (tree_kind(type) == JSON_STRING) {
        return type_of_word(type->token);
    }
    if (tree_kind(type) == JSON_ARRAY) {
        for (const struct tree_node *item = type->first; item != NULL; item = item->next) {
            found |= type_of_word(item->token);
        }
    }
    return found;
}

unsigned type_of_value(const struct tree_node *value)
{
    switch (value->kind) {
    case JSON_OBJECT:
        return TYPE_OBJECT;
    case JSON_ARRAY:
        return TYPE_ARRAY;
    case JSON_STRING:
        return TYPE_STRING;
    case JSON_NUMBER:
        return json_is_integer(value->token) ? TYPE_INTEGER : TYPE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return TYPE_BOOLEAN;
    case JSON_NULL:
        return TYPE_NULL;
    case JSON_NONE:
        break;
    }
    return 0;
}

unsigned types_of_values(const struct tree_node *values)
{
    unsigned found = 0;

    for (const struct tree_node *item = values->first; item != NULL; item = item->next) {
        found |= type_of_value(item);
    }
    return found;
}

struct tree_node *types_node(struct arena *arena, unsigned set)
{
    struct tree_node *list = tree_new(arena, JSON_ARRAY);

    if (type_single(set) != TYPE_COUNT) {
        return tree_word(arena, type_text(type_single(set)));
    }
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        if ((set & 1U << i) != 0) {
            tree_push(arena, list, tree_word(arena, types[i].text.at));
        }
    }
    return list;
}

enum schema_type type_single(unsigned set)
{
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        if (set == 1U << i) {
            return (enum schema_type)i;
        }
    }
    return TYPE_COUNT;
}

bool number_is_whole(const struct tree_node *node, int64_t *ret_number)
{
    return tree_kind(node) == JSON_NUMBER && json_to_int(node->token, ret_number);
}

bool number_compare(const struct tree_node *a, const struct tree_node *b, int *ret_order)
{
    int64_t left;
    int64_t right;

    if (number_is_whole(a, &left) && number_is_whole(b, &right)) {
        *ret_order = (left > right) - (left < right);
        return true;
    }
    if (span_equal(a->token, b->token)) {
        *ret_order = 0;
        return true;
    }
    return false;
}
