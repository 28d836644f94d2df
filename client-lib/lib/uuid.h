/* SPDX-License-Identifier: MIT */
/* Names of calls, as dev.teplo/call has them. */
#ifndef TEPLO_LIB_UUID_H
#define TEPLO_LIB_UUID_H

#include <stdbool.h>

#include "proto/base/check.h"

enum { UUID_TEXT_SIZE = 37 };

/* A new UUIDv7 (RFC 9562, 5.7), with a NUL.  -EAGAIN if the kernel has no randomness yet. */
MUST_CHECK int uuid_make(char text[UUID_TEXT_SIZE]);
/* TEXT is a UUID of any version and case. */
bool uuid_is(const char *text);

#endif
