/* SPDX-License-Identifier: MIT */
/* Called wherever the broker answers by itself: the last step of a failure's way to the wire. */
#include "proto/failure.h"

#include "proto/json_scan.h"
#include "proto/splice.h"

static const struct {
    int code;
    enum outcome outcome;
    const char *reason;
    const char *text;
} rows[FAILURE_COUNT] = {
#define FAILURE(name, code, outcome, reason, text)                                                 \
    [FAILURE_##name] = {(code), OUTCOME_##outcome, (reason), (text)},
#include "proto/failures.def"
#undef FAILURE
};

static const struct {
    const char *name;
    const char *prefix; /* of the message: what a model must know before it reads on */
} outcomes[] = {
    [OUTCOME_EXECUTED] = {"executed", ""},
    [OUTCOME_NOT_EXECUTED] = {"not_executed", "NOT EXECUTED: "},
    [OUTCOME_UNKNOWN] = {"unknown", "OUTCOME UNKNOWN, do not retry blindly: "},
    [OUTCOME_RESULT_LOST] = {"result_lost", "RESULT LOST: "},
};

static void open_reply(struct bytes *out, struct span id);
static void open_error(struct bytes *out, struct span id, int code);
static void append_report(struct bytes *out, const struct failure_report *report);

const char *outcome_name(enum outcome outcome)
{
    CHECK((unsigned)outcome < sizeof(outcomes) / sizeof(*outcomes));
    return outcomes[outcome].name;
}

static bool is_failure(enum failure failure)
{
    return failure != FAILURE_NONE && (unsigned)failure < FAILURE_COUNT;
}

int failure_code(enum failure failure)
{
    CHECK(is_failure(failure));
    return rows[failure].code;
}

enum outcome failure_outcome(enum failure failure)
{
    CHECK(is_failure(failure));
    return rows[failure].outcome;
}

const char *failure_reason(enum failure failure)
{
    CHECK(is_failure(failure));
    return rows[failure].reason;
}

const char *failure_text(enum failure failure)
{
    CHECK(is_failure(failure));
    return rows[failure].text;
}

/* Inside a string. */
static void append_message(struct bytes *out, const struct failure_report *report)
{
    json_escape(out, span_of(outcomes[failure_outcome(report->failure)].prefix));
    json_escape(out, span_of(failure_text(report->failure)));
    if (report->detail != NULL) {
        bytes_append_text(out, ": ");
        json_escape(out, span_of(report->detail));
    }
}

void reply_failure(struct bytes *out, struct span id, const struct failure_report *report)
{
    open_error(out, id, failure_code(report->failure));
    append_message(out, report);
    bytes_append_text(out, "\",\"data\":{\"teplo\":{\"v\":1");
    append_report(out, report);
    bytes_append_text(out, "}}}}");
}

void reply_tool_failure(struct bytes *out, struct span id, const struct failure_report *report,
                        const char *members)
{
    open_reply(out, id);
    bytes_append_text(out, ",\"result\":{");
    bytes_append_text(out, members);
    bytes_append_text(out, "\"content\":[{\"type\":\"text\",\"text\":\"");
    append_message(out, report);
    bytes_append_text(out, "\"}],\"isError\":true,\"_meta\":{\"dev.teplo/failure\":{\"v\":1");
    append_report(out, report);
    bytes_append_text(out, "}}}}");
}

void reply_error(struct bytes *out, struct span id, int code, struct span text, struct span data)
{
    open_error(out, id, code);
    json_escape(out, text);
    bytes_append_char(out, '"');
    if (!span_is_none(data)) {
        bytes_append_text(out, ",\"data\":");
        splice_append_line(out, data);
    }
    bytes_append_text(out, "}}");
}

void reply_refusal(struct bytes *out, struct span id, int code, struct span text)
{
    reply_error(out, id, code, text, SPAN("{" REPLY_REFUSAL_MEMBER "}"));
}

void reply_result(struct bytes *out, struct span id, struct span result)
{
    open_reply(out, id);
    bytes_append_text(out, ",\"result\":");
    splice_append_line(out, result);
    bytes_append_char(out, '}');
}

static void open_reply(struct bytes *out, struct span id)
{
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_append_span(out, span_is_none(id) ? SPAN("null") : id);
}

/* As far as into the message's string. */
static void open_error(struct bytes *out, struct span id, int code)
{
    open_reply(out, id);
    bytes_append_text(out, ",\"error\":{\"code\":");
    bytes_append_int(out, code);
    bytes_append_text(out, ",\"message\":\"");
}

static void append_key(struct bytes *out, const char *key)
{
    bytes_append_char(out, ',');
    json_quote(out, span_of(key));
    bytes_append_char(out, ':');
}

static void append_text_member(struct bytes *out, const char *key, const char *text)
{
    if (text != NULL) {
        append_key(out, key);
        json_quote(out, span_of(text));
    }
}

static void append_number_member(struct bytes *out, const char *key, int64_t number)
{
    if (number >= 0) {
        append_key(out, key);
        bytes_append_int(out, number);
    }
}

static void append_report(struct bytes *out, const struct failure_report *report)
{
    enum outcome outcome = failure_outcome(report->failure);

    append_text_member(out, "outcome", outcome_name(outcome));
    append_text_member(out, "reason", failure_reason(report->failure));
    append_text_member(out, "stage", report->stage);
    append_text_member(out, "upstream", report->upstream);
    append_text_member(out, "call", report->call);
    append_number_member(out, "attempts", report->attempts);
    append_number_member(out, "waited_ms", report->waited_ms);
    append_number_member(out, "elapsed_ms", report->elapsed_ms);
    append_number_member(out, "retry_after_ms", report->retry_after_ms);
    append_key(out, "safe_to_retry");
    bytes_append_text(out, outcome == OUTCOME_NOT_EXECUTED ? "true" : "false");
}
