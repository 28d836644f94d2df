/* SPDX-License-Identifier: MIT */
/* Reading and walking trees. */
#include "client-lib/formats/tree.h"

#include <stdlib.h>
#include <string.h>

static struct span content_of(struct span token)
{
    return token.length < 2 ? SPAN_NONE : (struct span){token.at + 1, token.length - 2};
}

/* As memcmp orders them, the shorter of two that begin alike first. */
static int compare_spans(struct span a, struct span b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.at, b.at, common);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_members(const void *a, const void *b)
{
    const struct tree_node *left = *(struct tree_node *const *)a;
    const struct tree_node *right = *(struct tree_node *const *)b;
    int order = compare_spans(content_of(left->key), content_of(right->key));

    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

void tree_sort(struct arena *arena, struct tree_node *object)
{
    struct tree_node **sorted;
    uint32_t count = 0;

    if (tree_kind(object) != JSON_OBJECT || object->count < 2) {
        return;
    }
    sorted = arena_new(arena, object->count * sizeof(struct tree_node *));
    if (sorted == NULL) {
        return;
    }
    for (struct tree_node *member = object->first; member != NULL; member = member->next) {
        member->order = count;
        sorted[count++] = member;
    }
    qsort(sorted, count, sizeof(struct tree_node *), compare_members);
    object->sorted = sorted;
}

bool tree_has_duplicates(struct arena *arena, struct tree_node *object)
{
    tree_sort(arena, object);
    for (uint32_t i = 1; object->sorted != NULL && i < object->count; i++) {
        if (span_equal(object->sorted[i - 1]->key, object->sorted[i]->key)) {
            return true;
        }
    }
    return false;
}

static struct tree_node *find_sorted(const struct tree_node *object, struct span content)
{
    uint32_t from = 0;
    uint32_t to = object->count;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        struct tree_node *member = object->sorted[middle];
        int order = compare_spans(content_of(member->key), content);

        if (order == 0) {
            return member;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

static struct tree_node *find_content(const struct tree_node *object, struct span content)
{
    if (tree_kind(object) != JSON_OBJECT) {
        return NULL;
    }
    if (object->sorted != NULL) {
        return find_sorted(object, content);
    }
    for (struct tree_node *member = object->first; member != NULL; member = member->next) {
        if (span_equal(content_of(member->key), content)) {
            return member;
        }
    }
    return NULL;
}

struct tree_node *tree_find(const struct tree_node *object, const char *key)
{
    return find_content(object, span_of(key));
}

struct tree_node *tree_find_key(const struct tree_node *object, struct span key)
{
    return find_content(object, content_of(key));
}

bool tree_is(const struct tree_node *node, const char *text)
{
    return tree_kind(node) == JSON_STRING && json_string_is(node->token, text);
}

bool tree_key_is(const struct tree_node *node, const char *text)
{
    return node != NULL && span_is(content_of(node->key), text);
}

struct tree_node *tree_next_beside(const struct tree_node *root, const struct tree_node *node)
{
    while (node != root) {
        if (node->next != NULL) {
            return node->next;
        }
        node = node->parent;
    }
    return NULL;
}

struct tree_node *tree_next(const struct tree_node *root, const struct tree_node *node)
{
    return node->first != NULL ? node->first : tree_next_beside(root, node);
}

size_t tree_size(const struct tree_node *node)
{
    size_t size = 0;

    for (const struct tree_node *at = node; at != NULL; at = tree_next(node, at)) {
        size++;
    }
    return size;
}

size_t tree_depth(const struct tree_node *node)
{
    size_t deepest = 0;

    for (const struct tree_node *at = node; at != NULL; at = tree_next(node, at)) {
        size_t depth = at->kind == JSON_OBJECT || at->kind == JSON_ARRAY ? 1 : 0;

        for (const struct tree_node *up = at; depth > 0 && up != node; up = up->parent) {
            depth++;
        }
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* Without what is in them. */
static bool is_same_node(const struct tree_node *a, const struct tree_node *b)
{
    if (a->kind != b->kind || a->count != b->count) {
        return false;
    }
    return a->kind == JSON_STRING ? json_string_equal(a->token, b->token)
                                  : span_equal(a->token, b->token);
}

bool tree_equal(const struct tree_node *a, const struct tree_node *b)
{
    const struct tree_node *left = a;
    const struct tree_node *right = b;

    for (;;) {
        if (right == NULL || !is_same_node(left, right)) {
            return false;
        }
        if (left->first != NULL) {
            left = left->first;
            right =
                left->parent->kind == JSON_OBJECT ? tree_find_key(right, left->key) : right->first;
            continue;
        }
        while (left != a && left->next == NULL) {
            left = left->parent;
            right = right->parent;
        }
        if (left == a) {
            return true;
        }
        left = left->next;
        right = left->parent->kind == JSON_OBJECT ? tree_find_key(right->parent, left->key)
                                                  : right->next;
    }
}
