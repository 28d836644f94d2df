/* SPDX-License-Identifier: MIT */
/* A pool's tools in the format of a model's provider: `teploctl tools --format openai`. */
#ifndef TEPLO_CLI_TOOL_FORMAT_H
#define TEPLO_CLI_TOOL_FORMAT_H

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"
#include "proto/base/check.h"

struct teplo_toolset;

/* The number of the provider that WORD stands for; 0: there is none. */
int tool_format_find(const char *word);
/* The words for all, with commas between. */
void tool_format_append_words(struct bytes *out);

/* An empty toolset, or NULL with a complaint. */
MUST_CHECK struct teplo_toolset *tool_format_new(const struct invocation *invocation);
/* The tools of a page; false, with a complaint, if they cannot be added. */
MUST_CHECK bool tool_format_add(struct teplo_toolset *toolset, const struct invocation *invocation,
                                struct span result);
/* The array to stdout, and what became of the tools to stderr, a line each. */
void tool_format_print(const struct teplo_toolset *toolset);

#endif
