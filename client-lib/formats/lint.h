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
    /* What is wrong, and where in the schema; empty if nothing is. */
    char reason[128];
};

/* True: the provider takes it.  DECLARATION is any JSON. */
bool lint_declaration(struct lint *lint, const struct tree_node *declaration);

/* For lint_declaration: a schema of a target, by the target's table. */
bool lint_json_schema(struct lint *lint, enum target target, const struct tree_node *schema);
bool lint_gemini_schema(struct lint *lint, const struct tree_node *schema);
/* Sets the reason, the first counts; false. */
bool lint_fail(struct lint *lint, const char *reason);

#endif
