/* SPDX-License-Identifier: MIT */
/* Called by downstream/client.c; calls request.c, greeting.c and listen.c. */
#include "broker/routing/requester.h"

#include <stdio.h>

#include "broker/routing/greeting.h"
#include "broker/routing/listen.h"
#include "broker/routing/outcome_answer.h"
#include "broker/routing/pool_choice.h"
#include "broker/routing/refusal.h"
#include "broker/routing/request.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"
#include "proto/failure.h"
#include "proto/mcp.h"

enum { MEMORY_RETRY_MS = 1000 };

static const char tool_denied[] =
    "the pool's \"allow\" or \"deny\" does not let this tool be called";

void requester_init(struct requester *requester, struct router *router,
                    const struct requester_origin *origin, const struct requester_events *events,
                    void *owner)
{
    *requester = (struct requester){.router = router,
                                    .party = router_mint_party(router),
                                    .peer = origin->peer,
                                    .events = events,
                                    .owner = owner};
    hashmap_init(&requester->requests);
    if (origin->route != NULL) {
        requester->bound_by_socket = true;
        (void)snprintf(requester->route_name, sizeof(requester->route_name), "%s", origin->route);
    }
    router_add_requester(router, requester);
}

void requester_done(struct requester *requester)
{
    struct request *request;

    while ((request = hashmap_any(&requester->requests)) != NULL) {
        request_orphan(request);
    }
    hashmap_done(&requester->requests);
    router_remove_requester(requester->router, requester);
    router_leave(requester->router, requester->party);
}

size_t requester_waiting(const struct requester *requester)
{
    return requester->requests.count - requester->listens;
}

bool requester_is_full(const struct requester *requester)
{
    const struct router_limits *limits = router_limits(requester->router);

    return requester_waiting(requester) >=
           limits->max_inflight_per_client + limits->max_queued_per_client;
}

void requester_send(struct requester *requester, const struct bytes *line)
{
    if (line->failed) {
        requester->events->on_broken(requester->owner);
    } else {
        requester->events->on_line(requester->owner, bytes_span(line));
    }
}

void requester_forget(struct requester *requester, struct span id)
{
    CHECK(hashmap_take(&requester->requests, id) != NULL);
}

static struct request *find_on_route(const struct requester *requester, const struct route *route)
{
    HASHMAP_FOREACH (slot, &requester->requests) {
        struct request *request = slot->value;

        if (request->route == route) {
            return request;
        }
    }
    return NULL;
}

void requesters_fail_route(struct router *router, struct route *route)
{
    struct failure_report report =
        failure_report_of(FAILURE_DRAINING, "the pool was removed from the configuration");

    report.upstream = route_name(route);
    LIST_FOREACH (node, router_requesters(router)) {
        struct requester *requester = LIST_ITEM(node, struct requester, in_router);
        struct request *request;

        while ((request = find_on_route(requester, route)) != NULL) {
            request_fail(request, &report);
        }
    }
}

void requester_bereave(struct requester *requester, struct route *route)
{
    struct failure_report report = failure_report_of(
        FAILURE_SESSION_GONE, "this client's own session was lost, and with it what the server "
                              "knew of it; connect again");
    struct request *request;

    report.upstream = route_name(route);
    requester->is_bereft = true;
    while ((request = find_on_route(requester, route)) != NULL) {
        request_fail(request, &report);
    }
    requester->events->on_bereft(requester->owner);
}

/* Why REQUEST may not go on, or NULL.  What was sent goes on whatever the rules say. */
static const char *why_denied(const struct request *request)
{
    const struct access_rules *rules = route_access(request->route);

    if (!request_is_waiting(request)) {
        return NULL;
    }
    if (!access_may_use(rules, &request->requester->peer)) {
        return refusal_not_allowed;
    }
    return request->method == MCP_TOOLS_CALL &&
                   !access_may_call(rules, message_param(&request->message, "name"))
               ? tool_denied
               : NULL;
}

static struct request *find_denied(const struct requester *requester, const struct route *route)
{
    HASHMAP_FOREACH (slot, &requester->requests) {
        struct request *request = slot->value;

        if (request->route == route && why_denied(request) != NULL) {
            return request;
        }
    }
    return NULL;
}

void requesters_fail_denied(struct router *router, struct route *route)
{
    LIST_FOREACH (node, router_requesters(router)) {
        struct requester *requester = LIST_ITEM(node, struct requester, in_router);
        struct request *request;

        while ((request = find_denied(requester, route)) != NULL) {
            request_deny(request, why_denied(request));
        }
    }
}

/* ---- answers made here */

/* ID, of what is no message; none if it is under way: that request would be taken for answered. */
static struct span unused_id(const struct requester *requester, struct span id)
{
    return span_is_none(id) || hashmap_find(&requester->requests, id) == NULL ? id : SPAN_NONE;
}

void requester_on_bad_frame(struct requester *requester, struct span head, const char *what)
{
    refusal_failure(requester, unused_id(requester, message_peek_id(head)), FAILURE_FRAME_TOO_LONG,
                    what);
}

void requester_on_mute(struct requester *requester)
{
    refusal_failure(requester, SPAN_NONE, FAILURE_HELLO_TIMEOUT,
                    "send one within client_hello_timeout of connecting, or raise it");
}

/* ---- requests */

static void send_out_of_memory(struct requester *requester, const struct message *message)
{
    struct bytes *out = router_scratch(requester->router);
    struct failure_report report = failure_report_of(
        FAILURE_OUT_OF_MEMORY, "as much as mem_limit is in use, or almost; try again, or raise it");

    report.stage = "queued";
    report.retry_after_ms = MEMORY_RETRY_MS;
    reply_failure(out, message->id, &report);
    requester_send(requester, out);
}

/* Whether a new request may be entered; if not, that has been answered. */
static bool may_enter(struct requester *requester, struct route *route,
                      const struct message *message, enum mcp_method method)
{
    if (hashmap_find(&requester->requests, message->id) != NULL) {
        refusal_error(requester, message->id, RPC_INVALID_REQUEST,
                      "a request with this id is still unanswered; use a new id", SPAN_NONE);
        return false;
    }
    if (method == MCP_SUBSCRIPTIONS_LISTEN &&
        requester->listens_asked >= REQUESTER_LISTENS_MAXIMUM) {
        refusal_failure(requester, message->id, FAILURE_CLIENT_LIMIT,
                        "cancel one of the 64, or ask for several kinds in one");
        return false;
    }
    if (mem_in_use() + requester->spare_bytes >=
        router_limits(requester->router)->memory_max_bytes) {
        send_out_of_memory(requester, message);
        return false;
    }
    if (requester_is_full(requester)) {
        /* A broker that drains lets nobody wait to be read. */
        refusal_failure(requester, message->id, FAILURE_DRAINING, NULL);
        return false;
    }
    if (method == MCP_TOOLS_CALL &&
        !access_may_call(route_access(route), message_param(message, "name"))) {
        refusal_denied(requester, message, route, tool_denied);
        return false;
    }
    return true;
}

static void refuse_shared(struct requester *requester, const struct message *message)
{
    refusal_failure(requester, message->id, FAILURE_UNSUPPORTED,
                    "subscriptions and tasks belong to one session, and sessions are shared here; "
                    "pool_mode \"session\" gives each client its own");
}

static bool is_list(enum mcp_method method)
{
    return method != MCP_OTHER && mcp_method_route(method) == MCP_ROUTE_LIST;
}

/* Whether ROUTE can do it; if not, that has been answered. */
static bool is_possible(struct requester *requester, const struct route *route,
                        const struct message *message, enum mcp_method method)
{
    if (requester->is_bereft) {
        refusal_failure(requester, message->id, FAILURE_SESSION_GONE,
                        "this client's own session was lost; connect again");
        return false;
    }
    if (!route_is_shared(route)) {
        return true;
    }
    /* A cached list is served whole, so no cursor of ours exists. */
    if (is_list(method) && !span_is_none(message_param(message, "cursor"))) {
        refusal_error(requester, message->id, RPC_INVALID_PARAMS,
                      "unknown cursor: lists are served whole, on one page", SPAN_NONE);
        return false;
    }
    if (method != MCP_OTHER && mcp_method_route(method) == MCP_ROUTE_SHARED) {
        refuse_shared(requester, message);
        return false;
    }
    return true;
}

static void start(struct requester *requester, const struct message *message,
                  enum mcp_method method, enum mcp_era era)
{
    struct route *route = pool_choice_of(requester, message);
    struct request *request;

    if (route == NULL || !may_enter(requester, route, message, method) ||
        !is_possible(requester, route, message, method)) {
        return;
    }
    if (method == MCP_SET_LEVEL && route_is_shared(route)) {
        greeting_set_level(requester, route, message);
        return;
    }
    request = request_new(requester, route, message, method, era);
    if (request == NULL) {
        refusal_failure(requester, message->id, FAILURE_OUT_OF_MEMORY, NULL);
        return;
    }
    if (method == MCP_INITIALIZE || method == MCP_DISCOVER) {
        greeting_start(request);
    } else if (method == MCP_SUBSCRIPTIONS_LISTEN) {
        listen_start(request);
    } else if (is_list(method) && route_is_shared(route)) {
        request_list(request);
    } else {
        request_pass(request);
    }
}

static void dispatch(struct requester *requester, const struct message *message,
                     enum mcp_method method, enum mcp_era era)
{
    if (!mcp_method_in_era(method, era)) {
        refusal_error(requester, message->id, RPC_METHOD_NOT_FOUND,
                      era == MCP_ERA_MODERN ? "this method is not part of MCP " MCP_MODERN
                                            : "this method is part of MCP " MCP_MODERN " only",
                      SPAN_NONE);
    } else if (method == MCP_PING) {
        struct bytes *out = router_scratch(requester->router);

        reply_result(out, message->id, SPAN("{}"));
        requester_send(requester, out);
    } else {
        start(requester, message, method, era);
    }
}

static void refuse_version(struct requester *requester, const struct message *message,
                           struct span requested)
{
    struct bytes data;

    bytes_init(&data, 1024);
    bytes_append_text(&data, "{" REPLY_REFUSAL_MEMBER ",\"supported\":[\"" MCP_MODERN
                             "\"],\"requested\":");
    if (json_kind_of(requested) == JSON_STRING && requested.length < 512) {
        bytes_append_span(&data, requested);
    } else {
        bytes_append_text(&data, "null");
    }
    bytes_append_char(&data, '}');
    refusal_error(requester, message->id, RPC_UNSUPPORTED_PROTOCOL_VERSION,
                  "Unsupported protocol version", bytes_span(&data));
    bytes_done(&data);
}

static void on_modern(struct requester *requester, const struct message *message,
                      enum mcp_method method, const struct mcp_envelope *envelope)
{
    struct span name = json_find(envelope->client_info, "name");

    if (mcp_find_version(envelope->protocol_version, MCP_ERA_MODERN) == NULL) {
        refuse_version(requester, message, envelope->protocol_version);
        return;
    }
    if (method != MCP_DISCOVER) {
        if (requester->era == REQUESTER_LEGACY) {
            refusal_error(requester, message->id, RPC_INVALID_REQUEST,
                          "this connection was initialized; it cannot change to per-request _meta",
                          SPAN_NONE);
            return;
        }
        requester->era = REQUESTER_MODERN;
    }
    if (requester->name[0] == '\0' &&
        !json_string_copy(name, requester->name, sizeof(requester->name))) {
        (void)snprintf(requester->name, sizeof(requester->name), "-");
    }
    dispatch(requester, message, method, MCP_ERA_MODERN);
}

static void on_legacy(struct requester *requester, const struct message *message,
                      enum mcp_method method)
{
    bool is_known = method != MCP_OTHER;

    if (requester->era == REQUESTER_MODERN && method == MCP_INITIALIZE) {
        refuse_version(requester, message, message_param(message, "protocolVersion"));
    } else if (requester->era == REQUESTER_LEGACY && method == MCP_INITIALIZE) {
        refusal_error(requester, message->id, RPC_INVALID_REQUEST,
                      "this connection is initialized already", SPAN_NONE);
    } else if (requester->era == REQUESTER_LEGACY || method == MCP_INITIALIZE ||
               method == MCP_PING) {
        if (requester->era == REQUESTER_MODERN) {
            refusal_error(requester, message->id, RPC_METHOD_NOT_FOUND,
                          "this method is not part of MCP " MCP_MODERN, SPAN_NONE);
            return;
        }
        dispatch(requester, message, method, MCP_ERA_LEGACY);
    } else if (is_known) {
        refusal_error(
            requester, message->id, RPC_INVALID_PARAMS,
            "params._meta lacks \"io.modelcontextprotocol/protocolVersion\" (MCP " MCP_MODERN
            "), and the connection is not initialized (MCP " MCP_LATEST_LEGACY " and before)",
            SPAN_NONE);
    } else {
        refusal_error(requester, message->id, RPC_METHOD_NOT_FOUND, "unknown method", SPAN_NONE);
    }
}

static void on_request(struct requester *requester, const struct message *message)
{
    enum mcp_method method = mcp_find_method(message->method);
    struct mcp_envelope envelope;
    const char *missing;
    char text[160];

    if (outcome_answer(requester, message)) {
        return;
    }
    switch (mcp_read_envelope(message, &envelope, &missing)) {
    case MCP_ENVELOPE_NONE:
        on_legacy(requester, message, method);
        return;
    case MCP_ENVELOPE_INCOMPLETE:
        (void)snprintf(text, sizeof(text), "params._meta lacks \"%s\", or it has the wrong type",
                       missing);
        refusal_error(requester, message->id, RPC_INVALID_PARAMS, text, SPAN_NONE);
        return;
    case MCP_ENVELOPE_OK:
        on_modern(requester, message, method, &envelope);
        return;
    }
}

/* ---- notifications */

static void on_notification(struct requester *requester, const struct message *message)
{
    struct request *request;

    if (!json_string_is(message->method, "notifications/cancelled")) {
        /* initialized, progress, roots/list_changed: nothing of them concerns a shared session. */
        return;
    }
    request = hashmap_find(&requester->requests, message_param(message, "requestId"));
    /* initialize must not be cancelled (MCP basic/utilities/cancellation); unknown ids are late. */
    if (request != NULL && request->method != MCP_INITIALIZE) {
        request_cancel(request);
    }
}

/* MESSAGE has to wait for others.  What needs no place goes past them. */
static bool must_wait(const struct requester *requester, const struct message *message)
{
    return message->kind == MESSAGE_REQUEST && requester_is_full(requester) &&
           !router_is_draining(requester->router) && mcp_find_method(message->method) != MCP_PING;
}

enum requester_take requester_on_frame(struct requester *requester, struct span frame)
{
    struct message message;
    struct message_fault fault;

    if (message_parse(frame, &router_limits(requester->router)->json, &message, &fault) < 0) {
        log_event(LOG_LEVEL_DEBUG, "bad_message", "client=%s code=%d", log_quote(requester->name),
                  fault.code);
        refusal_error(requester, unused_id(requester, fault.id), fault.code, fault.text, SPAN_NONE);
        return REQUESTER_TOOK;
    }
    if (must_wait(requester, &message)) {
        return REQUESTER_IS_FULL;
    }
    switch (message.kind) {
    case MESSAGE_REQUEST:
        on_request(requester, &message);
        break;
    case MESSAGE_NOTIFICATION:
        on_notification(requester, &message);
        break;
    case MESSAGE_RESULT:
    case MESSAGE_ERROR:
        /* We ask clients nothing, so there is nothing that this could answer. */
        break;
    }
    return REQUESTER_TOOK;
}
