/* SPDX-License-Identifier: MIT */
/* What the parts of convert know of each other. */
#ifndef TEPLO_FORMATS_CONVERT_PRIV_H
#define TEPLO_FORMATS_CONVERT_PRIV_H

#include "client-lib/formats/convert.h"
#include "proto/base/hashmap.h"

enum {
    CONVERT_DEPTH = 100,
    CONVERT_NODES = 20000,
    /* Keys of a tool that get another name. */
    ALIASES_MAXIMUM = 1000,
};

/* A step from a schema to one in it. */
struct step {
    struct span schema;   /* in the schema, as the vectors and refusals name it; none: no step */
    struct span argument; /* in the arguments; none: no step there */
};

struct conversion {
    struct arena *arena;
    enum target target;
    const struct target_limits *limits;
    struct tree_node *root; /* in normal form */
    struct step steps[CONVERT_DEPTH + 1];
    size_t depth;
    size_t nodes;
    struct format_place *places;
    struct format_place **places_end;
    struct hashmap own_keys; /* keys that the target allows -> a property */
    struct hashmap renamed;  /* other keys -> a node of `aliases`, with its alias */
    struct hashmap taken;    /* aliases -> the same */
    struct tree_node *aliases;
    struct hashmap known_places; /* the same, by all that each of them says */
    struct span refused;
};

/* What is said of a schema in its description. */
struct remarks {
    struct bytes text; /* with "; " between */
};

void remarks_init(struct remarks *remarks, struct conversion *conversion);
/* WORD: VALUE as JSON.  WORD NULL: the value alone. */
void remark_value(struct remarks *remarks, const char *word, const struct tree_node *value);
void remark_text(struct remarks *remarks, const char *word, struct span text);
/* Sets OUT's description: the one given, or none, and the remarks; frees them. */
void remarks_write(struct remarks *remarks, struct conversion *conversion, struct tree_node *out,
                   const struct tree_node *description);

/* False, and refused, if there are too many schemas or they are too deep: then only leave. */
bool conversion_enter(struct conversion *conversion, struct step step);
void conversion_leave(struct conversion *conversion);
/* The first refusal counts.  WORDS, and where. */
void conversion_refuse(struct conversion *conversion, const char *words);
/* Where the conversion is, in the provider's arguments. */
void conversion_place(struct conversion *conversion, enum format_change change, struct span key);
struct step step_property(struct conversion *conversion, const struct tree_node *property);
struct step step_items(void);
struct step step_other(const char *word);
struct step step_member(struct conversion *conversion, const char *word, size_t index);

/* Gives the properties in SCHEMA the keys that the target allows. */
void alias_properties(struct conversion *conversion, struct tree_node *schema);
/* The provider's key of a property, a string token. */
struct span alias_of(const struct tree_node *property);
/* The provider's key for the tool's KEY, a string token; PROPERTIES may be without it, or NULL. */
struct span alias_of_key(struct conversion *conversion, const struct tree_node *properties,
                         struct span key);
/* An object of lists of keys, as "dependentRequired" is, in the provider's keys. */
struct tree_node *alias_names_map(struct conversion *conversion, const struct tree_node *properties,
                                  const struct tree_node *map);
/* VALUE behind WORD, or a copy in the provider's keys: to be described to the model. */
const struct tree_node *alias_remark(struct conversion *conversion, enum keyword word,
                                     const struct tree_node *value);
/* "required" in the provider's keys, of the properties that are there. */
struct tree_node *alias_required(struct conversion *conversion, const struct tree_node *schema);
/* A remark on a key that says nothing to the model any more. */
void remark_lost_key(struct remarks *remarks, struct conversion *conversion,
                     const struct tree_node *property);

/*
 * NODE, a copy in normal form, said without const, oneOf, allOf and enums of several types; objects
 * and arrays have their type; beside anyOf there is nothing that belongs into its members.
 */
struct tree_node *simplify(struct conversion *conversion, struct tree_node *node);
/* No value of NODE's enum stands there twice, or is of a type that NODE does not have. */
void settle_enum(struct conversion *conversion, struct tree_node *node);
/* Null fits the schema in normal form. */
bool allows_null(const struct conversion *conversion, const struct tree_node *schema);
const struct tree_node *resolve(const struct tree_node *root, const struct tree_node *node);

struct tree_node *convert_json(struct conversion *conversion, struct tree_node *source);
struct tree_node *convert_gemini(struct conversion *conversion, struct tree_node *source);

#endif
