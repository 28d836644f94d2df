/* SPDX-License-Identifier: MIT */
/*
 * What a tool's schema says of a value: the questions that the decoding of arguments asks.
 * Schemas are the servers', so every answer has a bound, and the whole of them too: when a
 * schema is deeper, or the budget is used up, the answer is that it says nothing.
 */
#ifndef TEPLO_FORMATS_FACETS_H
#define TEPLO_FORMATS_FACETS_H

#include "client-lib/formats/toolset.h"

enum value_type {
    VALUE_OBJECT = 1,
    VALUE_ARRAY = 2,
    VALUE_STRING = 4,
    VALUE_NUMBER = 8, /* not an integer */
    VALUE_INTEGER = 16,
    VALUE_BOOLEAN = 32,
    VALUE_NULL = 64,
    VALUE_ANY = 127,
};

struct facets {
    const struct format_tool *tool; /* borrowed */
    uint32_t steps_left;            /* schema nodes that may still be looked at */
};

enum {
    FACETS_PARTS = 32,
    /* The longest arguments need as many where the schema is a plain one. */
    FACETS_STEPS = 1000000,
};

/* The schemas that hold for one value at once, none with a "$ref", anyOf, oneOf or allOf of
 * interest left: the chosen branches stand beside them. */
struct schema_parts {
    const struct tree_node *at[FACETS_PARTS];
    size_t count;
    size_t certain; /* the first so many hold; the others do under conditions not looked at */
};

/* STEPS: the budget, FACETS_STEPS at most. */
void facets_init(struct facets *facets, const struct format_tool *tool, uint32_t steps);
/* A budget was used up: answers since then were that the schema says nothing. */
bool facets_are_exhausted(const struct facets *facets);

/* The one type of VALUE. */
enum value_type value_type_of(const struct tree_node *value);
/* An integer by its value: `3`, and `3.0` too. */
bool value_is_whole(struct span number);
/* What stands before the point. */
struct span value_whole(struct span number);

/* The types, ored, that SCHEMA may allow; VALUE_ANY if SCHEMA is NULL or says nothing. */
unsigned facets_types(struct facets *facets, const struct tree_node *schema);
/* The model was told to write JSON text in the place of what SCHEMA describes. */
bool facets_want_text(struct facets *facets, const struct tree_node *schema);
/*
 * What holds for VALUE, or may (if, then, else, dependentSchemas): SCHEMA, all of its allOf, and of
 * anyOf and oneOf the branch that VALUE fits best (its keys may be the provider's).
 */
void facets_of(struct facets *facets, const struct tree_node *schema, const struct tree_node *value,
               struct schema_parts *ret_parts);

/* The property that the model writes as MEMBER: its schema, with the tool's own key in
 * tree_node.key; NULL: there is none. */
const struct tree_node *facets_property(struct facets *facets, const struct schema_parts *parts,
                                        const struct tree_node *member);
/* The schema of MEMBER, which is no property, or NULL. */
const struct tree_node *facets_additional(struct facets *facets, const struct schema_parts *parts,
                                          const struct tree_node *member);
/* The schema of ELEMENT, which is at INDEX, or NULL. */
const struct tree_node *facets_element(struct facets *facets, const struct schema_parts *parts,
                                       const struct tree_node *element, size_t index);
/*
 * The property KEY (the tool's own) need not be there, and may not be null: a null stands for its
 * absence.
 */
bool facets_strip_null(struct facets *facets, const struct schema_parts *parts, struct span key);

#endif
