/* SPDX-License-Identifier: MIT */
/* What all converters share: where they are, what they remark, what the arguments are called. */
#include "client-lib/formats/convert.h"

#include <stdio.h>

#include "client-lib/formats/convert_priv.h"

void remarks_init(struct remarks *remarks, struct conversion *conversion)
{
    bytes_init(&remarks->text, conversion->arena->maximum);
}

static void start_remark(struct remarks *remarks, const char *word)
{
    bytes_append_text(&remarks->text, remarks->text.length == 0 ? "" : "; ");
    if (word != NULL) {
        bytes_append_text(&remarks->text, word);
        bytes_append_text(&remarks->text, ": ");
    }
}

void remark_value(struct remarks *remarks, const char *word, const struct tree_node *value)
{
    start_remark(remarks, word);
    tree_write(value, &remarks->text);
}

void remark_text(struct remarks *remarks, const char *word, struct span text)
{
    start_remark(remarks, word);
    bytes_append_span(&remarks->text, text);
}

void remarks_write(struct remarks *remarks, struct conversion *conversion, struct tree_node *out,
                   const struct tree_node *description)
{
    struct bytes text;

    bytes_init(&text, conversion->arena->maximum);
    tree_text(description, &text);
    if (remarks->text.length > 0) {
        bytes_append_text(&text, text.length == 0 ? "[" : " [");
        bytes_append_span(&text, bytes_span(&remarks->text));
        bytes_append_char(&text, ']');
    }
    text.failed = text.failed || remarks->text.failed;
    if (text.length > 0 || text.failed) {
        tree_set(conversion->arena, out, "description",
                 tree_string(conversion->arena, arena_take(conversion->arena, &text)));
    }
    bytes_done(&text);
    bytes_done(&remarks->text);
}

bool conversion_enter(struct conversion *conversion, struct step step)
{
    CHECK(conversion->depth <= CONVERT_DEPTH);
    conversion->steps[conversion->depth++] = step;
    if (conversion->depth > CONVERT_DEPTH || ++conversion->nodes > CONVERT_NODES) {
        conversion_refuse(conversion, "too many schemas");
    }
    return span_is_none(conversion->refused) && conversion->arena->failed == ARENA_FINE;
}

void conversion_leave(struct conversion *conversion)
{
    CHECK(conversion->depth > 0);
    conversion->depth--;
}

void conversion_refuse(struct conversion *conversion, const char *words)
{
    struct bytes text;

    if (!span_is_none(conversion->refused)) {
        return;
    }
    bytes_init(&text, conversion->arena->maximum);
    bytes_append_text(&text, words);
    bytes_append_text(&text, " at ");
    for (size_t i = 0; i < conversion->depth; i++) {
        if (!span_is_none(conversion->steps[i].schema)) {
            bytes_append_char(&text, '/');
            bytes_append_span(&text, conversion->steps[i].schema);
        }
    }
    if (text.length == strlen(words) + 4) {
        bytes_append_char(&text, '/');
    }
    conversion->refused = arena_take(conversion->arena, &text);
    bytes_done(&text);
}

/* False: PLACE is known.  In alternatives the same argument is met again. */
static bool note_place(struct conversion *conversion, struct format_place *place)
{
    struct bytes text;
    struct span all;

    bytes_init(&text, conversion->arena->maximum);
    bytes_append_int(&text, place->change);
    bytes_append_span(&text, place->at);
    bytes_append_char(&text, '\0');
    bytes_append_span(&text, place->key);
    all = arena_take(conversion->arena, &text);
    bytes_done(&text);
    if (span_is_none(all) || hashmap_find(&conversion->known_places, all) != NULL) {
        return false;
    }
    if (hashmap_add(&conversion->known_places, all, place) < 0) {
        conversion->arena->failed = ARENA_NO_MEMORY;
    }
    return true;
}

void conversion_place(struct conversion *conversion, enum format_change change, struct span key)
{
    struct format_place *place = ARENA_NEW(conversion->arena, struct format_place);
    struct bytes at;

    if (place == NULL) {
        return;
    }
    bytes_init(&at, conversion->arena->maximum);
    for (size_t i = 0; i < conversion->depth; i++) {
        if (!span_is_none(conversion->steps[i].argument)) {
            bytes_append_char(&at, '/');
            bytes_append_span(&at, conversion->steps[i].argument);
        }
    }
    place->at = arena_take(conversion->arena, &at);
    bytes_done(&at);
    place->change = change;
    place->key = key;
    if (note_place(conversion, place)) {
        *conversion->places_end = place;
        conversion->places_end = &place->next;
    }
}

/* A key as a segment of a pointer. */
static struct span segment_of(struct arena *arena, struct span key)
{
    struct span segment;
    struct bytes text;
    struct bytes escaped;

    bytes_init(&text, key.length * 3);
    bytes_init(&escaped, key.length * 6);
    tree_token_text(key, &text);
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '~' || text.at[i] == '/') {
            bytes_append_text(&escaped, text.at[i] == '~' ? "~0" : "~1");
        } else {
            bytes_append_char(&escaped, text.at[i]);
        }
    }
    escaped.failed = escaped.failed || text.failed;
    segment = arena_take(arena, &escaped);
    bytes_done(&text);
    bytes_done(&escaped);
    return segment;
}

struct step step_property(struct conversion *conversion, const struct tree_node *property)
{
    struct span segment = segment_of(conversion->arena, alias_of(property));

    return (struct step){segment, segment};
}

struct step step_items(void)
{
    return (struct step){SPAN("items"), SPAN("*")};
}

struct step step_other(const char *word)
{
    return (struct step){span_of(word), SPAN("*")};
}

struct step step_member(struct conversion *conversion, const char *word, size_t index)
{
    struct span name;
    struct bytes text;

    bytes_init(&text, 64);
    bytes_printf(&text, "%s/%zu", word, index);
    name = arena_take(conversion->arena, &text);
    bytes_done(&text);
    return (struct step){name, SPAN_NONE};
}

struct span alias_of(const struct tree_node *property)
{
    return span_is_none(property->alias) ? property->key : property->alias;
}

/* KEY, a string token, as the target allows it; *RET_LOST as target_key. */
static struct span allowed_key(const struct conversion *conversion, struct span key, bool *ret_lost)
{
    struct span made = key;
    struct bytes text;
    struct bytes out;

    *ret_lost = false;
    bytes_init(&text, key.length * 3);
    bytes_init(&out, KEY_MAXIMUM);
    tree_token_text(key, &text);
    if (!target_allows_key(conversion->target, bytes_span(&text)) || text.failed) {
        target_key(conversion->target, bytes_span(&text), &out, ret_lost);
        out.failed = out.failed || text.failed;
        made = tree_key(conversion->arena, arena_take(conversion->arena, &out));
    }
    bytes_done(&text);
    bytes_done(&out);
    return made;
}

/* Nothing else is called ALIAS: no other key of the tool, nor what stands for one. */
static bool is_alias_taken(const struct conversion *conversion, struct span alias)
{
    return hashmap_find(&conversion->own_keys, alias) != NULL ||
           hashmap_find(&conversion->taken, alias) != NULL;
}

/* ALIAS with a number in its end. */
static struct span numbered(struct arena *arena, struct span alias, int number)
{
    struct span made;
    struct bytes text;
    char end[16];
    int length = snprintf(end, sizeof(end), "_%d", number);
    size_t kept = alias.length - 2;

    kept = kept < (size_t)(KEY_MAXIMUM - length) ? kept : (size_t)(KEY_MAXIMUM - length);
    bytes_init(&text, KEY_MAXIMUM + 2);
    bytes_append_char(&text, '"');
    bytes_append(&text, alias.at + 1, kept);
    bytes_append(&text, end, (size_t)length);
    bytes_append_char(&text, '"');
    made = arena_take(arena, &text);
    bytes_done(&text);
    return made;
}

static void put(struct conversion *conversion, struct hashmap *map, struct span key, void *value)
{
    if (conversion->arena->failed == ARENA_FINE && hashmap_find(map, key) == NULL &&
        hashmap_add(map, key, value) < 0) {
        conversion->arena->failed = ARENA_NO_MEMORY;
    }
}

/* A key that is not met before gets the name that stands for it wherever it is met. */
static struct tree_node *add_alias(struct conversion *conversion, struct span key)
{
    struct arena *arena = conversion->arena;
    struct tree_node *own = tree_scalar(arena, JSON_STRING, key);
    bool lost;
    struct span plain = allowed_key(conversion, key, &lost);
    struct span alias = plain;

    if (conversion->aliases->count >= ALIASES_MAXIMUM) {
        conversion_refuse(conversion, "too many keys that the provider does not take");
        return own;
    }
    for (int i = 2; arena->failed == ARENA_FINE && is_alias_taken(conversion, alias); i++) {
        alias = numbered(arena, plain, i);
    }
    own->alias = alias;
    tree_add(arena, conversion->aliases, alias, own);
    put(conversion, &conversion->taken, alias, own);
    put(conversion, &conversion->renamed, key, own);
    return own;
}

static void alias_property(struct conversion *conversion, struct tree_node *property)
{
    const struct tree_node *own = hashmap_find(&conversion->renamed, property->key);

    property->alias = SPAN_NONE;
    if (hashmap_find(&conversion->own_keys, property->key) != NULL) {
        return;
    }
    own = own == NULL ? add_alias(conversion, property->key) : own;
    property->alias = own->alias;
}

/* Keys that stay what they are. */
static void find_own_keys(struct conversion *conversion, struct tree_node *properties)
{
    for (struct tree_node *property = properties->first; property != NULL;
         property = property->next) {
        bool lost;

        if (span_equal(allowed_key(conversion, property->key, &lost), property->key)) {
            put(conversion, &conversion->own_keys, property->key, property);
        }
    }
}

static void alias_object(struct conversion *conversion, struct tree_node *properties)
{
    for (struct tree_node *property = properties->first;
         property != NULL && span_is_none(conversion->refused); property = property->next) {
        alias_property(conversion, property);
    }
}

/*
 * The same name stands for a key everywhere in the tool, and for no other one: several schemas may
 * say what an object's properties are.
 */
void alias_properties(struct conversion *conversion, struct tree_node *schema)
{
    void (*const passes[])(struct conversion *, struct tree_node *) = {find_own_keys, alias_object};

    conversion->aliases = tree_new(conversion->arena, JSON_OBJECT);
    if (conversion->limits->keys == KEYS_ANY) {
        return;
    }
    for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
        /* Values that look like schemas are met too; their aliases are asked for by nobody. */
        for (struct tree_node *at = schema; at != NULL; at = tree_next(schema, at)) {
            struct tree_node *properties = word_find(at, WORD_PROPERTIES);

            if (tree_kind(properties) == JSON_OBJECT) {
                passes[i](conversion, properties);
            }
        }
    }
    tree_sort(conversion->arena, conversion->aliases);
}

struct span alias_of_key(struct conversion *conversion, const struct tree_node *properties,
                         struct span key)
{
    const struct tree_node *property = tree_find_key(properties, key);
    const struct tree_node *own = hashmap_find(&conversion->renamed, key);
    bool lost;

    if (property != NULL) {
        return alias_of(property);
    }
    return own != NULL ? own->alias : allowed_key(conversion, key, &lost);
}

struct tree_node *alias_names_map(struct conversion *conversion, const struct tree_node *properties,
                                  const struct tree_node *map)
{
    struct tree_node *made = tree_new(conversion->arena, JSON_OBJECT);

    for (const struct tree_node *member = map->first; member != NULL; member = member->next) {
        struct tree_node *names = tree_new(conversion->arena, JSON_ARRAY);

        for (const struct tree_node *name = member->first; name != NULL; name = name->next) {
            struct span key = alias_of_key(conversion, properties, name->token);

            tree_push(conversion->arena, names, tree_scalar(conversion->arena, JSON_STRING, key));
        }
        tree_set_key(conversion->arena, made, alias_of_key(conversion, properties, member->key),
                     names);
    }
    return made;
}

/* The keys of MEMBERS, or the strings in them, as the model knows them. */
static void alias_members(const struct conversion *conversion, struct tree_node *members)
{
    for (struct tree_node *member = members->first; member != NULL; member = member->next) {
        bool is_name = members->kind == JSON_ARRAY && member->kind == JSON_STRING;
        const struct tree_node *own =
            hashmap_find(&conversion->renamed, is_name ? member->token : member->key);

        if (own != NULL && is_name) {
            member->token = own->alias;
        } else if (own != NULL) {
            member->key = own->alias;
        }
    }
    members->sorted = NULL;
}

const struct tree_node *alias_remark(struct conversion *conversion, enum keyword word,
                                     const struct tree_node *value)
{
    struct tree_node *copy;

    /* Values stay as they are, whatever they look like. */
    if (conversion->renamed.count == 0 || schema_words[word].value < VALUE_NAMES) {
        return value;
    }
    copy = tree_copy(conversion->arena, value);
    copy->key = value->key;
    for (struct tree_node *at = copy; at != NULL; at = tree_next(copy, at)) {
        enum keyword own = word_of(at);

        if (own == WORD_PROPERTIES || own == WORD_REQUIRED || own == WORD_NEEDS ||
            own == WORD_DEPENDENT) {
            alias_members(conversion, at);
        }
        for (struct tree_node *names = own == WORD_NEEDS ? at->first : NULL; names != NULL;
             names = names->next) {
            alias_members(conversion, names);
        }
    }
    return copy;
}

struct tree_node *alias_required(struct conversion *conversion, const struct tree_node *schema)
{
    const struct tree_node *properties = word_find(schema, WORD_PROPERTIES);
    const struct tree_node *required = word_find(schema, WORD_REQUIRED);
    struct tree_node *names = tree_new(conversion->arena, JSON_ARRAY);

    for (const struct tree_node *name = required == NULL ? NULL : required->first; name != NULL;
         name = name->next) {
        if (properties == NULL || tree_find_key(properties, name->token) != NULL) {
            struct span key = alias_of_key(conversion, properties, name->token);

            tree_push(conversion->arena, names, tree_scalar(conversion->arena, JSON_STRING, key));
        }
    }
    return names;
}

void remark_lost_key(struct remarks *remarks, struct conversion *conversion,
                     const struct tree_node *property)
{
    struct bytes text;
    bool lost;

    if ((conversion->limits->rules & RULE_NAMES_ARGUMENTS) == 0 || span_is_none(property->alias)) {
        return;
    }
    (void)allowed_key(conversion, property->key, &lost);
    if (!lost) {
        return;
    }
    bytes_init(&text, conversion->arena->maximum);
    bytes_append_text(&text, "argument ");
    tree_token_text(property->key, &text);
    remark_text(remarks, NULL, bytes_span(&text));
    remarks->text.failed = remarks->text.failed || text.failed;
    bytes_done(&text);
}

const struct tree_node *resolve(const struct tree_node *root, const struct tree_node *node)
{
    const struct tree_node *defs = word_find(root, WORD_DEFS);
    uint32_t most = defs == NULL ? 0 : defs->count;

    for (uint32_t i = 0; i <= most; i++) {
        const struct tree_node *reference = word_find(node, WORD_REF);

        if (tree_kind(reference) != JSON_STRING || node->kind != JSON_OBJECT) {
            return node;
        }
        /* "#/$defs/NAME" without characters that are escaped: normalise made it. */
        if (reference->token.length < sizeof("\"#/$defs/\"") - 1) {
            return NULL;
        }
        node = NULL;
        for (const struct tree_node *def = defs == NULL ? NULL : defs->first; def != NULL;
             def = def->next) {
            struct span tail = {reference->token.at + 9, reference->token.length - 9};
            struct span key = {def->key.at + 1, def->key.length - 1};

            if (span_equal(tail, key)) {
                node = def;
                break;
            }
        }
        if (node == NULL) {
            return NULL;
        }
    }
    return NULL;
}

bool allows_null(const struct conversion *conversion, const struct tree_node *schema)
{
    const struct tree_node *node = resolve(conversion->root, schema);
    const struct tree_node *either = word_find(node, WORD_ANY_OF);
    const struct tree_node *members = either != NULL ? either : word_find(node, WORD_ONE_OF);
    const struct tree_node *values = word_find(node, WORD_ENUM);

    if (node == NULL) {
        return false;
    }
    if (values != NULL && (types_of_values(values) & TYPE_NULL) == 0) {
        return false;
    }
    if (types_of(node) != 0) {
        return (types_of(node) & TYPE_NULL) != 0;
    }
    if (tree_kind(word_find(node, WORD_CONST)) == JSON_NULL) {
        return true;
    }
    for (const struct tree_node *member = members == NULL ? NULL : members->first; member != NULL;
         member = member->next) {
        const struct tree_node *other = resolve(conversion->root, member);

        if (other != NULL && ((types_of(other) & TYPE_NULL) != 0 ||
                              (types_of(other) == 0 && word_find(other, WORD_ENUM) != NULL &&
                               (types_of_values(word_find(other, WORD_ENUM)) & TYPE_NULL) != 0))) {
            return true;
        }
    }
    return values != NULL && members == NULL;
}

/* The schemas that are referred to, behind the root. */
static void convert_defs(struct conversion *conversion, struct tree_node *defs,
                         struct tree_node *out)
{
    struct tree_node *made = tree_new(conversion->arena, JSON_OBJECT);

    for (struct tree_node *def = defs == NULL ? NULL : defs->first; def != NULL;) {
        struct tree_node *next = def->next;
        struct span key = def->key;

        tree_remove(def);
        if (conversion_enter(conversion, step_other("$defs"))) {
            tree_set_key(conversion->arena, made, key, convert_json(conversion, def));
        }
        conversion_leave(conversion);
        def = next;
    }
    if (made->count > 0) {
        tree_set(conversion->arena, out, "$defs", made);
    }
}

static void convert_root(struct conversion *conversion, unsigned flags, struct converted *ret)
{
    struct tree_node *copy = tree_copy(conversion->arena, conversion->root);
    struct tree_node *defs = word_find(copy, WORD_DEFS);

    tree_remove(defs);
    if (conversion->target != TARGET_GOPEN) {
        ret->schema = convert_json(conversion, copy);
        convert_defs(conversion, defs, ret->schema);
        return;
    }
    ret->schema = convert_gemini(conversion, copy);
    if (tree_find(ret->schema, "properties") == NULL && (flags & TEPLO_T_MODE_ANY) == 0) {
        struct bytes text;

        bytes_init(&text, conversion->arena->maximum);
        tree_text(tree_find(ret->schema, "description"), &text);
        ret->remark =
            text.length == 0 && !text.failed ? SPAN_NONE : arena_take(conversion->arena, &text);
        bytes_done(&text);
        ret->schema = NULL;
    }
}

void convert(struct arena *arena, enum target target, unsigned flags, struct tree_node *schema,
             struct converted *ret)
{
    struct conversion *conversion = ARENA_NEW(arena, struct conversion);

    *ret = (struct converted){.schema = NULL};
    if (conversion == NULL) {
        return;
    }
    conversion->arena = arena;
    conversion->target = target;
    conversion->limits = &target_limits[target];
    conversion->root = schema;
    conversion->places_end = &conversion->places;
    hashmap_init(&conversion->known_places);
    hashmap_init(&conversion->own_keys);
    hashmap_init(&conversion->renamed);
    hashmap_init(&conversion->taken);
    alias_properties(conversion, schema);
    convert_root(conversion, flags, ret);
    hashmap_done(&conversion->known_places);
    hashmap_done(&conversion->own_keys);
    hashmap_done(&conversion->renamed);
    hashmap_done(&conversion->taken);
    ret->aliases = conversion->aliases;
    ret->places = conversion->places;
    ret->refused = conversion->refused;
    if (!span_is_none(ret->refused)) {
        ret->schema = NULL;
    }
}
