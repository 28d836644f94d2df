/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/schema.h"

#include <string.h>

#include "client-lib/lib/value_text.h"
#include "proto/printable.h"

enum { ARGUMENTS_SHOWN = 100, REFERENCE_MAXIMUM = 512, DEPTH_MAXIMUM = 8, STEPS_MAXIMUM = 200 };

/* One look at a schema.  Schemas may refer to themselves, many times over. */
struct look {
    struct span root;
    unsigned depth;
    unsigned steps; /* schemas seen so far */
};

static const char *const words[] = {
#define TYPE(name, word) word,
#include "client-lib/cli/schema_types.def"
#undef TYPE
};

static unsigned types_at(struct look *look, struct span schema);

struct span schema_property(struct span root, const char *key)
{
    struct span property = json_find(json_find(root, "properties"), key);

    return span_is_none(property) ? json_find(root, "additionalProperties") : property;
}

static unsigned type_of_word(struct span word)
{
    for (unsigned i = 0; i < SCHEMA_TYPE_COUNT; i++) {
        if (json_string_is(word, words[i])) {
            return 1U << i;
        }
    }
    return SCHEMA_ANY;
}

static unsigned type_of_value(struct span value)
{
    switch (json_kind_of(value)) {
    case JSON_OBJECT:
        return SCHEMA_OBJECT;
    case JSON_ARRAY:
        return SCHEMA_ARRAY;
    case JSON_STRING:
        return SCHEMA_STRING;
    case JSON_NUMBER:
        return SCHEMA_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return SCHEMA_BOOLEAN;
    case JSON_NULL:
        return SCHEMA_NULL;
    case JSON_NONE:
        break;
    }
    return SCHEMA_ANY;
}

/* `type`: a word or an array of words.  One that is not known makes all of it so. */
static unsigned types_of_type(struct span type)
{
    struct json_walk walk = json_walk_of(type);
    struct json_item item;
    unsigned types = SCHEMA_ANY;

    if (json_kind_of(type) == JSON_STRING) {
        return type_of_word(type);
    }
    while (json_walk_next(&walk, &item)) {
        unsigned one = type_of_word(item.value);

        if (one == SCHEMA_ANY) {
            return SCHEMA_ANY;
        }
        types |= one;
    }
    return types;
}

static unsigned types_of_enum(struct span values)
{
    struct json_walk walk = json_walk_of(values);
    struct json_item item;
    unsigned types = SCHEMA_ANY;

    while (json_walk_next(&walk, &item)) {
        types |= type_of_value(item.value);
    }
    return types;
}

/* anyOf, oneOf: a value may be of any branch's type. */
static unsigned types_of_choice(struct look *look, struct span branches)
{
    struct json_walk walk = json_walk_of(branches);
    struct json_item item;
    unsigned types = SCHEMA_ANY;

    while (json_walk_next(&walk, &item)) {
        unsigned one = types_at(look, item.value);

        if (one == SCHEMA_ANY) {
            return SCHEMA_ANY;
        }
        types |= one;
    }
    return types;
}

/* allOf: the first branch that says something. */
static unsigned types_of_all(struct look *look, struct span branches)
{
    struct json_walk walk = json_walk_of(branches);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        unsigned types = types_at(look, item.value);

        if (types != SCHEMA_ANY) {
            return types;
        }
    }
    return SCHEMA_ANY;
}

/* A segment of a JSON pointer (RFC 6901), unescaped in place. */
static void unescape(char *segment)
{
    char *to = segment;

    for (const char *from = segment; *from != '\0'; from++) {
        if (from[0] == '~' && (from[1] == '0' || from[1] == '1')) {
            *to++ = from[1] == '0' ? '~' : '/';
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* Only references into the same schema: `#/$defs/Name`. */
static struct span resolve(struct span root, struct span reference)
{
    char pointer[REFERENCE_MAXIMUM];
    struct span place = root;
    char *rest;
    char *segment;

    if (!json_string_copy(reference, pointer, sizeof(pointer)) || pointer[0] != '#') {
        return SPAN_NONE;
    }
    for (segment = strtok_r(pointer + 1, "/", &rest); segment != NULL;
         segment = strtok_r(NULL, "/", &rest)) {
        unescape(segment);
        place = json_find(place, segment);
    }
    return place;
}

/* What SCHEMA says through other schemas. */
static unsigned types_of_others(struct look *look, struct span schema)
{
    struct span reference = json_find(schema, "$ref");
    unsigned types = SCHEMA_ANY;

    if (!span_is_none(reference)) {
        types = types_at(look, resolve(look->root, reference));
    }
    if (types == SCHEMA_ANY) {
        types = types_of_choice(look, json_find(schema, "anyOf"));
    }
    if (types == SCHEMA_ANY) {
        types = types_of_choice(look, json_find(schema, "oneOf"));
    }
    return types != SCHEMA_ANY ? types : types_of_all(look, json_find(schema, "allOf"));
}

static unsigned types_at(struct look *look, struct span schema)
{
    unsigned types;

    if (json_kind_of(schema) != JSON_OBJECT || look->depth == DEPTH_MAXIMUM ||
        look->steps == STEPS_MAXIMUM) {
        return SCHEMA_ANY;
    }
    look->steps++;
    types = types_of_type(json_find(schema, "type"));
    if (types == SCHEMA_ANY) {
        types = type_of_value(json_find(schema, "const"));
    }
    if (types == SCHEMA_ANY) {
        types = types_of_enum(json_find(schema, "enum"));
    }
    if (types == SCHEMA_ANY) {
        look->depth++;
        types = types_of_others(look, schema);
        look->depth--;
    }
    return types;
}

unsigned schema_types(struct span root, struct span schema)
{
    struct look look = {.root = root};

    return types_at(&look, schema);
}

bool schema_accepts(unsigned types, struct span value)
{
    unsigned type = type_of_value(value);

    if (types == SCHEMA_ANY || (types & type) != 0) {
        return true;
    }
    /* 1.0 and 1e3 are integers for JSON Schema: what is one is the server's to say. */
    return type == SCHEMA_NUMBER && (types & SCHEMA_INTEGER) != 0;
}

void schema_types_print(struct bytes *out, unsigned types)
{
    const char *bar = "";

    if (types == SCHEMA_ANY) {
        bytes_append_text(out, "any");
    }
    for (unsigned i = 0; i < SCHEMA_TYPE_COUNT; i++) {
        if ((types & 1U << i) != 0) {
            bytes_append_text(out, bar);
            bytes_append_text(out, words[i]);
            bar = "|";
        }
    }
}

static bool is_required(struct span root, const struct bytes *key)
{
    struct json_walk walk = json_walk_of(json_find(root, "required"));
    struct json_item item;
    bool found = false;
    struct bytes name;

    bytes_init(&name, root.length * 3);
    while (!found && json_walk_next(&walk, &item)) {
        bytes_clear(&name);
        if (json_kind_of(item.value) == JSON_STRING) {
            value_text_append(&name, item.value);
            found = span_equal(bytes_span(&name), bytes_span(key));
        }
    }
    bytes_done(&name);
    return found;
}

void schema_signature(struct bytes *out, struct span root)
{
    struct json_walk walk = json_walk_of(json_find(root, "properties"));
    struct json_item item;
    struct bytes key;

    bytes_init(&key, root.length * 3);
    bytes_append_char(out, '(');
    for (unsigned i = 0; json_walk_next(&walk, &item); i++) {
        bytes_append_text(out, i == 0 ? "" : ", ");
        if (i == ARGUMENTS_SHOWN) {
            bytes_append_text(out, "...");
            break;
        }
        bytes_clear(&key);
        value_text_append(&key, item.key);
        printable_line(out, bytes_span(&key));
        bytes_append_text(out, is_required(root, &key) ? "*: " : ": ");
        schema_types_print(out, schema_types(root, item.value));
    }
    bytes_append_char(out, ')');
    bytes_done(&key);
}
