/* SPDX-License-Identifier: MIT */
/*
 * Text of others made fit for a terminal.  Control bytes (escape sequences, C1
 * controls in UTF-8 too), marks that turn the direction of writing, and bytes
 * that are not UTF-8 become U+FFFD.
 */
#ifndef TEPLO_PROTO_PRINTABLE_H
#define TEPLO_PROTO_PRINTABLE_H

#include "proto/base/bytes.h"

/* Newlines and TABs stay; a CR before a newline goes. */
void printable_block(struct bytes *out, struct span text);
/* One line and one field: newlines and TABs become blanks. */
void printable_line(struct bytes *out, struct span text);
/* Code points: the columns it takes, for nearly all texts. */
size_t printable_width(struct span text);
/* The text is UTF-8 from end to end. */
bool printable_is_utf8(struct span text);

#endif
