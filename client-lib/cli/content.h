/* SPDX-License-Identifier: MIT */
/* The content of a tool's result, for people and for pipes. */
#ifndef TEPLO_CLI_CONTENT_H
#define TEPLO_CLI_CONTENT_H

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"

/*
 * Prints text blocks decoded, other blocks as one line each (`[image image/png 12.3 KiB]`),
 * and structuredContent when there is no text.  RESULT is a span of checked JSON.
 */
void content_print(enum form form, struct span result);

#endif
