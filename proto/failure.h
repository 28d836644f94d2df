/* SPDX-License-Identifier: MIT */
/*
 * What teplo itself says about a call: the rows of failures.def, and the messages
 * the broker builds with them.  Nothing of a server's body goes into these.
 */
#ifndef TEPLO_PROTO_FAILURE_H
#define TEPLO_PROTO_FAILURE_H

#include <stdint.h>

#include "proto/base/bytes.h"

enum outcome {
    OUTCOME_EXECUTED,     /* the server's own answer */
    OUTCOME_NOT_EXECUTED, /* it did not run, and will not */
    OUTCOME_UNKNOWN,      /* it may have run, or may still */
    OUTCOME_RESULT_LOST,  /* it ran; its answer cannot be given */
};

enum failure {
    FAILURE_NONE,
#define FAILURE(name, code, outcome, reason, text) FAILURE_##name,
#include "proto/failures.def"
#undef FAILURE
    FAILURE_COUNT
};

const char *outcome_name(enum outcome outcome); /* "not_executed" ... */
int failure_code(enum failure failure);
enum outcome failure_outcome(enum failure failure);
const char *failure_reason(enum failure failure);
const char *failure_text(enum failure failure);

/* The figures of one failed call.  Strings are borrowed; NULL or negative: left out. */
struct failure_report {
    enum failure failure;
    const char *detail;   /* what exactly happened, and the remedy; shown after the row's text */
    const char *stage;    /* "queued", "connecting", "sent", "streaming" */
    const char *upstream; /* the pool's name */
    const char *call;     /* the call's uuid */
    int attempts;
    int64_t waited_ms;
    int64_t elapsed_ms;
    int64_t retry_after_ms;
};

/* One with a failure and nothing else known. */
static inline struct failure_report failure_report_of(enum failure failure, const char *detail)
{
    return (struct failure_report){.failure = failure,
                                   .detail = detail,
                                   .attempts = -1,
                                   .waited_ms = -1,
                                   .elapsed_ms = -1,
                                   .retry_after_ms = -1};
}

/*
 * JSON-RPC lines without the newline, appended to OUT.  ID is a raw token; none
 * gives `"id":null` (JSON-RPC 2.0, 5: when the id could not be read).
 */
void reply_failure(struct bytes *out, struct span id, const struct failure_report *report);
/*
 * The same as the result of a tool that failed, for clients that show a model only results.
 * MEMBERS, as `"name":value,`, come before the others.
 */
void reply_tool_failure(struct bytes *out, struct span id, const struct failure_report *report,
                        const char *members);
/* DATA is raw JSON or none. */
void reply_error(struct bytes *out, struct span id, int code, struct span text, struct span data);
/*
 * The same for what the broker itself refuses with a code of JSON-RPC's or MCP's: `data.teplo` says
 * that it was not executed, so that it is not taken for an error of the server.
 */
void reply_refusal(struct bytes *out, struct span id, int code, struct span text);
/* What such data says, for REASON, a literal: members of `teplo`. */
#define REPLY_REFUSAL_FACTS(reason) "\"v\":1,\"outcome\":\"not_executed\",\"reason\":\"" reason "\""
#define REPLY_REFUSAL_MEMBER "\"teplo\":{" REPLY_REFUSAL_FACTS("bad_request") "}"
/* RESULT is raw JSON; its line ends are dropped, here and in DATA. */
void reply_result(struct bytes *out, struct span id, struct span result);

/* JSON-RPC's and MCP's own codes that the broker answers with. */
enum rpc_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_RESOURCE_NOT_FOUND = -32002,           /* legacy eras only */
    RPC_UNSUPPORTED_PROTOCOL_VERSION = -32022, /* MCP 2026-07-28 */
};

#endif
