/* SPDX-License-Identifier: MIT */
/*
 * Edits to a checked JSON text, applied in one copy.  Everything not edited
 * keeps its bytes, except CR and LF between tokens, which are dropped so that the
 * outcome fits one frame (a hostile server could otherwise forge messages: a raw
 * newline in its body would start a new frame at the client).
 */
#ifndef TEPLO_PROTO_SPLICE_H
#define TEPLO_PROTO_SPLICE_H

#include "proto/base/bytes.h"

/* Every second of the 64 members of a `_meta` dropped, and what the caller adds. */
enum { SPLICE_EDITS_MAXIMUM = 40 };

struct edit {
    struct span at;   /* inside the text; length 0 inserts */
    struct span with; /* borrowed until splice_write */
};

struct splice {
    struct span text;
    struct edit edits[SPLICE_EDITS_MAXIMUM];
    unsigned count;
    bool overflow; /* more edits than fit: splice_write fails */
};

void splice_init(struct splice *splice, struct span text);
/*
 * AT lies inside the text and overlaps no other edit.  Inserts at one place keep their
 * order, and come before a replacement that begins there.
 */
void splice_replace(struct splice *splice, struct span at, struct span with);
void splice_insert(struct splice *splice, const char *at, struct span with);
/*
 * Remove members of OBJECT (inside the text) for which DROP says so, with the comma
 * that goes with each.  True if at least one member stays.
 */
typedef bool (*splice_drop_fn)(struct span key, void *context);
bool splice_drop_members(struct splice *splice, struct span object, splice_drop_fn drop,
                         void *context);
/* Append the edited text to OUT.  A failure shows in OUT->failed. */
void splice_write(const struct splice *splice, struct bytes *out);
/* Append JSON, or a piece of it, without the CR and LF between its tokens. */
void splice_append_line(struct bytes *out, struct span json);

#endif
