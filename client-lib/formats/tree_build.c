/* SPDX-License-Identifier: MIT */
/* Building and editing trees. */
#include <string.h>

#include "client-lib/formats/tree.h"
#include "client-lib/formats/tree_priv.h"

_Static_assert(sizeof(struct tree_node) <= ARENA_SPARE, "a failed arena's callers get a node too");

struct tree_node *tree_new(struct arena *arena, enum json_kind kind)
{
    struct tree_node *node = ARENA_NEW(arena, struct tree_node);

    if (node == NULL) {
        node = arena_spare(arena);
    }
    node->kind = kind;
    return node;
}

struct tree_node *tree_scalar(struct arena *arena, enum json_kind kind, struct span token)
{
    struct tree_node *node = tree_new(arena, kind);

    node->token = token;
    return node;
}

struct span tree_key(struct arena *arena, struct span text)
{
    struct span token;
    struct bytes out;

    bytes_init(&out, text.length * 6 + 2);
    json_quote(&out, text);
    token = arena_take(arena, &out);
    bytes_done(&out);
    return token;
}

struct tree_node *tree_string(struct arena *arena, struct span text)
{
    return tree_scalar(arena, JSON_STRING, tree_key(arena, text));
}

struct tree_node *tree_word(struct arena *arena, const char *literal)
{
    return tree_string(arena, span_of(literal));
}

struct tree_node *tree_true(struct arena *arena)
{
    return tree_scalar(arena, JSON_TRUE, SPAN("true"));
}

struct tree_node *tree_false(struct arena *arena)
{
    return tree_scalar(arena, JSON_FALSE, SPAN("false"));
}

struct tree_node *tree_null(struct arena *arena)
{
    return tree_scalar(arena, JSON_NULL, SPAN("null"));
}

struct tree_node *tree_number(struct arena *arena, int64_t number)
{
    struct span token;
    struct bytes out;

    bytes_init(&out, 32);
    bytes_append_int(&out, number);
    token = arena_take(arena, &out);
    bytes_done(&out);
    return tree_scalar(arena, JSON_NUMBER, token);
}

void tree_append(struct tree_node *container, struct tree_node *node)
{
    node->parent = container;
    node->next = NULL;
    node->previous = container->last;
    if (container->last == NULL) {
        container->first = node;
    } else {
        container->last->next = node;
    }
    container->last = node;
    container->count++;
    container->sorted = NULL;
}

void tree_push(struct arena *arena, struct tree_node *array, struct tree_node *item)
{
    if (arena->failed == ARENA_FINE) {
        CHECK(item->parent == NULL);
        item->key = SPAN_NONE;
        tree_append(array, item);
    }
}

void tree_replace(struct arena *arena, struct tree_node *node, struct tree_node *value)
{
    struct tree_node *container = node->parent;

    if (arena->failed != ARENA_FINE || node == value) {
        return;
    }
    CHECK(value->parent == NULL && container != NULL);
    value->key = node->key;
    value->parent = container;
    value->next = node->next;
    value->previous = node->previous;
    *(node->next == NULL ? &container->last : &node->next->previous) = value;
    *(node->previous == NULL ? &container->first : &node->previous->next) = value;
    node->parent = node->next = node->previous = NULL;
    container->sorted = NULL;
}

void tree_set_key(struct arena *arena, struct tree_node *object, struct span key,
                  struct tree_node *value)
{
    struct tree_node *there;

    if (arena->failed != ARENA_FINE) {
        return;
    }
    there = tree_find_key(object, key);
    if (there != NULL) {
        tree_replace(arena, there, value);
        return;
    }
    CHECK(value->parent == NULL);
    value->key = key;
    tree_append(object, value);
}

void tree_add(struct arena *arena, struct tree_node *object, struct span key,
              struct tree_node *value)
{
    if (arena->failed == ARENA_FINE) {
        CHECK(value->parent == NULL);
        value->key = key;
        tree_append(object, value);
    }
}

void tree_set(struct arena *arena, struct tree_node *object, const char *key,
              struct tree_node *value)
{
    tree_set_key(arena, object, tree_key(arena, span_of(key)), value);
}

void tree_remove(struct tree_node *node)
{
    struct tree_node *container = node == NULL ? NULL : node->parent;

    if (container == NULL) {
        return;
    }
    *(node->next == NULL ? &container->last : &node->next->previous) = node->previous;
    *(node->previous == NULL ? &container->first : &node->previous->next) = node->next;
    node->parent = node->next = node->previous = NULL;
    container->count--;
    container->sorted = NULL;
}

static struct tree_node *copy_node(struct arena *arena, const struct tree_node *node)
{
    struct tree_node *copy = tree_new(arena, node->kind);

    copy->token = node->token;
    copy->marks = node->marks;
    copy->alias = node->alias;
    copy->made_of = node->made_of;
    /* Who asks for the origin owns the tree that was copied. */
    copy->origin = node->origin != NULL ? node->origin : (struct tree_node *)(uintptr_t)node;
    return copy;
}

struct tree_node *tree_copy(struct arena *arena, const struct tree_node *node)
{
    struct tree_node *copy = copy_node(arena, node);
    struct tree_node *within = copy; /* the copy of AT's container, or of AT while it is NODE */
    const struct tree_node *at = node;

    while (arena->failed == ARENA_FINE) {
        if (at->first != NULL) {
            at = at->first;
        } else {
            while (at != node && at->next == NULL) {
                at = at->parent;
                within = within->parent;
            }
            if (at == node) {
                break;
            }
            at = at->next;
            within = within->parent;
        }
        struct tree_node *item = copy_node(arena, at);

        if (arena->failed == ARENA_FINE) {
            item->key = at->key;
            tree_append(within, item);
            within = item;
        }
    }
    return copy;
}

struct tree_node *tree_move(struct arena *arena, const struct tree_node *node)
{
    struct tree_node *copy = tree_copy(arena, node);

    if (arena->failed != ARENA_FINE) {
        return copy;
    }
    for (struct tree_node *at = copy; at != NULL; at = tree_next(copy, at)) {
        at->key = arena_copy(arena, at->key);
        at->alias = arena_copy(arena, at->alias);
        at->token = arena_copy(arena, at->token);
        at->origin = NULL;
    }
    return copy;
}
