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

/* SCHEMA's "enum" or "const" has VALUE. */
static bool is_listed(const struct tree_node *schema, const struct tree_node *value)
{
    const struct tree_node *values = word_find(schema, WORD_ENUM);

    for (const struct tree_node *other = values == NULL ? NULL : values->first; other != NULL;
         other = other->next) {
        if (tree_equal(value, other)) {
            return true;
        }
    }
    return values == NULL && tree_equal(word_find(schema, WORD_CONST), value);
}

static bool lists_values(const struct tree_node *schema)
{
    return word_find(schema, WORD_ENUM) != NULL || word_find(schema, WORD_CONST) != NULL;
}

/* No value is of a type, or of the list, of both: nothing fits both. */
static bool are_values_disjoint(const struct tree_node *a, const struct tree_node *b)
{
    const struct tree_node *values = word_find(a, WORD_ENUM);
    unsigned mine = types_of(a);
    unsigned other = types_of(b);

    mine |= (mine & TYPE_NUMBER) != 0 ? TYPE_INTEGER : 0;
    other |= (other & TYPE_NUMBER) != 0 ? TYPE_INTEGER : 0;
    if (mine != 0 && other != 0 && (mine & other) == 0) {
        return true;
    }
    if (!lists_values(a) || !lists_values(b)) {
        return false;
    }
    for (const struct tree_node *value = values == NULL ? NULL : values->first; value != NULL;
         value = value->next) {
        if (is_listed(b, value)) {
            return false;
        }
    }
    return values != NULL || !is_listed(b, word_find(a, WORD_CONST));
}

static bool requires(const struct tree_node *schema, struct span key)
{
    const struct tree_node *required = word_find(schema, WORD_REQUIRED);

    for (const struct tree_node *name = required == NULL ? NULL : required->first; name != NULL;
         name = name->next) {
        if (span_equal(name->token, key)) {
            return true;
        }
    }
    return false;
}

/* The same, or a property that has to be there would have to be two things at once. */
static bool are_disjoint(const struct tree_node *a, const struct tree_node *b)
{
    const struct tree_node *mine = word_find(a, WORD_PROPERTIES);
    const struct tree_node *others = word_find(b, WORD_PROPERTIES);

    for (const struct tree_node *property = mine == NULL || others == NULL ? NULL : mine->first;
         property != NULL; property = property->next) {
        const struct tree_node *other = tree_find_key(others, property->key);

        if (other != NULL && are_values_disjoint(property, other) &&
            (requires(a, property->key) || requires(b, property->key))) {
            return true;
        }
    }
    return are_values_disjoint(a, b);
}

static void remark_word(struct arena *arena, struct tree_node *node, const struct tree_node *value)
{
    struct bytes text;

    bytes_init(&text, arena->maximum);
    tree_token_text(value->key, &text);
    bytes_append_text(&text, ": ");
    tree_write(value, &text);
    normal_remark(arena, node, arena_take(arena, &text));
    bytes_done(&text);
}

static struct tree_node *merge_what_can(struct conversion *conversion, struct tree_node *node,
                                        struct tree_node *beside);

/* Properties of which some contradict those that are there: each by itself. */
static void merge_each_property(struct conversion *conversion, struct tree_node *mine,
                                struct tree_node *others)
{
    for (struct tree_node *other = others->first; other != NULL;) {
        struct tree_node *next = other->next;
        struct tree_node *same = tree_find_key(mine, other->key);
        struct span key = other->key;

        tree_remove(other);
        if (same == NULL) {
            tree_set_key(conversion->arena, mine, key, other);
        } else {
            struct tree_node *merged = merge_what_can(conversion, same, other);

            if (merged != same) {
                merged->alias = same->alias;
                tree_replace(conversion->arena, same, merged);
            }
        }
        other = next;
    }
}

/* NODE with each word of BESIDE, which is used up, that goes with it; the others are said. */
static struct tree_node *merge_what_can(struct conversion *conversion, struct tree_node *node,
                                        struct tree_node *beside)
{
    struct arena *arena = conversion->arena;

    for (struct tree_node *value = beside->first; value != NULL && arena->failed == ARENA_FINE;) {
        struct tree_node *next = value->next;
        struct tree_node *one = tree_new(arena, JSON_OBJECT);
        struct tree_node *merged = tree_copy(arena, node);
        struct span key = value->key;

        conversion->nodes += tree_size(node) / 4;
        if (conversion->nodes > CONVERT_NODES) {
            conversion_refuse(conversion, "too many schemas");
            return node;
        }
        tree_remove(value);
        tree_set_key(arena, one, key, value);
        merged->key = node->key;
        if (schema_merge(arena, merged, tree_copy(arena, one), MERGE_ALL)) {
            node = merged;
        } else if (tree_key_is(value, "properties") && word_find(node, WORD_PROPERTIES) != NULL &&
                   word_find(node, WORD_ADDITIONAL) == NULL) {
            merge_each_property(conversion, word_find(node, WORD_PROPERTIES), value);
        } else {
            remark_word(arena, node, value);
        }
        value = next;
    }
    return node;
}

/* MEMBER, an alternative, with BESIDE; NULL: nothing can fit both. */
static struct tree_node *merge_alternative(struct conversion *conversion,
                                           const struct tree_node *member,
                                           const struct tree_node *beside)
{
    struct arena *arena = conversion->arena;
    const struct tree_node *target = resolve(conversion->root, member);
    struct tree_node *opened = tree_copy(arena, target == NULL ? member : target);
    struct tree_node *merged = tree_copy(arena, beside);

    conversion->nodes += tree_size(merged) / 2;
    if (are_disjoint(opened, beside)) {
        return NULL;
    }
    if (!schema_merge(arena, merged, tree_copy(arena, opened), MERGE_ALL)) {
        if ((conversion->limits->rules & RULE_CLOSED) != 0) {
            conversion_refuse(conversion, "alternatives that cannot be merged");
        }
        merged = merge_what_can(conversion, tree_copy(arena, opened), tree_copy(arena, beside));
    }
    merged->origin = opened->origin;
    return merged;
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
        struct tree_node *merged = merge_alternative(conversion, member, beside);

        if (merged != NULL) {
            tree_replace(arena, member, merged);
        } else if (list->count > 1) {
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

/* Of equal values the first stays, and those that the schema's types allow. */
void settle_enum(struct conversion *conversion, struct tree_node *node)
{
    struct arena *arena = conversion->arena;
    struct tree_node *values = word_find(node, WORD_ENUM);
    unsigned types = types_of(node);
    struct hashmap seen;

    hashmap_init(&seen);
    types |= (types & TYPE_NUMBER) != 0 ? TYPE_INTEGER : 0;
    for (struct tree_node *value = values == NULL ? NULL : values->first; value != NULL;) {
        struct tree_node *next = value->next;
        bool fits = types == 0 || (type_of_value(value) & types) != 0 ||
                    (value->kind == JSON_NUMBER && (types & TYPE_INTEGER) != 0);
        struct bytes text;
        struct span key;

        bytes_init(&text, arena->maximum);
        bytes_append_char(&text, value->kind == JSON_STRING ? '"' : ' ');
        if (value->kind == JSON_STRING) {
            tree_text(value, &text);
        } else {
            tree_write(value, &text);
        }
        key = arena_take(arena, &text);
        bytes_done(&text);
        if (arena->failed != ARENA_FINE) {
            break;
        }
        if (!fits || hashmap_find(&seen, key) != NULL) {
            tree_remove(value);
        } else if (hashmap_add(&seen, key, value) < 0) {
            arena->failed = ARENA_NO_MEMORY;
        }
        value = next;
    }
    hashmap_done(&seen);
}

/* An enum of which the types allow nothing is only said: the server may not mean its types. */
static void refuse_no_values(struct conversion *conversion, struct tree_node *node)
{
    struct tree_node *values = word_find(node, WORD_ENUM);
    struct tree_node *given = values == NULL ? NULL : tree_copy(conversion->arena, values);

    settle_enum(conversion, node);
    if (values == NULL || values->count > 0 || conversion->arena->failed != ARENA_FINE) {
        return;
    }
    if ((conversion->limits->rules & RULE_CLOSED) != 0) {
        conversion_refuse(conversion, "contradiction");
    }
    given->key = values->key;
    tree_remove(values);
    remark_word(conversion->arena, node, given);
}

struct tree_node *simplify(struct conversion *conversion, struct tree_node *node)
{
    const_to_enum(conversion->arena, node);
    rename_word(conversion->arena, node, WORD_ONE_OF, WORD_ANY_OF);
    node = describe_all_of(conversion, node);
    infer_type(conversion, node);
    refuse_no_values(conversion, node);
    split_enum(conversion, node);
    distribute(conversion, node);
    return node;
}
