/* SPDX-License-Identifier: MIT */
/* SHA-1, by which Redis knows a script.  Not for secrets.  Pure. */
#ifndef TEPLO_HEALTH_SHA1_H
#define TEPLO_HEALTH_SHA1_H

#include "proto/base/bytes.h"

enum { SHA1_TEXT_SIZE = 41 };

/* In hexadecimal digits, small letters. */
void sha1_text(struct span text, char out[SHA1_TEXT_SIZE]);

#endif
