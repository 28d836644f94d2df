/* SPDX-License-Identifier: MIT */
/*
 * The arguments of a call, from the words of the command line to raw JSON.  JSON the
 * user wrote keeps its bytes: large integers and the order of keys pass as they are.
 */
#ifndef TEPLO_CLI_TOOL_ARGUMENTS_H
#define TEPLO_CLI_TOOL_ARGUMENTS_H

#include <stdbool.h>

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"

enum { TOOL_ARGUMENTS_MAXIMUM = 64 << 20 };

struct tool_argument {
    char *key;          /* owned */
    struct bytes value; /* the text given, or the file's content */
    bool is_json;       /* `key:=`, to be taken as JSON whatever the schema says */
};

/* Read from the words; not yet typed. */
struct tool_arguments {
    struct tool_argument *list; /* owned; NULL: the arguments are `whole` */
    size_t count;
    struct bytes whole; /* a checked JSON object on one line */
};

/* WORDS as in `teploctl call TOOL WORDS`.  STATUS_OK, or a complaint and STATUS_USAGE. */
enum exit_status tool_arguments_read(struct tool_arguments *arguments,
                                     const struct command *command, const char *const *words,
                                     size_t count);
void tool_arguments_done(struct tool_arguments *arguments);

/* Some value has to be typed: tool_arguments_write wants the tool's inputSchema. */
bool tool_arguments_want_schema(const struct tool_arguments *arguments);

/* The JSON object appended to OUT.  SCHEMA may be none.  STATUS_OK, or a complaint. */
enum exit_status tool_arguments_write(const struct tool_arguments *arguments,
                                      const struct command *command, struct span schema,
                                      struct bytes *out);

#endif
