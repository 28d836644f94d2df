/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "proto/printable.h"

/* The first error in writing; one per process, as stdout is. */
static int fault;

void output_span(struct span text)
{
    if (text.length > 0 && fault == 0 && fwrite(text.at, 1, text.length, stdout) != text.length) {
        fault = errno == 0 ? EIO : errno;
    }
}

void output_bytes(const struct bytes *bytes)
{
    if (bytes->failed) {
        fault = ENOMEM;
        return;
    }
    output_span(bytes_span(bytes));
}

void output_foreign(enum form form, struct span text)
{
    struct bytes shown;

    if (form != FORM_SCREEN) {
        output_span(text);
        return;
    }
    bytes_init(&shown, 3 * text.length);
    printable_block(&shown, text);
    output_bytes(&shown);
    bytes_done(&shown);
}

void output_json(struct span json)
{
    output_foreign(isatty(STDOUT_FILENO) == 1 ? FORM_SCREEN : FORM_JSON, json);
    output_span(SPAN("\n"));
}

enum exit_status output_end(enum exit_status status)
{
    if (fflush(stdout) != 0 && fault == 0) {
        fault = errno;
    }
    if (fault == 0) {
        return status;
    }
    complaint("stdout cannot be written: %s", strerror(fault));
    return STATUS_RESULT_LOST;
}
