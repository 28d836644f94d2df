/* SPDX-License-Identifier: MIT */
/*
 * A JSON value as a tree that can be edited.  Numbers and strings keep the tokens they came with:
 * 9223372036854775807 and 1e400 are never converted; members keep their order.
 * All nodes, and the text they point to, live in an arena.  When the arena has failed, the
 * functions below that take it change nothing and what they return is worth nothing, but is not
 * NULL: check arena->failed once, at the end. Reading a tree changes nothing: any number of threads
 * may.
 */
#ifndef TEPLO_FORMATS_TREE_H
#define TEPLO_FORMATS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client-lib/formats/arena.h"
#include "proto/json_scan.h"

/*
 * A node is in one container at most, and none is in itself.  A key is a string token in canonical
 * form (json_quote's), so that equal keys have equal bytes; only one with half a surrogate pair is
 * kept as it came.  No two members have the same key.
 */
struct tree_node {
    enum json_kind kind;
    uint32_t count;           /* of the elements or members */
    uint32_t order;           /* among the members of the parsed object */
    uint32_t marks;           /* what who made the tree wants to know again; 0 in a parsed one */
    struct span key;          /* none if it is no member */
    struct span token;        /* of a scalar */
    struct span alias;        /* another name of it, for who made the tree; none in a parsed one */
    struct tree_node *parent; /* borrowed, as the rest: the arena owns all */
    struct tree_node *first;  /* element or member */
    struct tree_node *last;
    struct tree_node *next; /* beside it */
    struct tree_node *previous;
    struct tree_node *origin; /* what it is a copy of, or a copy's copy; NULL: it is none */
    /* For who made the tree, as alias: what the node was made of, and what is meant by it. */
    const struct tree_node *made_of;
    const struct tree_node *stands_for;
    struct tree_node **sorted; /* an object's members by key; NULL: not sorted */
};

struct tree_limits {
    size_t bytes;   /* of the text */
    uint32_t depth; /* containers inside containers; at most JSON_DEPTH_MAXIMUM */
    uint32_t nodes;
};

/* A tool's input schema: 256 KiB, 64 deep, 20,000 nodes. */
extern const struct tree_limits tree_limits_schema;

struct tree_parsed {
    struct tree_node *root;
    bool duplicates;         /* an object had a key twice: its last value is kept, in its place */
    struct json_error error; /* for -EBADMSG */
};

/*
 * TEXT is copied.  0; -EBADMSG: not JSON, or deeper, or of more nodes, than allowed (ret->error);
 * -E2BIG: longer than allowed; -ENOMEM: the arena has failed.
 */
MUST_CHECK int tree_parse(struct arena *arena, struct span text, const struct tree_limits *limits,
                          struct tree_parsed *ret_parsed);

/* Reading.  A NULL node is of kind JSON_NONE, and has no members. */

static inline enum json_kind tree_kind(const struct tree_node *node)
{
    return node == NULL ? JSON_NONE : node->kind;
}

/* The member called KEY, or NULL; fast in large objects that were parsed and not edited. */
struct tree_node *tree_find(const struct tree_node *object, const char *key);
/* The same by another node's key (a canonical token). */
struct tree_node *tree_find_key(const struct tree_node *object, struct span key);
/* In an object that was edited: sorts its members again, for many look-ups. */
void tree_sort(struct arena *arena, struct tree_node *object);
/* Members that tree_add put there have the same key; sorts. */
bool tree_has_duplicates(struct arena *arena, struct tree_node *object);
/* NODE is the string TEXT. */
bool tree_is(const struct tree_node *node, const char *text);
/* NODE's key is TEXT. */
bool tree_key_is(const struct tree_node *node, const char *text);
/* The same value: members in any order, strings however escaped, numbers by their tokens. */
bool tree_equal(const struct tree_node *a, const struct tree_node *b);
/* The node after NODE in the tree ROOT, containers before what is in them; NULL at the end. */
struct tree_node *tree_next(const struct tree_node *root, const struct tree_node *node);
/* As tree_next, but not into NODE. */
struct tree_node *tree_next_beside(const struct tree_node *root, const struct tree_node *node);
/* Nodes in the tree, itself too. */
size_t tree_size(const struct tree_node *node);
/* Of containers: 0 for a scalar. */
size_t tree_depth(const struct tree_node *node);
/* The string appended, decoded; half a surrogate pair becomes U+FFFD.  Nothing if no string. */
void tree_text(const struct tree_node *node, struct bytes *out);
/* The same for a string token, such as a key. */
void tree_token_text(struct span token, struct bytes *out);
/* Canonical JSON: no white space, order kept, tokens as they came. */
void tree_write(const struct tree_node *node, struct bytes *out);

/* Building. */

/* An empty object or array. */
struct tree_node *tree_new(struct arena *arena, enum json_kind kind);
/* A scalar whose TOKEN is borrowed: a literal, or of the arena. */
struct tree_node *tree_scalar(struct arena *arena, enum json_kind kind, struct span token);
struct tree_node *tree_string(struct arena *arena, struct span text);
struct tree_node *tree_word(struct arena *arena, const char *literal);
struct tree_node *tree_true(struct arena *arena);
struct tree_node *tree_false(struct arena *arena);
struct tree_node *tree_null(struct arena *arena);
struct tree_node *tree_number(struct arena *arena, int64_t number);
/* The whole tree, marks, aliases and what it was made of too, with its origins; in no container,
 * without a key. */
struct tree_node *tree_copy(struct arena *arena, const struct tree_node *node);

/* The same, with the text of it, out of another arena; without origins. */
struct tree_node *tree_move(struct arena *arena, const struct tree_node *node);

/* ITEM, which is in no container, at the end of ARRAY. */
void tree_push(struct arena *arena, struct tree_node *array, struct tree_node *item);
/* VALUE as the member KEY (a canonical token, borrowed): in the place of the one that is there,
 * else last. */
void tree_set_key(struct arena *arena, struct tree_node *object, struct span key,
                  struct tree_node *value);
/* The same, last, without looking whether KEY is there: the caller knows that it is not. */
void tree_add(struct arena *arena, struct tree_node *object, struct span key,
              struct tree_node *value);
/* As tree_set_key for a key that is a literal of letters. */
void tree_set(struct arena *arena, struct tree_node *object, const char *key,
              struct tree_node *value);
/* VALUE takes NODE's place, and its key. */
void tree_replace(struct arena *arena, struct tree_node *node, struct tree_node *value);
/* Out of its container; NULL is fine. */
void tree_remove(struct tree_node *node);
/* TEXT as a canonical token. */
struct span tree_key(struct arena *arena, struct span text);

#endif
