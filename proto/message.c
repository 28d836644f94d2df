/* SPDX-License-Identifier: MIT */
/*
 * Reads the envelope of a checked text.  Two parsers must never see two messages
 * in one text, so that what is ambiguous anywhere a route or an id is read from is
 * refused: a duplicate key, a NUL in the method.  Bodies are not looked into.
 */
#include "proto/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/failure.h"

enum { SHOWN_KEY_BYTES = 48 };

/* The keys of one object seen so far. */
struct names {
    const char *where;
    struct span keys[MESSAGE_MEMBERS_MAXIMUM];
    size_t count;
};

struct parts {
    struct span version;
    struct span id;
    struct span method;
    struct span params;
    struct span result;
    struct span error;
};

static int read_text(struct span text, const struct json_limits *limits,
                     struct message_fault *fault);
static int read_parts(struct span text, struct parts *parts, struct message_fault *fault);
static int read_kind(const struct parts *parts, struct message *message,
                     struct message_fault *fault);
static int read_params(struct message *message, struct message_fault *fault);
static int read_meta(struct message *message, struct message_fault *fault);
static int check_token(struct span token, const char *name, struct message_fault *fault);

static int PRINTF_LIKE(3, 4)
    refuse(struct message_fault *fault, enum rpc_code code, const char *format, ...)
{
    va_list arguments;

    fault->code = code;
    fault->id = SPAN_NONE;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return -EBADMSG;
}

int message_parse(struct span text, const struct json_limits *limits, struct message *ret_message,
                  struct message_fault *ret_fault)
{
    struct message message = {.text = text};
    struct message_fault ignored;
    struct parts parts = {.id = SPAN_NONE};
    int r = read_text(text, limits, ret_fault);

    if (r < 0) {
        return r;
    }
    r = read_parts(text, &parts, ret_fault);
    if (r == 0) {
        r = read_kind(&parts, &message, ret_fault);
    }
    if (r == 0 && !span_is_none(parts.method)) {
        message.params = parts.params;
        r = read_params(&message, ret_fault);
    }
    if (r < 0) {
        if (!span_is_none(parts.id) && check_token(parts.id, "id", &ignored) == 0) {
            ret_fault->id = parts.id;
        }
        return r;
    }
    *ret_message = message;
    return 0;
}

static void move(struct span *span, const char *from, const char *to)
{
    if (!span_is_none(*span)) {
        span->at = to + (span->at - from);
    }
}

void message_move(struct message *message, const char *text)
{
    const char *from = message->text.at;

    move(&message->id, from, text);
    move(&message->method, from, text);
    move(&message->params, from, text);
    move(&message->result, from, text);
    move(&message->error, from, text);
    move(&message->meta, from, text);
    move(&message->progress_token, from, text);
    message->text.at = text;
}

struct span message_param(const struct message *message, const char *key)
{
    return json_find(message->params, key);
}

static int read_text(struct span text, const struct json_limits *limits,
                     struct message_fault *fault)
{
    struct json_error error;
    enum json_kind kind;

    if (json_check(text, limits, &error) < 0) {
        bool is_json = error.fault == JSON_FAULT_DEPTH || error.fault == JSON_FAULT_TOKENS;

        (void)refuse(fault, is_json ? RPC_INVALID_REQUEST : RPC_PARSE_ERROR, "%s: %s (byte %zu)",
                     is_json ? "too complex" : "not JSON", json_fault_text(error.fault), error.at);
        fault->id = message_peek_id(text);
        return -EBADMSG;
    }
    kind = json_kind_of(json_trim(text));
    if (kind == JSON_ARRAY) {
        return refuse(fault, RPC_INVALID_REQUEST,
                      "a batch (array) is not accepted: send one message a line");
    }
    if (kind != JSON_OBJECT) {
        return refuse(fault, RPC_INVALID_REQUEST, "a message is an object");
    }
    return 0;
}

static int add_name(struct names *names, struct span key, struct message_fault *fault)
{
    for (size_t i = 0; i < names->count; i++) {
        if (json_string_equal(names->keys[i], key)) {
            int shown = key.length < SHOWN_KEY_BYTES ? (int)key.length : SHOWN_KEY_BYTES;

            return refuse(fault, RPC_INVALID_REQUEST, "%s has two members %.*s", names->where,
                          shown, key.at);
        }
    }
    if (names->count == MESSAGE_MEMBERS_MAXIMUM) {
        return refuse(fault, RPC_INVALID_REQUEST, "%s has more than %d members", names->where,
                      MESSAGE_MEMBERS_MAXIMUM);
    }
    names->keys[names->count++] = key;
    return 0;
}

static struct span *part_called(struct parts *parts, struct span key)
{
    const struct {
        const char *name;
        struct span *part;
    } rows[] = {
        {"jsonrpc", &parts->version}, {"id", &parts->id},         {"method", &parts->method},
        {"params", &parts->params},   {"result", &parts->result}, {"error", &parts->error},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (json_string_is(key, rows[i].name)) {
            return rows[i].part;
        }
    }
    return NULL;
}

/* Goes on after a fault: the id may come later, and the answer should carry it. */
static int read_parts(struct span text, struct parts *parts, struct message_fault *fault)
{
    struct names names = {.where = "the message"};
    struct json_walk walk = json_walk_of(text);
    struct json_item item;
    bool two_ids = false;
    int r = 0;

    while (json_walk_next(&walk, &item)) {
        struct span *part = part_called(parts, item.key);

        if (r == 0) {
            r = add_name(&names, item.key, fault);
        }
        if (part == NULL) {
            continue;
        }
        two_ids = two_ids || (part == &parts->id && !span_is_none(*part));
        *part = item.value;
    }
    if (two_ids) {
        parts->id = SPAN_NONE;
    }
    return r;
}

static int read_request(const struct parts *parts, struct message *message,
                        struct message_fault *fault)
{
    char method[MESSAGE_METHOD_MAXIMUM + 1];

    if (!json_string_copy(parts->method, method, sizeof(method))) {
        return refuse(fault, RPC_INVALID_REQUEST,
                      "method must be a string of at most %d bytes, without NUL",
                      MESSAGE_METHOD_MAXIMUM);
    }
    message->method = parts->method;
    message->kind = MESSAGE_NOTIFICATION;
    if (span_is_none(parts->id)) {
        return 0;
    }
    message->kind = MESSAGE_REQUEST;
    message->id = parts->id;
    return check_token(parts->id, "id", fault);
}

static int read_answer(const struct parts *parts, struct message *message,
                       struct message_fault *fault)
{
    bool is_error = !span_is_none(parts->error);

    message->kind = is_error ? MESSAGE_ERROR : MESSAGE_RESULT;
    message->result = parts->result;
    message->error = parts->error;
    if (is_error && json_kind_of(parts->error) != JSON_OBJECT) {
        return refuse(fault, RPC_INVALID_REQUEST, "error must be an object");
    }
    /* An error about a request whose id its receiver could not read. */
    if (is_error && (span_is_none(parts->id) || json_kind_of(parts->id) == JSON_NULL)) {
        return 0;
    }
    if (span_is_none(parts->id)) {
        return refuse(fault, RPC_INVALID_REQUEST, "a result needs the id of its request");
    }
    message->id = parts->id;
    return check_token(parts->id, "id", fault);
}

static int read_kind(const struct parts *parts, struct message *message,
                     struct message_fault *fault)
{
    bool has_method = !span_is_none(parts->method);
    bool has_result = !span_is_none(parts->result);
    bool has_error = !span_is_none(parts->error);

    if (!json_string_is(parts->version, "2.0")) {
        return refuse(fault, RPC_INVALID_REQUEST, "\"jsonrpc\":\"2.0\" is missing");
    }
    if (has_method && (has_result || has_error)) {
        return refuse(fault, RPC_INVALID_REQUEST, "both a method and a result or error");
    }
    if (has_result && has_error) {
        return refuse(fault, RPC_INVALID_REQUEST, "both a result and an error");
    }
    if (!has_method && !has_result && !has_error) {
        return refuse(fault, RPC_INVALID_REQUEST, "no method, result or error");
    }
    return has_method ? read_request(parts, message, fault) : read_answer(parts, message, fault);
}

static int read_params(struct message *message, struct message_fault *fault)
{
    struct names names = {.where = "params"};
    enum json_kind kind = json_kind_of(message->params);
    struct json_walk walk;
    struct json_item item;

    if (kind == JSON_NONE || kind == JSON_ARRAY) {
        return 0;
    }
    if (kind != JSON_OBJECT) {
        return refuse(fault, RPC_INVALID_REQUEST,
                      kind == JSON_NULL ? "params is null: leave it out"
                                        : "params must be an object or an array");
    }
    walk = json_walk_of(message->params);
    while (json_walk_next(&walk, &item)) {
        int r = add_name(&names, item.key, fault);

        if (r < 0) {
            return r;
        }
        if (json_kind_of(item.value) == JSON_OBJECT && json_string_is(item.key, "_meta")) {
            message->meta = item.value;
        }
    }
    return read_meta(message, fault);
}

static int read_meta(struct message *message, struct message_fault *fault)
{
    struct names names = {.where = "params._meta"};
    struct json_walk walk = json_walk_of(message->meta);
    struct json_item item;
    int r = 0;

    while (r == 0 && json_walk_next(&walk, &item)) {
        r = add_name(&names, item.key, fault);
        if (r == 0 && json_string_is(item.key, "progressToken") &&
            json_kind_of(item.value) != JSON_NULL) {
            message->progress_token = item.value;
            r = check_token(item.value, "params._meta.progressToken", fault);
        }
    }
    return r;
}

/* What may be an id: a string or an integer, not so long that keeping many would hurt. */
static int check_token(struct span token, const char *name, struct message_fault *fault)
{
    enum json_kind kind = json_kind_of(token);
    size_t length = kind == JSON_STRING ? token.length - 2 : token.length;

    if (kind == JSON_NULL) {
        return refuse(fault, RPC_INVALID_REQUEST, "%s is null: give a string or an integer", name);
    }
    if (kind != JSON_STRING && !json_is_integer(token)) {
        return refuse(fault, RPC_INVALID_REQUEST, "%s must be a string or an integer", name);
    }
    if (length > MESSAGE_ID_MAXIMUM) {
        return refuse(fault, RPC_INVALID_REQUEST, "%s is longer than %d bytes", name,
                      MESSAGE_ID_MAXIMUM);
    }
    return 0;
}

/* The token that TEXT begins with, if it could be an id: plain, without escapes. */
static struct span plain_id(struct span text)
{
    bool is_string = text.length > 0 && text.at[0] == '"';
    size_t length = is_string ? 1 : 0;

    while (
        length < text.length && length <= MESSAGE_ID_MAXIMUM &&
        (is_string ? text.at[length] != '"' && text.at[length] != '\\' : text.at[length] != ',')) {
        length++;
    }
    length += is_string ? 1 : 0;
    return length > text.length ? SPAN_NONE : (struct span){text.at, length};
}

struct span message_peek_id(struct span head)
{
    const struct span before = SPAN("{\"jsonrpc\":\"2.0\",\"id\":");
    struct json_error error;
    struct span rest;
    struct span id;

    if (!span_starts_with(head, before)) {
        return SPAN_NONE;
    }
    rest = (struct span){head.at + before.length, head.length - before.length};
    id = plain_id(rest);
    rest.at += id.length;
    rest.length -= id.length;
    if (span_is_none(id) || !span_starts_with(rest, SPAN(",\"method\":")) ||
        json_check(id, &json_limits_default, &error) < 0) {
        return SPAN_NONE;
    }
    return json_kind_of(id) == JSON_STRING || json_is_integer(id) ? id : SPAN_NONE;
}
