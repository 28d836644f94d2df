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

enum exit_status command_show(const struct invocation *invocation)
{
    const char *subject = invocation->operands[0];
    struct broker_link link;
    struct bytes result;
    enum exit_status status;

    if (!table_has(subject)) {
        return complaint_usage(invocation->command,
                               "there is no '%s' to show: pools, sessions, clients, errors",
                               subject);
    }
    status = admin_link_open(&link, invocation);
    bytes_init(&result, BROKER_LINK_ANSWER_MAXIMUM);
    if (status == STATUS_OK) {
        status = admin_link_ask(&link, subject, NULL, &result);
    }
    if (status == STATUS_OK) {
        print(invocation, subject, bytes_span(&result));
    }
    bytes_done(&result);
    broker_link_done(&link);
    return output_end(status);
}
