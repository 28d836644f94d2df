/* SPDX-License-Identifier: MIT */
/*
 * Where references lead, and which schemas refer to themselves.  A reference is looked for once,
 * however often it stands in the schema, and so are the references in a schema.
 */
#include "client-lib/formats/normalise_priv.h"

struct span reference_of(const struct tree_node *source)
{
    static const char *const words[] = {"$ref", "$dynamicRef", "$recursiveRef"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct tree_node *reference = tree_find(source, words[i]);

        if (tree_kind(reference) == JSON_STRING) {
            return reference->token;
        }
    }
    return SPAN_NONE;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One segment of a pointer in a URI: %XX, then ~0 and ~1. */
static void decode_segment(struct span segment, struct bytes *out)
{
    for (size_t i = 0; i < segment.length; i++) {
        char c = segment.at[i];

        if (c == '%' && i + 2 < segment.length && hex_digit(segment.at[i + 1]) >= 0 &&
            hex_digit(segment.at[i + 2]) >= 0) {
            c = (char)(hex_digit(segment.at[i + 1]) << 4 | hex_digit(segment.at[i + 2]));
            i += 2;
        }
        if (c == '~' && i + 1 < segment.length &&
            (segment.at[i + 1] == '0' || segment.at[i + 1] == '1')) {
            i++;
            c = segment.at[i] == '0' ? '~' : '/';
        }
        bytes_append_char(out, c);
    }
}

static const struct tree_node *element_at(const struct tree_node *array, struct span index)
{
    const struct tree_node *item = array->first;
    int64_t left;

    if (!json_to_int(index, &left)) {
        return NULL;
    }
    while (item != NULL && left-- > 0) {
        item = item->next;
    }
    return item;
}

static const struct tree_node *step(struct arena *arena, const struct tree_node *at,
                                    struct span segment)
{
    const struct tree_node *found = NULL;
    struct bytes text;

    bytes_init(&text, segment.length + 1);
    decode_segment(segment, &text);
    if (tree_kind(at) == JSON_OBJECT) {
        found = tree_find_key(at, tree_key(arena, arena_take(arena, &text)));
    } else if (tree_kind(at) == JSON_ARRAY && text.length > 0) {
        found = element_at(at, bytes_span(&text));
    }
    bytes_done(&text);
    return found;
}

static const struct tree_node *follow_pointer(struct arena *arena, const struct tree_node *root,
                                              struct span pointer)
{
    const struct tree_node *at = root;

    while (at != NULL && pointer.length > 0) {
        const char *end;
        size_t length;

        pointer.at++;
        pointer.length--;
        end = pointer.length == 0 ? NULL : memchr(pointer.at, '/', pointer.length);
        length = end == NULL ? pointer.length : (size_t)(end - pointer.at);
        at = step(arena, at, (struct span){pointer.at, length});
        pointer.at += length;
        pointer.length -= length;
    }
    return at;
}

static void add_anchor(struct normal *normal, const struct tree_node *name,
                       const struct tree_node *at)
{
    struct hashmap *anchors = &normal->references->anchors;
    struct bytes text;
    struct span anchor;

    bytes_init(&text, name->token.length * 3);
    tree_text(name, &text);
    anchor = arena_take(normal->arena, &text);
    bytes_done(&text);
    if (tree_key_is(name, "$id")) {
        if (anchor.length == 0 || anchor.at[0] != '#') {
            return;
        }
        anchor.at++;
        anchor.length--;
    }
    if (normal->arena->failed == ARENA_FINE && hashmap_find(anchors, anchor) == NULL &&
        hashmap_add(anchors, anchor, (struct tree_node *)(uintptr_t)at) < 0) {
        normal->arena->failed = ARENA_NO_MEMORY;
    }
}

/* The first of each name counts. */
static const struct tree_node *find_anchor(struct normal *normal, struct span name)
{
    static const char *const words[] = {"$anchor", "$dynamicAnchor", "$id"};
    struct references *references = normal->references;
    const struct tree_node *root = normal->source;

    for (const struct tree_node *at = references->has_anchors ? NULL : root; at != NULL;
         at = tree_next(root, at)) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            const struct tree_node *found = tree_find(at, words[i]);

            if (tree_kind(found) == JSON_STRING) {
                add_anchor(normal, found, at);
            }
        }
    }
    references->has_anchors = true;
    return hashmap_find(&references->anchors, name);
}

/* Where REFERENCE, decoded and with a NUL behind it, leads to in the same schema. */
static const struct tree_node *find_in(struct normal *normal, struct span reference)
{
    const struct tree_node *root = normal->source;
    const struct tree_node *id = tree_find(root, "$id");
    const char *fragment = memchr(reference.at, '#', reference.length);
    size_t base = fragment == NULL ? reference.length : (size_t)(fragment - reference.at);
    struct span rest = {reference.at + base, reference.length - base};
    char own[512];

    if (base > 0 &&
        (tree_kind(id) != JSON_STRING || !json_string_copy(id->token, own, sizeof(own)) ||
         !span_equal((struct span){reference.at, base}, span_of(own)))) {
        return NULL;
    }
    if (rest.length <= 1) {
        return root;
    }
    if (rest.at[1] == '/') {
        return follow_pointer(normal->arena, root, (struct span){rest.at + 1, rest.length - 1});
    }
    return find_anchor(normal, (struct span){rest.at + 1, rest.length - 1});
}

/* Not looked for before. */
static void find_target(struct normal *normal, struct span reference, struct reference *ret)
{
    const struct tree_node *target = NULL;
    struct bytes text;
    struct span copy;

    bytes_init(&text, reference.length * 3);
    tree_token_text(reference, &text);
    copy = arena_take(normal->arena, &text);
    bytes_done(&text);
    ret->is_local = copy.length == 0 || copy.at[0] == '#';
    if (!span_is_none(copy)) {
        target = find_in(normal, copy);
    }
    ret->target = tree_kind(target) == JSON_OBJECT || tree_kind(target) == JSON_TRUE ||
                          tree_kind(target) == JSON_FALSE
                      ? target
                      : NULL;
}

struct reference *normal_find(struct normal *normal, struct span reference)
{
    struct hashmap *known = &normal->references->known;
    struct reference *found = hashmap_find(known, reference);

    if (found != NULL) {
        return found;
    }
    found = ARENA_NEW(normal->arena, struct reference);
    if (found == NULL) {
        return NULL;
    }
    find_target(normal, reference, found);
    if (normal->arena->failed == ARENA_FINE && hashmap_add(known, reference, found) < 0) {
        normal->arena->failed = ARENA_NO_MEMORY;
    }
    return found;
}

/* What is known of the schema that FOUND leads to; NULL when there is trouble. */
static struct schema_target *known_target(struct normal *normal, struct reference *found)
{
    struct schema_target *known = normal->targets;
    size_t count = 0;

    if (found->known != NULL) {
        return found->known;
    }
    for (; known != NULL && known->target != found->target; known = known->next) {
        count++;
    }
    if (known == NULL && count == TARGETS_MAXIMUM) {
        normal->trouble = NORMAL_TARGETS;
        return NULL;
    }
    if (known == NULL) {
        known = ARENA_NEW(normal->arena, struct schema_target);
        if (known == NULL) {
            return NULL;
        }
        known->target = found->target;
        known->next = normal->targets;
        normal->targets = known;
    }
    found->known = known;
    return known;
}

/* FROM has a reference to TO, once in its list. */
static void add_reach(struct normal *normal, struct schema_target *from, struct schema_target *to)
{
    struct schema_reach *reach;

    if (to->listed_by == from) {
        return;
    }
    reach = ARENA_NEW(normal->arena, struct schema_reach);
    if (reach != NULL) {
        to->listed_by = from;
        reach->target = to;
        reach->next = from->reaches;
        from->reaches = reach;
    }
}

/* Adds what the references in SCHEMA lead to.  What only looks like one, in a value, is none. */
static void list_reach(struct normal *normal, struct schema_target *from,
                       const struct tree_node *schema)
{
    struct span text = schema->kind == JSON_OBJECT ? reference_of(schema) : SPAN_NONE;
    struct reference *found = span_is_none(text) ? NULL : normal_find(normal, text);
    struct schema_target *to =
        found == NULL || found->target == NULL ? NULL : known_target(normal, found);

    if (to != NULL) {
        add_reach(normal, from, to);
    }
    for (const struct tree_node *value = schema->kind == JSON_OBJECT ? schema->first : NULL;
         value != NULL && normal->trouble == NORMAL_FINE; value = value->next) {
        enum keyword word = word_of(value);
        enum word_value kind = word == WORD_COUNT ? VALUE_VALUE : schema_words[word].value;

        if (kind == VALUE_SCHEMA || tree_key_is(value, "additionalItems")) {
            list_reach(normal, from, value);
        }
        if (kind == VALUE_SCHEMAS || (kind == VALUE_MAP && word != WORD_DEFS) ||
            (word == WORD_ITEMS && value->kind == JSON_ARRAY)) {
            for (const struct tree_node *part = value->first; part != NULL; part = part->next) {
                list_reach(normal, from, part);
            }
        }
    }
}

/* A reference in TARGET, or in what it refers to, is to a schema that TARGET is in, or to itself.
 */
static bool reaches_itself(struct normal *normal, struct schema_target *target)
{
    struct schema_target *waiting = target;

    target->waits_for = NULL;
    target->seen_by = target;
    while (waiting != NULL && normal->trouble == NORMAL_FINE) {
        struct schema_target *at = waiting;

        waiting = at->waits_for;
        if (!at->is_listed) {
            at->is_listed = true;
            list_reach(normal, at, at->target);
        }
        for (const struct schema_reach *reach = at->reaches; reach != NULL; reach = reach->next) {
            for (const struct tree_node *up = target->target; up != NULL; up = up->parent) {
                if (reach->target->target == up) {
                    return true;
                }
            }
            if (reach->target->seen_by != target) {
                reach->target->seen_by = target;
                reach->target->waits_for = waiting;
                waiting = reach->target;
            }
        }
    }
    return false;
}

bool normal_is_recursive(struct normal *normal, struct reference *found)
{
    struct schema_target *known = known_target(normal, found);

    if (known == NULL) {
        return false;
    }
    if (!known->is_asked) {
        known->is_recursive = reaches_itself(normal, known);
        known->is_asked = true;
    }
    return known->is_recursive;
}
