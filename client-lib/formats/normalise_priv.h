/* SPDX-License-Identifier: MIT */
/* What the parts of normalise know of each other. */
#ifndef TEPLO_FORMATS_NORMALISE_PRIV_H
#define TEPLO_FORMATS_NORMALISE_PRIV_H

#include "client-lib/formats/normalise.h"
#include "proto/base/hashmap.h"

/* A schema that references are kept to. */
struct schema_def {
    const struct tree_node *target;
    struct span name;       /* of the member of $defs, a key token */
    struct span reference;  /* "#/$defs/NAME", a string token */
    struct tree_node *body; /* NULL: not made yet */
    struct schema_def *next;
};

/* What is known of a schema that a reference leads to. */
struct schema_target {
    const struct tree_node *target;
    bool is_listed; /* `reaches` is whole */
    bool is_asked;  /* is_recursive is known */
    bool is_recursive;
    struct schema_reach *reaches;          /* what the references in it lead to, each once */
    const struct schema_target *listed_by; /* whose list it was last put into */
    const struct schema_target *seen_by;   /* for whose sake it was last looked at */
    struct schema_target *waits_for;       /* the next one to be looked at */
    struct schema_target *next;
};

struct schema_reach {
    struct schema_target *target;
    struct schema_reach *next;
};

/* A reference that was looked for. */
struct reference {
    const struct tree_node *target; /* NULL: it leads nowhere */
    bool is_local;                  /* it is meant to be in the root */
    struct schema_target *known;    /* of the target, if it was asked for */
};

struct references {
    struct hashmap known;   /* string token -> struct reference */
    struct hashmap anchors; /* name -> the schema that has it */
    bool has_anchors;
};

enum normal_trouble {
    NORMAL_FINE,
    NORMAL_TOO_MANY, /* EXPANDED_MAXIMUM */
    NORMAL_TOO_DEEP, /* SCHEMA_DEPTH */
    NORMAL_TARGETS,  /* TARGETS_MAXIMUM */
};

struct normal {
    struct arena *arena;
    const struct tree_node *source; /* the root as given */
    struct references *references;
    enum recursion recursion;
    bool keeps_all; /* references stay: expanded, they were too many */
    const struct tree_node *within[SCHEMA_DEPTH]; /* targets that are being inlined */
    size_t within_count;
    size_t depth;
    size_t expanded;
    struct span path[2 * SCHEMA_DEPTH + 2]; /* plain texts, of the arena */
    size_t path_count;
    struct schema_target *targets;
    struct schema_def *defs;
    size_t def_count;
    enum normal_trouble trouble;
    struct schema_note *notes;
    struct schema_note **notes_end;
};

/* A schema in normal form, new; an empty one when there is trouble. */
struct tree_node *normal_schema(struct normal *normal, const struct tree_node *source);
/* The same without looking at "$ref". */
struct tree_node *normal_keywords(struct normal *normal, const struct tree_node *source);
/* For a SOURCE with a reference. */
struct tree_node *normal_reference(struct normal *normal, const struct tree_node *source,
                                   struct span reference);
/* The reference of SOURCE, a string token; or none. */
struct span reference_of(const struct tree_node *source);
/* The reference with this text, a string token; NULL when there is no memory. */
struct reference *normal_find(struct normal *normal, struct span reference);
/* What FOUND leads to refers to itself, or to what it is in. */
bool normal_is_recursive(struct normal *normal, struct reference *found);
/* What NODE refers to, if it is nothing but a kept reference to a def that is made; else NODE. */
struct tree_node *normal_follow(const struct normal *normal, struct tree_node *node);
/* Makes the root what the root of a tool's schema has to be; false, RET->refused, if that cannot
 * be.
 */
bool normal_root(struct normal *normal, struct normalised *ret);

/* ROOT, whole, gets what those need who read it. */
void normal_finish(struct normal *normal, struct tree_node *root);

/* MADE, of SOURCE, with null among its values if OpenAPI's "nullable" says so. */
struct tree_node *normal_nullable(struct normal *normal, struct tree_node *made,
                                  const struct tree_node *source);

/* "required" names each property of MADE at most once, and nothing else. */
void normal_required(struct normal *normal, struct tree_node *made);

void normal_push(struct normal *normal, const char *word, struct span key);
void normal_pop(struct normal *normal);
/* Where the path is. */
void normal_note(struct normal *normal, const char *reason);
/* Adds a remark to NODE's "$comment". */
void normal_remark(struct arena *arena, struct tree_node *node, struct span remark);

enum merge {
    MERGE_ALL,  /* both hold, as in allOf */
    MERGE_OVER, /* the second wins */
};

/*
 * Puts FROM, which is used up, into TO.  False if both cannot be said at once in one schema; TO is
 * then worth nothing.  MERGE_OVER is always true.
 */
bool schema_merge(struct arena *arena, struct tree_node *to, struct tree_node *from,
                  enum merge merge);

#endif
