/* SPDX-License-Identifier: MIT */
/*
 * Called by pool.c; calls a transport.  The traffic of a ready session is in
 * session_calls.c.
 */
#include "broker/upstream/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/runtime/log.h"
#include "broker/upstream/post_reply.h"
#include "broker/upstream/session_priv.h"
#include "broker/upstream/sse_transport.h"
#include "proto/base/mem.h"
#include "proto/failure.h"
#include "proto/mcp.h"

static const struct {
    const char *name;
    uint32_t successors;
} states[SESSION_STATE_COUNT] = {
#define BIT(name) (UINT32_C(1) << SESSION_##name)
#define STATE(name, text, next) [SESSION_##name] = {text, next},
#include "broker/upstream/session_states.def"
#undef STATE
#undef BIT
};

static void on_transport_open(void *owner);
static void on_transport_text(void *owner, struct span text);
static void on_transport_oversize(void *owner, struct span head, struct span tail);
static void on_transport_closed(void *owner, const struct transport_end *end);
static void on_initialize_delivered(struct parcel *parcel, const struct delivery *delivery);
static void on_initialized_delivered(struct parcel *parcel, const struct delivery *delivery);
static void on_check_delivered(struct parcel *parcel, const struct delivery *delivery);
static void on_check_answer(struct session *session);
static void on_timer(void *owner);
static void on_emptied(void *owner);

static const struct transport_events transport_events = {
    on_transport_open, on_transport_text, on_transport_oversize, on_transport_closed};

const char *session_state_name(enum session_state state)
{
    return states[state].name;
}

bool session_may_become(enum session_state from, enum session_state to)
{
    return (states[from].successors & (UINT32_C(1) << to)) != 0;
}

bool session_is_open(const struct session *session)
{
    return session->state == SESSION_READY || session->state == SESSION_CHECKING ||
           session->state == SESSION_DRAINING;
}

bool session_is_forsaken(const struct session *session)
{
    return session->state == SESSION_DRAINING && session->drained_for != NULL &&
           strcmp(session->drained_for, session_gone_class) == 0;
}

bool session_may_take(const struct session *session)
{
    return session->state == SESSION_READY;
}

uint64_t session_received_bytes(const struct session *session)
{
    return session->transport->ops->bytes_received(session->transport);
}

void session_set_state(struct session *session, enum session_state state)
{
    CHECK(session_may_become(session->state, state));
    log_event(LOG_LEVEL_DEBUG, "session_state", "session=%s from=%s to=%s calls=%zu", session->name,
              states[session->state].name, states[state].name, session_calls(session));
    session->state = state;
    if (state != SESSION_CLOSED) {
        session->events->on_changed(session->owner, session);
    }
}

struct session *session_open(struct server *server, unsigned number,
                             const struct session_events *events, void *owner)
{
    struct session *session = MEM_NEW(struct session);

    if (session == NULL) {
        return NULL;
    }
    session->transport = sse_transport_new(server, &transport_events, session);
    if (session->transport == NULL) {
        mem_free(session);
        return NULL;
    }
    session->server = server_ref(server);
    (void)snprintf(session->name, sizeof(session->name), "%s/%u", server->name, number);
    session->events = events;
    session->owner = owner;
    session->opened_at_ms = loop_now_ms(server->loop);
    calls_init(&session->calls);
    list_init(&session->notes);
    bytes_init(&session->identity, server->limits.response_max_bytes);
    timer_init(&session->timer, server->loop, on_timer, session);
    timer_start(&session->timer, server->limits.init_timeout_ms);
    deferred_init(&session->emptied, server->loop, on_emptied, session);
    session->state = SESSION_CONNECTING;
    transport_open(session->transport);
    return session;
}

static void reap(void *owner)
{
    struct session *session = owner;

    calls_done(&session->calls);
    bytes_done(&session->identity);
    server_unref(session->server);
    mem_free(session);
}

void session_close(struct session *session, const struct transport_end *end)
{
    if (session->state == SESSION_CLOSED) {
        return;
    }
    timer_stop(&session->timer);
    deferred_cancel(&session->emptied);
    parcel_cancel(&session->opening);
    parcel_cancel(&session->check);
    session_set_state(session, SESSION_CLOSED);
    session_fail_calls(session, end->failure == FAILURE_DRAIN_DEADLINE ? end->failure
                                                                       : FAILURE_SESSION_LOST);
    transport_close(session->transport);
    session->events->on_closed(session->owner, session, end);
    loop_reap(session->server->loop, &session->reapable, reap, session);
}

void session_drain(struct session *session)
{
    if (session->state == SESSION_READY || session->state == SESSION_CHECKING) {
        session_set_state(session, SESSION_DRAINING);
        session_count_changed(session);
    }
}

void session_distrust(struct session *session, const char *error_class, const char *cause)
{
    if (session->drained_for == NULL) {
        session->drained_for = error_class;
        session->drain_cause = cause;
    }
    session_drain(session);
}

void session_count_changed(struct session *session)
{
    if (session->state == SESSION_CLOSED) {
        return;
    }
    if (session->state == SESSION_DRAINING && session_calls(session) == 0) {
        deferred_schedule(&session->emptied);
    }
    session->events->on_changed(session->owner, session);
}

static void on_emptied(void *owner)
{
    struct session *session = owner;
    struct transport_end end = {
        .failure = FAILURE_SESSION_GONE, .error_class = "retired", .detail = "retired"};

    CHECK(session->state == SESSION_DRAINING && session_calls(session) == 0);
    if (session->drained_for != NULL) {
        end.failure = FAILURE_UNAVAILABLE;
        end.error_class = session->drained_for;
        (void)snprintf(end.detail, sizeof(end.detail), "%s %s", session->server->url.shown,
                       session->drain_cause);
    }
    session_close(session, &end);
}

void session_lose(struct session *session, const char *error_class, const char *detail)
{
    struct transport_end end = {.failure = FAILURE_UNAVAILABLE, .error_class = error_class};

    (void)snprintf(end.detail, sizeof(end.detail), "%s", detail);
    session_close(session, &end);
}

static void on_transport_closed(void *owner, const struct transport_end *end)
{
    struct session *session = owner;

    lanes_forget(session->server->lanes);
    session_close(session, end);
}

/* ---- opening: initialize, its result, initialized, READY */

static void on_transport_open(void *owner)
{
    static const struct span initialize =
        SPAN_INIT("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                  "\"protocolVersion\":\"" MCP_LATEST_LEGACY "\",\"capabilities\":{},"
                  "\"clientInfo\":{\"name\":\"teplo\",\"version\":\"" TEPLO_VERSION "\"}}}");
    struct session *session = owner;

    session_set_state(session, SESSION_INITIALIZING);
    CHECK(session_mint_id(session) == 1);
    session->opening.on_delivered = on_initialize_delivered;
    if (transport_send(session->transport, &session->opening, initialize,
                       session->server->limits.init_timeout_ms) < 0) {
        session_lose(session, "proto", "no memory to initialize the session");
    }
}

struct delivery_verdict session_judge(const struct session *session,
                                      const struct delivery *delivery, int64_t id,
                                      struct message *ret_answer)
{
    struct delivery evidence = *delivery;

    evidence.reply = post_reply_kind(delivery->reply_body, id, ret_answer);
    return delivery_judge(&evidence, session->server->limits.delivery);
}

static void fail_opening(struct session *session, const char *what, const struct delivery *delivery,
                         const struct delivery_verdict *verdict)
{
    struct transport_end end = {.failure = FAILURE_UNAVAILABLE, .error_class = "session"};
    /* It took initialize: a server that has restarted since is the right one all the same. */
    bool was_known = session->identity.length > 0 && verdict->session_gone;

    end.is_settled = delivery->end == DELIVERY_REPLIED && delivery->status >= 400 &&
                     delivery->status < 500 && !was_known;
    if (delivery->end == DELIVERY_REPLIED) {
        (void)snprintf(end.detail, sizeof(end.detail), "%s answers HTTP %d to the POST of %s",
                       session->server->url.shown, delivery->status, what);
    } else {
        (void)snprintf(end.detail, sizeof(end.detail), "%s was not taken: %s", what,
                       delivery->detail);
    }
    session_close(session, &end);
}

/* The endpoint's part is done when both the 202 and the result are here, in either order. */
static void advance_opening(struct session *session)
{
    static const struct span initialized =
        SPAN_INIT("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");

    if (session->opening.carrier != NULL || session->identity.length == 0) {
        return;
    }
    session->opening.on_delivered = on_initialized_delivered;
    session->announcements++;
    if (transport_send(session->transport, &session->opening, initialized,
                       session->server->limits.init_timeout_ms) < 0) {
        session_lose(session, "proto", "no memory to initialize the session");
    }
}

static void on_initialize_delivered(struct parcel *parcel, const struct delivery *delivery)
{
    struct session *session = LIST_ITEM(parcel, struct session, opening);
    struct message answer;
    struct delivery_verdict verdict = session_judge(session, delivery, 1, &answer);

    if (!verdict.accepted) {
        fail_opening(session, "initialize", delivery, &verdict);
        return;
    }
    advance_opening(session);
}

static void on_initialized_delivered(struct parcel *parcel, const struct delivery *delivery)
{
    struct session *session = LIST_ITEM(parcel, struct session, opening);
    struct message answer;
    struct delivery_verdict verdict = session_judge(session, delivery, 0, &answer);

    if (delivery->end == DELIVERY_BROKEN && session->announcements < 2) {
        /* It went out on a connection that the server was closing; to hear it twice does no harm.
         */
        advance_opening(session);
        return;
    }
    if (!verdict.accepted) {
        fail_opening(session, "notifications/initialized", delivery, &verdict);
        return;
    }
    timer_stop(&session->timer);
    session->ready_at_ms = loop_now_ms(session->server->loop);
    session->used_at_ms = session->ready_at_ms;
    session->checked_at_ms = session->ready_at_ms;
    session_set_state(session, SESSION_READY);
    session->events->on_ready(session->owner, session);
}

static void refuse_identity(struct session *session, const struct message *answer)
{
    char shown[100];
    char text[240];

    if (answer->kind == MESSAGE_ERROR) {
        struct span code = json_find(answer->error, "code");

        json_string_show(json_find(answer->error, "message"), shown, sizeof(shown));
        (void)snprintf(text, sizeof(text),
                       "the server refuses initialize with error %.*s, \"%s\"; see its own log",
                       (int)(code.length > 12 ? 12 : code.length),
                       span_is_none(code) ? "" : code.at, shown);
    } else {
        json_string_show(json_find(answer->result, "protocolVersion"), shown, 24);
        (void)snprintf(text, sizeof(text),
                       "the server speaks MCP revision \"%s\", which teplo does not; it must speak "
                       "one of 2024-11-05 to " MCP_LATEST_LEGACY,
                       shown);
    }
    session_lose(session, "proto", text);
}

static void on_identity(struct session *session, const struct message *answer)
{
    session->protocol =
        mcp_find_version(json_find(answer->result, "protocolVersion"), MCP_ERA_LEGACY);
    if (session->protocol == NULL) {
        refuse_identity(session, answer);
        return;
    }
    bytes_append_span(&session->identity, answer->result);
    if (session->identity.failed) {
        session_lose(session, "proto", "no memory to initialize the session");
        return;
    }
    advance_opening(session);
}

/* ---- proof of life */

/* -ENOMEM: nothing was sent.  A ping that is out still is not waited for any more. */
static int send_ping(struct session *session)
{
    struct bytes text;
    int r;

    bytes_init(&text, 256);
    session->check_id = session_mint_id(session);
    bytes_printf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"method\":\"ping\"}",
                 (long long)session->check_id);
    session->check.on_delivered = on_check_delivered;
    parcel_cancel(&session->check);
    r = text.failed ? -ENOMEM
                    : transport_send(session->transport, &session->check, bytes_span(&text),
                                     session->server->limits.check_timeout_ms);
    bytes_done(&text);
    if (r < 0) {
        session->check_id = 0;
    }
    return r;
}

void session_check(struct session *session)
{
    CHECK(session->state == SESSION_READY && session_calls(session) == 0);
    if (send_ping(session) == 0) {
        timer_start(&session->timer, session->server->limits.check_timeout_ms);
        session_set_state(session, SESSION_CHECKING);
    }
}

void session_ping(struct session *session)
{
    CHECK(session->state == SESSION_READY || session->state == SESSION_DRAINING);
    (void)send_ping(session);
}

static void on_check_refused(struct session *session, const struct delivery_verdict *verdict)
{
    if (session->state == SESSION_CHECKING) {
        session_lose(session, verdict->session_gone ? "session" : "timeout",
                     "the server did not take a ping");
        return;
    }
    session->check_id = 0;
    if (verdict->session_gone) {
        session_forsake(session);
    }
}

static void on_check_delivered(struct parcel *parcel, const struct delivery *delivery)
{
    struct session *session = LIST_ITEM(parcel, struct session, check);
    struct message answer;
    struct delivery_verdict verdict = session_judge(session, delivery, session->check_id, &answer);

    if (verdict.accepted || session->check_id == 0) {
        return;
    }
    if (verdict.answered && !verdict.session_gone) {
        on_check_answer(session);
    } else {
        on_check_refused(session, &verdict);
    }
}

static void on_check_answer(struct session *session)
{
    /* An error counts too: whoever refuses a ping is alive. */
    session->check_id = 0;
    session->checks_passed++;
    session->checked_at_ms = loop_now_ms(session->server->loop);
    if (session->state == SESSION_CHECKING) {
        timer_stop(&session->timer);
        session_set_state(session, SESSION_READY);
    }
}

bool session_on_own_answer(struct session *session, const struct message *answer)
{
    int64_t id;

    if (!calls_read_id(answer->id, &id)) {
        return false;
    }
    if (session->check_id != 0 && id == session->check_id) {
        on_check_answer(session);
        return true;
    }
    if (id == 1 && session->state == SESSION_INITIALIZING && session->identity.length == 0) {
        on_identity(session, answer);
        return true;
    }
    return false;
}

static void on_timer(void *owner)
{
    struct session *session = owner;
    char text[200];

    if (session->state == SESSION_CHECKING) {
        session_lose(session, "timeout", "the server did not answer a ping within check_timeout");
        return;
    }
    (void)snprintf(text, sizeof(text), "%s did not %s within init_timeout; is it an MCP server?",
                   session->server->url.shown,
                   session->state == SESSION_CONNECTING ? "name its endpoint"
                                                        : "finish initialize");
    session_lose(session, "timeout", text);
}

static void on_transport_oversize(void *owner, struct span head, struct span tail)
{
    session_on_oversize(owner, head, tail);
}

static void on_transport_text(void *owner, struct span text)
{
    session_on_text(owner, text);
}
