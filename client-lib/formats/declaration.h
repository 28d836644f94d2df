/* SPDX-License-Identifier: MIT */
/* One tool as the provider's request has it. */
#ifndef TEPLO_FORMATS_DECLARATION_H
#define TEPLO_FORMATS_DECLARATION_H

#include "client-lib/formats/targets.h"

struct declaration {
    enum teplo_provider provider;
    struct span name;
    struct span description;        /* none: the server gave none */
    const struct tree_node *schema; /* converted; NULL: the provider wants none */
    int is_strict;
    int says_strict; /* "strict" is written though it is false */
};

void declaration_write(const struct declaration *declaration, struct bytes *out);
/*
 * TEXT and, behind it, REMARK in brackets; none if there is neither.  MOST characters, 0 for any
 * number: TEXT is cut first, and *RET_CUT set.
 */
void declaration_describe(struct span text, struct span remark, size_t most, struct bytes *out,
                          int *ret_cut);
/* Characters, not bytes. */
size_t text_length(struct span text);

#endif
