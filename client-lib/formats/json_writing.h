/* SPDX-License-Identifier: MIT */
/* What the parts of convert_json know of each other. */
#ifndef TEPLO_FORMATS_JSON_WRITING_H
#define TEPLO_FORMATS_JSON_WRITING_H

#include "client-lib/formats/convert_priv.h"

/* A schema that is being written. */
struct writing {
    struct conversion *conversion;
    struct tree_node *node; /* simplified, used up */
    struct tree_node *out;
    struct remarks remarks;
};

static inline bool has_rule(const struct conversion *conversion, enum target_rule rule)
{
    return (conversion->limits->rules & (unsigned)rule) != 0;
}

/* VALUE behind WORD, which the target takes as it is, but for the schemas in it. */
void json_keep(struct writing *writing, enum keyword word, struct tree_node *value);
/* All words of the node, each as the target's table says. */
void json_write_words(struct writing *writing);

#endif
