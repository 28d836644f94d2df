/* SPDX-License-Identifier: MIT */
/*
 * The tools of one or more listings, in one provider's format, and what is needed to read the
 * model's calls of them: teplo_toolset_new, _add, _error, _tools, _diagnostics and _free are here;
 * teplo_toolset_calls and _answers (calls.c, answers.c) read the struct below and change nothing in
 * it.  Nothing in it changes or moves from one teplo_toolset_add to the next.
 */
#ifndef TEPLO_FORMATS_TOOLSET_H
#define TEPLO_FORMATS_TOOLSET_H

#include <stdint.h>

#include "client-lib/formats/tree.h"
#include "client-lib/include/teplo.h"

/* What a node of format_tool.schema became in the declaration: tree_node.marks. */
enum schema_mark {
    /* The model writes the value as JSON text in a string: the provider has no type for it. */
    MARK_JSON_TEXT = 1,
    /* Strict mode made the argument required and nullable: null stands for "not given". */
    MARK_NULL_ADDED = 2,
};

enum format_change {
    CHANGE_RENAMED,   /* the provider's key at AT stands for KEY */
    CHANGE_NULL,      /* MARK_NULL_ADDED */
    CHANGE_JSON_TEXT, /* MARK_JSON_TEXT */
};

/*
 * AT is a path into the arguments in the provider's naming: `/key` for a property (`~` and `/` in
 * it as ~0 and ~1, RFC 6901), `/` and `*` for any element of an array or any additional value. What
 * lies in a recursive schema has the path on which it is met first.
 */
struct format_place {
    enum format_change change;
    struct span at;
    struct span key; /* the tool's own key, as a string token; none unless RENAMED */
    struct format_place *next;
};

/*
 * A tool that the model is told of.  Texts are decoded, with a NUL behind them.
 *
 * SCHEMA is the input schema in normal form, with the tool's own keys, by which arguments are
 * decoded:
 *  - The root is an object schema with "properties".  `definitions` are "$defs" of the root.
 *  - A node is an object; {} stands for true; {"not":{}} for false (no value is right).
 *  - A "$ref" is left only where it is recursive, or where all would be too much: it is
 *    "#/$defs/NAME" and alone in its node; format_resolve() follows it.
 *  - allOf is merged where that can be done; anyOf and oneOf have two members or more.
 *  - In "properties", tree_node.alias of a value is the provider's key as a string token if it is
 *    not the tool's own (tree_node.key); none if it is.  tree_node.marks: enum schema_mark.
 *    An alias is unique in the tool: it stands for one key, and is none.
 *  - Objects of many properties are sorted: tree_find is fast.
 */
struct format_tool {
    struct span server; /* none: the only pool */
    struct span name;   /* the tool's own */
    struct span public_name;
    const struct tree_node *original; /* inputSchema as the server gave it; NULL: none */
    const struct tree_node *schema;
    const struct tree_node *aliases;   /* the provider's key -> the tool's own, if it is another */
    const struct format_place *places; /* in the order of the declaration */
    int is_strict;                     /* declared with strict: true */
    struct format_tool *next;          /* in the server's order, then the next listing's */
};

/* The first tool; NULL: there is none. */
const struct format_tool *format_first(const struct teplo_toolset *toolset);
size_t format_count(const struct teplo_toolset *toolset);
/* The tool with exactly this public name, or NULL. */
const struct format_tool *format_find(const struct teplo_toolset *toolset, struct span public_name);
/* The tool at INDEX in format_first's order: INDEX < format_count. */
const struct format_tool *format_at(const struct teplo_toolset *toolset, size_t index);
enum teplo_provider format_provider(const struct teplo_toolset *toolset);
/* TEPLO_T_... as given to teplo_toolset_new. */
uint32_t format_flags(const struct teplo_toolset *toolset);
/*
 * NODE of TOOL->schema, or what its "$ref" leads to, over any number of them; NULL if it leads
 * nowhere.  What it returns has no "$ref".
 */
const struct tree_node *format_resolve(const struct format_tool *tool,
                                       const struct tree_node *node);
/* Sets the text that teplo_toolset_error gives; for functions of TOOLSET that fail.  Cut if long.
 */
void format_complain(struct teplo_toolset *toolset, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
