/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/answer.h"

#include <stdio.h>

#include "client-lib/lib/value_text.h"
#include "proto/base/mem.h"
#include "proto/json_scan.h"

enum { FIRST_CODE = -31011, LAST_CODE = -31001, REPORT_VERSION = 1 };

enum repeat { REPEAT_NONE, REPEAT_NEVER, REPEAT_LATER };

static const struct {
    int status;
    enum repeat repeat;
} rows[FAILURE_COUNT] = {
#define REFUSAL(failure, error, repeat) [FAILURE_##failure] = {TEPLO_E_##error, REPEAT_##repeat},
#include "client-lib/lib/refusals.def"
#undef REFUSAL
};

/* One row for each failure. */
enum {
    REFUSAL_NONE,
#define REFUSAL(failure, error, repeat) REFUSAL_##failure,
#include "client-lib/lib/refusals.def"
#undef REFUSAL
    REFUSAL_COUNT
};
_Static_assert((int)REFUSAL_COUNT == (int)FAILURE_COUNT, "refusals.def is not failures.def");

static const char no_pool[] = "no_pool";

static void read_result(const struct message *message, struct teplo_result *result);
static void read_error(const struct message *message, struct teplo_result *result);

void answer_read(const struct message *message, struct teplo_result *result)
{
    if (message->kind == MESSAGE_RESULT) {
        read_result(message, result);
    } else {
        read_error(message, result);
    }
}

int answer_status(enum failure failure)
{
    CHECK(failure != FAILURE_NONE && (unsigned)failure < FAILURE_COUNT);
    return rows[failure].status;
}

bool answer_may_repeat(enum failure failure)
{
    return failure != FAILURE_NONE && rows[failure].repeat == REPEAT_LATER;
}

/* ---- the broker's report of a failure */

/* error.data.teplo, or none: then the error is not the broker's. */
static struct span report_of(struct span error)
{
    struct span report = json_find(json_find(error, "data"), "teplo");
    int64_t code;
    int64_t version;

    if (!json_to_int(json_find(error, "code"), &code) || code < FIRST_CODE || code > LAST_CODE ||
        !json_to_int(json_find(report, "v"), &version) || version != REPORT_VERSION) {
        return SPAN_NONE;
    }
    return report;
}

/* The row of which REPORT has the word. */
static enum failure failure_of(struct span report)
{
    struct span reason = json_find(report, "reason");

    for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
        if (json_string_is(reason, failure_reason((enum failure)i))) {
            return (enum failure)i;
        }
    }
    return FAILURE_NONE;
}

enum failure answer_failure(const struct message *message)
{
    struct span report = message->kind == MESSAGE_ERROR ? report_of(message->error) : SPAN_NONE;
    enum failure failure = failure_of(report);

    /* Its outcome is what counts: a row that is told otherwise is not this row. */
    if (failure != FAILURE_NONE &&
        !json_string_is(json_find(report, "outcome"), outcome_name(failure_outcome(failure)))) {
        return FAILURE_NONE;
    }
    return failure;
}

/* Where nothing says it: it may have run. */
static enum teplo_outcome outcome_of(struct span report)
{
    struct span word = json_find(report, "outcome");

    if (json_string_is(word, outcome_name(OUTCOME_NOT_EXECUTED))) {
        return TEPLO_NOT_EXECUTED;
    }
    return json_string_is(word, outcome_name(OUTCOME_RESULT_LOST)) ? TEPLO_RESULT_LOST
                                                                   : TEPLO_UNKNOWN;
}

/* A word that a later broker may say. */
static int status_of_outcome(enum teplo_outcome outcome)
{
    return outcome == TEPLO_RESULT_LOST ? TEPLO_E_RESULT_LOST : TEPLO_E_UPSTREAM;
}

static void read_report(struct span report, struct teplo_result *result)
{
    enum failure failure = failure_of(report);
    int64_t retry_after_ms;

    result->outcome = outcome_of(report);
    result->status =
        failure == FAILURE_NONE ? status_of_outcome(result->outcome) : answer_status(failure);
    if (!json_string_copy(json_find(report, "reason"), result->reason, sizeof(result->reason))) {
        result->reason[0] = '\0';
    }
    if (json_to_int(json_find(report, "retry_after_ms"), &retry_after_ms)) {
        result->retry_after_ms = retry_after_ms;
    }
}

/* ---- answers */

/* An answer came, and there is no memory to keep it. */
static void lose(struct teplo_result *result)
{
    static const struct result_end end = {TEPLO_E_NOMEM, TEPLO_RESULT_LOST, "out_of_memory"};

    result_fail(result, &end, "the answer came, and there was no memory to keep it");
}

static int keep_text(struct span *ret_kept, struct span token)
{
    struct bytes text;
    size_t length = 0;
    int r = -1;

    bytes_init(&text, SIZE_MAX / 4);
    value_text_append(&text, token);
    if (bytes_text(&text) != NULL) {
        char *at = bytes_take(&text, &length);

        *ret_kept = (struct span){at, length};
        r = 0;
    }
    bytes_done(&text);
    return r;
}

/*
 * Where a pool says so, the broker tells of an unknown outcome as a tool that failed.  It says
 * so of nothing else, and a server that forges it only makes its own call doubtful.
 */
static void read_tool_failure(struct teplo_result *result)
{
    struct span report = json_find(json_find(result->json, "_meta"), "dev.teplo/failure");

    if (json_string_is(json_find(report, "outcome"), outcome_name(OUTCOME_UNKNOWN))) {
        read_report(report, result);
        result->fallback = teplo_strerror(result->status);
    }
}

static void read_result(const struct message *message, struct teplo_result *result)
{
    result->status = TEPLO_OK;
    result->outcome = TEPLO_EXECUTED;
    result->fallback = "";
    if (result_keep(&result->json, message->result) < 0) {
        lose(result);
        return;
    }
    if (json_kind_of(json_find(result->json, "isError")) == JSON_TRUE) {
        result->is_error = 1;
        read_tool_failure(result);
    }
}

/*
 * What the broker says where it refuses a request under a code of JSON-RPC's, such as for a pool
 * that there is not; else none.
 */
static struct span refusal_of(struct span error)
{
    struct span report = json_find(json_find(error, "data"), "teplo");
    int64_t code;
    int64_t version;

    if (!json_to_int(json_find(error, "code"), &code) || code < RPC_PARSE_ERROR ||
        code > RPC_INVALID_REQUEST || !json_to_int(json_find(report, "v"), &version) ||
        version != REPORT_VERSION ||
        !json_string_is(json_find(report, "outcome"), outcome_name(OUTCOME_NOT_EXECUTED))) {
        return SPAN_NONE;
    }
    return report;
}

static void judge(struct span error, struct teplo_result *result)
{
    struct span report = report_of(error);
    struct span refusal = refusal_of(error);

    if (!span_is_none(report)) {
        read_report(report, result);
    } else if (!span_is_none(refusal)) {
        read_report(refusal, result);
        result->status = strcmp(result->reason, no_pool) == 0 ? TEPLO_E_NO_POOL : TEPLO_E_RPC;
    } else {
        result->status = TEPLO_E_RPC;
        result->outcome = TEPLO_EXECUTED;
    }
    result->fallback = teplo_strerror(result->status);
}

static void read_error(const struct message *message, struct teplo_result *result)
{
    struct span data = json_find(message->error, "data");

    if (!json_to_int(json_find(message->error, "code"), &result->rpc_code)) {
        result->rpc_code = 0;
    }
    judge(message->error, result);
    /* What became of the call is known: without memory only the words are missing. */
    (void)keep_text(&result->message, json_find(message->error, "message"));
    if (!span_is_none(data)) {
        (void)!result_keep(&result->rpc_data, data);
    }
}
