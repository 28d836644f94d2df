/* SPDX-License-Identifier: MIT */
/* `teploctl outcome`: what became of a call whose answer did not come. */
#include <stdio.h>

#include "client-lib/cli/broker_link.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/table.h"
#include "client-lib/lib/uuid.h"

/* How the words of the answer end the program; all others: nobody can say. */
static const struct {
    const char *outcome;
    enum exit_status status;
} ends[] = {
    {"executed", STATUS_OK},
    {"not_executed", STATUS_NOT_EXECUTED},
    {"result_lost", STATUS_RESULT_LOST},
};

static enum exit_status status_of(struct span result)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (json_string_is(json_find(result, "outcome"), ends[i].outcome)) {
            return ends[i].status;
        }
    }
    return STATUS_UNKNOWN;
}

/* On a terminal `outcome: text`, else `field TAB value` for each member. */
static void print(const struct invocation *invocation, struct span result)
{
    struct json_walk walk = json_walk_of(result);
    struct json_item item;
    struct bytes out;

    if (invocation->form == FORM_JSON) {
        output_json(result);
        return;
    }
    bytes_init(&out, SIZE_MAX / 4);
    if (invocation->form == FORM_SCREEN) {
        table_cell(&out, json_find(result, "outcome"));
        bytes_append_text(&out, ": ");
        table_cell(&out, json_find(result, "text"));
        bytes_append_char(&out, '\n');
    }
    while (invocation->form == FORM_LINES && json_walk_next(&walk, &item)) {
        table_cell(&out, item.key);
        bytes_append_char(&out, '\t');
        table_cell(&out, item.value);
        bytes_append_char(&out, '\n');
    }
    output_bytes(&out);
    bytes_done(&out);
}

static enum exit_status ask(const struct invocation *invocation, struct span members)
{
    int64_t end_ms = duration_from_now_ms(invocation->timeout_ms < 0 ? DURATION_FOREVER
                                                                     : invocation->timeout_ms);
    struct question question = {
        .method = "teplo/outcome", .form = QUESTION_ADMIN, .members = members, .end_ms = end_ms};
    struct broker_link link;
    struct span result;
    enum exit_status status = broker_link_open(&link, invocation, SOCKET_CLIENT, end_ms);

    if (status == STATUS_OK) {
        status = broker_link_ask(&link, &question, &result);
        if (status == STATUS_OK) {
            print(invocation, result);
            status = status_of(result);
        }
    }
    broker_link_done(&link);
    return output_end(status);
}

enum exit_status command_outcome(const struct invocation *invocation)
{
    struct span call = span_of(invocation->operands[0]);
    enum exit_status status;
    struct bytes members;

    if (!uuid_is(invocation->operands[0])) {
        return complaint_usage(invocation->command, "'%s' is not the id of a call: a UUID",
                               invocation->operands[0]);
    }
    bytes_init(&members, 256);
    bytes_append_text(&members, "\"call\":");
    json_quote(&members, call);
    status = ask(invocation, bytes_span(&members));
    bytes_done(&members);
    return status;
}
