/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/mend.h"

struct span mend_token(struct arena *arena, struct span token)
{
    struct span whole = token;
    struct bytes text;

    if (memchr(token.at, '\\', token.length) == NULL) {
        return token;
    }
    bytes_init(&text, 4 * token.length);
    if (!json_string_decode(token, &text)) {
        if (!text.failed) {
            tree_token_text(token, &text);
        }
        whole = text.failed ? arena_take(arena, &text) : tree_key(arena, bytes_span(&text));
    }
    bytes_done(&text);
    return whole;
}

void mend_tree(struct arena *arena, struct tree_node *root)
{
    for (struct tree_node *node = root; node != NULL; node = tree_next(root, node)) {
        if (node->kind == JSON_STRING) {
            node->token = mend_token(arena, node->token);
        }
        if (!span_is_none(node->key)) {
            node->key = mend_token(arena, node->key);
        }
    }
}
