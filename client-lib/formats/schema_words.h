/* SPDX-License-Identifier: MIT */
/* The vocabulary of JSON Schema: keywords and types.  Knows no provider. */
#ifndef TEPLO_FORMATS_SCHEMA_WORDS_H
#define TEPLO_FORMATS_SCHEMA_WORDS_H

#include "client-lib/formats/tree.h"

enum keyword {
#define KEYWORD(name, text, value, types, ...) WORD_##name,
#include "client-lib/formats/keywords.def"
#undef KEYWORD
    WORD_COUNT
};

/* What stands behind a keyword. */
enum word_value {
    VALUE_TEXT,
    VALUE_VALUE, /* anything */
    VALUE_VALUES,
    VALUE_NUMBER,
    VALUE_POSITIVE, /* a number above 0 */
    VALUE_COUNT,    /* a whole number, not negative */
    VALUE_FLAG,
    VALUE_TYPES,
    VALUE_NAMES,
    VALUE_NAMES_MAP,
    VALUE_SCHEMA,
    VALUE_SCHEMAS,
    VALUE_MAP, /* of schemas */
};

/* Sets of types. */
enum schema_type {
#define TYPE(name, text, upper) TYPE_BIT_##name,
#include "client-lib/formats/types.def"
#undef TYPE
    TYPE_COUNT
};

enum {
#define TYPE(name, text, upper) TYPE_##name = 1 << TYPE_BIT_##name,
#include "client-lib/formats/types.def"
#undef TYPE
    TYPE_NUMERIC = TYPE_INTEGER | TYPE_NUMBER,
    TYPE_ANY = (1 << TYPE_COUNT) - 1,
};

struct word {
    const char *text;
    enum word_value value;
    unsigned types;
};

extern const struct word schema_words[WORD_COUNT];

/* The keyword that is NODE's key, or WORD_COUNT. */
enum keyword word_of(const struct tree_node *node);
/* The member of SCHEMA, or NULL. */
struct tree_node *word_find(const struct tree_node *schema, enum keyword word);
/* VALUE may stand behind WORD, what is in it not looked at. */
bool word_is_valid(enum keyword word, const struct tree_node *value);

const char *type_text(enum schema_type type);
const char *type_upper(enum schema_type type);
/* TOKEN, a string token, as a set of one, or 0. */
unsigned type_of_word(struct span token);
unsigned type_of_upper(struct span token);
/* What SCHEMA's "type" allows; 0 if it says nothing. */
unsigned types_of(const struct tree_node *schema);
/* The type of a value: an integer's is INTEGER. */
unsigned type_of_value(const struct tree_node *value);
/* The types of all values of the array, together. */
unsigned types_of_values(const struct tree_node *values);
/* TYPES as a value of "type": a word, or an array. */
struct tree_node *types_node(struct arena *arena, unsigned types);
/* The one type in TYPES; TYPE_COUNT if there is none, or several. */
enum schema_type type_single(unsigned types);

/* The token is a number without fraction and exponent, and fits. */
bool number_is_whole(const struct tree_node *node, int64_t *ret_number);
/* -1, 0, 1 as A is below, equal to, above B; false if that cannot be said without rounding. */
MUST_CHECK bool number_compare(const struct tree_node *a, const struct tree_node *b,
                               int *ret_order);

#endif
