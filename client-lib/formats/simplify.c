/* SPDX-License-Identifier: MIT */
/* Schemas said with fewer words, for targets that know few. */
#include "client-lib/formats/convert_priv.h"
#include "client-lib/formats/normalise_priv.h"

static void rename_word(struct arena *arena, struct tree_node *node, enum keyword from,
                        enum keyword to)
{
    struct tree_node *value = word_find(node, from);

    if (value != NULL && word_find(node, to) == NULL) {
        tree_remove(value);
        tree_set(arena, node, schema_words[to].text, value);
    }
}

static void const_to_enum(struct arena *arena, struct tree_node *node)
{
    struct tree_node *value = word_find(node, WORD_CONST);
    struct tree_node *values;

    if (value == NULL) {
        return;
    }
    values = tree_new(arena, JSON_ARRAY);
    tree_replace(arena, value, values);
    tree_push(arena, values, value);
    tree_remove(values);
    /* With an enum beside it, the one value is what is left of it. */
    tree_set(arena, node, "enum", values);
}

/* The first of allOf holds, the others are said. */
static struct tree_node *describe_all_of(struct conversion *conversion, struct tree_node *node)
{
    struct tree_node *members = word_find(node, WORD_ALL_OF);

    if (members == NULL || target_words[conversion->target][WORD_ALL_OF] != NEVER) {
        return node;
    }
    tree_remove(members);
    for (struct tree_node *member = members->first; member != NULL; member = member->next) {
        struct tree_node *merged = tree_copy(conversion->arena, node);

        if (word_find(member, WORD_REF) == NULL &&
            schema_merge(conversion->arena, merged, tree_copy(conversion->arena, member),
                         MERGE_ALL)) {
            node = merged;
        } else {
            struct bytes text;

            bytes_init(&text, conversion->arena->maximum);
            bytes_append_text(&text, "also: ");
            tree_write(member, &text);
            normal_remark(conversion->arena, node, arena_take(conversion->arena, &text));
            bytes_done(&text);
        }
    }
    return node;
}

static void infer_type(struct conversion *conversion, struct tree_node *node)
{
    const struct tree_node *values = word_find(node, WORD_ENUM);
    unsigned types = 0;

    if (types_of(node) != 0 || word_find(node, WORD_ANY_OF) != NULL ||
        word_find(node, WORD_REF) != NULL) {
        return;
    }
    if (values != NULL) {
        types = types_of_values(values);
    } else if (word_find(node, WORD_PROPERTIES) != NULL ||
               word_find(node, WORD_ADDITIONAL) != NULL) {
        types = TYPE_OBJECT;
    } else if (word_find(node, WORD_ITEMS) != NULL || word_find(node, WORD_PREFIX_ITEMS) != NULL) {
        types = TYPE_ARRAY;
    }
    /* Whole numbers among fractions are numbers. */
    types &= (types & TYPE_NUMBER) != 0 ? ~(unsigned)TYPE_INTEGER : ~0U;
    if (types != 0) {
        tree_set(conversion->arena, node, "type", types_node(conversion->arena, types));
    }
}

static bool fits_type(const struct tree_node *value, unsigned type)
{
    unsigned own = type_of_value(value);

    return (own & type) != 0 || (type == TYPE_NUMBER && own == TYPE_INTEGER);
}

/* The values of one type, as an alternative; null is one without an enum. */
static void push_alternative(struct arena *arena, struct tree_node *list, unsigned type,
                             const struct tree_node *values)
{
    struct tree_node *member = tree_new(arena, JSON_OBJECT);
    struct tree_node *own = tree_new(arena, JSON_ARRAY);

    for (const struct tree_node *value = values->first; value != NULL; value = value->next) {
        if (fits_type(value, type)) {
            tree_push(arena, own, tree_copy(arena, value));
        }
    }
    if (own->count == 0) {
        return;
    }
    tree_set(arena, member, "type", types_node(arena, type));
    if (type != TYPE_NULL) {
        tree_set(arena, member, "enum", own);
    }
    tree_push(arena, list, member);
}

/* An enum of several types becomes alternatives of one type each. */
static void split_enum(struct conversion *conversion, struct tree_node *node)
{
    struct arena *arena = conversion->arena;
    struct tree_node *values = word_find(node, WORD_ENUM);
    unsigned types = types_of(node);
    struct tree_node *list;

    if (values == NULL || word_find(node, WORD_ANY_OF) != NULL) {
        return;
    }
    if ((conversion->limits->rules & RULE_SPLIT_NULL) == 0) {
        types &= ~(unsigned)TYPE_NULL;
    }
    if (types == 0 || type_single(types) != TYPE_COUNT) {
        return;
    }
    types = types_of(node);
    list = tree_new(arena, JSON_ARRAY);
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        /* An integer is not listed twice where numbers are allowed. */
        if ((types & 1U << i) != 0 && !(1U << i == TYPE_INTEGER && (types & TYPE_NUMBER) != 0)) {
            push_alternative(arena, list, 1U << i, values);
        }
    }
    tree_remove(values);
    tree_remove(word_find(node, WORD_TYPE));
    tree_set(arena, node, "anyOf", list);
}

/* What may stand beside anyOf. */
static bool is_beside(const struct tree_node *value)
{
    enum keyword word = word_of(value);

    return word == WORD_COUNT || word == WORD_ANY_OF || word == WORD_DESCRIPTION ||
           word == WORD_DEFAULT || word == WORD_EXAMPLES;
}

static struct tree_node *take_beside(struct arena *arena, struct tree_node *node)
{
    struct tree_node *taken = tree_new(arena, JSON_OBJECT);

    for (struct tree_node *value = node->first; value != NULL;) {
        struct tree_node *next = value->next;
        struct span key = value->key;

        if (!is_beside(value)) {
            tree_remove(value);
            tree_set_key(arena, taken, key, value);
        }
        value = next;
    }
    return taken;
}

/* What stands beside anyOf and says something of the value goes into each alternative. */
static void distribute(struct conversion *conversion, struct tree_node *node)
{
    struct arena *arena = conversion->arena;
    struct tree_node *list = word_find(node, WORD_ANY_OF);
    struct tree_node *beside;

    if (list == NULL) {
        return;
    }
    beside = take_beside(arena, node);
    if (beside->count == 0) {
        return;
    }
    for (struct tree_node *member = list->first; member != NULL;) {
        struct tree_node *next = member->next;
        struct tree_node *opened = tree_copy(arena, resolve(conversion->root, member) == NULL
                                                        ? member
                                                        : resolve(conversion->root, member));
        struct tree_node *merged = tree_copy(arena, beside);

        conversion->nodes += tree_size(merged) / 2;
        if (schema_merge(arena, merged, opened, MERGE_ALL)) {
            merged->origin = opened->origin;
            tree_replace(arena, member, merged);
        } else if (list->count > 1) {
            /* Nothing can fit both. */
            tree_remove(member);
        } else {
            conversion_refuse(conversion, "contradiction");
        }
        if (conversion->nodes > CONVERT_NODES) {
            conversion_refuse(conversion, "too many schemas");
            return;
        }
        member = next;
    }
}

struct tree_node *simplify(struct conversion *conversion, struct tree_node *node)
{
    const_to_enum(conversion->arena, node);
    rename_word(conversion->arena, node, WORD_ONE_OF, WORD_ANY_OF);
    node = describe_all_of(conversion, node);
    infer_type(conversion, node);
    split_enum(conversion, node);
    distribute(conversion, node);
    return node;
}
