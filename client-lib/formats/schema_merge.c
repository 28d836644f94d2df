/* SPDX-License-Identifier: MIT */
/* Two schemas in normal form become one. */
#include "client-lib/formats/normalise_priv.h"

/* Lists that would take longer to compare are not merged. */
enum { COMPARISONS_MAXIMUM = 1000000 };

enum merged {
    MERGED,   /* TO's value says both */
    TAKE,     /* FROM's value is to replace TO's */
    CONFLICT, /* one value cannot say both */
};

static enum merged merge_types(struct arena *arena, struct tree_node *to, struct tree_node *value)
{
    unsigned mine = types_of(to->parent);
    unsigned other = types_of(value->parent);
    unsigned both;

    /* An integer is a number. */
    mine |= (mine & TYPE_NUMBER) != 0 ? TYPE_INTEGER : 0;
    other |= (other & TYPE_NUMBER) != 0 ? TYPE_INTEGER : 0;
    both = mine & other;
    both &= (both & TYPE_NUMBER) != 0 ? ~(unsigned)TYPE_INTEGER : ~0U;
    if (both == 0) {
        return CONFLICT;
    }
    tree_replace(arena, to, types_node(arena, both));
    return MERGED;
}

static enum merged merge_properties(struct arena *arena, struct tree_node *to,
                                    struct tree_node *value, enum merge merge)
{
    tree_sort(arena, to);
    for (struct tree_node *property = value->first; property != NULL;) {
        struct tree_node *next = property->next;
        struct tree_node *mine = tree_find_key(to, property->key);
        struct span key = property->key;

        tree_remove(property);
        if (mine == NULL) {
            tree_set_key(arena, to, key, property);
        } else if (merge == MERGE_OVER) {
            tree_replace(arena, mine, property);
        } else if (!schema_merge(arena, mine, property, merge)) {
            return CONFLICT;
        }
        property = next;
    }
    return MERGED;
}

static bool has_equal(const struct tree_node *array, const struct tree_node *value)
{
    for (const struct tree_node *item = array->first; item != NULL; item = item->next) {
        if (tree_equal(item, value)) {
            return true;
        }
    }
    return false;
}

static enum merged merge_required(struct arena *arena, struct tree_node *to,
                                  struct tree_node *value)
{
    for (struct tree_node *name = value->first; name != NULL;) {
        struct tree_node *next = name->next;

        if (!has_equal(to, name)) {
            tree_remove(name);
            tree_push(arena, to, name);
        }
        name = next;
    }
    return MERGED;
}

static enum merged merge_enum(struct tree_node *to, struct tree_node *value)
{
    for (struct tree_node *item = to->first; item != NULL;) {
        struct tree_node *next = item->next;

        if (!has_equal(value, item)) {
            tree_remove(item);
        }
        item = next;
    }
    return to->count == 0 ? CONFLICT : MERGED;
}

/* The higher of two lower bounds (HIGHER is 1), the lower of two upper ones (-1). */
static enum merged merge_bound(const struct tree_node *to, const struct tree_node *value,
                               int higher)
{
    int order;

    if (!number_compare(value, to, &order)) {
        return CONFLICT;
    }
    return order == higher ? TAKE : MERGED;
}

/* Closed and open at once: which keys are allowed is then said by all properties together. */
static enum merged merge_additional(struct tree_node *to, const struct tree_node *value)
{
    if (to->kind == JSON_TRUE) {
        return TAKE;
    }
    if (value->kind == JSON_TRUE) {
        return MERGED;
    }
    return CONFLICT;
}

static enum merged merge_all(struct arena *arena, enum keyword word, struct tree_node *to,
                             struct tree_node *value)
{
    if (tree_equal(to, value)) {
        return MERGED;
    }
    if ((uint64_t)to->count * value->count > COMPARISONS_MAXIMUM &&
        (word == WORD_ENUM || word == WORD_REQUIRED)) {
        return CONFLICT;
    }
    switch ((int)word) {
    case WORD_DESCRIPTION:
    case WORD_DEFAULT:
    case WORD_EXAMPLES:
        return MERGED; /* the outer one, or the first */
    case WORD_TYPE:
        return merge_types(arena, to, value);
    case WORD_PROPERTIES:
        return merge_properties(arena, to, value, MERGE_ALL);
    case WORD_REQUIRED:
        return merge_required(arena, to, value);
    case WORD_ENUM:
        return merge_enum(to, value);
    case WORD_ITEMS:
        return schema_merge(arena, to, (tree_remove(value), value), MERGE_ALL) ? MERGED : CONFLICT;
    case WORD_ADDITIONAL:
        return merge_additional(to, value);
    case WORD_UNIQUE_ITEMS:
        return to->kind == JSON_TRUE ? MERGED : TAKE;
    case WORD_MINIMUM:
    case WORD_ABOVE:
    case WORD_MIN_LENGTH:
    case WORD_MIN_ITEMS:
    case WORD_MIN_PROPERTIES:
        return merge_bound(to, value, 1);
    case WORD_MAXIMUM:
    case WORD_BELOW:
    case WORD_MAX_LENGTH:
    case WORD_MAX_ITEMS:
    case WORD_MAX_PROPERTIES:
        return merge_bound(to, value, -1);
    default:
        return CONFLICT;
    }
}

static enum merged merge_over(struct arena *arena, enum keyword word, struct tree_node *to,
                              struct tree_node *value)
{
    if (word == WORD_PROPERTIES) {
        return merge_properties(arena, to, value, MERGE_OVER);
    }
    return word == WORD_REQUIRED ? merge_required(arena, to, value) : TAKE;
}

static bool merge_member(struct arena *arena, struct tree_node *to, struct tree_node *value,
                         enum merge merge)
{
    struct tree_node *mine = tree_find_key(to, value->key);
    enum keyword word = word_of(value);
    struct span key = value->key;
    enum merged merged;

    if (tree_key_is(value, "$comment")) {
        struct bytes remark;

        bytes_init(&remark, value->token.length * 3);
        tree_text(value, &remark);
        normal_remark(arena, to, arena_take(arena, &remark));
        bytes_done(&remark);
        return true;
    }
    if (mine == NULL) {
        tree_remove(value);
        tree_set_key(arena, to, key, value);
        return true;
    }
    merged = merge == MERGE_OVER ? merge_over(arena, word, mine, value)
                                 : merge_all(arena, word, mine, value);
    if (merged == TAKE) {
        tree_remove(value);
        tree_replace(arena, mine, value);
    }
    return merged != CONFLICT;
}

/* "properties" of one and "additionalProperties" of the other say something about each other. */
static bool closes_other(const struct tree_node *a, const struct tree_node *b)
{
    const struct tree_node *additional = word_find(a, WORD_ADDITIONAL);
    const struct tree_node *mine = word_find(a, WORD_PROPERTIES);
    const struct tree_node *others = word_find(b, WORD_PROPERTIES);

    if (additional == NULL || additional->kind == JSON_TRUE || tree_kind(others) == JSON_NONE) {
        return false;
    }
    for (const struct tree_node *other = others->first; other != NULL; other = other->next) {
        if (tree_find_key(mine, other->key) == NULL) {
            return true;
        }
    }
    return false;
}

bool schema_merge(struct arena *arena, struct tree_node *to, struct tree_node *from,
                  enum merge merge)
{
    bool is_reference = word_find(to, WORD_REF) != NULL || word_find(from, WORD_REF) != NULL;

    if (to->kind != JSON_OBJECT || from->kind != JSON_OBJECT) {
        return tree_equal(to, from);
    }
    if (merge == MERGE_ALL &&
        ((is_reference && to->count > 0 && from->count > 0 && !tree_equal(to, from)) ||
         closes_other(to, from) || closes_other(from, to))) {
        return false;
    }
    to->made_of = to->made_of == NULL ? from->made_of : to->made_of;
    for (struct tree_node *value = from->first; value != NULL;) {
        struct tree_node *next = value->next;

        if (!merge_member(arena, to, value, merge)) {
            return false;
        }
        value = next;
    }
    return true;
}
