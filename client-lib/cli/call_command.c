/* SPDX-License-Identifier: MIT */
/* `teploctl call`. */
#include <stdio.h>
#include <unistd.h>

#include "client-lib/cli/broker_link.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/content.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/interrupt.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/tool_arguments.h"
#include "client-lib/cli/tool_list.h"
#include "client-lib/lib/uuid.h"
#include "client-lib/lib/value_text.h"
#include "proto/printable.h"

static const char doubt[] =
    "the tool may have run, or may still run: look before you call it again";

static const char unlisted[] = "NOT EXECUTED: the types of the arguments are not known: ";

/* What is looked for in tools/list. */
struct search {
    const char *tool;
    struct bytes schema; /* empty: not found, or the tool has none */
};

static bool search_page(struct span result, void *context)
{
    struct search *search = context;
    struct span tool = tool_list_find(result, search->tool);

    if (span_is_none(tool)) {
        return true;
    }
    bytes_append_span(&search->schema, json_find(tool, "inputSchema"));
    return false;
}

/* `3/10 what it says`, on one line of a terminal. */
static void show_progress(const struct message *notification)
{
    struct span progress = message_param(notification, "progress");
    struct span total = message_param(notification, "total");
    struct bytes line;

    bytes_init(&line, SIZE_MAX / 4);
    bytes_append_span(&line, progress);
    bytes_append_text(&line, span_is_none(total) ? "" : "/");
    bytes_append_span(&line, total);
    bytes_append_char(&line, ' ');
    value_text_append(&line, message_param(notification, "message"));
    if (!line.failed) {
        complaint_show_progress(bytes_span(&line));
    }
    bytes_done(&line);
}

static enum exit_status print_result(const struct invocation *invocation, struct span result)
{
    bool is_error = json_kind_of(json_find(result, "isError")) == JSON_TRUE;

    complaint_clear_progress();
    if (invocation->form == FORM_JSON) {
        output_json(result);
    } else {
        content_print(invocation->form, result);
    }
    if (json_string_is(json_find(result, "resultType"), "input_required")) {
        complaint("the tool asks for more input, which teploctl cannot give");
        return STATUS_REFUSED;
    }
    if (is_error) {
        (void)fflush(stdout);
        complaint("the tool says that this is an error");
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

static enum exit_status ask(struct broker_link *link, const struct invocation *invocation,
                            struct span members, int64_t end_ms)
{
    bool shows_progress = isatty(STDERR_FILENO) == 1;
    char call[UUID_TEXT_SIZE];
    /* Without an id of ours the call can be made all the same: the broker gives it one. */
    bool is_named = uuid_make(call) == 0;
    struct question question = {.method = "tools/call",
                                .form = QUESTION_MCP,
                                .members = members,
                                .end_ms = end_ms,
                                .doubt = doubt,
                                .call = is_named ? call : NULL,
                                .on_progress = shows_progress ? show_progress : NULL};
    struct span result;
    enum exit_status status = broker_link_ask(link, &question, &result);

    interrupt_end(); /* who waits for the output may kill the program */
    return status == STATUS_OK ? print_result(invocation, result) : status;
}

/* `"name":...,"arguments":{...}` appended to MEMBERS. */
static enum exit_status write_members(struct broker_link *link, const struct invocation *invocation,
                                      const struct tool_arguments *arguments, int64_t end_ms,
                                      struct bytes *members)
{
    struct search search = {.tool = invocation->operands[0]};
    enum exit_status status = STATUS_OK;

    bytes_init(&search.schema, BROKER_LINK_ANSWER_MAXIMUM);
    if (tool_arguments_want_schema(arguments)) {
        status = tool_list_fetch(link, end_ms, unlisted, search_page, &search);
        /* Whatever became of the list, the tool was not called. */
        status = status == STATUS_OK ? STATUS_OK : STATUS_NOT_EXECUTED;
    }
    if (status == STATUS_OK) {
        bytes_append_text(members, "\"name\":");
        json_quote(members, span_of(search.tool));
        bytes_append_text(members, ",\"arguments\":");
        status = tool_arguments_write(arguments, invocation->command, bytes_span(&search.schema),
                                      members);
    }
    if (status == STATUS_OK && (members->failed || search.schema.failed)) {
        complaint("NOT EXECUTED: the arguments are too long");
        status = STATUS_NOT_EXECUTED;
    }
    bytes_done(&search.schema);
    return status;
}

static enum exit_status call(const struct invocation *invocation,
                             const struct tool_arguments *arguments)
{
    int64_t end_ms = duration_from_now_ms(invocation->timeout_ms < 0 ? DURATION_FOREVER
                                                                     : invocation->timeout_ms);
    struct broker_link link;
    struct bytes members;
    enum exit_status status = broker_link_open(&link, invocation, SOCKET_CLIENT, end_ms);

    bytes_init(&members, 2 * (size_t)TOOL_ARGUMENTS_MAXIMUM);
    if (status == STATUS_OK) {
        status = write_members(&link, invocation, arguments, end_ms, &members);
    }
    if (status == STATUS_OK) {
        status = ask(&link, invocation, bytes_span(&members), end_ms);
    }
    bytes_done(&members);
    broker_link_done(&link);
    return output_end(status);
}

enum exit_status command_call(const struct invocation *invocation)
{
    struct span tool = span_of(invocation->operands[0]);
    struct tool_arguments arguments;
    enum exit_status status;

    if (tool.length == 0 || !printable_is_utf8(tool)) {
        return complaint_usage(invocation->command, "'%s' cannot be a tool's name",
                               invocation->operands[0]);
    }
    interrupt_begin();
    status = tool_arguments_read(&arguments, invocation->command, invocation->operands + 1,
                                 invocation->operand_count - 1);
    if (status == STATUS_OK) {
        status = call(invocation, &arguments);
    }
    tool_arguments_done(&arguments);
    return status;
}
