/* SPDX-License-Identifier: MIT */
/* UTF-8 by the letter (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TEPLO_PROTO_UTF8_H
#define TEPLO_PROTO_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { UTF8_LONGEST = 4 };

/* The length of the sequence at AT, which is before END; 0 if there is no whole, valid one. */
size_t utf8_length(const char *at, const char *end);
/* The code point of a sequence of LENGTH that utf8_length accepted. */
uint32_t utf8_point(const char *at, size_t length);
/* Writes the sequence of POINT, at most UTF8_LONGEST bytes; its length. */
size_t utf8_write(uint32_t point, char *to);

#endif
