/* SPDX-License-Identifier: MIT */
/* stdout.  Errors in writing are kept and told once, by output_end. */
#ifndef TEPLO_CLI_OUTPUT_H
#define TEPLO_CLI_OUTPUT_H

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"

/* As it is. */
void output_span(struct span text);
/* As it is; a buffer that failed counts as an error in writing. */
void output_bytes(const struct bytes *bytes);
/* Text of others: made printable for FORM_SCREEN, as it is for the other forms. */
void output_foreign(enum form form, struct span text);
/* Raw JSON and a newline, byte for byte, but made printable when stdout is a terminal. */
void output_json(struct span json);
/* STATUS if all was written, else a complaint and STATUS_RESULT_LOST. */
enum exit_status output_end(enum exit_status status);

#endif
