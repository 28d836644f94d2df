/* SPDX-License-Identifier: MIT */
/* Each keyword of a schema, as the table says: kept, remarked or refused. */
#include "client-lib/formats/json_writing.h"

static void note(struct writing *writing, enum keyword word, const struct tree_node *value)
{
    struct bytes text;

    if (word == WORD_DEFAULT && value->kind == JSON_NULL) {
        return;
    }
    if (word != WORD_FORMAT &&
        (word != WORD_PATTERN || has_rule(writing->conversion, RULE_SERVERS_ORDER))) {
        remark_value(&writing->remarks, schema_words[word].text,
                     alias_remark(writing->conversion, word, value));
        return;
    }
    bytes_init(&text, value->token.length * 3);
    tree_text(value, &text);
    remark_text(&writing->remarks, schema_words[word].text, bytes_span(&text));
    writing->remarks.text.failed = writing->remarks.text.failed || text.failed;
    bytes_done(&text);
}

static void note_values(struct writing *writing, const struct tree_node *values)
{
    struct bytes text;

    bytes_init(&text, writing->conversion->arena->maximum);
    for (const struct tree_node *value = values->first; value != NULL; value = value->next) {
        bytes_append_text(&text, value->previous == NULL ? "" : ", ");
        tree_write(value, &text);
    }
    remark_text(&writing->remarks, "allowed values", bytes_span(&text));
    writing->remarks.text.failed = writing->remarks.text.failed || text.failed;
    bytes_done(&text);
}

static bool is_plain_enum(const struct tree_node *values)
{
    return (types_of_values(values) & ~(unsigned)(TYPE_STRING | TYPE_NUMERIC)) == 0;
}

/* An integer above 0 is one from 1 on. */
static bool write_bound(struct writing *writing, enum keyword word, const struct tree_node *value)
{
    enum keyword inclusive = word == WORD_ABOVE ? WORD_MINIMUM : WORD_MAXIMUM;
    int64_t bound;

    if (!has_rule(writing->conversion, RULE_WHOLE_BOUNDS) ||
        (types_of(writing->node) & ~(unsigned)TYPE_NULL) != TYPE_INTEGER ||
        word_find(writing->node, inclusive) != NULL || !number_is_whole(value, &bound) ||
        bound == INT64_MAX || bound == INT64_MIN) {
        return false;
    }
    tree_set(writing->conversion->arena, writing->out, schema_words[inclusive].text,
             tree_number(writing->conversion->arena, word == WORD_ABOVE ? bound + 1 : bound - 1));
    return true;
}

/* A word that the target knows, but not with every value. */
static bool is_said_otherwise(struct writing *writing, enum keyword word,
                              const struct tree_node *value)
{
    int64_t count;

    switch ((int)word) {
    case WORD_FORMAT:
        return !target_allows_format(writing->conversion->target, value->token);
    case WORD_PATTERN:
        return has_rule(writing->conversion, RULE_NO_LOOKAROUND) && has_lookaround(value->token);
    case WORD_MIN_ITEMS:
        return has_rule(writing->conversion, RULE_FEW_ITEMS) &&
               (!number_is_whole(value, &count) || count > 1);
    default:
        return false;
    }
}

static void write_word(struct writing *writing, enum keyword word, struct tree_node *value)
{
    struct conversion *conversion = writing->conversion;

    if (word == WORD_ENUM && has_rule(conversion, RULE_PLAIN_ENUM) && !is_plain_enum(value)) {
        note_values(writing, value);
        return;
    }
    switch ((enum treatment)target_words[conversion->target][word]) {
    case KEEP:
        if (is_said_otherwise(writing, word, value)) {
            note(writing, word, value);
        } else {
            json_keep(writing, word, value);
        }
        return;
    case NOTE:
        if ((word != WORD_ABOVE && word != WORD_BELOW) || !write_bound(writing, word, value)) {
            note(writing, word, value);
        }
        return;
    case REFUSE:
        conversion_refuse(conversion, schema_words[word].text);
        return;
    case NEVER:
        /* oneOf beside anyOf is left. */
        if (has_rule(conversion, RULE_CLOSED)) {
            conversion_refuse(conversion, schema_words[word].text);
        } else {
            note(writing, word, value);
        }
        return;
    }
}

/* Words that wait for others, or are written at the end. */
static bool is_written_apart(const struct writing *writing, const struct tree_node *value)
{
    enum keyword word = word_of(value);

    return word == WORD_COUNT || word == WORD_DESCRIPTION ||
           (word == WORD_REQUIRED && word_find(writing->node, WORD_PROPERTIES) != NULL) ||
           (word == WORD_ADDITIONAL && has_rule(writing->conversion, RULE_CLOSED));
}

void json_write_words(struct writing *writing)
{
    if (has_rule(writing->conversion, RULE_SERVERS_ORDER)) {
        for (struct tree_node *value = writing->node->first; value != NULL;) {
            struct tree_node *next = value->next;

            if (!is_written_apart(writing, value)) {
                write_word(writing, word_of(value), value);
            }
            value = next;
        }
        return;
    }
    for (int word = 0; word < WORD_COUNT; word++) {
        struct tree_node *value = word_find(writing->node, (enum keyword)word);

        if (value != NULL && !is_written_apart(writing, value)) {
            write_word(writing, (enum keyword)word, value);
        }
    }
}
