/* SPDX-License-Identifier: MIT */
/*
 * A tool's input schema, of any draft, in the one form that everything behind works on: toolset.h
 * (struct format_tool) says what that form is.  Beside what is said there, "$comment" of a node is
 * a remark that belongs into its description, and keywords are none but keywords.def's with a value
 * of the right kind.  Knows no provider.
 */
#ifndef TEPLO_FORMATS_NORMALISE_H
#define TEPLO_FORMATS_NORMALISE_H

#include "client-lib/formats/schema_words.h"

enum {
    /* So many schemas may come out of references; then the references are kept. */
    EXPANDED_MAXIMUM = 4000,
    /* Schemas inside schemas. */
    SCHEMA_DEPTH = 64,
    /* Schemas that references lead to. */
    TARGETS_MAXIMUM = 512,
};

/* In tree_node.marks: what was in it is cut off, see RECURSION_CUT. */
enum { SCHEMA_CUT = 1 << 8 };

/* What becomes of a reference to what it stands in. */
enum recursion {
    RECURSION_KEPT, /* it stays a reference */
    RECURSION_CUT,  /* an object, or anything, that is said to be nested; nothing is a reference */
};

/*
 * In a normal form that was cut, or in a copy of it, cut nodes get the one around them that says
 * what would go on there (tree_node.stands_for).  Nothing points to the schema as given after it.
 */
void normal_link(struct tree_node *root);

/* Something of the schema was left out or said otherwise: at a JSON pointer into it. */
struct schema_note {
    struct span at;
    struct span reason;
    struct schema_note *next;
};

struct normalised {
    struct tree_node *root;
    struct schema_note *notes;
    struct span refused; /* why there is no normal form */
};

/*
 * SCHEMA is left as it is, NULL stands for none.  0; -EBADMSG: it has no normal form, or too large
 * a one (ret->refused); -ENOMEM: the arena has failed.
 */
MUST_CHECK int normalise(struct arena *arena, const struct tree_node *schema,
                         enum recursion recursion, struct normalised *ret);

#endif
