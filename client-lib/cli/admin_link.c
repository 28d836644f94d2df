/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/admin_link.h"

#include <stdio.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"

/* A broker answers at once; one that is stopped should be noticed. */
enum { ADMIN_MS = 5000 };

enum exit_status admin_link_open(struct broker_link *link, const struct invocation *invocation)
{
    int64_t length_ms = invocation->timeout_ms > 0 ? invocation->timeout_ms : ADMIN_MS;

    return broker_link_open(link, invocation, SOCKET_ADMIN, duration_from_now_ms(length_ms));
}

static enum exit_status ask(struct broker_link *link, struct question *question, const char *name,
                            struct bytes *result)
{
    char method[64];
    struct span answer;
    enum exit_status status;

    (void)snprintf(method, sizeof(method), "teplo/%s", name);
    question->method = method;
    question->form = QUESTION_ADMIN;
    question->end_ms = link->end_ms;
    status = broker_link_ask(link, question, &answer);
    if (status != STATUS_OK) {
        return status;
    }
    bytes_append_span(result, answer);
    if (result->failed) {
        complaint("RESULT LOST: out of memory");
        return STATUS_RESULT_LOST;
    }
    return STATUS_OK;
}

enum exit_status admin_link_ask(struct broker_link *link, const char *name, const char *doubt,
                                struct bytes *result)
{
    struct question question = {.doubt = doubt};

    return ask(link, &question, name, result);
}

enum exit_status admin_link_ask_for(struct broker_link *link, const char *name, struct span members,
                                    struct bytes *result)
{
    struct question question = {.members = members};

    return ask(link, &question, name, result);
}
