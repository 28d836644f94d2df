/* SPDX-License-Identifier: MIT */
/*
 * Reads a finished declaration as the provider would, and refuses what it would refuse: one bad
 * tool makes the provider refuse the whole request.  It knows the tables of targets.h and nothing
 * of how declarations are made.
 */
#ifndef TEPLO_FORMATS_LINT_H
#define TEPLO_FORMATS_LINT_H

#include "client-lib/formats/targets.h"

/* A declaration, as one element of the request. */
struct lint {
    enum teplo_provider provider;
    struct arena *arena;           /* borrowed, for what is compared; it may fail */
    char reason[128];              /* what is wrong; empty if nothing is */
    const struct tree_node *wrong; /* where, of what was looked at; NULL: nowhere in particular */
    const struct tree_node *at;    /* where it is looking */
};

/* True: the provider takes it.  DECLARATION is any JSON. */
bool lint_declaration(struct lint *lint, const struct tree_node *declaration);
/* Appends where it is wrong, as a JSON pointer into the schema; nothing where it is no schema. */
void lint_place(const struct lint *lint, struct bytes *out);

/* For lint_declaration: a schema of a target, by the target's table. */
bool lint_json_schema(struct lint *lint, enum target target, const struct tree_node *schema);
bool lint_gemini_schema(struct lint *lint, const struct tree_node *schema);
/* Sets the reason and the place, the first counts; false. */
bool lint_fail(struct lint *lint, const char *reason);

/* For lint_schema.c: REASON if a value stands in LIST twice. */
bool lint_unique(struct lint *lint, const struct tree_node *list, const char *reason);
/* Every value is of one of TYPES; 0: of any. */
bool lint_fits(struct lint *lint, const struct tree_node *values, unsigned types);
/* Characters of a token, decoded if it is a string. */
size_t lint_length(struct span token);

#endif
