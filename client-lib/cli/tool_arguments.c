/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/tool_arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/interrupt.h"
#include "client-lib/cli/schema.h"
#include "client-lib/lib/value_text.h"
#include "proto/base/mem.h"
#include "proto/printable.h"
#include "proto/splice.h"

enum { READ_SIZE = 64 << 10 };

/* 0 at the end, -EFBIG, -ECANCELED: interrupted, or another negative errno. */
static int read_all(int fd, struct bytes *out)
{
    for (;;) {
        char *room = bytes_reserve(out, READ_SIZE);
        ssize_t n;

        if (room == NULL) {
            return -EFBIG;
        }
        if (interrupt_poll(fd, POLLIN, -1) == -ECANCELED) {
            return -ECANCELED;
        }
        n = read(fd, room, READ_SIZE);
        if (n == 0) {
            return 0;
        }
        if (n > 0) {
            bytes_added(out, (size_t)n);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

static int read_file(const char *path, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r;

    if (fd < 0) {
        /* A pipe that nobody writes to is waited for in open. */
        return errno == EINTR && interrupt_came() ? -ECANCELED : -errno;
    }
    r = read_all(fd, out);
    (void)close(fd);
    return r;
}

static bool is_json(struct span text, struct json_error *ret_error)
{
    return json_check(text, &value_text_limits, ret_error) == 0;
}

/* TEXT is checked JSON; newlines between its tokens would end the frame. */
static void append_on_one_line(struct bytes *out, struct span text)
{
    struct splice splice;

    splice_init(&splice, json_trim(text));
    splice_write(&splice, out);
}

static enum exit_status read_whole(struct tool_arguments *arguments, const struct command *command,
                                   struct span text)
{
    struct json_error error;

    if (!is_json(text, &error)) {
        return complaint_usage(command, "the arguments are no JSON: %s (at byte %zu)",
                               json_fault_text(error.fault), error.at + 1);
    }
    if (json_kind_of(json_trim(text)) != JSON_OBJECT) {
        return complaint_usage(command, "the arguments must be a JSON object: {\"key\": value}");
    }
    append_on_one_line(&arguments->whole, text);
    if (arguments->whole.failed) {
        return complaint_usage(command, "the arguments are too long");
    }
    return STATUS_OK;
}

static enum exit_status explain_interrupt(void)
{
    complaint("NOT EXECUTED: interrupted");
    return STATUS_NOT_EXECUTED;
}

static enum exit_status read_stdin(struct tool_arguments *arguments, const struct command *command)
{
    struct bytes text;
    enum exit_status status;
    int r;

    bytes_init(&text, TOOL_ARGUMENTS_MAXIMUM);
    r = read_all(STDIN_FILENO, &text);
    if (r == -ECANCELED) {
        bytes_done(&text);
        return explain_interrupt();
    }
    status = r < 0 ? complaint_usage(command, "stdin cannot be read: %s", strerror(-r))
                   : read_whole(arguments, command, bytes_span(&text));
    bytes_done(&text);
    return status;
}

/* What stands behind the `=`: text, `@file`, or `@@text`. */
static enum exit_status read_value(struct tool_argument *argument, const struct command *command,
                                   const char *text)
{
    int r;

    bytes_init(&argument->value, TOOL_ARGUMENTS_MAXIMUM);
    if (text[0] != '@' || text[1] == '@') {
        bytes_append_text(&argument->value, text[0] == '@' ? text + 1 : text);
        return STATUS_OK;
    }
    r = read_file(text + 1, &argument->value);
    if (r == -ECANCELED) {
        return explain_interrupt();
    }
    if (r < 0) {
        return complaint_usage(command,
                               "%s: the file '%s' cannot be read: %s (for the text itself: @%s)",
                               argument->key, text + 1, strerror(-r), text);
    }
    return STATUS_OK;
}

static enum exit_status read_pair(struct tool_argument *argument, const struct command *command,
                                  const char *word)
{
    const char *equals = strchr(word, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - word);

    if (equals == NULL) {
        return complaint_usage(command, "'%s' is neither a JSON object nor key=value", word);
    }
    if (length > 0 && word[length - 1] == ':') {
        argument->is_json = true;
        length--;
    }
    if (length == 0) {
        return complaint_usage(command, "'%s' has no key before the '='", word);
    }
    if (!printable_is_utf8((struct span){word, length})) {
        return complaint_usage(command, "'%s': a key must be UTF-8", word);
    }
    argument->key = mem_copy_text(word, length);
    if (argument->key == NULL) {
        return complaint_usage(command, "out of memory");
    }
    return read_value(argument, command, equals + 1);
}

static bool is_repeated(const struct tool_arguments *arguments, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(arguments->list[i].key, arguments->list[index].key) == 0) {
            return true;
        }
    }
    return false;
}

static enum exit_status read_pairs(struct tool_arguments *arguments, const struct command *command,
                                   const char *const *words, size_t count)
{
    arguments->list = mem_new(count * sizeof(struct tool_argument));
    if (arguments->list == NULL) {
        return complaint_usage(command, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        enum exit_status status;

        arguments->count = i + 1;
        status = read_pair(&arguments->list[i], command, words[i]);
        if (status != STATUS_OK) {
            return status;
        }
        if (is_repeated(arguments, i)) {
            return complaint_usage(command, "'%s' is given twice", arguments->list[i].key);
        }
    }
    return STATUS_OK;
}

enum exit_status tool_arguments_read(struct tool_arguments *arguments,
                                     const struct command *command, const char *const *words,
                                     size_t count)
{
    bool is_object = count > 0 && words[0][strspn(words[0], " \t\r\n")] == '{';
    bool is_stdin = count > 0 && strcmp(words[0], "-") == 0;

    *arguments = (struct tool_arguments){.count = 0};
    bytes_init(&arguments->whole, TOOL_ARGUMENTS_MAXIMUM);
    if (count == 0) {
        return read_whole(arguments, command, SPAN("{}"));
    }
    if ((is_object || is_stdin) && count > 1) {
        return complaint_usage(command, "nothing may follow the JSON object, and '%s' does",
                               words[1]);
    }
    if (is_stdin) {
        return read_stdin(arguments, command);
    }
    return is_object ? read_whole(arguments, command, span_of(words[0]))
                     : read_pairs(arguments, command, words, count);
}

void tool_arguments_done(struct tool_arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        mem_free(arguments->list[i].key);
        bytes_done(&arguments->list[i].value);
    }
    mem_free(arguments->list);
    bytes_done(&arguments->whole);
    *arguments = (struct tool_arguments){.count = 0};
}

bool tool_arguments_want_schema(const struct tool_arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        if (!arguments->list[i].is_json) {
            return true;
        }
    }
    return false;
}

static enum exit_status write_string(const struct tool_argument *argument,
                                     const struct command *command, struct bytes *out)
{
    struct span text = bytes_span(&argument->value);

    if (!printable_is_utf8(text)) {
        return complaint_usage(command, "%s: the text is not UTF-8", argument->key);
    }
    json_quote(out, text.at == NULL ? SPAN("") : text);
    return STATUS_OK;
}

static enum exit_status refuse_type(const struct tool_argument *argument,
                                    const struct command *command, unsigned types)
{
    struct bytes wanted;
    struct span value = bytes_span(&argument->value);
    enum exit_status status;

    bytes_init(&wanted, 256);
    schema_types_print(&wanted, types);
    status = complaint_usage(command,
                             "%s: the tool wants %.*s, and '%.*s' is not that (to send it all "
                             "the same, as JSON: %s:=...)",
                             argument->key, (int)wanted.length, wanted.at,
                             (int)(value.length > 80 ? 80 : value.length),
                             value.at == NULL ? "" : value.at, argument->key);
    bytes_done(&wanted);
    return status;
}

/* A string stays a string; other known types must be JSON; the unknown is JSON if it can be. */
static enum exit_status write_value(const struct tool_argument *argument,
                                    const struct command *command, struct span schema,
                                    struct bytes *out)
{
    unsigned types = schema_types(schema, schema_property(schema, argument->key));
    struct span text = bytes_span(&argument->value);
    struct json_error error;
    bool valid = is_json(text, &error);

    if (argument->is_json && !valid) {
        return complaint_usage(command, "%s: this is no JSON: %s (at byte %zu)", argument->key,
                               json_fault_text(error.fault), error.at + 1);
    }
    if (!argument->is_json && (types & SCHEMA_STRING) != 0) {
        return write_string(argument, command, out);
    }
    if (!argument->is_json && types != SCHEMA_ANY &&
        !(valid && schema_accepts(types, json_trim(text)))) {
        return refuse_type(argument, command, types);
    }
    if (!valid) {
        return write_string(argument, command, out);
    }
    append_on_one_line(out, text);
    return STATUS_OK;
}

enum exit_status tool_arguments_write(const struct tool_arguments *arguments,
                                      const struct command *command, struct span schema,
                                      struct bytes *out)
{
    if (arguments->list == NULL) {
        bytes_append_span(out, bytes_span(&arguments->whole));
        return STATUS_OK;
    }
    bytes_append_char(out, '{');
    for (size_t i = 0; i < arguments->count; i++) {
        const struct tool_argument *argument = &arguments->list[i];
        enum exit_status status;

        bytes_append_text(out, i == 0 ? "" : ",");
        json_quote(out, span_of(argument->key));
        bytes_append_char(out, ':');
        status = write_value(argument, command, schema, out);
        if (status != STATUS_OK) {
            return status;
        }
    }
    bytes_append_char(out, '}');
    return STATUS_OK;
}
