/* SPDX-License-Identifier: MIT */
/* Schemas by the tables, each kind of target in its own words. */
#include "client-lib/formats/lint.h"

enum { LINT_DEPTH = 400 };

static const char no_references[] = "a reference, and they are not taken";

struct linting {
    struct lint *lint;
    enum target target;
    const struct target_limits *limits;
    const struct tree_node *root;
    size_t depth;
    size_t levels; /* objects that the schema in hand is in */
    size_t properties;
    size_t values;
    size_t characters;
};

static bool lint_schema(struct linting *linting, const struct tree_node *schema);

static bool has_rule(const struct linting *linting, enum target_rule rule)
{
    return (linting->limits->rules & (unsigned)rule) != 0;
}

static bool lint_keys(struct linting *linting, const struct tree_node *properties)
{
    struct bytes text;
    bool fine = true;

    bytes_init(&text, 1 << 20);
    for (const struct tree_node *property = properties->first; property != NULL && fine;
         property = property->next) {
        bytes_clear(&text);
        fine = json_string_decode(property->key, &text) &&
               target_allows_key(linting->target, bytes_span(&text));
    }
    bytes_done(&text);
    return fine || lint_fail(linting->lint, "a key that arguments may not have");
}

/* Every name once, and of a property; where ALL are required, every property's. */
static bool lint_required(struct linting *linting, const struct tree_node *schema)
{
    const struct tree_node *properties = tree_find(schema, "properties");
    const struct tree_node *required = tree_find(schema, "required");

    if (required != NULL && !lint_unique(linting->lint, required, "a name is required twice")) {
        return false;
    }
    for (const struct tree_node *name = required == NULL ? NULL : required->first; name != NULL;
         name = name->next) {
        if ((properties != NULL || has_rule(linting, RULE_KNOWN_NAMES)) &&
            tree_find_key(properties, name->token) == NULL) {
            return lint_fail(linting->lint, "what is required is no property");
        }
    }
    if (has_rule(linting, RULE_ALL_REQUIRED) && properties != NULL &&
        (required == NULL || required->count != properties->count)) {
        return lint_fail(linting->lint, "a property is not required");
    }
    return true;
}

static bool lint_closed(struct linting *linting, const struct tree_node *schema)
{
    const struct tree_node *additional = tree_find(schema, "additionalProperties");

    if (tree_kind(additional) != JSON_FALSE ||
        tree_kind(tree_find(schema, "properties")) != JSON_OBJECT) {
        return lint_fail(linting->lint, "an object that is not closed");
    }
    return true;
}

static bool lint_reference(struct linting *linting, const struct tree_node *schema,
                           const struct tree_node *reference)
{
    const struct tree_node *defs = tree_find(linting->root, "$defs");
    char text[256];

    if (has_rule(linting, RULE_NO_RECURSION)) {
        return lint_fail(linting->lint, no_references);
    }
    if (schema->count != 1) {
        return lint_fail(linting->lint, "something beside $ref");
    }
    if (!json_string_copy(reference->token, text, sizeof(text)) ||
        strncmp(text, "#/$defs/", 8) != 0 || tree_find(defs, text + 8) == NULL) {
        return lint_fail(linting->lint, "$ref leads nowhere");
    }
    return true;
}

static bool lint_enum(struct linting *linting, const struct tree_node *values)
{
    const struct target_limits *limits = linting->limits;
    size_t characters = 0;

    linting->values += values->count;
    for (const struct tree_node *value = values->first; value != NULL; value = value->next) {
        characters += lint_length(value->token);
    }
    linting->characters += characters;
    if (limits->many > 0 && values->count > limits->many && characters > limits->enum_characters) {
        return lint_fail(linting->lint, "an enum of too many characters");
    }
    for (const struct tree_node *value = values->first; value != NULL; value = value->next) {
        if (has_rule(linting, RULE_PLAIN_ENUM) && value->kind != JSON_STRING &&
            value->kind != JSON_NUMBER) {
            return lint_fail(linting->lint, "enum of other than strings and numbers");
        }
    }
    return !has_rule(linting, RULE_NEAT_ENUM) ||
           (lint_unique(linting->lint, values, "a value that stands twice in an enum") &&
            lint_fits(linting->lint, values, types_of(values->parent)));
}

static bool lint_needs(struct linting *linting, const struct tree_node *needs)
{
    for (const struct tree_node *names = needs->first; names != NULL; names = names->next) {
        if (!lint_unique(linting->lint, names, "a name is required twice")) {
            return false;
        }
    }
    return true;
}

static void count_names(struct linting *linting, const struct tree_node *map)
{
    for (const struct tree_node *member = map->first; member != NULL; member = member->next) {
        linting->characters += lint_length(member->key);
    }
}

static bool lint_format(struct linting *linting, const struct tree_node *format)
{
    unsigned types = types_of(format->parent);

    if (has_rule(linting, RULE_TEXT_FORMATS) && types != 0 && (types & TYPE_STRING) == 0) {
        return lint_fail(linting->lint, "a format of what is no text");
    }
    return target_allows_format(linting->target, format->token) ||
           lint_fail(linting->lint, "an unknown format");
}

/* Values that the target does not take behind a word that it knows. */
static bool lint_value(struct linting *linting, enum keyword word, const struct tree_node *value)
{
    int64_t count;

    switch ((int)word) {
    case WORD_FORMAT:
        return lint_format(linting, value);
    case WORD_PATTERN:
        return !has_rule(linting, RULE_NO_LOOKAROUND) || !has_lookaround(value->token) ||
               lint_fail(linting->lint, "lookaround in a pattern");
    case WORD_ENUM:
        return lint_enum(linting, value);
    case WORD_MIN_ITEMS:
        return !has_rule(linting, RULE_FEW_ITEMS) ||
               (number_is_whole(value, &count) && count <= 1) ||
               lint_fail(linting->lint, "minItems above 1");
    case WORD_PROPERTIES:
        linting->properties += value->count;
        count_names(linting, value);
        return lint_keys(linting, value);
    case WORD_DEFS:
        count_names(linting, value);
        linting->lint->at = has_rule(linting, RULE_NO_RECURSION) ? value : linting->lint->at;
        return linting->lint->at != value || lint_fail(linting->lint, no_references);
    case WORD_NEEDS:
        return lint_needs(linting, value);
    default:
        return true;
    }
}

static bool lint_parts(struct linting *linting, enum keyword word, const struct tree_node *value)
{
    bool is_gate = value->kind == JSON_TRUE || value->kind == JSON_FALSE;

    switch (schema_words[word].value) {
    case VALUE_SCHEMA:
        return (is_gate &&
                (word == WORD_ADDITIONAL || word == WORD_OTHERS || word == WORD_OTHER_ITEMS)) ||
               lint_schema(linting, value);
    case VALUE_SCHEMAS:
    case VALUE_MAP:
        for (const struct tree_node *part = value->first; part != NULL; part = part->next) {
            if (!lint_schema(linting, part)) {
                return false;
            }
        }
        return true;
    case VALUE_TEXT:
    case VALUE_VALUE:
    case VALUE_VALUES:
    case VALUE_NUMBER:
    case VALUE_POSITIVE:
    case VALUE_COUNT:
    case VALUE_FLAG:
    case VALUE_TYPES:
    case VALUE_NAMES:
    case VALUE_NAMES_MAP:
        return true;
    }
    return false;
}

static bool lint_words(struct linting *linting, const struct tree_node *schema)
{
    for (const struct tree_node *value = schema->first; value != NULL; value = value->next) {
        enum keyword word = word_of(value);

        if (word == WORD_COUNT || target_words[linting->target][word] != KEEP) {
            return lint_fail(linting->lint, "a keyword that the provider does not know");
        }
        if (!word_is_valid(word, value)) {
            return lint_fail(linting->lint, "a value that the keyword may not have");
        }
        if (!lint_value(linting, word, value) || !lint_parts(linting, word, value)) {
            return false;
        }
    }
    return true;
}

static bool lint_types(struct linting *linting, const struct tree_node *schema)
{
    unsigned types = types_of(schema);

    if (has_rule(linting, RULE_TYPED) && types == 0 && tree_find(schema, "anyOf") == NULL &&
        tree_find(schema, "$ref") == NULL) {
        return lint_fail(linting->lint, "a value without a type");
    }
    if (has_rule(linting, RULE_ITEMS) && (types & TYPE_ARRAY) != 0 &&
        tree_find(schema, "items") == NULL) {
        return lint_fail(linting->lint, "an array without items");
    }
    if (has_rule(linting, RULE_CLOSED) && (types & TYPE_OBJECT) != 0 &&
        !lint_closed(linting, schema)) {
        return false;
    }
    return lint_required(linting, schema);
}

static bool lint_in_schema(struct linting *linting, const struct tree_node *schema)
{
    const struct tree_node *reference = tree_find(schema, "$ref");
    size_t level;
    bool fine;

    if (tree_kind(schema) != JSON_OBJECT) {
        return lint_fail(linting->lint, "a schema that is no object");
    }
    if (reference != NULL) {
        return tree_kind(reference) == JSON_STRING ? lint_reference(linting, schema, reference)
                                                   : lint_fail(linting->lint, "$ref is no text");
    }
    level = (types_of(schema) & TYPE_OBJECT) != 0 ? 1 : 0;
    linting->levels += level;
    if (linting->depth >= LINT_DEPTH ||
        (linting->limits->levels > 0 && linting->levels > linting->limits->levels)) {
        linting->levels -= level;
        return lint_fail(linting->lint, "nested too deeply");
    }
    linting->depth++;
    fine = lint_words(linting, schema) && lint_types(linting, schema);
    linting->depth--;
    linting->levels -= level;
    return fine;
}

/* The lint stands at SCHEMA meanwhile: what fails, fails there. */
static bool lint_schema(struct linting *linting, const struct tree_node *schema)
{
    struct lint *lint = linting->lint;
    const struct tree_node *outer = lint->at;
    bool fine;

    lint->at = schema;
    fine = lint_in_schema(linting, schema);
    lint->at = outer;
    return fine;
}

bool lint_json_schema(struct lint *lint, enum target target, const struct tree_node *schema)
{
    static const char *const never[] = {"anyOf", "oneOf", "allOf", "enum", "const",
                                        "not",   "if",    "then",  "else", "$ref"};
    struct linting linting = {
        .lint = lint, .target = target, .limits = &target_limits[target], .root = schema};

    lint->at = schema;
    if (tree_kind(schema) != JSON_OBJECT || !tree_is(tree_find(schema, "type"), "object") ||
        tree_kind(tree_find(schema, "properties")) != JSON_OBJECT) {
        return lint_fail(lint, "the root is no object with properties");
    }
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (tree_find(schema, never[i]) != NULL) {
            return lint_fail(lint, "a keyword that the root may not have");
        }
    }
    if (!lint_schema(&linting, schema)) {
        return false;
    }
    if (linting.limits->properties > 0 && linting.properties > linting.limits->properties) {
        return lint_fail(lint, "too many properties");
    }
    if (linting.limits->values > 0 && linting.values > linting.limits->values) {
        return lint_fail(lint, "too many values in enums");
    }
    if (linting.limits->characters > 0 && linting.characters > linting.limits->characters) {
        return lint_fail(lint, "too many characters in names and values");
    }
    return true;
}

static bool lint_gemini_node(struct linting *linting, const struct tree_node *schema);

static bool lint_gemini_enum(struct lint *lint, enum schema_type type,
                             const struct tree_node *values)
{
    if (type != TYPE_BIT_STRING || values->kind != JSON_ARRAY || values->count == 0) {
        return lint_fail(lint, "enum of other than strings");
    }
    for (const struct tree_node *value = values->first; value != NULL; value = value->next) {
        if (value->kind != JSON_STRING || value->token.length == 2) {
            return lint_fail(lint, "enum with what is no text, or an empty one");
        }
    }
    return lint_unique(lint, values, "a value that stands twice in an enum");
}

static bool lint_gemini_properties(struct linting *linting, const struct tree_node *schema)
{
    const struct tree_node *properties = tree_find(schema, "properties");

    if (tree_find(schema, "required") != NULL && properties == NULL) {
        return lint_fail(linting->lint, "required without properties");
    }
    if (properties == NULL) {
        return true;
    }
    if (properties->kind != JSON_OBJECT || properties->count == 0) {
        return lint_fail(linting->lint, "properties should be non-empty");
    }
    for (const struct tree_node *property = properties->first; property != NULL;
         property = property->next) {
        if (!lint_gemini_node(linting, property)) {
            return false;
        }
    }
    return lint_keys(linting, properties) && lint_required(linting, schema);
}

static bool lint_gemini_word(struct linting *linting, enum schema_type type,
                             const struct tree_node *value)
{
    enum keyword word = word_of(value);

    if (tree_key_is(value, "nullable")) {
        return value->kind == JSON_TRUE || lint_fail(linting->lint, "nullable is no true");
    }
    if (word == WORD_TYPE) {
        return true;
    }
    if (word == WORD_COUNT || target_words[TARGET_GOPEN][word] != KEEP || word == WORD_ANY_OF) {
        return lint_fail(linting->lint, "a field that the provider does not know");
    }
    if ((schema_words[word].types & 1U << type) == 0) {
        return lint_fail(linting->lint, "a field of another type");
    }
    if (!word_is_valid(word, value) || !gemini_allows_count(word, value)) {
        return lint_fail(linting->lint, "a value that the field may not have");
    }
    switch ((int)word) {
    case WORD_ENUM:
        return lint_gemini_enum(linting->lint, type, value);
    case WORD_FORMAT:
        return gemini_allows_format(type, value->token) ||
               lint_fail(linting->lint, "an unknown format");
    case WORD_ITEMS:
        return lint_gemini_node(linting, value);
    default:
        return true;
    }
}

static bool lint_gemini_typed(struct linting *linting, const struct tree_node *schema)
{
    const struct tree_node *name = tree_find(schema, "type");
    enum schema_type type;

    type = tree_kind(name) == JSON_STRING ? type_single(type_of_upper(name->token)) : TYPE_COUNT;
    if (type == TYPE_COUNT || type == TYPE_BIT_NULL) {
        return lint_fail(linting->lint, "a value without a type");
    }
    for (const struct tree_node *value = schema->first; value != NULL; value = value->next) {
        if (!lint_gemini_word(linting, type, value)) {
            return false;
        }
    }
    if (type == TYPE_BIT_ARRAY && tree_find(schema, "items") == NULL) {
        return lint_fail(linting->lint, "an array without items");
    }
    return type != TYPE_BIT_OBJECT || lint_gemini_properties(linting, schema);
}

static bool lint_in_gemini_node(struct linting *linting, const struct tree_node *schema)
{
    const struct tree_node *list = tree_find(schema, "anyOf");
    bool fine = true;

    if (tree_kind(schema) != JSON_OBJECT) {
        return lint_fail(linting->lint, "a schema that is no object");
    }
    if (linting->depth >= LINT_DEPTH) {
        return lint_fail(linting->lint, "nested too deeply");
    }
    linting->depth++;
    if (list == NULL) {
        fine = lint_gemini_typed(linting, schema);
    } else if (schema->count != 1 || list->kind != JSON_ARRAY || list->count == 0) {
        fine = lint_fail(linting->lint, "something beside anyOf");
    } else {
        for (const struct tree_node *part = list->first; part != NULL && fine; part = part->next) {
            fine = lint_gemini_node(linting, part);
        }
    }
    linting->depth--;
    return fine;
}

static bool lint_gemini_node(struct linting *linting, const struct tree_node *schema)
{
    struct lint *lint = linting->lint;
    const struct tree_node *outer = lint->at;
    bool fine;

    lint->at = schema;
    fine = lint_in_gemini_node(linting, schema);
    lint->at = outer;
    return fine;
}

bool lint_gemini_schema(struct lint *lint, const struct tree_node *schema)
{
    struct linting linting = {.lint = lint,
                              .target = TARGET_GOPEN,
                              .limits = &target_limits[TARGET_GOPEN],
                              .root = schema};

    if (!tree_is(tree_find(schema, "type"), "OBJECT")) {
        return lint_fail(lint, "the root is no OBJECT");
    }
    return lint_gemini_node(&linting, schema);
}
