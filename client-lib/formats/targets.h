/* SPDX-License-Identifier: MIT */
/*
 * What the providers allow, as tables: targets.def and the right half of keywords.def.  The
 * converters write by them and the lint reads by them.  A provider's change of mind is one line
 * there and a vector in tests/vectors.
 */
#ifndef TEPLO_FORMATS_TARGETS_H
#define TEPLO_FORMATS_TARGETS_H

#include "client-lib/formats/schema_words.h"
#include "client-lib/include/teplo.h"

enum target {
#define TARGET(name, ...) TARGET_##name,
#include "client-lib/formats/targets.def"
#undef TARGET
    TARGET_COUNT
};

enum treatment {
    KEEP,
    NOTE,
    REFUSE,
    NEVER,
};

enum key_rule {
    KEYS_ANY,
    KEYS_IDENTIFIER, /* [A-Za-z_][A-Za-z0-9_]* */
    KEYS_WORD,       /* [A-Za-z0-9_.-]+ */
};

enum { KEY_MAXIMUM = 64 };

enum target_rule {
    RULE_REWRITES = 1,        /* const, oneOf and untyped objects are said otherwise */
    RULE_ITEMS = 1 << 1,      /* arrays must have items */
    RULE_PROPERTIES = 1 << 2, /* objects must say something of their properties */
    RULE_CLOSED = 1 << 3,     /* objects must be closed; open ones are refused */
    RULE_ALL_REQUIRED = 1 << 4,
    RULE_TYPED = 1 << 5,            /* a value must have a type */
    RULE_NO_LOOKAROUND = 1 << 6,    /* in patterns */
    RULE_WHOLE_BOUNDS = 1 << 7,     /* exclusive bounds of integers become inclusive */
    RULE_SPLIT_NULL = 1 << 8,       /* null is no member of an enum but an alternative */
    RULE_PLAIN_ENUM = 1 << 9,       /* enums are of strings and numbers */
    RULE_SERVERS_ORDER = 1 << 10,   /* notes in the server's order, not in the table's */
    RULE_NAMES_ARGUMENTS = 1 << 11, /* a key that is lost, not ASCII, is told in the description */
    RULE_FEW_ITEMS = 1 << 12,       /* minItems is 0 or 1 */
    RULE_NEAT_ENUM = 1 << 13,       /* values stand once, each of a type that is allowed */
    RULE_NO_RECURSION = 1 << 14,    /* no references: the others are inlined */
    RULE_TEXT_FORMATS = 1 << 15,    /* formats are of strings alone */
    RULE_KNOWN_NAMES = 1 << 16,     /* what is required is among the properties */
};

struct target_limits {
    const char *name;
    size_t tools;
    size_t description;
    const char *const *formats; /* ends with NULL; NULL itself: all */
    size_t levels;
    size_t properties;
    size_t values;
    size_t characters;      /* of all names and values */
    size_t many;            /* values of one enum, beyond which their characters count */
    size_t enum_characters; /* of such an enum's values */
    enum key_rule keys;
    unsigned rules; /* enum target_rule */
};

extern const struct target_limits target_limits[TARGET_COUNT];
extern const unsigned char target_words[TARGET_COUNT][WORD_COUNT]; /* enum treatment */

/* The format that tools of PROVIDER are written in; IS_STRICT: in strict mode, if it has one. */
enum target target_of(enum teplo_provider provider, int is_strict);
/* Strict mode's target is another one than the plain one. */
bool target_has_strict(enum teplo_provider provider);
bool target_allows_format(enum target target, struct span format);
/* FORMAT is one of Gemini's for TYPE, a single one. */
bool gemini_allows_format(enum schema_type type, struct span format);
/* Gemini's counts are int64; true if VALUE is no count. */
bool gemini_allows_count(enum keyword word, const struct tree_node *value);
bool target_allows_key(enum target target, struct span key);
/* KEY, decoded, as the target allows it; *RET_LOST: letters are gone that were not ASCII. */
void target_key(enum target target, struct span key, struct bytes *out, bool *ret_lost);
/* PATTERN, a string token, has (?=, (?!, (?<= or (?<!. */
bool has_lookaround(struct span pattern);

#endif
