/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/facets.h"

enum {
    /* anyOf in anyOf in allOf and so on. */
    NESTING_MAXIMUM = 12,
    /* A branch that cannot be meant. */
    NO_MATCH = -1000000,
    TYPE_MATCHES = 1,
    /* A key that the branch forbids weighs more than one that it knows. */
    KEY_FORBIDDEN = -2,
};

static unsigned types_within(struct facets *facets, const struct tree_node *schema, unsigned depth);
static bool wants_text_within(struct facets *facets, const struct tree_node *schema,
                              unsigned depth);
static void gather(struct facets *facets, const struct tree_node *schema,
                   const struct tree_node *value, struct schema_parts *parts, unsigned depth);
static int score(struct facets *facets, const struct tree_node *branch,
                 const struct tree_node *value);

void facets_init(struct facets *facets, const struct format_tool *tool, uint32_t steps)
{
    *facets = (struct facets){.tool = tool,
                              .steps_left = steps < FACETS_STEPS ? steps : (uint32_t)FACETS_STEPS};
}

bool facets_are_exhausted(const struct facets *facets)
{
    return facets->steps_left == 0;
}

/* SCHEMA without its "$ref"; NULL when nothing may be said. */
static const struct tree_node *look(struct facets *facets, const struct tree_node *schema)
{
    if (schema == NULL || facets->steps_left == 0) {
        return NULL;
    }
    facets->steps_left--;
    return format_resolve(facets->tool, schema);
}

struct span value_whole(struct span number)
{
    const char *point = memchr(number.at, '.', number.length);

    return point == NULL ? number : (struct span){number.at, (size_t)(point - number.at)};
}

bool value_is_whole(struct span number)
{
    struct span whole = value_whole(number);

    for (size_t i = whole.length + 1; i < number.length; i++) {
        if (number.at[i] != '0') {
            return false;
        }
    }
    return json_is_integer(whole);
}

enum value_type value_type_of(const struct tree_node *value)
{
    switch (tree_kind(value)) {
    case JSON_OBJECT:
        return VALUE_OBJECT;
    case JSON_ARRAY:
        return VALUE_ARRAY;
    case JSON_STRING:
        return VALUE_STRING;
    case JSON_NUMBER:
        return value_is_whole(value->token) ? VALUE_INTEGER : VALUE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return VALUE_BOOLEAN;
    case JSON_NONE:
    case JSON_NULL:
        break;
    }
    return VALUE_NULL;
}

static unsigned type_by_word(const struct tree_node *word)
{
    static const struct {
        const char *word;
        unsigned types;
    } rows[] = {
        {"object", VALUE_OBJECT},   {"array", VALUE_ARRAY},
        {"string", VALUE_STRING},   {"number", VALUE_NUMBER | VALUE_INTEGER},
        {"integer", VALUE_INTEGER}, {"boolean", VALUE_BOOLEAN},
        {"null", VALUE_NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tree_is(word, rows[i].word)) {
            return rows[i].types;
        }
    }
    return VALUE_ANY;
}

/* Of the member "type", a word or several. */
static unsigned types_said(const struct tree_node *type)
{
    unsigned types = 0;

    if (tree_kind(type) == JSON_STRING) {
        return type_by_word(type);
    }
    if (tree_kind(type) != JSON_ARRAY) {
        return VALUE_ANY;
    }
    for (const struct tree_node *word = type->first; word != NULL; word = word->next) {
        types |= type_by_word(word);
    }
    return types;
}

static unsigned types_listed(struct facets *facets, const struct tree_node *list)
{
    unsigned types = 0;

    if (tree_kind(list) != JSON_ARRAY) {
        return VALUE_ANY;
    }
    for (const struct tree_node *value = list->first; value != NULL; value = value->next) {
        if (facets->steps_left == 0) {
            return VALUE_ANY;
        }
        facets->steps_left--;
        types |= value_type_of(value);
    }
    return types;
}

static unsigned types_of_any(struct facets *facets, const struct tree_node *branches,
                             unsigned depth)
{
    unsigned types = 0;

    if (tree_kind(branches) != JSON_ARRAY) {
        return VALUE_ANY;
    }
    for (const struct tree_node *branch = branches->first; branch != NULL; branch = branch->next) {
        types |= types_within(facets, branch, depth + 1);
    }
    return types;
}

/* {"not":{}}, the normal form of false. */
static bool is_false(const struct tree_node *schema)
{
    const struct tree_node *not_this = tree_find(schema, "not");

    return schema->kind == JSON_FALSE ||
           (tree_kind(not_this) == JSON_OBJECT && not_this->count == 0);
}

static unsigned types_within(struct facets *facets, const struct tree_node *schema, unsigned depth)
{
    const struct tree_node *node = depth > NESTING_MAXIMUM ? NULL : look(facets, schema);
    const struct tree_node *all;
    const struct tree_node *constant;
    unsigned types;

    if (node == NULL) {
        return VALUE_ANY;
    }
    if (is_false(node)) {
        return 0;
    }
    types = types_said(tree_find(node, "type")) & types_listed(facets, tree_find(node, "enum")) &
            types_of_any(facets, tree_find(node, "anyOf"), depth) &
            types_of_any(facets, tree_find(node, "oneOf"), depth);
    constant = tree_find(node, "const");
    types &= constant == NULL ? (unsigned)VALUE_ANY : (unsigned)value_type_of(constant);
    all = tree_find(node, "allOf");
    for (const struct tree_node *part = tree_kind(all) == JSON_ARRAY ? all->first : NULL;
         part != NULL; part = part->next) {
        types &= types_within(facets, part, depth + 1);
    }
    /* OpenAPI's word for it. */
    return tree_kind(tree_find(node, "nullable")) == JSON_TRUE ? types | VALUE_NULL : types;
}

unsigned facets_types(struct facets *facets, const struct tree_node *schema)
{
    return types_within(facets, schema, 0);
}

static bool any_wants_text(struct facets *facets, const struct tree_node *branches, unsigned depth)
{
    if (tree_kind(branches) != JSON_ARRAY) {
        return false;
    }
    for (const struct tree_node *branch = branches->first; branch != NULL; branch = branch->next) {
        if (wants_text_within(facets, branch, depth + 1)) {
            return true;
        }
    }
    return false;
}

static bool wants_text_within(struct facets *facets, const struct tree_node *schema, unsigned depth)
{
    const struct tree_node *node = depth > NESTING_MAXIMUM ? NULL : look(facets, schema);

    if (schema != NULL && (schema->marks & MARK_JSON_TEXT) != 0) {
        return true;
    }
    return node != NULL && ((node->marks & MARK_JSON_TEXT) != 0 ||
                            any_wants_text(facets, tree_find(node, "anyOf"), depth) ||
                            any_wants_text(facets, tree_find(node, "oneOf"), depth));
}

bool facets_want_text(struct facets *facets, const struct tree_node *schema)
{
    return wants_text_within(facets, schema, 0);
}

static void gather_best(struct facets *facets, const struct tree_node *branches,
                        const struct tree_node *value, struct schema_parts *parts, unsigned depth)
{
    const struct tree_node *best = NULL;
    int best_score = NO_MATCH;

    if (tree_kind(branches) != JSON_ARRAY) {
        return;
    }
    for (const struct tree_node *branch = branches->first; branch != NULL; branch = branch->next) {
        int branch_score = score(facets, branch, value);

        if (branch_score > best_score) {
            best = branch;
            best_score = branch_score;
        }
    }
    gather(facets, best, value, parts, depth + 1);
}

static void gather(struct facets *facets, const struct tree_node *schema,
                   const struct tree_node *value, struct schema_parts *parts, unsigned depth)
{
    const struct tree_node *node = depth > NESTING_MAXIMUM ? NULL : look(facets, schema);
    const struct tree_node *all;

    if (tree_kind(node) != JSON_OBJECT || parts->count == FACETS_PARTS) {
        return;
    }
    parts->at[parts->count++] = node;
    all = tree_find(node, "allOf");
    for (const struct tree_node *part = tree_kind(all) == JSON_ARRAY ? all->first : NULL;
         part != NULL; part = part->next) {
        gather(facets, part, value, parts, depth + 1);
    }
    gather_best(facets, tree_find(node, "anyOf"), value, parts, depth);
    gather_best(facets, tree_find(node, "oneOf"), value, parts, depth);
}

void facets_of(struct facets *facets, const struct tree_node *schema, const struct tree_node *value,
               struct schema_parts *ret_parts)
{
    static const char *const words[] = {"if", "then", "else"};

    ret_parts->count = 0;
    gather(facets, schema, value, ret_parts, 0);
    ret_parts->certain = ret_parts->count;
    for (size_t i = 0; i < ret_parts->certain; i++) {
        const struct tree_node *dependent = tree_find(ret_parts->at[i], "dependentSchemas");

        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            gather(facets, tree_find(ret_parts->at[i], words[j]), value, ret_parts, 1);
        }
        for (const struct tree_node *part = tree_kind(dependent) == JSON_OBJECT ? dependent->first
                                                                                : NULL;
             part != NULL; part = part->next) {
            gather(facets, part, value, ret_parts, 1);
        }
    }
}

/* In one "properties". */
static const struct tree_node *find_property(const struct facets *facets,
                                             const struct tree_node *properties, struct span key)
{
    const struct tree_node *same = tree_find_key(properties, key);
    const struct tree_node *own = same == NULL ? tree_find_key(facets->tool->aliases, key) : NULL;

    /* The model may know the tool's own key after all, from the description perhaps. */
    return own == NULL ? same : tree_find_key(properties, own->token);
}

/* VALUE is of a type that SCHEMA allows. */
static bool is_of_type(struct facets *facets, const struct tree_node *schema,
                       const struct tree_node *value)
{
    return (facets_types(facets, schema) & value_type_of(value)) != 0;
}

const struct tree_node *facets_property(struct facets *facets, const struct schema_parts *parts,
                                        const struct tree_node *member)
{
    const struct tree_node *first = NULL;

    for (size_t i = 0; i < parts->count; i++) {
        const struct tree_node *found =
            find_property(facets, tree_find(parts->at[i], "properties"), member->key);

        if (found != NULL && (i < parts->certain || is_of_type(facets, found, member))) {
            return found;
        }
        first = first == NULL ? found : first;
    }
    return first;
}

/* False: the letters that PATTERN begins with, behind ^, are not KEY's. */
static bool may_match(struct span pattern, struct span key)
{
    static const char special[] = "\\^$.|?*+()[]{}\"";

    if (pattern.length < 2 || pattern.at[1] != '^' ||
        memchr(pattern.at, '|', pattern.length) != NULL) {
        return true;
    }
    for (size_t i = 2; i < pattern.length && strchr(special, pattern.at[i]) == NULL; i++) {
        /* A letter that something is said of may be missing. */
        if (i + 1 < pattern.length && strchr("?*{", pattern.at[i + 1]) != NULL) {
            return true;
        }
        if (i - 1 >= key.length || key.at[i - 1] != pattern.at[i]) {
            return false;
        }
    }
    return true;
}

/* Of the patterns that may be meant, and of OTHER, what MEMBER fits best. */
static const struct tree_node *best_pattern(struct facets *facets, const struct tree_node *patterns,
                                            const struct tree_node *member,
                                            const struct tree_node *other)
{
    const struct tree_node *best = NULL;
    int best_score = NO_MATCH;

    for (const struct tree_node *pattern = tree_kind(patterns) == JSON_OBJECT ? patterns->first
                                                                              : NULL;
         pattern != NULL && facets->steps_left > 0; pattern = pattern->next) {
        int points =
            may_match(pattern->key, member->key) ? score(facets, pattern, member) : NO_MATCH;

        if (points > best_score) {
            best = pattern;
            best_score = points;
        }
    }
    if (best == NULL || (other != NULL && score(facets, other, member) > best_score)) {
        return other;
    }
    return best;
}

const struct tree_node *facets_additional(struct facets *facets, const struct schema_parts *parts,
                                          const struct tree_node *member)
{
    static const char *const words[] = {"additionalProperties", "unevaluatedProperties"};

    for (size_t i = 0; i < parts->count; i++) {
        const struct tree_node *patterns = tree_find(parts->at[i], "patternProperties");
        const struct tree_node *other = NULL;

        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]) && other == NULL; j++) {
            const struct tree_node *found = tree_find(parts->at[i], words[j]);

            other = tree_kind(found) == JSON_OBJECT ? found : NULL;
        }
        if (patterns != NULL) {
            other = best_pattern(facets, patterns, member, other);
        }
        if (other != NULL) {
            return other;
        }
    }
    return NULL;
}

static const struct tree_node *element_at(const struct tree_node *array, size_t index)
{
    const struct tree_node *element = array->first;

    while (element != NULL && index > 0) {
        element = element->next;
        index--;
    }
    return element;
}

const struct tree_node *facets_element(struct facets *facets, const struct schema_parts *parts,
                                       const struct tree_node *element, size_t index)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct tree_node *first = tree_find(parts->at[i], "prefixItems");
        const struct tree_node *items = tree_find(parts->at[i], "items");
        const struct tree_node *contained = tree_find(parts->at[i], "contains");

        if (tree_kind(first) == JSON_ARRAY && index < first->count) {
            return element_at(first, index);
        }
        /* Not each element is of those that have to be contained. */
        if (contained != NULL && score(facets, contained, element) > 0 &&
            (items == NULL || score(facets, items, element) < score(facets, contained, element))) {
            return contained;
        }
        items = items == NULL ? tree_find(parts->at[i], "unevaluatedItems") : items;
        if (tree_kind(items) == JSON_OBJECT) {
            return items;
        }
    }
    return NULL;
}

static bool is_required(struct facets *facets, const struct tree_node *schema, struct span key)
{
    const struct tree_node *required = tree_find(schema, "required");

    if (tree_kind(required) != JSON_ARRAY) {
        return false;
    }
    for (const struct tree_node *name = required->first; name != NULL; name = name->next) {
        if (facets->steps_left > 0) {
            facets->steps_left--;
        }
        if (json_string_equal(name->token, key)) {
            return true;
        }
    }
    return false;
}

bool facets_strip_null(struct facets *facets, const struct schema_parts *parts, struct span key)
{
    bool is_forbidden = false;

    for (size_t i = 0; i < parts->certain; i++) {
        const struct tree_node *property =
            tree_find_key(tree_find(parts->at[i], "properties"), key);

        if (is_required(facets, parts->at[i], key)) {
            return false;
        }
        is_forbidden = is_forbidden ||
                       (property != NULL && (facets_types(facets, property) & VALUE_NULL) == 0);
    }
    return is_forbidden;
}

/* The same value; `3.0` is 3. */
static bool is_same(const struct tree_node *a, const struct tree_node *b)
{
    if (a->kind == JSON_NUMBER && b->kind == JSON_NUMBER && value_is_whole(a->token) &&
        value_is_whole(b->token)) {
        return span_equal(value_whole(a->token), value_whole(b->token));
    }
    return tree_equal(a, b);
}

/* A branch's "enum" or "const" rules VALUE, a scalar, out: how unions say which member it is. */
static bool is_ruled_out(struct facets *facets, const struct tree_node *schema,
                         const struct tree_node *value)
{
    const struct tree_node *node = look(facets, schema);
    const struct tree_node *constant = tree_find(node, "const");
    const struct tree_node *list = tree_find(node, "enum");

    if (value->first != NULL) {
        return false;
    }
    if (constant != NULL) {
        return !is_same(constant, value);
    }
    if (tree_kind(list) != JSON_ARRAY) {
        return false;
    }
    for (const struct tree_node *allowed = list->first; allowed != NULL; allowed = allowed->next) {
        if (facets->steps_left == 0 || is_same(allowed, value)) {
            return false;
        }
        facets->steps_left--;
    }
    return true;
}

static bool is_closed(const struct tree_node *schema)
{
    const struct tree_node *additional = tree_find(schema, "additionalProperties");

    return additional != NULL && is_false(additional);
}

static int score_required(struct facets *facets, const struct tree_node *schema,
                          const struct tree_node *properties, const struct tree_node *value)
{
    const struct tree_node *required = tree_find(schema, "required");
    int missing = 0;

    if (tree_kind(required) != JSON_ARRAY) {
        return 0;
    }
    for (const struct tree_node *name = required->first; name != NULL; name = name->next) {
        const struct tree_node *property = tree_find_key(properties, name->token);
        struct span written =
            property == NULL || span_is_none(property->alias) ? name->token : property->alias;
        const struct tree_node *member = tree_find_key(value, written);

        if (facets->steps_left == 0) {
            return 0;
        }
        facets->steps_left--;
        missing += tree_kind(member) == JSON_NONE || tree_kind(member) == JSON_NULL ? 1 : 0;
    }
    return -missing;
}

static int score_object(struct facets *facets, const struct tree_node *schema,
                        const struct tree_node *value)
{
    const struct tree_node *properties = tree_find(schema, "properties");
    int points = TYPE_MATCHES + score_required(facets, schema, properties, value);

    for (const struct tree_node *member = value->first; member != NULL; member = member->next) {
        const struct tree_node *property = find_property(facets, properties, member->key);

        if (facets->steps_left == 0) {
            return points;
        }
        facets->steps_left--;
        if (property == NULL) {
            points += is_closed(schema) ? KEY_FORBIDDEN : 0;
        } else if (member->kind != JSON_NULL && is_ruled_out(facets, property, member)) {
            return NO_MATCH;
        } else {
            points++;
        }
    }
    return points;
}

/* How well VALUE fits BRANCH, looked at from outside. */
static int score(struct facets *facets, const struct tree_node *branch,
                 const struct tree_node *value)
{
    const struct tree_node *node = look(facets, branch);
    const struct tree_node *items = tree_find(node, "items");

    if (node == NULL || (facets_types(facets, node) & value_type_of(value)) == 0) {
        return NO_MATCH;
    }
    if (value->kind == JSON_OBJECT) {
        return score_object(facets, node, value);
    }
    if (value->kind == JSON_ARRAY && value->first != NULL && items != NULL &&
        (facets_types(facets, items) & value_type_of(value->first)) == 0) {
        return 0;
    }
    return TYPE_MATCHES;
}
