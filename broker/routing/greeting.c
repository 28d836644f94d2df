/* SPDX-License-Identifier: MIT */
#include "broker/routing/greeting.h"

#include <stdio.h>

#include "proto/failure.h"

void greeting_start(struct request *request)
{
    struct requester *requester = request->requester;
    struct span params = request->message.params;
    struct span name = json_find(json_find(params, "clientInfo"), "name");

    if (request->method == MCP_INITIALIZE) {
        /* The connection's era and pool are settled now: what is pipelined behind counts on it. */
        requester->era = REQUESTER_LEGACY;
        (void)snprintf(requester->route_name, sizeof(requester->route_name), "%s",
                       route_name(request->route));
        if (!json_string_copy(name, requester->name, sizeof(requester->name))) {
            (void)snprintf(requester->name, sizeof(requester->name), "-");
        }
    }
    if (!span_is_none(pool_identity(route_pool(request->route)))) {
        request->kind = REQUEST_GREETING;
        greeting_answer(request);
        return;
    }
    request_greet(request);
}

/* `,"NAME":value` if the server's identity has NAME. */
static void copy_member(struct bytes *out, struct span identity, const char *name)
{
    struct span value = json_find(identity, name);
    struct splice splice;

    if (span_is_none(value)) {
        return;
    }
    bytes_printf(out, ",\"%s\":", name);
    splice_init(&splice, value);
    splice_write(&splice, out);
}

/* What belongs to one session is offered only to who has one. */
static void append_capabilities(struct bytes *out, const struct request *request,
                                struct span identity)
{
    struct span capabilities = json_find(identity, "capabilities");
    bool has_own = request->era == MCP_ERA_LEGACY && !route_is_shared(request->route);

    bytes_append_text(out, "\"capabilities\":");
    if (json_kind_of(capabilities) == JSON_OBJECT && has_own) {
        splice_append_line(out, capabilities);
    } else if (json_kind_of(capabilities) == JSON_OBJECT) {
        mcp_bridgeable_capabilities(capabilities, out);
    } else {
        bytes_append_text(out, "{}");
    }
}

/*
 * The client's own revision if we speak it, but none that the server does not: what a
 * result may contain depends on it.
 */
static const char *negotiate(const struct request *request)
{
    const char *asked =
        mcp_find_version(message_param(&request->message, "protocolVersion"), MCP_ERA_LEGACY);
    const char *spoken = pool_protocol(route_pool(request->route));

    if (asked == NULL) {
        return spoken;
    }
    /* Revisions are dates: the order of text is the order of time. */
    return strcmp(asked, spoken) < 0 ? asked : spoken;
}

static void write_initialize(struct request *request, struct span identity, struct bytes *out)
{
    request->requester->version = negotiate(request);
    bytes_printf(out, "{\"protocolVersion\":\"%s\",", request->requester->version);
    append_capabilities(out, request, identity);
    copy_member(out, identity, "serverInfo");
    copy_member(out, identity, "instructions");
    bytes_append_char(out, '}');
}

static void write_discover(const struct request *request, struct span identity, struct bytes *out)
{
    struct span info = json_find(identity, "serverInfo");
    struct splice splice;

    bytes_append_text(out,
                      "{\"resultType\":\"complete\",\"supportedVersions\":[\"" MCP_MODERN "\"],");
    append_capabilities(out, request, identity);
    copy_member(out, identity, "instructions");
    bytes_append_text(out, ",\"ttlMs\":0,\"cacheScope\":\"private\"");
    if (!span_is_none(info)) {
        bytes_append_text(out, ",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":");
        splice_init(&splice, info);
        splice_write(&splice, out);
        bytes_append_char(out, '}');
    }
    bytes_append_char(out, '}');
}

void greeting_answer(struct request *request)
{
    struct span identity = pool_identity(route_pool(request->route));
    struct bytes result;

    bytes_init(&result, identity.length + 4096);
    if (span_is_none(identity)) {
        result.failed = true; /* there was no memory to keep it */
    } else if (request->method == MCP_INITIALIZE) {
        write_initialize(request, identity, &result);
    } else {
        write_discover(request, identity, &result);
    }
    if (result.failed) {
        struct failure_report report = failure_report_of(FAILURE_OUT_OF_MEMORY, NULL);

        request_answer_failure(request, &report);
    } else {
        request_answer_result(request, bytes_span(&result));
    }
    bytes_done(&result);
}

/*
 * Accepted and kept from the server: its log messages on a shared session belong to no
 * client in particular and are dropped, so there is nothing to set there.
 */
void greeting_set_level(struct requester *requester, struct route *route,
                        const struct message *message)
{
    static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
    struct span level = message_param(message, "level");
    struct bytes *out = router_scratch(requester->router);
    bool is_level = false;

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        is_level = is_level || json_string_is(level, levels[i]);
    }
    if (!route_has_capability(route, "logging")) {
        reply_refusal(out, message->id, RPC_METHOD_NOT_FOUND,
                      SPAN("this server offers no logging"));
    } else if (!is_level) {
        reply_refusal(out, message->id, RPC_INVALID_PARAMS,
                      SPAN("level is none of debug, info, notice, warning, error, critical, alert, "
                           "emergency"));
    } else {
        reply_result(out, message->id, SPAN("{}"));
    }
    requester_send(requester, out);
}
