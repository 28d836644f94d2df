/* SPDX-License-Identifier: MIT */
/* Gemini's `parameters`: an OpenAPI schema, of one type a node. */
#include "client-lib/formats/convert_priv.h"
#include "client-lib/formats/normalise_priv.h"

struct gemini {
    struct conversion *conversion;
    struct tree_node *node; /* simplified, used up */
    struct tree_node *out;
    struct remarks remarks;
    enum schema_type type;
};

static void remark_comment(struct gemini *gemini)
{
    struct bytes text;

    bytes_init(&text, gemini->conversion->arena->maximum);
    tree_text(tree_find(gemini->node, "$comment"), &text);
    if (text.length > 0) {
        remark_text(&gemini->remarks, NULL, bytes_span(&text));
    }
    gemini->remarks.text.failed = gemini->remarks.text.failed || text.failed;
    bytes_done(&text);
}

static struct tree_node *convert_part(struct conversion *conversion, struct tree_node *part,
                                      struct step step)
{
    struct tree_node *made = NULL;

    if (conversion_enter(conversion, step)) {
        made = convert_gemini(conversion, part);
    }
    conversion_leave(conversion);
    return made != NULL ? made : tree_new(conversion->arena, JSON_OBJECT);
}

/* Beside anyOf there may be nothing: each of its alternatives is nullable then, however deep. */
static void set_nullable(struct conversion *conversion, struct tree_node *out)
{
    struct tree_node *at = out;

    while (at != NULL && conversion->arena->failed == ARENA_FINE) {
        const struct tree_node *list = word_find(at, WORD_ANY_OF);

        if (at->kind == JSON_OBJECT && list == NULL) {
            tree_set(conversion->arena, at, "nullable", tree_true(conversion->arena));
        }
        if (list != NULL) {
            at = list->first;
            continue;
        }
        while (at != out && at->next == NULL) {
            at = at->parent->parent; /* of the list, the node that has it */
        }
        at = at == out ? NULL : at->next;
    }
}

/* Strings that are not empty. */
static bool is_string_enum(const struct tree_node *values)
{
    for (const struct tree_node *value = values == NULL ? NULL : values->first; value != NULL;
         value = value->next) {
        if (value->kind != JSON_STRING || value->token.length == 2) {
            return value->kind == JSON_NULL;
        }
    }
    return values != NULL;
}

static void write_enum(struct gemini *gemini, const struct tree_node *values)
{
    struct arena *arena = gemini->conversion->arena;
    struct tree_node *made = tree_new(arena, JSON_ARRAY);
    struct bytes text;
    bool is_plain = gemini->type == TYPE_BIT_STRING;

    bytes_init(&text, arena->maximum);
    for (const struct tree_node *value = values->first; value != NULL; value = value->next) {
        if (value->kind == JSON_NULL) {
            continue;
        }
        is_plain = is_plain && value->kind == JSON_STRING && value->token.length > 2;
        bytes_append_text(&text, made->count == 0 ? "" : ", ");
        tree_write(value, &text);
        tree_push(arena, made, tree_copy(arena, value));
    }
    if (is_plain && made->count > 0) {
        tree_set(arena, gemini->out, "enum", made);
    } else if (text.length > 0) {
        remark_text(&gemini->remarks, "allowed values", bytes_span(&text));
    }
    gemini->remarks.text.failed = gemini->remarks.text.failed || text.failed;
    bytes_done(&text);
}

static void write_properties(struct gemini *gemini, struct tree_node *properties)
{
    struct conversion *conversion = gemini->conversion;
    struct arena *arena = conversion->arena;
    struct tree_node *made = tree_new(arena, JSON_OBJECT);
    struct tree_node *required;

    tree_sort(arena, properties);
    required = alias_required(conversion, gemini->node);
    for (struct tree_node *property = properties->first; property != NULL;) {
        struct tree_node *next = property->next;
        struct span alias = alias_of(property);

        tree_remove(property);
        if (conversion_enter(conversion, step_property(conversion, property))) {
            if (!span_is_none(property->alias)) {
                conversion_place(conversion, CHANGE_RENAMED, property->key);
            }
            tree_add(arena, made, alias, convert_gemini(conversion, property));
        }
        conversion_leave(conversion);
        property = next;
    }
    if (tree_has_duplicates(arena, made)) {
        conversion_refuse(conversion, "two arguments of one name");
    }
    if (made->count > 0) {
        tree_set(arena, gemini->out, "properties", made);
    }
    if (required->count > 0) {
        tree_set(arena, gemini->out, "required", required);
    }
}

/* Elements are of any of the types that stand in the list.  Puts those that it leaves out, since
 * they are equal to one before, into SAME. */
static struct tree_node *items_of(struct gemini *gemini, struct tree_node *same)
{
    struct arena *arena = gemini->conversion->arena;
    struct tree_node *items = word_find(gemini->node, WORD_ITEMS);
    struct tree_node *prefix = word_find(gemini->node, WORD_PREFIX_ITEMS);
    struct tree_node *either;

    if (prefix == NULL) {
        items = items == NULL ? tree_new(arena, JSON_OBJECT) : items;
        tree_remove(items);
        return items;
    }
    tree_remove(prefix);
    if (items != NULL) {
        tree_remove(items);
        tree_push(arena, prefix, items);
    }
    for (struct tree_node *item = prefix->first; item != NULL;) {
        struct tree_node *next = item->next;

        for (const struct tree_node *other = prefix->first; other != item; other = other->next) {
            if (tree_equal(other, item)) {
                tree_remove(item);
                tree_push(arena, same, item);
                break;
            }
        }
        item = next;
    }
    if (prefix->count == 1) {
        items = prefix->first;
        tree_remove(items);
        return items;
    }
    either = tree_new(arena, JSON_OBJECT);
    tree_set(arena, either, "anyOf", prefix);
    return either;
}

static void write_items(struct gemini *gemini)
{
    struct conversion *conversion = gemini->conversion;
    struct tree_node *same = tree_new(conversion->arena, JSON_ARRAY);
    struct tree_node *items = items_of(gemini, same);

    tree_set(conversion->arena, gemini->out, "items",
             convert_part(conversion, items, step_items()));
    /* The element at its place is decoded by each of them, so each gets its marks. */
    for (struct tree_node *item = same->first; item != NULL;) {
        struct tree_node *next = item->next;

        tree_remove(item);
        (void)convert_part(conversion, item, step_items());
        item = next;
    }
}

static void remark_free_form(struct gemini *gemini)
{
    const struct tree_node *additional = word_find(gemini->node, WORD_ADDITIONAL);
    bool has_properties = tree_find(gemini->out, "properties") != NULL;

    if (additional != NULL && additional->kind == JSON_FALSE) {
        return;
    }
    if (has_properties) {
        if (additional != NULL) {
            remark_value(&gemini->remarks, "additionalProperties", additional);
        }
        return;
    }
    if ((gemini->node->marks & SCHEMA_CUT) != 0 ||
        (gemini->conversion->depth == 0 && additional == NULL)) {
        return;
    }
    remark_text(&gemini->remarks, NULL, SPAN("free-form JSON object"));
    if (additional != NULL && additional->kind == JSON_OBJECT && additional->count > 0) {
        remark_value(&gemini->remarks, "values", additional);
    }
}

static bool write_bound(struct gemini *gemini, enum keyword word, const struct tree_node *value)
{
    enum keyword inclusive = word == WORD_ABOVE ? WORD_MINIMUM : WORD_MAXIMUM;
    int64_t bound;

    if (gemini->type != TYPE_BIT_INTEGER || word_find(gemini->node, inclusive) != NULL ||
        !number_is_whole(value, &bound) || bound == INT64_MAX || bound == INT64_MIN) {
        return false;
    }
    tree_set(gemini->conversion->arena, gemini->out, schema_words[inclusive].text,
             tree_number(gemini->conversion->arena, word == WORD_ABOVE ? bound + 1 : bound - 1));
    return true;
}

static void remark(struct gemini *gemini, enum keyword word, const struct tree_node *value)
{
    struct bytes text;

    if (word == WORD_DEFAULT && value->kind == JSON_NULL) {
        return;
    }
    if (word != WORD_FORMAT) {
        remark_value(&gemini->remarks, schema_words[word].text,
                     alias_remark(gemini->conversion, word, value));
        return;
    }
    bytes_init(&text, value->token.length * 3);
    tree_text(value, &text);
    remark_text(&gemini->remarks, "format", bytes_span(&text));
    gemini->remarks.text.failed = gemini->remarks.text.failed || text.failed;
    bytes_done(&text);
}

static void write_word(struct gemini *gemini, enum keyword word, struct tree_node *value)
{
    struct conversion *conversion = gemini->conversion;
    int64_t count; /* the provider's are of 64 bits */

    switch ((int)word) {
    case WORD_TYPE:
    case WORD_DESCRIPTION:
    case WORD_ADDITIONAL:
    case WORD_ITEMS:
    case WORD_PREFIX_ITEMS:
        return; /* written with others */
    case WORD_REQUIRED:
        if (word_find(gemini->node, WORD_PROPERTIES) == NULL) {
            remark(gemini, word, value);
        }
        return;
    case WORD_ENUM:
        write_enum(gemini, value);
        return;
    case WORD_PROPERTIES:
        write_properties(gemini, value);
        return;
    case WORD_FORMAT:
        if (!gemini_allows_format(gemini->type, value->token)) {
            remark(gemini, word, value);
            return;
        }
        break;
    case WORD_ABOVE:
    case WORD_BELOW:
        if (write_bound(gemini, word, value)) {
            return;
        }
        break;
    default:
        break;
    }
    if (target_words[TARGET_GOPEN][word] == KEEP &&
        (schema_words[word].value != VALUE_COUNT || number_is_whole(value, &count))) {
        tree_set(conversion->arena, gemini->out, schema_words[word].text,
                 tree_copy(conversion->arena, value));
    } else {
        remark(gemini, word, value);
    }
}

static void write_typed(struct gemini *gemini)
{
    struct conversion *conversion = gemini->conversion;
    unsigned type = 1U << gemini->type;

    tree_set(conversion->arena, gemini->out, "type",
             tree_word(conversion->arena, type_upper(gemini->type)));
    for (int word = 0; word < WORD_COUNT; word++) {
        struct tree_node *value = word_find(gemini->node, (enum keyword)word);

        /* A word for other types says nothing here. */
        if (value != NULL && (schema_words[word].types & type) != 0) {
            write_word(gemini, (enum keyword)word, value);
        }
    }
    if (gemini->type == TYPE_BIT_ARRAY) {
        write_items(gemini);
    } else if (gemini->type == TYPE_BIT_OBJECT) {
        remark_free_form(gemini);
    }
}

static void write_any(struct gemini *gemini)
{
    struct conversion *conversion = gemini->conversion;
    struct tree_node *node = gemini->node;

    for (int word = 0; word < WORD_COUNT; word++) {
        struct tree_node *value = word_find(node, (enum keyword)word);

        if (value != NULL && word != WORD_DESCRIPTION && word != WORD_TYPE) {
            remark(gemini, (enum keyword)word, value);
        }
    }
    tree_set(conversion->arena, gemini->out, "type", tree_word(conversion->arena, "STRING"));
    if (types_of(node) == TYPE_NULL) {
        remark_text(&gemini->remarks, NULL, SPAN("always null"));
        set_nullable(conversion, gemini->out);
        return;
    }
    remark_text(&gemini->remarks, NULL, SPAN("any JSON value, as JSON text"));
    (node->origin != NULL ? node->origin : node)->marks |= MARK_JSON_TEXT;
    conversion_place(conversion, CHANGE_JSON_TEXT, SPAN_NONE);
}

/* Alternatives of which each is an enum of strings, or one string, are one enum. */
static bool join_enums(struct conversion *conversion, struct tree_node *node,
                       const struct tree_node *list)
{
    struct arena *arena = conversion->arena;
    struct tree_node *values = tree_new(arena, JSON_ARRAY);

    for (const struct tree_node *member = list->first; member != NULL; member = member->next) {
        const struct tree_node *own = word_find(member, WORD_ENUM);
        const struct tree_node *one = word_find(member, WORD_CONST);

        for (const struct tree_node *word = member->first; word != NULL; word = word->next) {
            if (word != own && word != one && !tree_key_is(word, "type")) {
                return false;
            }
        }
        if (one != NULL && own == NULL && one->kind == JSON_STRING && one->token.length > 2) {
            tree_push(arena, values, tree_copy(arena, one));
            continue;
        }
        if (one != NULL || own == NULL || !is_string_enum(own)) {
            return false;
        }
        for (const struct tree_node *value = own->first; value != NULL; value = value->next) {
            tree_push(arena, values, tree_copy(arena, value));
        }
    }
    tree_remove(word_find(node, WORD_ANY_OF));
    tree_set(arena, node, "type", tree_word(arena, "string"));
    tree_set(arena, node, "enum", values);
    settle_enum(conversion, node);
    return true;
}

static bool is_null_only(const struct tree_node *member)
{
    const struct tree_node *one = word_find(member, WORD_CONST);
    const struct tree_node *values = word_find(member, WORD_ENUM);

    return types_of(member) == TYPE_NULL || tree_kind(one) == JSON_NULL ||
           (types_of(member) == 0 && values != NULL && types_of_values(values) == TYPE_NULL);
}

/* What NODE says of all of its alternatives, to say it of each: default and examples of the first.
 */
static void describe_member(struct arena *arena, const struct tree_node *node,
                            struct tree_node *member, bool is_first)
{
    static const enum keyword words[] = {WORD_DESCRIPTION, WORD_DEFAULT, WORD_EXAMPLES};
    const struct tree_node *comment = tree_find(node, "$comment");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct tree_node *value = word_find(node, words[i]);

        if (value != NULL && (is_first || i == 0) && word_find(member, words[i]) == NULL) {
            tree_set(arena, member, schema_words[words[i]].text, tree_copy(arena, value));
        }
    }
    if (comment != NULL && is_first) {
        struct bytes text;

        bytes_init(&text, arena->maximum);
        tree_text(comment, &text);
        normal_remark(arena, member, arena_take(arena, &text));
        bytes_done(&text);
    }
}

/* A type list becomes alternatives; what is said of other types is left out of each by write_typed.
 */
static void split_types(struct conversion *conversion, struct tree_node *node, unsigned types)
{
    struct arena *arena = conversion->arena;
    struct tree_node *list = tree_new(arena, JSON_ARRAY);

    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        struct tree_node *member;

        if ((types & 1U << i) == 0) {
            continue;
        }
        member = tree_copy(arena, node);
        conversion->nodes += tree_size(member) / 4;
        tree_remove(word_find(member, WORD_DEFAULT));
        tree_remove(word_find(member, WORD_EXAMPLES));
        tree_remove(tree_find(member, "$comment"));
        tree_set(arena, member, "type", types_node(arena, 1U << i));
        tree_push(arena, list, member);
    }
    tree_set(arena, node, "anyOf", list);
}

static struct tree_node *write_union(struct conversion *conversion, struct tree_node *node,
                                     bool nullable, const struct tree_node *property);

static struct tree_node *write_single(struct conversion *conversion, struct tree_node *node,
                                      unsigned types, const struct tree_node *property)
{
    struct gemini gemini = {.conversion = conversion, .node = node};
    unsigned type = types & ~(unsigned)TYPE_NULL;

    gemini.out = tree_new(conversion->arena, JSON_OBJECT);
    gemini.type = type_single(type);
    remarks_init(&gemini.remarks, conversion);
    remark_comment(&gemini);
    if (gemini.type == TYPE_COUNT) {
        write_any(&gemini);
    } else {
        write_typed(&gemini);
    }
    remark_lost_key(&gemini.remarks, conversion, property);
    remarks_write(&gemini.remarks, conversion, gemini.out, word_find(node, WORD_DESCRIPTION));
    if (gemini.type != TYPE_COUNT && (types & TYPE_NULL) != 0) {
        set_nullable(conversion, gemini.out);
    }
    return gemini.out;
}

static struct tree_node *write_alternatives(struct conversion *conversion, struct tree_node *node,
                                            bool nullable)
{
    struct arena *arena = conversion->arena;
    struct tree_node *list = word_find(node, WORD_ANY_OF);
    struct tree_node *made = tree_new(arena, JSON_ARRAY);
    struct tree_node *out = tree_new(arena, JSON_OBJECT);
    size_t index = 0;

    for (struct tree_node *member = list->first; member != NULL; index++) {
        struct tree_node *next = member->next;
        struct tree_node *part;

        tree_remove(member);
        describe_member(arena, node, member, index == 0);
        part = convert_part(conversion, member, step_member(conversion, "anyOf", index));
        if (nullable) {
            set_nullable(conversion, part);
        }
        tree_push(arena, made, part);
        member = next;
    }
    tree_set(arena, out, "anyOf", made);
    return out;
}

/* PROPERTY is what NODE was before it was simplified: it may have lost its key. */
static struct tree_node *write_union(struct conversion *conversion, struct tree_node *node,
                                     bool nullable, const struct tree_node *property)
{
    struct arena *arena = conversion->arena;
    struct tree_node *list = word_find(node, WORD_ANY_OF);
    struct tree_node *only;

    for (struct tree_node *member = list->first; member != NULL;) {
        struct tree_node *next = member->next;

        if (is_null_only(member)) {
            nullable = true;
            tree_remove(member);
        }
        member = next;
    }
    if (list->count == 0) {
        tree_remove(list);
        tree_set(arena, node, "type", tree_word(arena, "null"));
        return write_single(conversion, node, TYPE_NULL, property);
    }
    if (list->count > 1 && !join_enums(conversion, node, list)) {
        return write_alternatives(conversion, node, nullable);
    }
    only = list->first;
    if (only != NULL && only->next == NULL) {
        tree_remove(only);
        describe_member(arena, node, only, true);
        if (only->origin == NULL) {
            only->origin = node->origin;
        }
        only->alias = property->alias;
        only->key = property->key;
        only = convert_gemini(conversion, only);
        if (nullable) {
            set_nullable(conversion, only);
        }
        return only;
    }
    return write_single(conversion, node, TYPE_STRING | (nullable ? (unsigned)TYPE_NULL : 0),
                        property);
}

struct tree_node *convert_gemini(struct conversion *conversion, struct tree_node *source)
{
    struct tree_node *node = simplify(conversion, source);
    unsigned types = types_of(node);

    if (word_find(node, WORD_ANY_OF) == NULL) {
        unsigned others = types & ~(unsigned)TYPE_NULL;

        /* An integer is a number. */
        others &= (others & TYPE_NUMBER) != 0 ? ~(unsigned)TYPE_INTEGER : ~0U;
        if (others == 0 || type_single(others) != TYPE_COUNT) {
            return write_single(conversion, node, others | (types & TYPE_NULL), source);
        }
        split_types(conversion, node, others);
    }
    if (conversion->arena->failed != ARENA_FINE) {
        return tree_new(conversion->arena, JSON_OBJECT);
    }
    return write_union(conversion, node, (types & TYPE_NULL) != 0, source);
}
