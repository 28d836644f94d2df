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

enum exit_status admin_link_ask(struct broker_link *link, const char *name, const char *doubt,
                                struct bytes *result)
{
    char method[64];
    struct question question = {
        .method = method, .form = QUESTION_ADMIN, .end_ms = link->end_ms, .doubt = doubt};
    struct span answer;
    enum exit_status status;

    (void)snprintf(method, sizeof(method), "teplo/%s", name);
    status = broker_link_ask(link, &question, &answer);
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
