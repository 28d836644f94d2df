/* SPDX-License-Identifier: MIT */
/* The keywords of one schema, and of the schemas in it. */
#include "client-lib/formats/normalise.h"

#include "client-lib/formats/normalise_priv.h"
#include "client-lib/formats/tree_priv.h"

void normal_push(struct normal *normal, const char *word, struct span key)
{
    struct bytes text;

    CHECK(normal->path_count + 2 <= sizeof(normal->path) / sizeof(normal->path[0]));
    normal->path[normal->path_count++] = span_of(word);
    bytes_init(&text, key.length * 3 + 8);
    tree_token_text(key, &text);
    normal->path[normal->path_count++] =
        span_is_none(key) ? SPAN_NONE : arena_take(normal->arena, &text);
    bytes_done(&text);
}

void normal_pop(struct normal *normal)
{
    CHECK(normal->path_count >= 2);
    normal->path_count -= 2;
}

static void append_segment(struct bytes *out, struct span segment)
{
    bytes_append_char(out, '/');
    for (size_t i = 0; i < segment.length; i++) {
        if (segment.at[i] == '~' || segment.at[i] == '/') {
            bytes_append_text(out, segment.at[i] == '~' ? "~0" : "~1");
        } else {
            bytes_append_char(out, segment.at[i]);
        }
    }
}

void normal_note(struct normal *normal, const char *reason)
{
    struct schema_note *note = ARENA_NEW(normal->arena, struct schema_note);
    struct bytes at;

    if (note == NULL || normal->trouble != NORMAL_FINE) {
        return;
    }
    bytes_init(&at, normal->arena->maximum);
    for (size_t i = 0; i < normal->path_count; i++) {
        if (!span_is_none(normal->path[i])) {
            append_segment(&at, normal->path[i]);
        }
    }
    note->at = arena_take(normal->arena, &at);
    bytes_done(&at);
    note->reason = arena_copy(normal->arena, span_of(reason));
    *normal->notes_end = note;
    normal->notes_end = &note->next;
}

void normal_remark(struct arena *arena, struct tree_node *node, struct span remark)
{
    const struct tree_node *there = tree_find(node, "$comment");
    struct bytes text;

    bytes_init(&text, (there == NULL ? 0 : there->token.length * 3) + remark.length + 2);
    tree_text(there, &text);
    if (text.length > 0) {
        bytes_append_text(&text, "; ");
    }
    bytes_append_span(&text, remark);
    tree_set(arena, node, "$comment", tree_string(arena, arena_take(arena, &text)));
    bytes_done(&text);
}

static struct tree_node *nothing_fits(struct arena *arena)
{
    struct tree_node *node = tree_new(arena, JSON_OBJECT);

    tree_set(arena, node, "not", tree_new(arena, JSON_OBJECT));
    return node;
}

struct tree_node *normal_schema(struct normal *normal, const struct tree_node *source)
{
    struct tree_node *made;
    struct span reference;

    if (source->kind == JSON_FALSE) {
        return nothing_fits(normal->arena);
    }
    if (source->kind != JSON_OBJECT) {
        if (source->kind != JSON_TRUE) {
            normal_note(normal, "not a schema: anything is taken");
        }
        return tree_new(normal->arena, JSON_OBJECT);
    }
    if (normal->depth == SCHEMA_DEPTH) {
        normal->trouble = NORMAL_TOO_DEEP;
    } else if (normal->within_count > 0 && ++normal->expanded > EXPANDED_MAXIMUM &&
               !normal->keeps_all) {
        normal->trouble = NORMAL_TOO_MANY;
    }
    if (normal->trouble != NORMAL_FINE || normal->arena->failed != ARENA_FINE) {
        return tree_new(normal->arena, JSON_OBJECT);
    }
    normal->depth++;
    reference = reference_of(source);
    made = span_is_none(reference) ? normal_keywords(normal, source)
                                   : normal_reference(normal, source, reference);
    normal->depth--;
    return made;
}

static struct tree_node *normal_part(struct normal *normal, const char *word, struct span key,
                                     const struct tree_node *source)
{
    struct tree_node *made;

    if (normal->depth == SCHEMA_DEPTH) {
        normal->trouble = NORMAL_TOO_DEEP;
        return tree_new(normal->arena, JSON_OBJECT);
    }
    normal_push(normal, word, key);
    made = normal_schema(normal, source);
    normal_pop(normal);
    return made;
}

static struct tree_node *normal_map(struct normal *normal, const char *word,
                                    const struct tree_node *source)
{
    struct tree_node *map = tree_new(normal->arena, JSON_OBJECT);

    for (const struct tree_node *member = source->first; member != NULL; member = member->next) {
        struct tree_node *part = normal_part(normal, word, member->key, member);

        if (normal->arena->failed == ARENA_FINE) {
            part->key = member->key;
            /* Keys differ: the source's do. */
            tree_append(map, part);
        }
    }
    return map;
}

static struct tree_node *normal_list(struct normal *normal, const char *word,
                                     const struct tree_node *source)
{
    struct tree_node *list = tree_new(normal->arena, JSON_ARRAY);
    int64_t index = 0;

    for (const struct tree_node *item = source->first; item != NULL; item = item->next) {
        struct tree_node *number = tree_number(normal->arena, index++);
        struct tree_node *key = tree_string(normal->arena, number->token);

        tree_push(normal->arena, list, normal_part(normal, word, key->token, item));
    }
    return list;
}

/* A schema that may stay true or false. */
static struct tree_node *normal_gate(struct normal *normal, const char *word,
                                     const struct tree_node *source)
{
    if (source->kind == JSON_TRUE || source->kind == JSON_FALSE) {
        return tree_copy(normal->arena, source);
    }
    return normal_part(normal, word, SPAN_NONE, source);
}

/* No type twice. */
static struct tree_node *normal_types(struct normal *normal, const struct tree_node *source)
{
    unsigned types = 0;

    if (source->kind == JSON_STRING) {
        return tree_copy(normal->arena, source);
    }
    for (const struct tree_node *item = source->first; item != NULL; item = item->next) {
        unsigned type = type_of_word(item->token);

        if ((types & type) != 0) {
            return types_node(normal->arena, types_of(source->parent));
        }
        types |= type;
    }
    return tree_copy(normal->arena, source);
}

/* VALUE stands behind WORD and is of the right kind. */
static void take_word(struct normal *normal, struct tree_node *made, enum keyword word,
                      const struct tree_node *value)
{
    const char *text = schema_words[word].text;
    struct tree_node *taken;

    switch (schema_words[word].value) {
    case VALUE_SCHEMA:
        taken = word == WORD_ADDITIONAL || word == WORD_OTHERS || word == WORD_OTHER_ITEMS
                    ? normal_gate(normal, text, value)
                    : normal_part(normal, text, SPAN_NONE, value);
        break;
    case VALUE_SCHEMAS:
        taken = normal_list(normal, text, value);
        break;
    case VALUE_MAP:
        taken = normal_map(normal, text, value);
        break;
    case VALUE_TYPES:
        taken = normal_types(normal, value);
        break;
    case VALUE_TEXT:
    case VALUE_VALUE:
    case VALUE_VALUES:
    case VALUE_NUMBER:
    case VALUE_POSITIVE:
    case VALUE_COUNT:
    case VALUE_FLAG:
    case VALUE_NAMES:
    case VALUE_NAMES_MAP:
    default:
        taken = tree_copy(normal->arena, value);
        break;
    }
    tree_set(normal->arena, made, text, taken);
}

/* Drafts before 2020-12 said some things with values of another kind. */
static bool take_old_word(struct normal *normal, struct tree_node *made, enum keyword word,
                          const struct tree_node *value)
{
    const struct tree_node *bound;

    if (word == WORD_ITEMS && value->kind == JSON_ARRAY) {
        if (value->count > 0) {
            take_word(normal, made, WORD_PREFIX_ITEMS, value);
        }
        return true;
    }
    if ((word == WORD_ABOVE || word == WORD_BELOW) &&
        (value->kind == JSON_TRUE || value->kind == JSON_FALSE)) {
        bound = word_find(value->parent, word == WORD_ABOVE ? WORD_MINIMUM : WORD_MAXIMUM);
        if (value->kind == JSON_TRUE && tree_kind(bound) == JSON_NUMBER) {
            tree_set(normal->arena, made, schema_words[word].text, tree_copy(normal->arena, bound));
        }
        return true;
    }
    /* "required": true in a property is draft 3; {} for [] is sloppy; neither says anything. */
    return word == WORD_REQUIRED && (value->kind == JSON_TRUE || value->kind == JSON_FALSE);
}

/* "additionalItems" went with a list of items. */
static void take_foreign_words(struct normal *normal, struct tree_node *made,
                               const struct tree_node *source)
{
    const struct tree_node *items = word_find(source, WORD_ITEMS);
    const struct tree_node *more = tree_find(source, "additionalItems");

    if (tree_kind(items) == JSON_ARRAY && more != NULL && word_is_valid(WORD_ITEMS, more)) {
        take_word(normal, made, WORD_ITEMS, more);
        if (more->kind == JSON_FALSE) {
            tree_set(normal->arena, made, "items", tree_false(normal->arena));
        }
    }
    if (tree_find(source, "dependencies") != NULL) {
        normal_note(normal, "\"dependencies\" left out");
    }
}

/* Arrays that are closed behind their prefix, or empty, have a maximum instead. */
static void settle_items(struct normal *normal, struct tree_node *made,
                         const struct tree_node *source)
{
    const struct tree_node *items = word_find(source, WORD_ITEMS);
    const struct tree_node *prefix = word_find(made, WORD_PREFIX_ITEMS);
    const struct tree_node *most = word_find(made, WORD_MAX_ITEMS);
    struct tree_node *count;
    int order;

    items = tree_kind(items) == JSON_ARRAY ? tree_find(source, "additionalItems") : items;
    if (tree_kind(items) != JSON_FALSE) {
        return;
    }
    tree_remove(word_find(made, WORD_ITEMS));
    count = tree_number(normal->arena, prefix == NULL ? 0 : prefix->count);
    if (most == NULL || !number_compare(most, count, &order) || order > 0) {
        tree_set(normal->arena, made, "maxItems", count);
    }
}

static bool is_nothing(const struct tree_node *schema)
{
    const struct tree_node *not_what = word_find(schema, WORD_NOT);

    return schema->count == 1 && tree_kind(not_what) == JSON_OBJECT && not_what->count == 0;
}

/* NAME, a string, as the key that it means. */
static struct span key_of(struct arena *arena, const struct tree_node *name)
{
    struct span key = name->token;
    struct bytes text;

    if (memchr(key.at, '\\', key.length) == NULL) {
        return key;
    }
    bytes_init(&text, key.length * 3);
    if (json_string_decode(key, &text) || text.failed) {
        key = tree_key(arena, arena_take(arena, &text));
    }
    bytes_done(&text);
    return key;
}

/* Of a list or a map. */
static void drop_impossible(struct tree_node *schemas)
{
    for (struct tree_node *schema = schemas->first; schema != NULL;) {
        struct tree_node *next = schema->next;

        if (is_nothing(schema)) {
            tree_remove(schema);
        }
        schema = next;
    }
}

/* Of names that stand twice the first stays. */
static void drop_repeated(struct normal *normal, struct tree_node *names)
{
    struct hashmap seen;

    hashmap_init(&seen);
    for (struct tree_node *name = names->first; name != NULL;) {
        struct tree_node *next = name->next;

        name->token = key_of(normal->arena, name);
        if (normal->arena->failed != ARENA_FINE) {
            break;
        }
        if (hashmap_find(&seen, name->token) != NULL) {
            tree_remove(name);
        } else if (hashmap_add(&seen, name->token, name) < 0) {
            normal->arena->failed = ARENA_NO_MEMORY;
        }
        name = next;
    }
    hashmap_done(&seen);
}

/* "dependentRequired" is of such lists. */
static void settle_needs(struct normal *normal, struct tree_node *made)
{
    struct tree_node *needs = word_find(made, WORD_NEEDS);

    for (struct tree_node *names = needs == NULL ? NULL : needs->first; names != NULL;
         names = names->next) {
        drop_repeated(normal, names);
    }
}

void normal_required(struct normal *normal, struct tree_node *made)
{
    struct tree_node *properties = word_find(made, WORD_PROPERTIES);
    struct tree_node *required = word_find(made, WORD_REQUIRED);

    if (required != NULL) {
        drop_repeated(normal, required);
    }
    for (struct tree_node *name = required == NULL || properties == NULL ? NULL : required->first;
         name != NULL;) {
        struct tree_node *next = name->next;

        if (tree_find_key(properties, name->token) == NULL) {
            normal_note(normal, "\"required\" names what is no property");
            tree_remove(name);
        }
        name = next;
    }
    if (required != NULL && required->count == 0) {
        tree_remove(required);
    }
}

/* Properties that nothing fits are not there; required names only those that are. */
static void settle_properties(struct normal *normal, struct tree_node *made)
{
    struct tree_node *properties = word_find(made, WORD_PROPERTIES);

    if (properties != NULL) {
        drop_impossible(properties);
        tree_sort(normal->arena, properties);
    }
    normal_required(normal, made);
    settle_needs(normal, made);
}

/* MADE and all of MEMBERS, which stand behind WORD in it, as one schema; NULL if that cannot be. */
static struct tree_node *all_of(struct normal *normal, const struct tree_node *made,
                                enum keyword word)
{
    struct tree_node *merged = tree_copy(normal->arena, made);
    struct tree_node *members = word_find(merged, word);

    tree_remove(members);
    for (const struct tree_node *member = tree_kind(members) == JSON_ARRAY ? members->first : NULL;
         member != NULL; member = member->next) {
        if (!schema_merge(normal->arena, merged, tree_copy(normal->arena, member), MERGE_ALL)) {
            return NULL;
        }
    }
    return merged;
}

/* Alternatives that nothing fits are none; a schema that has no others is false itself. */
static struct tree_node *drop_alternatives(struct normal *normal, struct tree_node *made)
{
    static const enum keyword words[] = {WORD_ANY_OF, WORD_ONE_OF};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct tree_node *members = word_find(made, words[i]);

        if (members == NULL || normal->arena->failed != ARENA_FINE) {
            continue;
        }
        drop_impossible(members);
        if (members->count == 0) {
            return nothing_fits(normal->arena);
        }
    }
    return made;
}

/* allOf merged, anyOf and oneOf of one folded. */
static struct tree_node *settle_lists(struct normal *normal, struct tree_node *made)
{
    static const enum keyword words[] = {WORD_ALL_OF, WORD_ANY_OF, WORD_ONE_OF};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct tree_node *members = word_find(made, words[i]);
        struct tree_node *merged;

        if (members == NULL || (words[i] != WORD_ALL_OF && members->count != 1)) {
            continue;
        }
        merged = all_of(normal, made, words[i]);
        if (merged != NULL) {
            made = merged;
        } else if (words[i] == WORD_ALL_OF && members->count == 1 &&
                   word_find(made, WORD_ANY_OF) == NULL) {
            /* A reference that stays, with something beside it. */
            tree_set(normal->arena, made, "anyOf", tree_copy(normal->arena, members));
            tree_remove(word_find(made, WORD_ALL_OF));
        }
    }
    return made;
}

/* A bound that draft 4 said to be exclusive is no inclusive one. */
static void settle_bounds(struct tree_node *made, const struct tree_node *source)
{
    static const enum keyword bounds[][2] = {{WORD_ABOVE, WORD_MINIMUM},
                                             {WORD_BELOW, WORD_MAXIMUM}};

    for (size_t i = 0; i < 2; i++) {
        if (tree_kind(word_find(source, bounds[i][0])) == JSON_TRUE &&
            word_find(made, bounds[i][0]) != NULL) {
            tree_remove(word_find(made, bounds[i][1]));
        }
    }
}

struct tree_node *normal_keywords(struct normal *normal, const struct tree_node *source)
{
    struct tree_node *made = tree_new(normal->arena, JSON_OBJECT);

    for (const struct tree_node *value = source->first; value != NULL; value = value->next) {
        enum keyword word = word_of(value);

        if (word == WORD_COUNT || word == WORD_REF || word == WORD_DEFS) {
            continue;
        }
        if (word_is_valid(word, value)) {
            take_word(normal, made, word, value);
        } else if (!take_old_word(normal, made, word, value)) {
            normal_push(normal, schema_words[word].text, SPAN_NONE);
            normal_note(normal, "left out: not a value for this keyword");
            normal_pop(normal);
        }
    }
    settle_bounds(made, source);
    take_foreign_words(normal, made, source);
    settle_items(normal, made, source);
    settle_properties(normal, made);
    made = settle_lists(normal, drop_alternatives(normal, made));
    made = normal_nullable(normal, made, source);
    tree_sort(normal->arena, word_find(made, WORD_PROPERTIES));
    return made;
}
