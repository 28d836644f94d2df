/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/question.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/lib/uuid.h"
#include "client-lib/lib/value_text.h"
#include "proto/mcp.h"

static void write_envelope(const struct question *question, int64_t id, struct bytes *out)
{
    bytes_append_text(out, "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" MCP_MODERN
                           "\",\"io.modelcontextprotocol/clientCapabilities\":{},"
                           "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"teploctl\","
                           "\"version\":\"" TEPLO_VERSION "\"}");
    if (question->on_progress != NULL) {
        bytes_printf(out, ",\"progressToken\":%" PRId64, id);
    }
    if (question->end_ms != DURATION_FOREVER) {
        int64_t left_ms = question->end_ms - duration_now_ms();

        bytes_printf(out, ",\"dev.teplo/deadlineMs\":%" PRId64, left_ms < 1 ? 1 : left_ms);
    }
    if (question->call != NULL) {
        bytes_printf(out, ",\"dev.teplo/call\":\"%s\"", question->call);
    }
    bytes_append_char(out, '}');
}

void question_write(const struct question *question, int64_t id, struct bytes *out)
{
    bytes_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"%s\"", id,
                 question->method);
    if (question->form == QUESTION_MCP || question->members.length > 0) {
        bytes_append_text(out, ",\"params\":{");
        bytes_append_span(out, question->members);
        if (question->form == QUESTION_MCP) {
            bytes_append_text(out, question->members.length > 0 ? "," : "");
            write_envelope(question, id, out);
        }
        bytes_append_char(out, '}');
    }
    bytes_append_text(out, "}\n");
}

void question_append_hint(const struct question *question, struct span error, struct bytes *out)
{
    struct span named = json_find(json_find(json_find(error, "data"), "teplo"), "call");
    char call[UUID_TEXT_SIZE];

    if (question->call == NULL) {
        return;
    }
    /* Quotes and a NUL take the place of each other. */
    if (json_kind_of(named) == JSON_STRING && named.length == UUID_TEXT_SIZE + 1) {
        (void)snprintf(call, sizeof(call), "%.*s", UUID_TEXT_SIZE - 1, named.at + 1);
    } else {
        (void)snprintf(call, sizeof(call), "%s", question->call);
    }
    bytes_printf(out, " (see: teploctl outcome %s)", uuid_is(call) ? call : question->call);
}

const char *question_preface(const struct question *question)
{
    return question->preface == NULL ? "" : question->preface;
}

bool question_is_answer(const struct message *message, int64_t id)
{
    int64_t answered;

    if (message->kind != MESSAGE_RESULT && message->kind != MESSAGE_ERROR) {
        return false;
    }
    if (span_is_none(message->id)) {
        return message->kind == MESSAGE_ERROR;
    }
    return json_to_int(message->id, &answered) && answered == id;
}

/* What the broker says about the outcome; STATUS_REFUSED: an answer of the server itself. */
static enum exit_status outcome_of(struct span error)
{
    struct span teplo = json_find(json_find(error, "data"), "teplo");
    struct span outcome = json_find(teplo, "outcome");

    if (json_string_is(outcome, "not_executed")) {
        return STATUS_NOT_EXECUTED;
    }
    if (json_string_is(outcome, "unknown")) {
        return STATUS_UNKNOWN;
    }
    return json_string_is(outcome, "result_lost") ? STATUS_RESULT_LOST : STATUS_REFUSED;
}

/* What ERROR says; of pools the broker speaks in the words of the wire, and here is a switch. */
static void append_message(struct span error, struct bytes *out)
{
    struct span teplo = json_find(json_find(error, "data"), "teplo");
    struct json_walk walk = json_walk_of(json_find(teplo, "pools"));
    const char *between = "there are several pools, name one: teploctl -s POOL ...; the pools: ";
    struct json_item item;

    if (!json_string_is(json_find(teplo, "reason"), "no_pool") || !json_walk_next(&walk, &item)) {
        value_text_append(out, json_find(error, "message"));
        return;
    }
    do {
        bytes_append_text(out, between);
        value_text_append(out, item.value);
        between = ", ";
    } while (json_walk_next(&walk, &item));
}

enum exit_status question_refused(const struct question *question, struct span error)
{
    enum exit_status status = outcome_of(error);
    struct bytes text;

    bytes_init(&text, SIZE_MAX / 2);
    if (status == STATUS_REFUSED && question->form == QUESTION_MCP) {
        bytes_append_text(&text, "error ");
        value_text_append(&text, json_find(error, "code"));
        bytes_append_text(&text, ": ");
    }
    append_message(error, &text);
    if (status == STATUS_UNKNOWN) {
        question_append_hint(question, error, &text);
    }
    bytes_append_char(&text, '\0');
    complaint("%s%s", question_preface(question),
              text.failed ? "an error too long to be shown" : text.at);
    bytes_done(&text);
    return status;
}
