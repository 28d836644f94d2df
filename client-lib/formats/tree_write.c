/* SPDX-License-Identifier: MIT */
/* What goes out of trees: text, and JSON in canonical form. */
#include "client-lib/formats/tree.h"

enum {
    ESCAPE_LENGTH = 6, /* \uXXXX */
    HIGH_SURROGATE = 0xd800,
    LOW_SURROGATE = 0xdc00,
    SURROGATES_END = 0xe000,
};

static unsigned hex_value(char c)
{
    unsigned char lower = (unsigned char)c | 0x20U;

    return lower >= 'a' ? lower - 'a' + 10U : lower - (unsigned)'0';
}

/* The unit of the \uXXXX at AT, or 0 if none is there. */
static unsigned unit_at(struct span token, size_t at)
{
    unsigned unit = 0;

    if (token.length < at + ESCAPE_LENGTH || token.at[at] != '\\' || token.at[at + 1] != 'u') {
        return 0;
    }
    for (size_t i = 2; i < ESCAPE_LENGTH; i++) {
        unit = unit << 4 | hex_value(token.at[at + i]);
    }
    return unit;
}

/* How many bytes of TOKEN at AT stand for one character; *RET_HALF: half of a pair does. */
static size_t step_at(struct span token, size_t at, bool *ret_half)
{
    unsigned unit = unit_at(token, at);
    unsigned second;

    *ret_half = false;
    if (unit < HIGH_SURROGATE || unit >= SURROGATES_END) {
        return token.at[at] == '\\' ? (unit != 0 ? ESCAPE_LENGTH : 2) : 1;
    }
    second = unit_at(token, at + ESCAPE_LENGTH);
    if (unit < LOW_SURROGATE && second >= LOW_SURROGATE && second < SURROGATES_END) {
        return (size_t)2 * ESCAPE_LENGTH;
    }
    *ret_half = true;
    return ESCAPE_LENGTH;
}

/* TOKEN with U+FFFD for each half of a surrogate pair. */
static void mend(struct span token, struct bytes *out)
{
    for (size_t at = 0; at < token.length;) {
        bool half;
        size_t step = step_at(token, at, &half);

        bytes_append_span(out, half ? SPAN("\\ufffd") : (struct span){token.at + at, step});
        at += step;
    }
}

void tree_token_text(struct span token, struct bytes *out)
{
    struct bytes mended;

    if (json_kind_of(token) != JSON_STRING || json_string_decode(token, out) || out->failed) {
        return;
    }
    bytes_init(&mended, token.length);
    mend(token, &mended);
    if (mended.failed || !json_string_decode(bytes_span(&mended), out)) {
        out->failed = true;
    }
    bytes_done(&mended);
}

void tree_text(const struct tree_node *node, struct bytes *out)
{
    if (tree_kind(node) == JSON_STRING) {
        tree_token_text(node->token, out);
    }
}

static void write_start(const struct tree_node *root, const struct tree_node *node,
                        struct bytes *out)
{
    if (node != root && node->previous != NULL) {
        bytes_append_char(out, ',');
    }
    if (node != root && !span_is_none(node->key)) {
        bytes_append_span(out, node->key);
        bytes_append_char(out, ':');
    }
    if (node->kind == JSON_OBJECT || node->kind == JSON_ARRAY) {
        bytes_append_char(out, node->kind == JSON_OBJECT ? '{' : '[');
    } else {
        bytes_append_span(out, node->token);
    }
}

static void write_end(const struct tree_node *node, struct bytes *out)
{
    if (node->kind == JSON_OBJECT || node->kind == JSON_ARRAY) {
        bytes_append_char(out, node->kind == JSON_OBJECT ? '}' : ']');
    }
}

void tree_write(const struct tree_node *node, struct bytes *out)
{
    const struct tree_node *at = node;

    while (!out->failed) {
        write_start(node, at, out);
        if (at->first != NULL) {
            at = at->first;
            continue;
        }
        write_end(at, out);
        while (at != node && at->next == NULL) {
            at = at->parent;
            write_end(at, out);
        }
        if (at == node) {
            return;
        }
        at = at->next;
    }
}
