/* SPDX-License-Identifier: MIT */
/* teplo_toolset_calls: a model's response becomes calls of the tools. */
#include <errno.h>

#include "client-lib/formats/decode.h"
#include "client-lib/formats/names.h"
#include "client-lib/formats/reply.h"
#include "client-lib/formats/turn_limits.h"
#include "proto/base/mem.h"

enum {
    /* What is told of one call that cannot be made. */
    COMPLAINT_MAXIMUM = 16 * 1024,
    /* A model's word that is no name is told back so far. */
    NAME_SHOWN = 200,
    /* To look for the nearest names takes time: the first so many of a response get theirs. */
    NEAREST_SOUGHT = 16,
};

struct reading {
    const struct teplo_toolset *toolset;
    struct reply reply;
    struct bytes out;
    struct bytes text; /* scratch: what was last decoded */
    struct bytes complaint;
    size_t count; /* of the calls so far */
    size_t unknown;
    uint32_t steps; /* what the decoding of the others may still take */
};

static int write_all(struct reading *reading);
static int write_call(struct reading *reading, const struct reply_call *call);

static void reading_init(struct reading *reading, const struct teplo_toolset *toolset)
{
    *reading = (struct reading){.toolset = toolset, .steps = DECODE_STEPS};
    bytes_init(&reading->out, TURN_BYTES_MAXIMUM);
    bytes_init(&reading->text, TURN_BYTES_MAXIMUM);
    bytes_init(&reading->complaint, COMPLAINT_MAXIMUM);
}

static void reading_done(struct reading *reading)
{
    bytes_done(&reading->out);
    bytes_done(&reading->text);
    bytes_done(&reading->complaint);
}

/* 0, or a negative enum teplo_err, and the toolset knows why. */
static int read_response(struct reading *reading, struct teplo_toolset *toolset,
                         struct span response)
{
    int error = turn_check(toolset, "the response", response);

    if (error < 0) {
        return error;
    }
    if (!reply_read(format_provider(toolset), response, &reading->reply, &reading->complaint)) {
        const char *complaint = bytes_text(&reading->complaint);

        format_complain(toolset, "%s", complaint == NULL ? "out of memory" : complaint);
        return complaint == NULL ? TEPLO_E_NOMEM : TEPLO_E_INVAL;
    }
    error = write_all(reading);
    if (error < 0 || reading->out.failed) {
        error = error < 0 ? error : TEPLO_E_NOMEM;
        format_complain(toolset,
                        error == TEPLO_E_NOMEM ? "out of memory"
                                               : "more than %d calls in one response",
                        TURN_CALLS_MAXIMUM);
    }
    return error;
}

int teplo_toolset_calls(struct teplo_toolset *toolset, const char *response, size_t length,
                        char **ret_json, size_t *ret_length)
{
    struct reading reading;
    int error;

    if (toolset == NULL || response == NULL || ret_json == NULL) {
        return TEPLO_E_INVAL;
    }
    reading_init(&reading, toolset);
    error = read_response(&reading, toolset, (struct span){response, length});
    if (error == 0) {
        error = turn_give(&reading.out, ret_json, ret_length);
    }
    reading_done(&reading);
    return error;
}

/* What a function has appended to TEXT, as a JSON string; null if it is empty. */
static void write_text(struct reading *reading, const char *member, bool null_if_empty)
{
    bytes_append_text(&reading->out, member);
    if (null_if_empty && reading->text.length == 0) {
        bytes_append_text(&reading->out, "null");
    } else {
        json_quote(&reading->out, bytes_span(&reading->text));
    }
    reading->out.failed = reading->out.failed || reading->text.failed;
}

static void write_notes(struct reading *reading)
{
    bytes_append_text(&reading->out, ",\"notes\":[");
    if (reading->reply.choices > 1) {
        bytes_printf(&reading->out, "\"%zu answers to choose from: only the first is used\"",
                     reading->reply.choices);
    }
    bytes_append_text(&reading->out, "]}");
}

static int write_all(struct reading *reading)
{
    struct json_walk walk = reply_calls(&reading->reply);
    struct span finish = reply_finish(&reading->reply);
    struct reply_call call;

    bytes_append_text(&reading->out, "{\"calls\":[");
    while (reply_next_call(&reading->reply, &walk, &call)) {
        int error =
            reading->count == TURN_CALLS_MAXIMUM ? TEPLO_E_TOOBIG : write_call(reading, &call);

        if (error < 0) {
            return error;
        }
        reading->count++;
    }
    bytes_append_text(&reading->out, "],\"append\":");
    reply_append_turn(&reading->reply, &reading->out);
    bytes_clear(&reading->text);
    reply_append_text(&reading->reply, &reading->text);
    write_text(reading, ",\"text\":", false);
    bytes_append_text(&reading->out, ",\"finish\":");
    bytes_append_span(&reading->out, span_is_none(finish) ? SPAN("null") : finish);
    bytes_clear(&reading->text);
    reply_append_problem(&reading->reply, &reading->text);
    write_text(reading, ",\"problem\":", true);
    write_notes(reading);
    return 0;
}

static struct span name_at(const void *names, size_t index)
{
    return format_at(names, index)->public_name;
}

/* The tool that the model means by WRITTEN, or NULL. */
static const struct format_tool *find_tool(const struct teplo_toolset *toolset, struct span written)
{
    const struct format_tool *tool = format_find(toolset, written);
    const struct name_list list = {toolset, format_count(toolset), name_at};
    size_t index;

    if (tool == NULL && name_find(&list, written, &index)) {
        tool = format_at(toolset, index);
    }
    return tool;
}

static struct span cut_name(struct span name)
{
    size_t length = name.length < NAME_SHOWN ? name.length : turn_cut(name, NAME_SHOWN);

    return (struct span){name.at, length};
}

static void append_nearest(const struct reading *reading, struct span written, struct bytes *out)
{
    const struct name_list list = {reading->toolset, format_count(reading->toolset), name_at};
    size_t indexes[NAME_NEAREST];
    size_t count = name_find_nearest(&list, written, indexes);

    bytes_append_text(out, count == 0 ? " There are no tools." : " The nearest names are: ");
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(out, i == 0 ? "" : ", ");
        bytes_append_span(out, name_at(reading->toolset, indexes[i]));
    }
    bytes_append_text(out, count == 0 ? "" : ".");
}

/* An "error" for the call whose name is in TEXT. */
static void write_unknown(struct reading *reading)
{
    struct bytes *complaint = &reading->complaint;
    struct span written = bytes_span(&reading->text);

    bytes_clear(complaint);
    if (written.length == 0) {
        bytes_append_text(complaint, "The call names no tool.");
    } else {
        bytes_append_text(complaint, "There is no tool \"");
        bytes_append_span(complaint, cut_name(written));
        bytes_append_text(complaint, "\".");
    }
    if (reading->unknown++ < NEAREST_SOUGHT) {
        append_nearest(reading, written, complaint);
    }
    bytes_append_text(complaint, " Nothing was called.");
    bytes_append_text(&reading->out, ",\"error\":{\"class\":\"NoSuchTool\",\"message\":");
    json_quote(&reading->out, bytes_span(complaint));
    bytes_append_text(&reading->out, "}}");
    reading->out.failed = reading->out.failed || complaint->failed;
}

static void write_flags(struct bytes *out, unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *word;
    } rows[] = {
        {DECODED_DUPLICATE_KEYS, "duplicate_keys"},
    };
    const char *before = ",\"flags\":[\"";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((flags & rows[i].flag) != 0) {
            bytes_append_text(out, before);
            bytes_append_text(out, rows[i].word);
            bytes_append_char(out, '"');
            before = ",\"";
        }
    }
    bytes_append_text(out, flags == 0 ? "" : "]");
}

/* "arguments", or an "error", and the end of the call. */
static int write_arguments(struct reading *reading, const struct format_tool *tool,
                           struct span arguments)
{
    struct bytes *out = &reading->out;
    size_t before = out->length;
    unsigned flags;
    int error;

    bytes_clear(&reading->complaint);
    if (json_kind_of(arguments) == JSON_STRING) {
        bytes_clear(&reading->text);
        tree_token_text(arguments, &reading->text);
        arguments = bytes_span(&reading->text);
    }
    bytes_append_text(out, ",\"arguments\":");
    error = reading->text.failed ? -ENOMEM
                                 : decode_arguments(tool, arguments, &reading->steps, out, &flags,
                                                    &reading->complaint);
    if (error == -EBADMSG) {
        out->length = before;
        bytes_append_text(out, ",\"error\":{\"class\":\"InvalidArguments\",\"message\":");
        json_quote(out, bytes_span(&reading->complaint));
        bytes_append_text(out, "}}");
        return 0;
    }
    if (error < 0) {
        return TEPLO_E_NOMEM;
    }
    write_flags(out, flags);
    bytes_append_char(out, '}');
    return 0;
}

static int write_call(struct reading *reading, const struct reply_call *call)
{
    struct bytes *out = &reading->out;
    const struct format_tool *tool;

    bytes_clear(&reading->text);
    tree_token_text(call->name, &reading->text);
    if (reading->text.failed) {
        return TEPLO_E_NOMEM;
    }
    tool = find_tool(reading->toolset, bytes_span(&reading->text));
    bytes_append_text(out, reading->count == 0 ? "{\"id\":" : ",{\"id\":");
    bytes_append_span(out, json_kind_of(call->id) == JSON_STRING ? call->id : SPAN("null"));
    bytes_append_text(out, ",\"index\":");
    bytes_append_int(out, (int64_t)reading->count);
    bytes_append_text(out, ",\"name\":");
    json_quote(out, bytes_span(&reading->text));
    if (tool == NULL) {
        write_unknown(reading);
        return 0;
    }
    bytes_append_text(out, ",\"server\":");
    if (span_is_none(tool->server)) {
        bytes_append_text(out, "null");
    } else {
        json_quote(out, tool->server);
    }
    bytes_append_text(out, ",\"tool\":");
    json_quote(out, tool->name);
    return write_arguments(reading, tool, call->arguments);
}
