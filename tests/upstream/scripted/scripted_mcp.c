/* SPDX-License-Identifier: MIT */
#include "tests/upstream/scripted/scripted.h"

/* The revision that is offered to who asks for another one. */
static const struct span latest = SPAN_INIT("\"2025-06-18\"");

static void answer(struct session *session, struct span id, const char *kind, struct span value)
{
    struct bytes *text = &session->scripted->scratch;

    bytes_clear(text);
    bytes_append_text(text, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_append_span(text, id);
    bytes_printf(text, ",\"%s\":", kind);
    bytes_append_span(text, value);
    bytes_append_text(text, "}");
    session_say(session, bytes_span(text));
}

static void initialize(struct session *session, const struct message *message)
{
    struct span version = message_param(message, "protocolVersion");
    struct bytes result;

    session->scripted->counters.initializes++;
    if (session->scripted->settings.initialize_mute != 0) {
        return;
    }
    bytes_init(&result, 1024);
    bytes_append_text(&result, "{\"protocolVersion\":");
    bytes_append_span(&result, version.at == NULL ? latest : version);
    bytes_append_text(&result, ",\"capabilities\":{\"tools\":{\"listChanged\":false}},"
                               "\"serverInfo\":{\"name\":\"scripted\",\"version\":\"1\"}}");
    answer(session, message->id, "result", bytes_span(&result));
    bytes_done(&result);
}

static const struct span tools = SPAN_INIT(
    "{\"tools\":[{\"name\":\"effect\",\"description\":\"Executes once, and misbehaves as told\","
    "\"inputSchema\":{\"type\":\"object\",\"required\":[\"u\"],\"properties\":{"
    "\"u\":{\"type\":\"integer\"},\"ms\":{\"type\":\"integer\"},"
    "\"bytes\":{\"type\":\"integer\"},\"fault\":{\"type\":\"string\"}}}}]}");

/* What needs an initialized session. */
static void on_greeted(struct session *session, const struct message *message)
{
    struct scripted_counters *counters = &session->scripted->counters;

    if (!session->is_greeted) {
        /* As the Python SDK: accepted, and then this. */
        counters->uninitialized++;
        answer(session, message->id, "error",
               SPAN("{\"code\":-32602,\"message\":\"Invalid request parameters\",\"data\":\"\"}"));
    } else if (json_string_is(message->method, "tools/list")) {
        counters->lists++;
        answer(session, message->id, "result", tools);
    } else {
        answer(session, message->id, "error",
               SPAN("{\"code\":-32601,\"message\":\"Method not found\"}"));
    }
}

void scripted_hear(struct session *session, struct posting *posting, struct span body)
{
    struct scripted_counters *counters = &session->scripted->counters;
    struct message message;
    struct message_fault fault;

    if (message_parse(body, &json_limits_default, &message, &fault) < 0) {
        session->face->reply(posting, 400);
        return;
    }
    if (message.kind == MESSAGE_REQUEST && session->is_greeted &&
        json_string_is(message.method, "tools/call")) {
        scripted_call(session, posting, &message);
        return;
    }
    session->face->reply(posting, 202);
    if (message.kind == MESSAGE_NOTIFICATION) {
        session->is_greeted |= json_string_is(message.method, "notifications/initialized");
        counters->cancels += json_string_is(message.method, "notifications/cancelled") ? 1 : 0;
    } else if (message.kind != MESSAGE_REQUEST) {
        return;
    } else if (json_string_is(message.method, "initialize")) {
        initialize(session, &message);
    } else if (json_string_is(message.method, "ping")) {
        counters->pings++;
        answer(session, message.id, "result", SPAN("{}"));
    } else {
        on_greeted(session, &message);
    }
}
