/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/json_scan.h"
#include "proto/mcp.h"
#include "proto/message.h"
#include "proto/splice.h"
#include "proto/utf8.h"

#define ENVELOPE "io.modelcontextprotocol/"

enum {
    TAIL_MAXIMUM = 64, /* what the rest of a line, its deadline, may take */
    /* A line is for the broker as deep as what is in it, and these: the message, its params. */
    PARAMS_DEPTH = 1,
    MEMBER_DEPTH = 2,
    LEAST_OF_A_VALUE = 2, /* bytes, with its comma */
    LONGEST_ESCAPE = 6,
    ENVELOPE_MAXIMUM = 1024, /* what the library writes itself, without names and the caller's */
};

static int check_wish(const struct request_wish *wish, struct request_fault *fault);
static int check_object(struct span json, uint32_t above, const char *what,
                        struct request_fault *fault);
static int check_meta(struct span meta, const char *what, struct request_fault *fault);
static void write_begin(const struct request_wish *wish, struct bytes *out);

static int PRINTF_LIKE(2, 3) refuse(struct request_fault *fault, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return TEPLO_E_INVAL;
}

/* The values of the line that OUT begins: what is in it was checked, each part for itself. */
static int count_values(struct bytes *out, struct request_fault *fault)
{
    size_t length = out->length;
    struct json_error error;
    int r;

    if (length / LEAST_OF_A_VALUE < json_limits_default.tokens) {
        return TEPLO_OK;
    }
    /* The deadline is one more. */
    request_finish(SPAN(""), 1, out);
    if (out->failed) {
        return TEPLO_E_NOMEM;
    }
    r = json_check(bytes_span(out), &json_limits_default, &error);
    out->length = length;
    return r == 0 ? TEPLO_OK
                  : refuse(fault, "the message is no JSON for the broker: %s (at most %u values)",
                           json_fault_text(error.fault), json_limits_default.tokens);
}

static size_t length_of(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

/* Where a line could not be written: its maximum may be why, not memory. */
static bool may_be_too_long(const struct request_wish *wish)
{
    size_t quoted = length_of(wish->tool) + length_of(wish->pool) + length_of(wish->client);

    return wish->body.length + wish->meta.length + quoted * LONGEST_ESCAPE + ENVELOPE_MAXIMUM >
           REQUEST_LINE_MAXIMUM;
}

int request_begin(const struct request_wish *wish, struct bytes *out,
                  struct request_fault *ret_fault)
{
    int r;

    if (wish->body.length > REQUEST_LINE_MAXIMUM || wish->meta.length > REQUEST_LINE_MAXIMUM) {
        return TEPLO_E_TOOBIG;
    }
    r = check_wish(wish, ret_fault);
    if (r < 0) {
        return r;
    }
    write_begin(wish, out);
    if (out->failed) {
        return may_be_too_long(wish) ? TEPLO_E_TOOBIG : TEPLO_E_NOMEM;
    }
    return out->length > REQUEST_LINE_MAXIMUM - TAIL_MAXIMUM ? TEPLO_E_TOOBIG
                                                             : count_values(out, ret_fault);
}

void request_finish(struct span begun, int64_t left_ms, struct bytes *out)
{
    bytes_append_span(out, begun);
    if (left_ms >= 0) {
        bytes_append_text(out, ",\"dev.teplo/deadlineMs\":");
        bytes_append_int(out, left_ms < 1 ? 1 : left_ms);
    }
    bytes_append_text(out, "}}}\n");
}

void request_cancel(uint64_t ticket, const char *reason, struct bytes *out)
{
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                           "\"params\":{\"requestId\":");
    bytes_append_int(out, (int64_t)ticket);
    if (reason != NULL) {
        bytes_append_text(out, ",\"reason\":");
        json_quote(out, span_of(reason));
    }
    bytes_append_text(out, "}}\n");
}

void request_probe(struct bytes *out)
{
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"method\":\"teplo/outcome\","
                           "\"params\":{\"call\":\"00000000-0000-0000-0000-000000000000\"}}\n");
}

/* As mcp_find_method, which wants a token. */
static enum mcp_method find_method(const char *method)
{
    char token[MESSAGE_METHOD_MAXIMUM + 3];
    int length = snprintf(token, sizeof(token), "\"%s\"", method);

    return mcp_find_method((struct span){token, (size_t)length});
}

enum request_nature request_nature_of(const char *method)
{
    enum mcp_method known = find_method(method);

    if (known == MCP_SUBSCRIPTIONS_LISTEN) {
        return REQUEST_LISTENS;
    }
    if (known == MCP_OTHER) {
        return strcmp(method, "teplo/outcome") == 0 ? REQUEST_READS : REQUEST_CALLS;
    }
    switch (mcp_method_route(known)) {
    case MCP_ROUTE_LOCAL:
    case MCP_ROUTE_LIST:
    case MCP_ROUTE_PASS_SAFE:
        return REQUEST_READS;
    case MCP_ROUTE_PASS:
    case MCP_ROUTE_SHARED:
        break;
    }
    return REQUEST_CALLS;
}

/* ---- what is refused */

static bool is_utf8(const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        size_t length = utf8_length(text, end);

        if (length == 0) {
            return false;
        }
        text += length;
    }
    return true;
}

/* A plain word: it goes into the line as it is. */
static bool is_method(const char *method)
{
    size_t length = strnlen(method, MESSAGE_METHOD_MAXIMUM + 1);

    for (size_t i = 0; i < length; i++) {
        if (method[i] <= ' ' || method[i] > '~' || method[i] == '"' || method[i] == '\\') {
            return false;
        }
    }
    return length > 0 && length <= MESSAGE_METHOD_MAXIMUM;
}

static int check_names(const struct request_wish *wish, struct request_fault *fault)
{
    if (wish->method == NULL || !is_method(wish->method)) {
        return refuse(fault, "the method must be 1 to %d printable ASCII characters",
                      MESSAGE_METHOD_MAXIMUM);
    }
    if (strcmp(wish->method, "initialize") == 0) {
        return refuse(fault, "initialize is not needed: this library needs no handshake");
    }
    if (strncmp(wish->method, "notifications/", strlen("notifications/")) == 0) {
        return refuse(fault, "a notification has no answer: %s is no request", wish->method);
    }
    if (wish->tool != NULL && (wish->tool[0] == '\0' || !is_utf8(wish->tool))) {
        return refuse(fault, "the tool's name is empty, or not UTF-8");
    }
    if (wish->pool != NULL && !is_utf8(wish->pool)) {
        return refuse(fault, "callopts.pool is not UTF-8");
    }
    return TEPLO_OK;
}

static int check_wish(const struct request_wish *wish, struct request_fault *fault)
{
    const char *what = wish->tool == NULL ? "params" : "arguments";
    struct span own = SPAN_NONE;
    int r = check_names(wish, fault);

    if (r < 0) {
        return r;
    }
    if (!span_is_none(wish->body)) {
        r = check_object(wish->body, wish->tool == NULL ? PARAMS_DEPTH : MEMBER_DEPTH, what, fault);
        own = r == 0 && wish->tool == NULL ? json_find(wish->body, "_meta") : SPAN_NONE;
    }
    if (r == 0 && !span_is_none(own)) {
        r = span_is_none(wish->meta)
                ? check_meta(own, "params._meta", fault)
                : refuse(fault, "both params._meta and callopts.meta are given");
    }
    if (r == 0 && wish->tool == NULL && json_has_duplicates(wish->body, MESSAGE_MEMBERS_MAXIMUM)) {
        r = refuse(fault, "params has a key twice, or more than %d", MESSAGE_MEMBERS_MAXIMUM);
    }
    if (r == 0 && !span_is_none(wish->meta)) {
        r = check_object(wish->meta, MEMBER_DEPTH, "callopts.meta", fault);
        r = r == 0 ? check_meta(wish->meta, "callopts.meta", fault) : r;
    }
    return r;
}

/* JSON is inside of ABOVE other containers. */
static int check_object(struct span json, uint32_t above, const char *what,
                        struct request_fault *fault)
{
    struct json_limits limits = json_limits_default;
    struct json_error error;

    limits.depth -= above;
    if (json_check(json, &limits, &error) < 0) {
        return refuse(fault, "%s: not JSON: %s (byte %zu)", what, json_fault_text(error.fault),
                      error.at);
    }
    if (json_kind_of(json_trim(json)) != JSON_OBJECT) {
        return refuse(fault, "%s: a JSON object is needed (byte %zu)", what,
                      (size_t)(json_trim(json).at - json.at));
    }
    return TEPLO_OK;
}

/* What the library writes itself. */
static bool is_ours(struct span key)
{
    return json_string_starts(key, "dev.teplo/") || json_string_is(key, "progressToken") ||
           json_string_is(key, ENVELOPE "protocolVersion") ||
           json_string_is(key, ENVELOPE "clientCapabilities") ||
           json_string_is(key, ENVELOPE "clientInfo");
}

static int check_meta(struct span meta, const char *what, struct request_fault *fault)
{
    enum { OURS = 8 };
    struct json_walk walk = json_walk_of(meta);
    struct json_item item;

    if (json_kind_of(json_trim(meta)) != JSON_OBJECT) {
        return refuse(fault, "%s: a JSON object is needed", what);
    }
    if (json_has_duplicates(meta, MESSAGE_MEMBERS_MAXIMUM - OURS)) {
        return refuse(fault, "%s has a key twice, or more than %d", what,
                      MESSAGE_MEMBERS_MAXIMUM - OURS);
    }
    while (json_walk_next(&walk, &item)) {
        if (is_ours(item.key)) {
            int shown = item.key.length < 64 ? (int)item.key.length : 64;

            return refuse(fault, "%s: %.*s is the library's own key", what, shown, item.key.at);
        }
    }
    return TEPLO_OK;
}

/* ---- what is written */

/* Each member of OBJECT but _meta, with a comma behind it. */
static void write_members(struct span object, struct bytes *out)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        if (!json_string_is(item.key, "_meta")) {
            bytes_append_span(out, item.key);
            bytes_append_char(out, ':');
            splice_append_line(out, item.value);
            bytes_append_char(out, ',');
        }
    }
}

/* Each member of META with a comma before it. */
static void write_meta(struct span meta, struct bytes *out)
{
    struct json_walk walk = json_walk_of(meta);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        bytes_append_char(out, ',');
        bytes_append_span(out, item.key);
        bytes_append_char(out, ':');
        splice_append_line(out, item.value);
    }
}

static void write_text_member(const char *key, const char *text, struct bytes *out)
{
    if (text != NULL) {
        bytes_append_text(out, key);
        json_quote(out, span_of(text));
    }
}

static void write_envelope(const struct request_wish *wish, struct bytes *out)
{
    bytes_append_text(out, "\"_meta\":{\"" ENVELOPE "protocolVersion\":\"" MCP_MODERN
                           "\",\"" ENVELOPE "clientCapabilities\":{},\"" ENVELOPE
                           "clientInfo\":{\"version\":\"" TEPLO_VERSION "\"");
    write_text_member(",\"name\":", wish->client, out);
    bytes_append_char(out, '}');
    write_text_member(",\"dev.teplo/pool\":", wish->pool, out);
    write_text_member(",\"dev.teplo/call\":", wish->call, out);
    if ((wish->flags & TEPLO_F_PROGRESS) != 0) {
        bytes_append_text(out, ",\"progressToken\":");
        bytes_append_int(out, (int64_t)wish->ticket);
    }
}

static void write_begin(const struct request_wish *wish, struct bytes *out)
{
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_append_int(out, (int64_t)wish->ticket);
    bytes_append_text(out, ",\"method\":\"");
    bytes_append_text(out, wish->method);
    bytes_append_text(out, "\",\"params\":{");
    if (wish->tool == NULL) {
        write_members(wish->body, out);
    } else {
        bytes_append_text(out, "\"name\":");
        json_quote(out, span_of(wish->tool));
        bytes_append_text(out, ",\"arguments\":");
        splice_append_line(out, span_is_none(wish->body) ? SPAN("{}") : wish->body);
        bytes_append_char(out, ',');
    }
    write_envelope(wish, out);
    if (wish->tool == NULL) {
        write_meta(json_find(wish->body, "_meta"), out);
    }
    write_meta(wish->meta, out);
}
