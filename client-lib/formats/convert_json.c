/* SPDX-License-Identifier: MIT */
/* The targets that take JSON Schema: structure.  json_words.c goes through the keywords. */
#include "client-lib/formats/json_writing.h"

static struct tree_node *convert_part(struct conversion *conversion, struct tree_node *part,
                                      struct step step)
{
    struct tree_node *made = NULL;

    if (conversion_enter(conversion, step)) {
        made = part->kind == JSON_OBJECT ? convert_json(conversion, part)
                                         : tree_copy(conversion->arena, part);
    }
    conversion_leave(conversion);
    return made != NULL ? made : tree_new(conversion->arena, JSON_OBJECT);
}

static void make_nullable(struct conversion *conversion, struct tree_node *property)
{
    struct arena *arena = conversion->arena;
    struct tree_node *list = word_find(property, WORD_ANY_OF);
    struct tree_node *values = word_find(property, WORD_ENUM);
    struct tree_node *null = tree_new(arena, JSON_OBJECT);

    tree_set(arena, null, "type", tree_word(arena, "null"));
    if (list != NULL) {
        tree_push(arena, list, null);
    } else if (types_of(property) != 0) {
        tree_set(arena, property, "type", types_node(arena, types_of(property) | TYPE_NULL));
        if (values != NULL && (types_of_values(values) & TYPE_NULL) == 0) {
            tree_push(arena, values, tree_null(arena));
        }
    } else {
        /* A reference. */
        struct tree_node *reference = word_find(property, WORD_REF);
        struct tree_node *member = tree_new(arena, JSON_OBJECT);

        if (reference == NULL) {
            return;
        }
        tree_remove(reference);
        tree_set(arena, member, "$ref", reference);
        list = tree_new(arena, JSON_ARRAY);
        tree_push(arena, list, member);
        tree_push(arena, list, null);
        tree_set(arena, property, "anyOf", list);
    }
}

static void mark(struct tree_node *node, enum schema_mark what)
{
    (node->origin != NULL ? node->origin : node)->marks |= (uint32_t)what;
}

/* The alias of a property stands for it in MADE. */
static void convert_property(struct writing *writing, struct tree_node *made,
                             struct tree_node *property, bool is_required)
{
    struct conversion *conversion = writing->conversion;
    struct arena *arena = conversion->arena;
    struct span alias = alias_of(property);
    bool adds_null = has_rule(conversion, RULE_ALL_REQUIRED) && !is_required &&
                     !allows_null(conversion, property);
    struct tree_node *part = NULL;

    if (conversion_enter(conversion, step_property(conversion, property))) {
        if (!span_is_none(property->alias)) {
            conversion_place(conversion, CHANGE_RENAMED, property->key);
        }
        part = convert_json(conversion, property);
        if (adds_null) {
            make_nullable(conversion, part);
            mark(property, MARK_NULL_ADDED);
            conversion_place(conversion, CHANGE_NULL, SPAN_NONE);
        }
        tree_add(arena, made, alias, part);
    }
    conversion_leave(conversion);
}

enum { MARK_LISTED = 1 << 29 };

static void mark_required(const struct writing *writing, const struct tree_node *properties)
{
    const struct tree_node *required = word_find(writing->node, WORD_REQUIRED);

    for (const struct tree_node *name = required == NULL ? NULL : required->first; name != NULL;
         name = name->next) {
        struct tree_node *property = tree_find_key(properties, name->token);

        if (property != NULL) {
            property->marks |= MARK_LISTED;
        }
    }
}

/* "required" goes with it: both need the other's names. */
static void write_properties(struct writing *writing, struct tree_node *properties)
{
    struct conversion *conversion = writing->conversion;
    struct arena *arena = conversion->arena;
    struct tree_node *made = tree_new(arena, JSON_OBJECT);
    struct tree_node *required;

    tree_sort(arena, properties);
    mark_required(writing, properties);
    required = alias_required(conversion, writing->node);
    if (has_rule(conversion, RULE_ALL_REQUIRED)) {
        required = tree_new(arena, JSON_ARRAY);
        for (const struct tree_node *property = properties->first; property != NULL;
             property = property->next) {
            tree_push(arena, required, tree_scalar(arena, JSON_STRING, alias_of(property)));
        }
    }
    for (struct tree_node *property = properties->first; property != NULL;) {
        struct tree_node *next = property->next;
        bool is_required = (property->marks & MARK_LISTED) != 0;

        property->marks &= ~(uint32_t)MARK_LISTED;
        convert_property(writing, made, property, is_required);
        property = next;
    }
    if (tree_has_duplicates(arena, made)) {
        conversion_refuse(conversion, "two arguments of one name");
    }
    tree_set(arena, writing->out, "properties", made);
    if (required->count > 0 || has_rule(conversion, RULE_ALL_REQUIRED)) {
        tree_set(arena, writing->out, "required", required);
    }
}

static void write_list(struct writing *writing, enum keyword word, struct tree_node *list)
{
    struct conversion *conversion = writing->conversion;
    struct tree_node *made = tree_new(conversion->arena, JSON_ARRAY);
    size_t index = 0;

    for (struct tree_node *member = list->first; member != NULL; index++) {
        struct tree_node *next = member->next;
        struct step step = word == WORD_PREFIX_ITEMS
                               ? step_items()
                               : step_member(conversion, schema_words[word].text, index);

        tree_remove(member);
        tree_push(conversion->arena, made, convert_part(conversion, member, step));
        member = next;
    }
    tree_set(conversion->arena, writing->out, schema_words[word].text, made);
}

static void write_map(struct writing *writing, enum keyword word, struct tree_node *map)
{
    struct conversion *conversion = writing->conversion;
    const struct tree_node *properties = word_find(writing->node, WORD_PROPERTIES);
    struct tree_node *made = tree_new(conversion->arena, JSON_OBJECT);

    for (struct tree_node *member = map->first; member != NULL;) {
        struct tree_node *next = member->next;
        struct span key = word == WORD_DEPENDENT ? alias_of_key(conversion, properties, member->key)
                                                 : member->key;

        tree_remove(member);
        tree_add(conversion->arena, made, key,
                 convert_part(conversion, member, step_other(schema_words[word].text)));
        member = next;
    }
    if (tree_has_duplicates(conversion->arena, made)) {
        conversion_refuse(conversion, "two arguments of one name");
    }
    tree_set(conversion->arena, writing->out, schema_words[word].text, made);
}

void json_keep(struct writing *writing, enum keyword word, struct tree_node *value)
{
    struct conversion *conversion = writing->conversion;
    const char *text = schema_words[word].text;

    switch (schema_words[word].value) {
    case VALUE_SCHEMA:
        tree_remove(value);
        tree_set(
            conversion->arena, writing->out, text,
            convert_part(conversion, value, word == WORD_ITEMS ? step_items() : step_other(text)));
        return;
    case VALUE_SCHEMAS:
        write_list(writing, word, value);
        return;
    case VALUE_MAP:
        if (word == WORD_PROPERTIES) {
            write_properties(writing, value);
        } else {
            write_map(writing, word, value);
        }
        return;
    case VALUE_NAMES_MAP:
        tree_set(conversion->arena, writing->out, text,
                 alias_names_map(conversion, word_find(writing->node, WORD_PROPERTIES), value));
        return;
    case VALUE_NAMES: /* "required" without properties */
        tree_set(conversion->arena, writing->out, text, alias_required(conversion, writing->node));
        return;
    case VALUE_TEXT:
    case VALUE_VALUE:
    case VALUE_VALUES:
    case VALUE_NUMBER:
    case VALUE_POSITIVE:
    case VALUE_COUNT:
    case VALUE_FLAG:
    case VALUE_TYPES:
        tree_set(conversion->arena, writing->out, text, tree_copy(conversion->arena, value));
        return;
    }
}

/* What the target wants to be said, and the server did not.  True: that there are properties. */
static bool add_missing(struct conversion *conversion, struct tree_node *node)
{
    unsigned types = types_of(node);

    if (has_rule(conversion, RULE_ITEMS) && (types & TYPE_ARRAY) != 0 &&
        word_find(node, WORD_ITEMS) == NULL &&
        (word_find(node, WORD_PREFIX_ITEMS) == NULL || !has_rule(conversion, RULE_CLOSED))) {
        tree_set(conversion->arena, node, "items", tree_new(conversion->arena, JSON_OBJECT));
    }
    if (has_rule(conversion, RULE_PROPERTIES) && (types & TYPE_OBJECT) != 0 &&
        word_find(node, WORD_PROPERTIES) == NULL && word_find(node, WORD_ADDITIONAL) == NULL) {
        tree_set(conversion->arena, node, "properties", tree_new(conversion->arena, JSON_OBJECT));
        return true;
    }
    return false;
}

/* An object must not be closed to what the server takes: the model could then send {} alone. */
static void close_object(struct writing *writing)
{
    struct conversion *conversion = writing->conversion;
    const struct tree_node *additional = word_find(writing->node, WORD_ADDITIONAL);
    const struct tree_node *properties = tree_find(writing->out, "properties");
    bool has_properties = properties != NULL;
    /* A tool without arguments is one; an argument without members is a map. */
    bool is_empty = !has_properties || (properties->count == 0 && conversion->depth > 0);

    if ((additional != NULL && additional->kind != JSON_FALSE) ||
        (additional == NULL && is_empty)) {
        conversion_refuse(conversion, "open object");
        return;
    }
    if (!has_properties) {
        tree_set(conversion->arena, writing->out, "properties",
                 tree_new(conversion->arena, JSON_OBJECT));
        if (has_rule(conversion, RULE_ALL_REQUIRED)) {
            tree_set(conversion->arena, writing->out, "required",
                     tree_new(conversion->arena, JSON_ARRAY));
        }
    }
    tree_set(conversion->arena, writing->out, "additionalProperties",
             tree_false(conversion->arena));
}

static struct tree_node *write_reference(struct conversion *conversion,
                                         const struct tree_node *reference)
{
    struct tree_node *out = tree_new(conversion->arena, JSON_OBJECT);

    tree_set(conversion->arena, out, "$ref", tree_copy(conversion->arena, reference));
    return out;
}

struct tree_node *convert_json(struct conversion *conversion, struct tree_node *source)
{
    struct writing writing = {.conversion = conversion, .node = source};
    const struct tree_node *property = source;
    const struct tree_node *comment;
    struct bytes text;

    if (word_find(source, WORD_REF) != NULL) {
        return write_reference(conversion, word_find(source, WORD_REF));
    }
    if (has_rule(conversion, RULE_REWRITES)) {
        writing.node = simplify(conversion, source);
    }
    writing.out = tree_new(conversion->arena, JSON_OBJECT);
    remarks_init(&writing.remarks, conversion);
    comment = tree_find(writing.node, "$comment");
    bytes_init(&text, conversion->arena->maximum);
    tree_text(comment, &text);
    if (text.length > 0) {
        remark_text(&writing.remarks, NULL, bytes_span(&text));
    }
    writing.remarks.text.failed = writing.remarks.text.failed || text.failed;
    bytes_done(&text);
    if (add_missing(conversion, writing.node) && word_find(writing.node, WORD_REQUIRED) != NULL) {
        /* Of what it names nothing is known, and it would name what is no property. */
        remark_value(&writing.remarks, "required", word_find(writing.node, WORD_REQUIRED));
    }
    if (has_rule(conversion, RULE_TYPED) && types_of(writing.node) == 0 &&
        word_find(writing.node, WORD_ANY_OF) == NULL &&
        word_find(writing.node, WORD_ALL_OF) == NULL) {
        conversion_refuse(conversion, "untyped value");
    }
    json_write_words(&writing);
    if (has_rule(conversion, RULE_CLOSED) && (types_of(writing.node) & TYPE_OBJECT) != 0) {
        close_object(&writing);
    }
    remark_lost_key(&writing.remarks, conversion, property);
    remarks_write(&writing.remarks, conversion, writing.out,
                  word_find(writing.node, WORD_DESCRIPTION));
    return writing.out;
}
