/* SPDX-License-Identifier: MIT */
/*
 * What goes to stderr: one line, `teploctl: ...` or whatever the program's name is, safe
 * for a terminal whatever text of others is in it.
 */
#ifndef TEPLO_CLI_COMPLAINT_H
#define TEPLO_CLI_COMPLAINT_H

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"
#include "proto/base/check.h"

/* The program's own name; defined beside its main. */
extern const char complaint_program[];

void complaint(const char *format, ...) PRINTF_LIKE(1, 2);
/* Ends with where to read on: COMMAND's help, or all of it for NULL.  Returns STATUS_USAGE. */
enum exit_status complaint_usage(const struct command *command, const char *format, ...)
    PRINTF_LIKE(2, 3);

/*
 * What this thread complains of is appended to KEPT, without a newline or the program's name,
 * instead of going to stderr; NULL: no longer.
 */
void complaint_keep(struct bytes *kept);

/* One line on stderr, a terminal, which the next such line, or a complaint, replaces. */
void complaint_show_progress(struct span text);
/* Call before something else is printed. */
void complaint_clear_progress(void);

#endif
