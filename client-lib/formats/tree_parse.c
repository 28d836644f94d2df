/* SPDX-License-Identifier: MIT */
/* A checked text becomes a tree, in one pass and without recursion. */
#include <errno.h>
#include <stdlib.h>

#include "client-lib/formats/tree.h"
#include "client-lib/formats/tree_priv.h"
#include "proto/json_priv.h"

/* Above so many members, equal keys are found by sorting. */
enum { FEW_MEMBERS = 16 };

const struct tree_limits tree_limits_schema = {
    .bytes = (size_t)256 * 1024,
    .depth = 64,
    .nodes = 20000,
};

struct parse {
    struct arena *arena;
    const char *at;
    const char *end;
    struct tree_node *within; /* the container that is being read; NULL: none */
    struct tree_node *root;
    struct span key; /* of the next value */
    bool duplicates;
};

/* AT is on the opening quote of a checked string; the place behind the closing one. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        at += *at == '\\' ? 1 : 0;
    }
    return at < end ? at + 1 : end;
}

static struct span take_scalar(struct parse *parse)
{
    const char *from = parse->at;

    if (*parse->at == '"') {
        parse->at = string_end(parse->at, parse->end);
    } else {
        while (parse->at < parse->end && !is_space(*parse->at) && *parse->at != ',' &&
               *parse->at != ']' && *parse->at != '}') {
            parse->at++;
        }
    }
    return (struct span){from, (size_t)(parse->at - from)};
}

/* RAW in canonical form, so that keys are compared as bytes. */
static struct span canonical_key(struct arena *arena, struct span raw)
{
    struct span key = raw;
    struct bytes text;

    if (memchr(raw.at, '\\', raw.length) == NULL) {
        return raw;
    }
    bytes_init(&text, raw.length * 6 + 2);
    if (json_string_decode(raw, &text)) {
        key = tree_key(arena, text.length == 0 ? SPAN("") : bytes_span(&text));
    } else if (text.failed) {
        key = arena_take(arena, &text);
    }
    bytes_done(&text);
    return key;
}

/* Of two members with one key the earlier goes. */
static void drop_duplicates_of_few(struct parse *parse, struct tree_node *object)
{
    struct tree_node *member = object->last;

    while (member != NULL) {
        struct tree_node *earlier = member->previous;

        while (earlier != NULL) {
            struct tree_node *gone = earlier;

            earlier = earlier->previous;
            if (span_equal(gone->key, member->key)) {
                tree_remove(gone);
                parse->duplicates = true;
            }
        }
        member = member->previous;
    }
}

static void drop_duplicates_of_many(struct parse *parse, struct tree_node *object)
{
    bool found = false;

    tree_sort(parse->arena, object);
    if (object->sorted == NULL) {
        return;
    }
    for (uint32_t i = object->count - 1; i > 0; i--) {
        if (span_equal(object->sorted[i - 1]->key, object->sorted[i]->key)) {
            object->sorted[i - 1]->marks = 1;
            found = true;
        }
    }
    for (struct tree_node *member = object->first; found && member != NULL;) {
        struct tree_node *next = member->next;

        if (member->marks != 0) {
            tree_remove(member);
        }
        member = next;
    }
    if (found) {
        parse->duplicates = true;
        tree_sort(parse->arena, object);
    }
}

static void close_container(struct parse *parse)
{
    struct tree_node *closed = parse->within;

    CHECK(closed != NULL);
    if (closed->kind == JSON_OBJECT && closed->count > 1) {
        if (closed->count <= FEW_MEMBERS) {
            drop_duplicates_of_few(parse, closed);
        } else {
            drop_duplicates_of_many(parse, closed);
        }
    }
    parse->within = closed->parent;
    parse->at++;
}

static void place(struct parse *parse, struct tree_node *node)
{
    if (parse->within == NULL) {
        parse->root = node;
    } else {
        node->order = parse->within->count;
        node->key = parse->within->kind == JSON_OBJECT ? parse->key : SPAN_NONE;
        tree_append(parse->within, node);
    }
}

static void take_value(struct parse *parse)
{
    enum json_kind kind = json_kind_of((struct span){parse->at, 1});
    struct tree_node *node;

    if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
        node = tree_new(parse->arena, kind);
        parse->at++;
    } else {
        node = tree_scalar(parse->arena, kind, take_scalar(parse));
    }
    if (parse->arena->failed != ARENA_FINE) {
        return;
    }
    place(parse, node);
    if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
        parse->within = node;
    }
}

/* The text is checked: every byte is where it may be. */
static void take_all(struct parse *parse)
{
    while ((parse->root == NULL || parse->within != NULL) && parse->arena->failed == ARENA_FINE) {
        parse->at = skip_space(parse->at, parse->end);
        CHECK(parse->at < parse->end);
        if (*parse->at == ']' || *parse->at == '}') {
            close_container(parse);
            continue;
        }
        if (*parse->at == ',') {
            parse->at = skip_space(parse->at + 1, parse->end);
        }
        if (tree_kind(parse->within) == JSON_OBJECT) {
            parse->key = canonical_key(parse->arena, take_scalar(parse));
            parse->at = skip_space(parse->at, parse->end) + 1; /* the colon */
            parse->at = skip_space(parse->at, parse->end);
        }
        take_value(parse);
    }
}

int tree_parse(struct arena *arena, struct span text, const struct tree_limits *limits,
               struct tree_parsed *ret_parsed)
{
    const struct json_limits checked = {.depth = limits->depth, .tokens = limits->nodes};
    struct json_error error = {.fault = JSON_FAULT_NONE};
    struct parse parse = {.arena = arena};
    struct span copy;

    if (text.length > limits->bytes) {
        return -E2BIG;
    }
    if (json_check(text, &checked, &error) != 0) {
        *ret_parsed = (struct tree_parsed){.error = error};
        return -EBADMSG;
    }
    copy = arena_copy(arena, text);
    if (arena->failed != ARENA_FINE) {
        return -ENOMEM;
    }
    parse.at = copy.at;
    parse.end = copy.at + copy.length;
    take_all(&parse);
    if (arena->failed != ARENA_FINE) {
        return -ENOMEM;
    }
    *ret_parsed = (struct tree_parsed){.root = parse.root, .duplicates = parse.duplicates};
    return 0;
}
