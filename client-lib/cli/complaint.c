/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/complaint.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/printable.h"

/* A byte that is not UTF-8 becomes three: so much room a printable line may need. */
enum { LINE_MAXIMUM = 4096, LINE_ROOM = 16384, PROGRESS_MAXIMUM = 70 };

/* A progress line stands on the terminal; one per process, as stderr is. */
static bool has_progress;

/* Where this thread's complaints go; NULL: stderr. */
static _Thread_local struct bytes *kept_in;

void complaint_keep(struct bytes *kept)
{
    kept_in = kept;
}

static void print(const char *format, va_list arguments, const char *tail) PRINTF_LIKE(1, 0);

/* Longer text is cut; the cut may fall into a character, which printable_line mends. */
static void print(const char *format, va_list arguments, const char *tail)
{
    char text[LINE_MAXIMUM];
    struct bytes line;
    int length = vsnprintf(text, sizeof(text), format, arguments);

    if (kept_in != NULL) {
        printable_line(kept_in, span_of(text));
        return;
    }
    bytes_init(&line, LINE_ROOM);
    bytes_append_text(&line, complaint_program);
    bytes_append_text(&line, ": ");
    printable_line(&line, span_of(length < 0 ? format : text));
    if (length >= (int)sizeof(text)) {
        bytes_append_text(&line, "...");
    }
    bytes_append_text(&line, tail);
    bytes_append_char(&line, '\n');
    complaint_clear_progress();
    if (!line.failed) {
        (void)fwrite(line.at, 1, line.length, stderr);
    }
    bytes_done(&line);
}

void complaint_show_progress(struct span text)
{
    struct bytes line;

    complaint_clear_progress();
    bytes_init(&line, LINE_ROOM);
    if (text.length > PROGRESS_MAXIMUM) {
        text.length = PROGRESS_MAXIMUM;
    }
    printable_line(&line, text);
    if (!line.failed && line.length > 0) {
        has_progress = fwrite(line.at, 1, line.length, stderr) > 0;
    }
    bytes_done(&line);
}

void complaint_clear_progress(void)
{
    if (has_progress) {
        (void)fputs("\r\033[K", stderr);
        has_progress = false;
    }
}

void complaint(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print(format, arguments, "");
    va_end(arguments);
}

enum exit_status complaint_usage(const struct command *command, const char *format, ...)
{
    char tail[64];
    va_list arguments;

    if (command != NULL) {
        (void)snprintf(tail, sizeof(tail), " (see %s help %s)", complaint_program, command->name);
    } else {
        (void)snprintf(tail, sizeof(tail), " (see %s --help)", complaint_program);
    }
    va_start(arguments, format);
    print(format, arguments, tail);
    va_end(arguments);
    return STATUS_USAGE;
}
