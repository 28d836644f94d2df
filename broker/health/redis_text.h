/* SPDX-License-Identifier: MIT */
/*
 * How names, texts and numbers look in Redis, so that every reader takes a text for a text
 * and a number for a number: Grafana's Redis plugin runs Go's ParseFloat on each value, and
 * the first row decides what a column is.  Pure functions; rules in proto/REDIS.md.
 */
#ifndef TEPLO_HEALTH_REDIS_TEXT_H
#define TEPLO_HEALTH_REDIS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Values of 64 bytes at most keep a hash in its compact encoding. */
enum { REDIS_TEXT_SIZE = 65 };

/*
 * TEXT cut to SIZE - 1 bytes of printable ASCII; whatever else is in it becomes '?'.  "-" for
 * NULL and for blank text; '~' in front of what a reader would take for a number.  Its length.
 */
size_t redis_text_clean(char *out, size_t size, const char *text);

/* Some reader may take TEXT for a number: 12e4, 0x1p2, 1_0, inf, nan. */
bool redis_text_is_number(const char *text);

/* At most three places, no exponent; 0 for what is not finite.  Its length. */
size_t redis_text_decimal(char *out, size_t size, double value);

/* [a-z][a-z0-9_-]{0,31} and no number: good as a namespace or as a pool's name. */
bool redis_text_is_name(const char *text);

#endif
