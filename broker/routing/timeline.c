/* SPDX-License-Identifier: MIT */
#include "broker/routing/timeline.h"

static const char *const result_names[CALL_RESULT_COUNT] = {
#define CALL_RESULT(NAME, text) text,
#include "broker/routing/call_results.def"
#undef CALL_RESULT
};

const char *call_result_name(enum call_result result)
{
    return result_names[result];
}

enum call_result call_result_of(enum failure failure)
{
    switch (failure_outcome(failure)) {
    case OUTCOME_EXECUTED:
        return CALL_RESULT_OK;
    case OUTCOME_NOT_EXECUTED:
        return CALL_RESULT_NOT_EXECUTED;
    case OUTCOME_UNKNOWN:
        return CALL_RESULT_UNKNOWN;
    case OUTCOME_RESULT_LOST:
        return CALL_RESULT_RESULT_LOST;
    }
    return CALL_RESULT_UNKNOWN;
}

/* TEXT begins with COUNT digits, as W3C's trace context writes them. */
static bool has_digits(struct span text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i >= text.length || !((text.at[i] >= '0' && text.at[i] <= '9') ||
                                  (text.at[i] >= 'a' && text.at[i] <= 'f'))) {
            return false;
        }
    }
    return true;
}

/* `"00-`, 32 digits, `-`, 16 digits, `-`...: later versions may have more behind. */
static void copy_trace(struct span token, char trace[TIMELINE_TRACE_SIZE])
{
    enum { DIGITS = TIMELINE_TRACE_SIZE - 1, BEFORE = 4, PARENT = 16 };
    static const char nobody[] = "00000000000000000000000000000000";
    struct span rest = {token.at, token.length};
    struct span id;

    if (json_kind_of(token) != JSON_STRING || rest.length < BEFORE + DIGITS + PARENT + 2) {
        return;
    }
    id = (struct span){rest.at + BEFORE, rest.length - BEFORE};
    rest = (struct span){id.at + DIGITS + 1, id.length - DIGITS - 1};
    if (has_digits((struct span){token.at + 1, 2}, 2) && token.at[BEFORE - 1] == '-' &&
        memcmp(token.at + 1, "ff", 2) != 0 && has_digits(id, DIGITS) && id.at[DIGITS] == '-' &&
        has_digits(rest, PARENT) && memcmp(id.at, nobody, DIGITS) != 0) {
        memcpy(trace, id.at, DIGITS);
        trace[DIGITS] = '\0';
    }
}

/* A glance at the bytes first: most have none, and each key of a _meta costs to be compared. */
static struct span find_trace(struct span meta)
{
    static const struct span key = SPAN_INIT("\"traceparent\"");

    if (span_is_none(meta) || memmem(meta.at, meta.length, key.at, key.length) == NULL) {
        return SPAN_NONE;
    }
    return json_find(meta, "traceparent");
}

void timeline_describe(struct timeline *timeline, const struct message *message,
                       enum mcp_method method)
{
    timeline->method = method;
    if (method == MCP_TOOLS_CALL) {
        json_string_show(message_param(message, "name"), timeline->tool, TIMELINE_TOOL_SIZE);
    }
    copy_trace(find_trace(message->meta), timeline->trace);
}
