/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/shape.h"

#include "client-lib/formats/facets.h"

enum { PROPERTIES_SHOWN = 40, BYTES_SHOWN = 2000 };

static void append_types(struct bytes *out, unsigned types)
{
    static const struct {
        unsigned type;
        const char *word;
    } rows[] = {
        {VALUE_OBJECT, "object"}, {VALUE_ARRAY, "array"},     {VALUE_STRING, "string"},
        {VALUE_NUMBER, "number"}, {VALUE_INTEGER, "integer"}, {VALUE_BOOLEAN, "boolean"},
        {VALUE_NULL, "null"},
    };
    const char *between = "";

    if (types == VALUE_ANY || types == 0) {
        bytes_append_text(out, "any");
        return;
    }
    if ((types & VALUE_NUMBER) != 0) {
        types &= ~(unsigned)VALUE_INTEGER;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((types & rows[i].type) != 0) {
            bytes_append_text(out, between);
            bytes_append_text(out, rows[i].word);
            between = "|";
        }
    }
}

static bool is_required(const struct tree_node *required, struct span key)
{
    for (const struct tree_node *name = tree_kind(required) == JSON_ARRAY ? required->first : NULL;
         name != NULL; name = name->next) {
        if (json_string_equal(name->token, key)) {
            return true;
        }
    }
    return false;
}

void shape_append(const struct format_tool *tool, struct bytes *out)
{
    const struct tree_node *properties = tree_find(tool->schema, "properties");
    const struct tree_node *required = tree_find(tool->schema, "required");
    size_t end = out->length + BYTES_SHOWN;
    size_t shown = 0;
    struct facets facets;

    facets_init(&facets, tool, FACETS_STEPS);
    bytes_append_char(out, '{');
    for (const struct tree_node *property = tree_kind(properties) == JSON_OBJECT ? properties->first
                                                                                 : NULL;
         property != NULL; property = property->next) {
        struct span key = span_is_none(property->alias) ? property->key : property->alias;

        bytes_append_text(out, shown == 0 ? "" : ", ");
        if (shown++ == PROPERTIES_SHOWN || out->length + key.length > end) {
            bytes_append_text(out, "...");
            break;
        }
        bytes_append_span(out, key);
        bytes_append_text(out, is_required(required, property->key) ? ": " : "?: ");
        append_types(out, facets_types(&facets, property));
    }
    bytes_append_char(out, '}');
}
