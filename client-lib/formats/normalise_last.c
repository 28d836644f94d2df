/* SPDX-License-Identifier: MIT */
/* What is done when a schema is in normal form, and when all of it is. */
#include "client-lib/formats/normalise_priv.h"

static struct tree_node *null_schema(struct arena *arena)
{
    struct tree_node *made = tree_new(arena, JSON_OBJECT);

    tree_set(arena, made, "type", tree_word(arena, "null"));
    return made;
}

/* A "const" is an enum then. */
static void add_null_value(struct arena *arena, struct tree_node *made)
{
    struct tree_node *values = word_find(made, WORD_ENUM);
    struct tree_node *value = word_find(made, WORD_CONST);

    if (value != NULL && value->kind != JSON_NULL && values == NULL) {
        tree_remove(value);
        values = tree_new(arena, JSON_ARRAY);
        tree_push(arena, values, value);
        tree_set(arena, made, "enum", values);
    }
    if (values != NULL && (types_of_values(values) & TYPE_NULL) == 0) {
        tree_push(arena, values, tree_null(arena));
    }
}

static void add_null_alternative(struct arena *arena, struct tree_node *members)
{
    for (const struct tree_node *member = members == NULL ? NULL : members->first; member != NULL;
         member = member->next) {
        if ((types_of(member) & TYPE_NULL) != 0) {
            return;
        }
    }
    if (members != NULL) {
        tree_push(arena, members, null_schema(arena));
    }
}

struct tree_node *normal_nullable(struct normal *normal, struct tree_node *made,
                                  const struct tree_node *source)
{
    struct arena *arena = normal->arena;
    unsigned types = types_of(made);
    struct tree_node *either;
    struct tree_node *list;

    if (tree_kind(tree_find(source, "nullable")) != JSON_TRUE) {
        return made;
    }
    if (types != 0) {
        tree_set(arena, made, "type", types_node(arena, types | TYPE_NULL));
    }
    add_null_value(arena, made);
    add_null_alternative(arena, word_find(made, WORD_ANY_OF));
    add_null_alternative(arena, word_find(made, WORD_ONE_OF));
    if (word_find(made, WORD_REF) == NULL && word_find(made, WORD_ALL_OF) == NULL) {
        return made;
    }
    either = tree_new(arena, JSON_OBJECT);
    list = tree_new(arena, JSON_ARRAY);
    tree_push(arena, list, made);
    add_null_alternative(arena, list);
    tree_set(arena, either, "anyOf", list);
    return either;
}

static void give_items(struct arena *arena, struct tree_node *schema)
{
    const struct tree_node *values = word_find(schema, WORD_ENUM);
    unsigned types = types_of(schema);

    if (types == 0 && values != NULL) {
        types = types_of_values(values);
    }
    if ((types & TYPE_ARRAY) != 0 && word_find(schema, WORD_ITEMS) == NULL &&
        word_find(schema, WORD_PREFIX_ITEMS) == NULL) {
        tree_set(arena, schema, "items", tree_new(arena, JSON_OBJECT));
    }
}

/*
 * Arrays of anything get an element that says so: it is declared as JSON text, and that it is one
 * has to be marked somewhere.  Schemas that are only described stay as they are.
 */
static void give_all_items(struct arena *arena, struct tree_node *schema)
{
    if (schema->kind != JSON_OBJECT) {
        return;
    }
    for (struct tree_node *value = schema->first; value != NULL; value = value->next) {
        switch ((int)word_of(value)) {
        case WORD_ITEMS:
            give_all_items(arena, value);
            break;
        case WORD_PREFIX_ITEMS:
        case WORD_PROPERTIES:
        case WORD_ANY_OF:
        case WORD_ONE_OF:
            for (struct tree_node *part = value->first; part != NULL; part = part->next) {
                give_all_items(arena, part);
            }
            break;
        default:
            break;
        }
    }
    give_items(arena, schema);
}

void normal_finish(struct normal *normal, struct tree_node *root)
{
    if (normal->arena->failed != ARENA_FINE) {
        return;
    }
    if (normal->recursion == RECURSION_CUT) {
        give_all_items(normal->arena, root);
    }
    /* Who copies the normal form looks for its nodes, not for those that it was made of. */
    for (struct tree_node *at = root; at != NULL; at = tree_next(root, at)) {
        at->origin = NULL;
    }
}

void normal_link(struct tree_node *root)
{
    for (struct tree_node *at = root; at != NULL; at = tree_next(root, at)) {
        const struct tree_node *up = at->parent;

        if ((at->marks & SCHEMA_CUT) == 0) {
            continue;
        }
        while (up != NULL && (up->made_of != at->made_of || (up->marks & SCHEMA_CUT) != 0)) {
            up = up->parent;
        }
        at->stands_for = at->made_of == NULL || word_find(at, WORD_PROPERTIES) != NULL ? NULL : up;
    }
    for (struct tree_node *at = root; at != NULL; at = tree_next(root, at)) {
        at->made_of = NULL;
    }
}
