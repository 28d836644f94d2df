/* SPDX-License-Identifier: MIT */
/* `teploctl show`. */
#include "client-lib/cli/admin_link.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/table.h"

static void print(const struct invocation *invocation, const char *subject, struct span result)
{
    if (invocation->form == FORM_JSON) {
        output_json(result);
    } else {
        /* The method's result has one member, named as the method. */
        table_print(subject, invocation->form, json_find(result, subject));
    }
}

/* Only of calls is there a choice. */
static bool may_choose(const struct invocation *invocation, const char *subject)
{
    const char *given = invocation->failed ? "--failed" : "--pool";

    if (strcmp(subject, "calls") == 0 || (!invocation->failed && invocation->pool == NULL)) {
        return true;
    }
    (void)complaint_usage(invocation->command, "show %s takes no %s: show calls does", subject,
                          given);
    return false;
}

/* Members of params. */
static void write_choice(const struct invocation *invocation, struct bytes *members)
{
    if (invocation->failed) {
        bytes_append_text(members, "\"failed\":true");
    }
    if (invocation->pool != NULL) {
        bytes_printf(members, "%s\"pool\":\"%s\"", members->length > 0 ? "," : "",
                     invocation->pool);
    }
}

enum exit_status command_show(const struct invocation *invocation)
{
    const char *subject = invocation->operands[0];
    struct broker_link link;
    struct bytes members;
    struct bytes result;
    enum exit_status status;

    if (!table_has(subject)) {
        return complaint_usage(invocation->command,
                               "there is no '%s' to show: pools, sessions, clients, errors, calls",
                               subject);
    }
    if (!may_choose(invocation, subject)) {
        return STATUS_USAGE;
    }
    status = admin_link_open(&link, invocation);
    bytes_init(&members, 256);
    write_choice(invocation, &members);
    bytes_init(&result, BROKER_LINK_ANSWER_MAXIMUM);
    if (status == STATUS_OK) {
        status = admin_link_ask_for(&link, subject,
                                    members.length > 0 ? bytes_span(&members) : SPAN_NONE, &result);
    }
    if (status == STATUS_OK) {
        print(invocation, subject, bytes_span(&result));
    }
    bytes_done(&members);
    bytes_done(&result);
    broker_link_done(&link);
    return output_end(status);
}
