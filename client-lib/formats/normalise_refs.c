/* SPDX-License-Identifier: MIT */
/* References: where they lead, which of them stay. */
#include "client-lib/formats/normalise_priv.h"

enum { NAME_MAXIMUM = 56 };

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

static const struct tree_node *find_anchor(const struct tree_node *root, const char *name)
{
    for (const struct tree_node *at = root; at != NULL; at = tree_next(root, at)) {
        const struct tree_node *id = tree_find(at, "$id");

        if (tree_is(tree_find(at, "$anchor"), name) ||
            tree_is(tree_find(at, "$dynamicAnchor"), name) ||
            (tree_kind(id) == JSON_STRING && json_string_starts(id->token, "#") &&
             tree_is(id, name - 1))) {
            return at;
        }
    }
    return NULL;
}

/* Where REFERENCE, decoded and with a NUL behind it, leads to in the same schema. */
static const struct tree_node *find_in(const struct normal *normal, struct span reference)
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
    return find_anchor(root, rest.at + 1);
}

/* The schema that the string token leads to, or NULL; *RET_LOCAL: it is meant to be in the root. */
static const struct tree_node *find_target(const struct normal *normal, struct span reference,
                                           bool *ret_local)
{
    const struct tree_node *target = NULL;
    struct bytes text;
    struct span copy;

    bytes_init(&text, reference.length * 3);
    tree_token_text(reference, &text);
    copy = arena_take(normal->arena, &text);
    bytes_done(&text);
    *ret_local = copy.length == 0 || copy.at[0] == '#';
    if (!span_is_none(copy)) {
        target = find_in(normal, copy);
    }
    return tree_kind(target) == JSON_OBJECT || tree_kind(target) == JSON_TRUE ||
                   tree_kind(target) == JSON_FALSE
               ? target
               : NULL;
}

struct reach {
    const struct tree_node *targets[TARGETS_MAXIMUM];
    size_t count;
};

/* Adds what the references in TARGET lead to. */
static void reach_from(struct normal *normal, struct reach *reach, const struct tree_node *target)
{
    for (const struct tree_node *at = target; at != NULL; at = tree_next(target, at)) {
        struct span reference = at->kind == JSON_OBJECT ? reference_of(at) : SPAN_NONE;
        const struct tree_node *found;
        bool is_local;
        size_t i = 0;

        if (span_is_none(reference)) {
            continue;
        }
        found = find_target(normal, reference, &is_local);
        while (found != NULL && i < reach->count && reach->targets[i] != found) {
            i++;
        }
        if (found != NULL && i == reach->count) {
            if (reach->count == TARGETS_MAXIMUM) {
                normal->trouble = NORMAL_TARGETS;
                return;
            }
            reach->targets[reach->count++] = found;
        }
    }
}

/* A reference in TARGET, or in what it refers to, is to a schema that TARGET is in, or to itself.
 */
static bool reaches_itself(struct normal *normal, const struct tree_node *target)
{
    struct reach *reach = ARENA_NEW(normal->arena, struct reach);

    if (reach == NULL) {
        return false;
    }
    reach_from(normal, reach, target);
    for (size_t i = 0; i < reach->count && normal->trouble == NORMAL_FINE; i++) {
        for (const struct tree_node *up = target; up != NULL; up = up->parent) {
            if (reach->targets[i] == up) {
                return true;
            }
        }
        reach_from(normal, reach, reach->targets[i]);
    }
    return false;
}

/* Asked once for each target. */
static bool is_recursive(struct normal *normal, const struct tree_node *target)
{
    struct schema_target *known = normal->targets;
    size_t count = 0;

    for (; known != NULL; known = known->next, count++) {
        if (known->target == target) {
            return known->is_recursive;
        }
    }
    if (count == TARGETS_MAXIMUM) {
        normal->trouble = NORMAL_TARGETS;
        return false;
    }
    known = ARENA_NEW(normal->arena, struct schema_target);
    if (known == NULL) {
        return false;
    }
    known->target = target;
    known->is_recursive = reaches_itself(normal, target);
    known->next = normal->targets;
    normal->targets = known;
    return known->is_recursive;
}

static bool is_name_taken(const struct normal *normal, struct span name)
{
    for (const struct schema_def *def = normal->defs; def != NULL; def = def->next) {
        if (span_equal(def->name, name)) {
            return true;
        }
    }
    return false;
}

/* The last word of the key or pointer, of characters that need no escapes anywhere. */
static void plain_name(const struct tree_node *target, struct bytes *out)
{
    struct bytes text;

    bytes_init(&text, target->key.length * 3 + 8);
    if (!span_is_none(target->key)) {
        tree_token_text(target->key, &text);
    }
    for (size_t i = 0; i < text.length && out->length < NAME_MAXIMUM; i++) {
        char c = text.at[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.';

        bytes_append(out, fits ? &c : "_", 1);
    }
    if (out->length == 0) {
        bytes_append_text(out, target->parent == NULL ? "root" : "schema");
    }
    out->failed = out->failed || text.failed;
    bytes_done(&text);
}

static void name_def(struct normal *normal, struct schema_def *def)
{
    struct bytes name;
    struct bytes reference;
    size_t length;

    bytes_init(&name, NAME_MAXIMUM + 32);
    plain_name(def->target, &name);
    length = name.length;
    for (int i = 2;; i++) {
        def->name = tree_key(normal->arena, arena_take(normal->arena, &name));
        if (normal->arena->failed != ARENA_FINE || !is_name_taken(normal, def->name)) {
            break;
        }
        name.length = length;
        bytes_printf(&name, "_%d", i);
    }
    bytes_init(&reference, NAME_MAXIMUM + 64);
    bytes_append_text(&reference, "\"#/$defs/");
    bytes_append_span(&reference, bytes_span(&name));
    bytes_append_char(&reference, '"');
    def->reference = arena_take(normal->arena, &reference);
    bytes_done(&reference);
    bytes_done(&name);
}

/* The def of TARGET, made when the schema in hand is; NULL when there is trouble. */
static struct schema_def *ensure_def(struct normal *normal, const struct tree_node *target)
{
    struct schema_def **end = &normal->defs;
    struct schema_def *def;

    for (; *end != NULL; end = &(*end)->next) {
        if ((*end)->target == target) {
            return *end;
        }
    }
    if (normal->def_count == TARGETS_MAXIMUM) {
        normal->trouble = NORMAL_TARGETS;
        return NULL;
    }
    def = ARENA_NEW(normal->arena, struct schema_def);
    if (def == NULL) {
        return NULL;
    }
    def->target = target;
    name_def(normal, def);
    *end = def;
    normal->def_count++;
    return def;
}

static struct tree_node *kept_reference(struct normal *normal, const struct tree_node *source,
                                        const struct tree_node *target)
{
    struct tree_node *beside = normal_keywords(normal, source);
    struct tree_node *made = tree_new(normal->arena, JSON_OBJECT);
    const struct schema_def *def = ensure_def(normal, target);
    struct tree_node *list;

    if (def == NULL) {
        return made;
    }
    tree_set(normal->arena, made, "$ref", tree_scalar(normal->arena, JSON_STRING, def->reference));
    if (beside->count == 0) {
        return made;
    }
    list = tree_new(normal->arena, JSON_ARRAY);
    tree_push(normal->arena, list, made);
    tree_set(normal->arena, beside, word_find(beside, WORD_ANY_OF) == NULL ? "anyOf" : "allOf",
             list);
    return beside;
}

/* In place of what would go on for ever. */
static struct tree_node *cut_reference(struct normal *normal, const struct tree_node *source,
                                       const struct tree_node *target)
{
    struct tree_node *made = normal_keywords(normal, source);
    struct bytes remark;
    bool is_object = types_of(target) == TYPE_OBJECT ||
                     tree_kind(word_find(target, WORD_PROPERTIES)) == JSON_OBJECT;

    bytes_init(&remark, NAME_MAXIMUM + 32);
    bytes_append_text(&remark, "nested ");
    plain_name(target, &remark);
    normal_remark(normal->arena, made, arena_take(normal->arena, &remark));
    bytes_done(&remark);
    made->marks |= SCHEMA_CUT;
    if (is_object && types_of(made) == 0) {
        tree_set(normal->arena, made, "type", tree_word(normal->arena, "object"));
    }
    normal_note(normal, "recursive: cut at the second level");
    return made;
}

static struct tree_node *lost_reference(struct normal *normal, const struct tree_node *source,
                                        const char *why)
{
    struct tree_node *made = normal_keywords(normal, source);

    normal_remark(normal->arena, made, span_of(why));
    normal_note(normal, why);
    return made;
}

static bool is_within(const struct normal *normal, const struct tree_node *target)
{
    for (size_t i = 0; i < normal->within_count; i++) {
        if (normal->within[i] == target) {
            return true;
        }
    }
    return false;
}

struct tree_node *normal_reference(struct normal *normal, const struct tree_node *source,
                                   struct span reference)
{
    bool is_local;
    const struct tree_node *target = find_target(normal, reference, &is_local);
    struct tree_node *made;

    if (target == NULL) {
        return lost_reference(normal, source,
                              is_local ? "reference not found" : "external reference not followed");
    }
    if (normal->recursion == RECURSION_CUT) {
        if (is_within(normal, target) || target == normal->source) {
            return cut_reference(normal, source, target);
        }
    } else if (normal->keeps_all || is_recursive(normal, target)) {
        return kept_reference(normal, source, target);
    }
    if (normal->within_count == SCHEMA_DEPTH) {
        normal->trouble = NORMAL_TOO_DEEP;
        return tree_new(normal->arena, JSON_OBJECT);
    }
    normal->within[normal->within_count++] = target;
    made = normal_schema(normal, target);
    normal->within_count--;
    if (tree_find(source, "properties") != NULL || source->count > 1) {
        (void)schema_merge(normal->arena, made, normal_keywords(normal, source), MERGE_OVER);
    }
    return made;
}

struct tree_node *normal_follow(const struct normal *normal, struct tree_node *node)
{
    for (size_t steps = 0; steps <= normal->def_count; steps++) {
        const struct tree_node *reference = word_find(node, WORD_REF);
        const struct schema_def *def = normal->defs;

        if (reference == NULL) {
            return node;
        }
        while (def != NULL && !span_equal(def->reference, reference->token)) {
            def = def->next;
        }
        if (def == NULL || def->body == NULL) {
            return node;
        }
        node = def->body;
    }
    return node;
}
