/* SPDX-License-Identifier: MIT */
/*
 * A counted, intrusive, doubly linked list.  A node records the list it is on,
 * so that removing it through another list aborts: a counter cannot drift.
 */
#ifndef TEPLO_BASE_LIST_H
#define TEPLO_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/check.h"

struct list_node {
    struct list_node *next;
    struct list_node *previous;
    struct list *on; /* NULL: on none */
};

struct list {
    struct list_node head;
    size_t count;
};

static inline void list_init(struct list *list)
{
    list->head.next = list->head.previous = &list->head;
    list->head.on = list;
    list->count = 0;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->count == 0;
}

static inline bool list_has(const struct list *list, const struct list_node *node)
{
    return node->on == list;
}

static inline void list_insert_after(struct list *list, struct list_node *place,
                                     struct list_node *node)
{
    CHECK(node->on == NULL && place->on == list);
    node->previous = place;
    node->next = place->next;
    place->next->previous = node;
    place->next = node;
    node->on = list;
    list->count++;
}

static inline void list_append(struct list *list, struct list_node *node)
{
    list_insert_after(list, list->head.previous, node);
}

static inline void list_prepend(struct list *list, struct list_node *node)
{
    list_insert_after(list, &list->head, node);
}

static inline void list_remove(struct list *list, struct list_node *node)
{
    CHECK(node->on == list && list->count > 0);
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = node->previous = NULL;
    node->on = NULL;
    list->count--;
}

/* NULL when empty. */
static inline struct list_node *list_first(const struct list *list)
{
    return list->count == 0 ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
    return list->count == 0 ? NULL : list->head.previous;
}

static inline struct list_node *list_take_first(struct list *list)
{
    struct list_node *node = list_first(list);

    if (node != NULL) {
        list_remove(list, node);
    }
    return node;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): type and member names cannot be parenthesised */
#define LIST_ITEM(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
/* NULL for a NULL node: `LIST_ITEM_OR_NULL(list_first(l), struct x, in_l)`. */
#define LIST_ITEM_OR_NULL(node, type, member)                                                      \
    ((node) == NULL ? NULL : LIST_ITEM((node), type, member))

#define LIST_FOREACH(node, list)                                                                   \
    for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)
/* The body may remove the current node, and nothing else. */
#define LIST_FOREACH_SAFE(node, list)                                                              \
    for (struct list_node *node = (list)->head.next, *node##_next = node->next;                    \
         node != &(list)->head; node = node##_next, node##_next = node->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
