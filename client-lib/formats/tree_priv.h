/* SPDX-License-Identifier: MIT */
/* What the parts of the tree know of each other. */
#ifndef TEPLO_FORMATS_TREE_PRIV_H
#define TEPLO_FORMATS_TREE_PRIV_H

#include "client-lib/formats/tree.h"

/* NODE, with its key, becomes the last of CONTAINER; equal keys are not looked for. */
void tree_append(struct tree_node *container, struct tree_node *node);

#endif
