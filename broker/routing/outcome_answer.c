/* SPDX-License-Identifier: MIT */
/* Called by requester.c. */
#include "broker/routing/outcome_answer.h"

#include "broker/ledger/ledger_answer.h"
#include "proto/failure.h"
#include "proto/mcp.h"

enum { ANSWER_MAXIMUM = 4096 };

static bool is_modern(const struct message *message)
{
    struct mcp_envelope envelope;
    const char *missing;

    return mcp_read_envelope(message, &envelope, &missing) == MCP_ENVELOPE_OK;
}

bool outcome_answer(struct requester *requester, const struct message *message)
{
    struct ledger *ledger = router_ledger(requester->router);
    struct bytes *out = router_scratch(requester->router);
    struct bytes result;
    struct bytes modern;

    if (ledger == NULL || !json_string_is(message->method, OUTCOME_METHOD)) {
        return false;
    }
    bytes_init(&result, ANSWER_MAXIMUM);
    bytes_init(&modern, ANSWER_MAXIMUM);
    if (ledger_answer(ledger, message_param(message, "call"), requester->peer.uid, &result) < 0) {
        reply_refusal(out, message->id, RPC_INVALID_PARAMS, span_of(ledger_answer_usage));
    } else if (is_modern(message)) {
        mcp_result_to_modern(bytes_span(&result), MCP_OTHER, &modern);
        reply_result(out, message->id, bytes_span(&modern));
    } else {
        reply_result(out, message->id, bytes_span(&result));
    }
    out->failed = out->failed || result.failed || modern.failed;
    requester_send(requester, out);
    bytes_done(&result);
    bytes_done(&modern);
    return true;
}
