/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/relay_greeting.h"

#include "proto/mcp.h"

static const struct span our_id = SPAN_INIT("\"teploctl-greets-again\"");

void relay_greeting_init(struct relay_greeting *greeting)
{
    *greeting = (struct relay_greeting){.id = SPAN_NONE};
    bytes_init(&greeting->line, RELAY_GREETING_MAXIMUM);
}

void relay_greeting_done(struct relay_greeting *greeting)
{
    bytes_done(&greeting->line);
}

void relay_greeting_clear(struct relay_greeting *greeting)
{
    relay_greeting_done(greeting);
    relay_greeting_init(greeting);
}

static void keep(struct relay_greeting *greeting, const struct message *message)
{
    struct message own = *message;

    relay_greeting_clear(greeting);
    bytes_append_span(&greeting->line, message->text);
    if (greeting->line.failed) {
        relay_greeting_clear(greeting);
        return;
    }
    message_move(&own, greeting->line.at);
    greeting->id = own.id;
}

void relay_greeting_sent(struct relay_greeting *greeting, const struct message *message)
{
    if (message->kind == MESSAGE_REQUEST && mcp_find_method(message->method) == MCP_INITIALIZE) {
        keep(greeting, message);
    } else if (message->kind == MESSAGE_NOTIFICATION &&
               json_string_is(message->method, "notifications/initialized")) {
        greeting->is_confirmed = true;
    }
}

/* The version in the answer to initialize, or "". */
static void read_version(const struct message *answer, char *version)
{
    if (!json_string_copy(json_find(answer->result, "protocolVersion"), version,
                          RELAY_VERSION_MAXIMUM)) {
        version[0] = '\0';
    }
}

void relay_greeting_heard(struct relay_greeting *greeting, const struct message *message)
{
    if (!relay_greeting_is_kept(greeting) || relay_greeting_is_answered(greeting) ||
        !span_equal(message->id, greeting->id)) {
        return;
    }
    if (message->kind == MESSAGE_RESULT) {
        read_version(message, greeting->version);
    }
    if (!relay_greeting_is_answered(greeting)) {
        relay_greeting_clear(greeting); /* refused: the host may greet again */
    }
}

void relay_greeting_repeat(const struct relay_greeting *greeting, struct bytes *out)
{
    struct splice splice;

    if (!relay_greeting_is_kept(greeting)) {
        bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":\"teploctl-greets-again\","
                               "\"method\":\"teplo/outcome\",\"params\":{\"call\":"
                               "\"00000000-0000-0000-0000-000000000000\"}}\n");
        return;
    }
    splice_init(&splice, bytes_span(&greeting->line));
    if (relay_greeting_is_answered(greeting)) {
        splice_replace(&splice, greeting->id, our_id);
    }
    splice_write(&splice, out);
    bytes_append_char(out, '\n');
}

void relay_greeting_confirm(const struct relay_greeting *greeting, struct bytes *out)
{
    if (greeting->is_confirmed) {
        bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    }
}

enum relay_verdict relay_greeting_judge(const struct relay_greeting *greeting,
                                        const struct message *message)
{
    char version[RELAY_VERSION_MAXIMUM];

    if (message->kind == MESSAGE_ERROR && span_is_none(message->id)) {
        return RELAY_REFUSED; /* it has no place for us */
    }
    if (!relay_greeting_is_kept(greeting)) {
        return span_equal(message->id, our_id) ? RELAY_GREETED : RELAY_PASS;
    }
    if (!relay_greeting_is_answered(greeting) || message->kind == MESSAGE_NOTIFICATION) {
        return RELAY_PASS;
    }
    if (message->kind != MESSAGE_RESULT || !span_equal(message->id, our_id)) {
        return RELAY_REFUSED;
    }
    read_version(message, version);
    return strcmp(version, greeting->version) == 0 ? RELAY_GREETED : RELAY_FOREIGN;
}
