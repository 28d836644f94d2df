/* SPDX-License-Identifier: MIT */
/* References: which of them stay, and what stands in the place of the others. */
#include "client-lib/formats/normalise_priv.h"

enum { NAME_MAXIMUM = 56 };

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
    made->made_of = target;
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

static struct tree_node *follow_reference(struct normal *normal, const struct tree_node *source,
                                          struct span reference)
{
    struct reference *found = normal_find(normal, reference);
    const struct tree_node *target = found == NULL ? NULL : found->target;
    struct tree_node *made;

    if (target == NULL) {
        return lost_reference(normal, source,
                              found == NULL || found->is_local ? "reference not found"
                                                               : "external reference not followed");
    }
    if (normal->recursion == RECURSION_CUT) {
        if (is_within(normal, target) || target == normal->source) {
            return cut_reference(normal, source, target);
        }
    } else if (normal->keeps_all || normal_is_recursive(normal, found)) {
        return kept_reference(normal, source, target);
    }
    if (normal->within_count == SCHEMA_DEPTH) {
        normal->trouble = NORMAL_TOO_DEEP;
        return tree_new(normal->arena, JSON_OBJECT);
    }
    normal->within[normal->within_count++] = target;
    made = normal_schema(normal, target);
    made->made_of = target;
    normal->within_count--;
    if (tree_find(source, "properties") != NULL || source->count > 1) {
        (void)schema_merge(normal->arena, made, normal_keywords(normal, source), MERGE_OVER);
    }
    return made;
}

struct tree_node *normal_reference(struct normal *normal, const struct tree_node *source,
                                   struct span reference)
{
    return normal_nullable(normal, follow_reference(normal, source, reference), source);
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
