/* SPDX-License-Identifier: MIT */
/*
 * A tool's result, or why there is none, cut into what a provider can take: text, and media.
 * Whatever a server sends, each block becomes a piece or a note about it, but for those that are
 * not meant for the model.
 */
#ifndef TEPLO_FORMATS_PIECES_H
#define TEPLO_FORMATS_PIECES_H

#include "client-lib/formats/answer_form.h"
#include "client-lib/formats/tree.h"

/* The text of one result, in bytes. */
enum { RESULT_TEXT_MAXIMUM = 256 * 1024 };

enum piece_kind {
    PIECE_TEXT,
    PIECE_DOCUMENT, /* text, with the URI it is from */
    PIECE_MEDIA,    /* in the answer */
    PIECE_SEPARATE, /* media, behind all answers; a note in the answer says so */
};

/* Texts are decoded. */
struct piece {
    enum piece_kind kind;
    struct span text; /* of a PIECE_SEPARATE: what it is */
    struct span uri;
    enum media_type type;
    struct span base64;
    struct piece *next;
};

struct pieces {
    struct arena *arena;            /* borrowed: owns all that is below */
    const struct answer_form *form; /* borrowed */
    uint32_t flags;                 /* TEPLO_T_... */
    bool is_error;
    struct piece *first;
    struct piece *last;
    struct piece *last_text;
    size_t text_length;
    size_t left_out; /* bytes of text beyond RESULT_TEXT_MAXIMUM */
    /* The only piece is this value of the server's own, canonical; NULL: it is not. */
    struct tree_node *structured;
};

void pieces_init(struct pieces *pieces, struct arena *arena, const struct answer_form *form,
                 uint32_t flags);
/* RESULT is a CallToolResult as received, or whatever stands in its place. */
void pieces_add_result(struct pieces *pieces, struct span result);
/* ERROR has class, message, outcome: why the call has no result.  None: nobody said. */
void pieces_add_error(struct pieces *pieces, struct span error);
/* The same of a call that was never made: its message says all. */
void pieces_add_refusal(struct pieces *pieces, struct span error);

#endif
