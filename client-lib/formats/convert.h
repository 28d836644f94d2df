/* SPDX-License-Identifier: MIT */
/*
 * A schema in normal form becomes what one target takes.  Called by toolset; calls the table of
 * targets.  What the target cannot say goes into descriptions, as ` [k: v; k: v]`.
 */
#ifndef TEPLO_FORMATS_CONVERT_H
#define TEPLO_FORMATS_CONVERT_H

#include "client-lib/formats/normalise.h"
#include "client-lib/formats/targets.h"
#include "client-lib/formats/toolset.h"

struct converted {
    struct tree_node *schema; /* NULL: the target wants none */
    struct span remark;       /* for the tool's description, if there is no schema; or none */
    struct format_place *places;
    struct tree_node *aliases; /* as format_tool's */
    struct span refused;       /* why there is no schema; none: there is one */
};

/*
 * SCHEMA gets the aliases of its properties and the marks of its nodes (toolset.h).  FLAGS:
 * TEPLO_T_MODE_ANY.  The arena's failure is the caller's to look for.
 */
void convert(struct arena *arena, enum target target, unsigned flags, struct tree_node *schema,
             struct converted *ret);

#endif
