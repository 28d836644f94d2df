/* SPDX-License-Identifier: MIT */
/*
 * The little of JSON Schema that the command line needs: which types a property of a
 * tool's inputSchema may have.  Schemas are spans of checked JSON from a server, so
 * they may say anything; what is not understood is "not known", never an error.
 */
#ifndef TEPLO_CLI_SCHEMA_H
#define TEPLO_CLI_SCHEMA_H

#include <stdbool.h>

#include "proto/base/bytes.h"

enum schema_index {
#define TYPE(name, word) SCHEMA_INDEX_##name,
#include "client-lib/cli/schema_types.def"
#undef TYPE
    SCHEMA_TYPE_COUNT
};

/* A set of types is these, ored; SCHEMA_ANY: not known, so anything may be right. */
enum schema_type {
    SCHEMA_ANY = 0,
#define TYPE(name, word) SCHEMA_##name = 1 << SCHEMA_INDEX_##name,
#include "client-lib/cli/schema_types.def"
#undef TYPE
};

/* The schema of the argument KEY in the inputSchema ROOT, or none. */
struct span schema_property(struct span root, const char *key);
/* The types that SCHEMA, a part of ROOT, allows: type, const, enum, anyOf, oneOf, allOf, $ref. */
unsigned schema_types(struct span root, struct span schema);
bool schema_accepts(unsigned types, struct span value);
/* `integer|null`, or `any`. */
void schema_types_print(struct bytes *out, unsigned types);
/* `(query*: string, limit: integer|null)`: the arguments, * behind those that are required. */
void schema_signature(struct bytes *out, struct span root);

#endif
