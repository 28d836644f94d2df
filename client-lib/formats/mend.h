/* SPDX-License-Identifier: MIT */
/*
 * Half a surrogate pair in an escape is JSON and no text: Python and JavaScript write it, many
 * servers and all providers refuse it.  It becomes U+FFFD.
 */
#ifndef TEPLO_FORMATS_MEND_H
#define TEPLO_FORMATS_MEND_H

#include "client-lib/formats/tree.h"

/* TOKEN, a string's, as it is or mended. */
struct span mend_token(struct arena *arena, struct span token);
/* All strings of the tree, and keys. */
void mend_tree(struct arena *arena, struct tree_node *root);

#endif
