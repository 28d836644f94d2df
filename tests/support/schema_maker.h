/* SPDX-License-Identifier: MIT */
/*
 * Tools' input schemas as servers write them, at random but the same for the same seed, and
 * arguments that such a schema allows.
 */
#ifndef TEPLO_TESTS_SCHEMA_MAKER_H
#define TEPLO_TESTS_SCHEMA_MAKER_H

#include "client-lib/formats/tree.h"

struct schema_maker {
    uint64_t state; /* of the generator, not 0 */
    unsigned depth; /* of the part in hand */
    unsigned defs;  /* schemas in "$defs" of the schema in hand */
};

struct schema_maker schema_maker_of(uint64_t seed);
/* A number from 0 to BELOW - 1. */
unsigned schema_maker_pick(struct schema_maker *maker, unsigned below);
/* An object schema, as text appended to OUT. */
void schema_maker_schema(struct schema_maker *maker, struct bytes *out);
/*
 * An object that SCHEMA allows, which this maker, or another, made and tree_parse read: appended to
 * OUT.
 */
void schema_maker_arguments(struct schema_maker *maker, const struct tree_node *schema,
                            struct bytes *out);

#endif
