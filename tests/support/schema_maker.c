/* SPDX-License-Identifier: MIT */
#include "schema_maker.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { DEPTH = 4, DEFS = 3 };

static const char *const keys[] = {"id",      "name",  "query", "a.b",   "$filter",  "1st",
                                   "type",    "c d",   "limit", "a_b",   "required", "properties",
                                   "\\u043d", "x/y~z", "kind",  "value", "Limit-X",  "default"};
static const char *const texts[] = {"a",          "hello", "Gr\\u00fcn", "x y", "\xd0\x96",
                                    "q\\\"t\\\"", "null",  "[1]",        "5"};

static void make_schema(struct schema_maker *maker, struct bytes *out);
static void make_value(struct schema_maker *maker, const struct tree_node *root,
                       const struct tree_node *schema, struct bytes *out);

struct schema_maker schema_maker_of(uint64_t seed)
{
    /* Neighbours among the seeds give schemas that have nothing in common. */
    return (struct schema_maker){.state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1};
}

unsigned schema_maker_pick(struct schema_maker *maker, unsigned below)
{
    maker->state ^= maker->state << 13;
    maker->state ^= maker->state >> 7;
    maker->state ^= maker->state << 17;
    return (unsigned)(maker->state >> 33) % below;
}

static bool one_in(struct schema_maker *maker, unsigned count)
{
    return schema_maker_pick(maker, count) == 0;
}

static const char *pick_text(struct schema_maker *maker, const char *const *list, size_t count)
{
    return list[schema_maker_pick(maker, (unsigned)count)];
}

static void make_remarks(struct schema_maker *maker, struct bytes *out)
{
    if (one_in(maker, 3)) {
        bytes_printf(out, ",\"description\":\"%s\"", pick_text(maker, texts, COUNT_OF(texts)));
    }
    if (one_in(maker, 4)) {
        bytes_append_text(out, ",\"title\":\"T\",\"x-extra\":{\"type\":1}");
    }
}

static void make_string(struct schema_maker *maker, struct bytes *out)
{
    static const char *const more[] = {
        "",
        ",\"minLength\":1,\"maxLength\":40",
        ",\"format\":\"uri\"",
        ",\"format\":\"date-time\"",
        ",\"pattern\":\"^[a-z]+$\"",
        ",\"pattern\":\"^(?!q)[a-z]+$\"",
        ",\"enum\":[\"one\",\"two\",\"\"]",
        ",\"enum\":[\"one\",\"two\"]",
        ",\"const\":\"only\"",
        ",\"examples\":[\"x\"]",
    };

    bytes_append_text(out, "{\"type\":\"string\"");
    bytes_append_text(out, pick_text(maker, more, COUNT_OF(more)));
    make_remarks(maker, out);
    bytes_append_char(out, '}');
}

static void make_number(struct schema_maker *maker, struct bytes *out)
{
    static const char *const more[] = {
        "{\"type\":\"integer\"",
        "{\"type\":\"integer\",\"minimum\":0,\"maximum\":9223372036854775807",
        "{\"type\":\"integer\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":100",
        "{\"type\":\"integer\",\"enum\":[1,2,3]",
        "{\"type\":\"number\",\"minimum\":0.5",
        "{\"type\":\"number\",\"multipleOf\":0.25",
        "{\"type\":\"integer\",\"format\":\"int64\"",
        "{\"type\":\"boolean\"",
    };

    bytes_append_text(out, pick_text(maker, more, COUNT_OF(more)));
    make_remarks(maker, out);
    bytes_append_char(out, '}');
}

static void make_array(struct schema_maker *maker, struct bytes *out)
{
    bytes_append_text(out, "{\"type\":\"array\"");
    switch (schema_maker_pick(maker, 5)) {
    case 0:
        break;
    case 1:
        bytes_append_text(out, ",\"items\":{}");
        break;
    case 2:
        bytes_append_text(out, ",\"prefixItems\":[");
        make_schema(maker, out);
        bytes_append_char(out, ',');
        make_schema(maker, out);
        bytes_append_text(out, "],\"minItems\":2,\"maxItems\":2");
        break;
    default:
        bytes_append_text(out, ",\"items\":");
        make_schema(maker, out);
        bytes_append_text(out, one_in(maker, 2) ? ",\"maxItems\":5" : "");
        break;
    }
    make_remarks(maker, out);
    bytes_append_char(out, '}');
}

static void make_properties(struct schema_maker *maker, struct bytes *out)
{
    unsigned first = schema_maker_pick(maker, COUNT_OF(keys));
    unsigned count = schema_maker_pick(maker, 5);
    unsigned required = schema_maker_pick(maker, 32);
    bool any = false;

    bytes_append_text(out, "\"properties\":{");
    for (unsigned i = 0; i < count; i++) {
        bytes_printf(out, "%s\"%s\":", i == 0 ? "" : ",", keys[(first + i) % COUNT_OF(keys)]);
        make_schema(maker, out);
    }
    bytes_append_text(out, "},\"required\":[");
    for (unsigned i = 0; i < count; i++) {
        if ((required & 1U << i) != 0) {
            bytes_printf(out, "%s\"%s\"", any ? "," : "", keys[(first + i) % COUNT_OF(keys)]);
            any = true;
        }
    }
    bytes_append_char(out, ']');
}

static void make_object(struct schema_maker *maker, struct bytes *out)
{
    bytes_append_text(out, "{\"type\":\"object\"");
    switch (schema_maker_pick(maker, 6)) {
    case 0:
        bytes_append_text(out, ",\"additionalProperties\":true");
        break;
    case 1:
        bytes_append_text(out, ",\"additionalProperties\":");
        make_schema(maker, out);
        break;
    case 2:
        bytes_append_text(out, ",\"additionalProperties\":false,");
        make_properties(maker, out);
        break;
    default:
        bytes_append_char(out, ',');
        make_properties(maker, out);
        break;
    }
    make_remarks(maker, out);
    bytes_append_char(out, '}');
}

/* Alternatives that no value fits two of. */
static void make_choice(struct schema_maker *maker, struct bytes *out)
{
    unsigned which = schema_maker_pick(maker, 5);

    switch (which) {
    case 0:
        bytes_append_text(out, "{\"type\":[\"string\",\"integer\",\"null\"],\"minimum\":1");
        break;
    case 1:
        bytes_append_text(out, "{\"enum\":[\"x\",1,true,null]");
        break;
    default:
        bytes_printf(out, "{\"%s\":[", which == 2 ? "oneOf" : "anyOf");
        make_string(maker, out);
        bytes_append_char(out, ',');
        if (one_in(maker, 2)) {
            make_object(maker, out);
        } else {
            make_array(maker, out);
        }
        bytes_append_text(out, one_in(maker, 2) ? ",{\"type\":\"null\"}]" : "]");
        break;
    }
    bytes_append_text(out, one_in(maker, 3) ? ",\"default\":null" : "");
    make_remarks(maker, out);
    bytes_append_char(out, '}');
}

static void make_reference(struct schema_maker *maker, struct bytes *out)
{
    unsigned def = schema_maker_pick(maker, maker->defs);

    switch (schema_maker_pick(maker, 4)) {
    case 0:
        bytes_printf(out, "{\"allOf\":[{\"$ref\":\"#/$defs/D%u\"}],\"description\":\"all\"}", def);
        break;
    case 1:
        bytes_printf(out, "{\"$ref\":\"#/$defs/D%u\",\"description\":\"beside\"}", def);
        break;
    default:
        bytes_printf(out, "{\"$ref\":\"#/$defs/D%u\"}", def);
        break;
    }
}

static void make_schema(struct schema_maker *maker, struct bytes *out)
{
    unsigned what = schema_maker_pick(maker, maker->depth >= DEPTH ? 5 : 12);

    maker->depth++;
    switch (what) {
    case 0:
    case 1:
        make_string(maker, out);
        break;
    case 2:
    case 3:
        make_number(maker, out);
        break;
    case 4:
        bytes_append_text(out, one_in(maker, 3) ? "{}" : "{\"type\":[\"string\",\"null\"]}");
        break;
    case 5:
    case 6:
        make_array(maker, out);
        break;
    case 7:
    case 8:
        make_object(maker, out);
        break;
    case 9:
    case 10:
        make_choice(maker, out);
        break;
    default:
        if (maker->defs > 0) {
            make_reference(maker, out);
        } else {
            bytes_append_text(out, "true");
        }
        break;
    }
    maker->depth--;
}

void schema_maker_schema(struct schema_maker *maker, struct bytes *out)
{
    maker->depth = 0;
    maker->defs = schema_maker_pick(maker, DEFS + 1);
    bytes_append_text(out, "{\"type\":\"object\",");
    make_properties(maker, out);
    bytes_append_text(out, one_in(maker, 3) ? ",\"additionalProperties\":false" : "");
    for (unsigned i = 0; i < maker->defs; i++) {
        bytes_printf(out, "%s\"D%u\":", i == 0 ? ",\"$defs\":{" : ",", i);
        maker->depth = 1;
        /* Recursion goes through what may be left out, so that there are arguments. */
        bytes_append_text(out, "{\"type\":\"object\",\"properties\":{\"leaf\":");
        make_string(maker, out);
        bytes_append_text(out, ",\"next\":");
        make_reference(maker, out);
        bytes_append_text(out, ",\"any.thing\":");
        maker->depth = DEPTH - 1;
        make_number(maker, out);
        bytes_append_text(out, "},\"required\":[\"leaf\"]}");
    }
    bytes_append_text(out, maker->defs > 0 ? "}" : "");
    maker->depth = 0;
    make_remarks(maker, out);
    bytes_append_char(out, '}');
}

static const struct tree_node *follow(const struct tree_node *root, const struct tree_node *schema)
{
    const struct tree_node *all = tree_find(schema, "allOf");
    const struct tree_node *reference = tree_find(all != NULL ? all->first : schema, "$ref");
    char name[64];

    if (reference == NULL || !json_string_copy(reference->token, name, sizeof(name))) {
        return schema;
    }
    return tree_find(tree_find(root, "$defs"), name + sizeof("#/$defs/") - 1);
}

static const struct tree_node *pick_item(struct schema_maker *maker, const struct tree_node *list)
{
    const struct tree_node *item = list->first;

    for (unsigned left = schema_maker_pick(maker, list->count); left > 0; left--) {
        item = item->next;
    }
    return item;
}

static void make_anything(struct schema_maker *maker, struct bytes *out)
{
    static const char *const values[] = {"null",  "true",  "7",          "[1,\"a\"]",
                                         "\"t\"", "\"7\"", "{\"k\":[]}", "-2.5"};

    bytes_append_text(out, pick_text(maker, values, COUNT_OF(values)));
}

static void make_text(struct schema_maker *maker, const struct tree_node *schema, struct bytes *out)
{
    const struct tree_node *format = tree_find(schema, "format");

    if (tree_is(format, "date-time")) {
        bytes_append_text(out, "\"2026-01-02T03:04:05Z\"");
    } else if (tree_is(format, "uri")) {
        bytes_append_text(out, "\"https://example.com/\"");
    } else if (tree_find(schema, "pattern") != NULL) {
        bytes_append_text(out, "\"abc\"");
    } else {
        bytes_printf(out, "\"%s\"", pick_text(maker, texts, COUNT_OF(texts)));
    }
}

static void make_object_value(struct schema_maker *maker, const struct tree_node *root,
                              const struct tree_node *schema, struct bytes *out)
{
    const struct tree_node *properties = tree_find(schema, "properties");
    const struct tree_node *required = tree_find(schema, "required");
    const struct tree_node *additional = tree_find(schema, "additionalProperties");
    bool any = false;

    bytes_append_char(out, '{');
    for (const struct tree_node *property = properties == NULL ? NULL : properties->first;
         property != NULL; property = property->next) {
        bool given = maker->depth < DEPTH && one_in(maker, 2);

        for (const struct tree_node *name = required == NULL ? NULL : required->first; name != NULL;
             name = name->next) {
            given = given || json_string_equal(name->token, property->key);
        }
        if (given) {
            bytes_append_text(out, any ? "," : "");
            bytes_append_span(out, property->key);
            bytes_append_char(out, ':');
            make_value(maker, root, property, out);
            any = true;
        }
    }
    if (properties == NULL && additional != NULL && maker->depth < DEPTH && one_in(maker, 2)) {
        bytes_append_text(out, any ? ",\"more\":" : "\"more\":");
        make_value(maker, root, additional, out);
    }
    bytes_append_char(out, '}');
}

static void make_array_value(struct schema_maker *maker, const struct tree_node *root,
                             const struct tree_node *schema, struct bytes *out)
{
    const struct tree_node *prefix = tree_find(schema, "prefixItems");
    const struct tree_node *items = tree_find(schema, "items");
    unsigned count = prefix != NULL         ? prefix->count
                     : maker->depth < DEPTH ? schema_maker_pick(maker, 4)
                                            : 0;
    const struct tree_node *item = prefix == NULL ? items : prefix->first;

    bytes_append_char(out, '[');
    for (unsigned i = 0; i < count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        if (item == NULL) {
            make_anything(maker, out);
        } else {
            make_value(maker, root, item, out);
            item = prefix == NULL ? item : item->next;
        }
    }
    bytes_append_char(out, ']');
}

static void make_typed(struct schema_maker *maker, const struct tree_node *root,
                       const struct tree_node *schema, const struct tree_node *type,
                       struct bytes *out)
{
    if (tree_is(type, "string")) {
        make_text(maker, schema, out);
    } else if (tree_is(type, "integer")) {
        bytes_append_text(out, one_in(maker, 4) && tree_find(schema, "exclusiveMaximum") == NULL
                                   ? "9223372036854775807"
                                   : "42");
    } else if (tree_is(type, "number")) {
        bytes_append_text(out, one_in(maker, 2) ? "2" : "2.75");
    } else if (tree_is(type, "boolean")) {
        bytes_append_text(out, one_in(maker, 2) ? "true" : "false");
    } else if (tree_is(type, "null")) {
        bytes_append_text(out, "null");
    } else if (tree_is(type, "array")) {
        make_array_value(maker, root, schema, out);
    } else {
        make_object_value(maker, root, schema, out);
    }
}

static void make_value(struct schema_maker *maker, const struct tree_node *root,
                       const struct tree_node *schema, struct bytes *out)
{
    const struct tree_node *own = follow(root, schema);
    const struct tree_node *list = tree_find(own, "anyOf");
    const struct tree_node *values = tree_find(own, "enum");
    const struct tree_node *type = tree_find(own, "type");

    list = list == NULL ? tree_find(own, "oneOf") : list;
    maker->depth++;
    if (tree_find(own, "const") != NULL) {
        tree_write(tree_find(own, "const"), out);
    } else if (values != NULL) {
        tree_write(pick_item(maker, values), out);
    } else if (list != NULL) {
        make_value(maker, root, pick_item(maker, list), out);
    } else if (type == NULL) {
        make_anything(maker, out);
    } else {
        make_typed(maker, root, own, type->kind == JSON_ARRAY ? pick_item(maker, type) : type, out);
    }
    maker->depth--;
}

void schema_maker_arguments(struct schema_maker *maker, const struct tree_node *schema,
                            struct bytes *out)
{
    maker->depth = 0;
    make_value(maker, schema, schema, out);
}
