/* SPDX-License-Identifier: MIT */
#include "tests/support/fake_mcp.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_scan.h"

struct fake_session {
    const struct fake_mcp *fake;
    unsigned number;
    struct fake_peer *stream;
    struct list_node in_sessions;
};

/* An answer, or a 202, that is due. */
struct due {
    unsigned session;
    int64_t id;
    struct fake_peer *peer; /* NULL: it has gone */
    struct list_node in_due;
};

static void on_request(void *owner, struct fake_peer *peer, const struct fake_request *request);
static void on_gone(void *owner, struct fake_peer *peer);

static const struct fake_http_events events = {on_request, on_gone};

int fake_mcp_open(struct fake_mcp *fake, struct loop *loop)
{
    *fake = (struct fake_mcp){.stream_status = 200, .protocol = "2025-06-18"};
    list_init(&fake->sessions);
    list_init(&fake->held);
    list_init(&fake->pending);
    return fake_http_open(&fake->http, loop, &events, fake);
}

static void free_due(struct list *list)
{
    struct list_node *node;

    while ((node = list_take_first(list)) != NULL) {
        free(LIST_ITEM(node, struct due, in_due));
    }
}

void fake_mcp_forget(struct fake_mcp *fake)
{
    struct list_node *node;

    while ((node = list_take_first(&fake->sessions)) != NULL) {
        struct fake_session *session = LIST_ITEM(node, struct fake_session, in_sessions);

        session->stream->owner = NULL;
        free(session);
    }
}

void fake_mcp_close(struct fake_mcp *fake)
{
    fake_mcp_forget(fake);
    free_due(&fake->held);
    free_due(&fake->pending);
    fake_http_close(&fake->http);
}

const char *fake_mcp_url(const struct fake_mcp *fake)
{
    static char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/sse", fake->http.port);
    return url;
}

/* ---- sessions and their streams */

static void drop_session(struct fake_mcp *fake, struct fake_session *session)
{
    list_remove(&fake->sessions, &session->in_sessions);
    session->stream->owner = NULL;
    free(session);
}

static struct fake_session *find_session(const struct fake_mcp *fake, unsigned number)
{
    LIST_FOREACH (node, &fake->sessions) {
        struct fake_session *session = LIST_ITEM(node, struct fake_session, in_sessions);

        if (session->number == number) {
            return session;
        }
    }
    return NULL;
}

static void cut_stream(struct fake_mcp *fake, struct fake_session *session)
{
    struct fake_peer *stream = session->stream;

    drop_session(fake, session);
    fake_http_end(stream);
}

void fake_mcp_cut_streams(struct fake_mcp *fake)
{
    struct list_node *node;

    while ((node = list_first(&fake->sessions)) != NULL) {
        cut_stream(fake, LIST_ITEM(node, struct fake_session, in_sessions));
    }
}

static void say(const struct fake_session *session, const char *event, struct span text)
{
    struct evbuffer *out = bufferevent_get_output(session->stream->stream);

    (void)evbuffer_add_printf(out, "event: %s\r\ndata: %.*s\r\n\r\n", event, (int)text.length,
                              text.at);
}

void fake_mcp_tell(struct fake_mcp *fake, const char *text)
{
    LIST_FOREACH (node, &fake->sessions) {
        say(LIST_ITEM(node, struct fake_session, in_sessions), "message", span_of(text));
    }
}

static void open_stream(struct fake_mcp *fake, struct fake_peer *peer)
{
    struct fake_session *session;
    char endpoint[32];

    fake->streams++;
    if (fake->streams - fake->initialized > fake->most_opening) {
        fake->most_opening = fake->streams - fake->initialized;
    }
    if (fake->stream_status != 200) {
        fake_http_reply(peer, fake->stream_status);
        return;
    }
    fake_http_send(peer, SPAN("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"));
    if (fake->is_silent) {
        return;
    }
    session = calloc(1, sizeof(*session));
    CHECK(session != NULL);
    session->fake = fake;
    session->number = fake->streams;
    session->stream = peer;
    peer->owner = session;
    list_append(&fake->sessions, &session->in_sessions);
    (void)snprintf(endpoint, sizeof(endpoint), "/post?session=%u", session->number);
    say(session, "endpoint", span_of(endpoint));
}

/* ---- answers */

static void answer(const struct fake_session *session, int64_t id, struct span result)
{
    const char *quote = session->fake->quotes_ids ? "\"" : "";
    struct evbuffer *text = evbuffer_new();

    CHECK(text != NULL);
    (void)evbuffer_add_printf(text, "{\"jsonrpc\":\"2.0\",\"id\":%s%lld%s,\"result\":%.*s}", quote,
                              (long long)id, quote, (int)result.length, result.at);
    say(session, "message",
        (struct span){(char *)evbuffer_pullup(text, -1), evbuffer_get_length(text)});
    evbuffer_free(text);
}

static void add_due(struct list *list, unsigned session, int64_t id, struct fake_peer *peer)
{
    struct due *due = calloc(1, sizeof(*due));

    CHECK(due != NULL);
    due->session = session;
    due->id = id;
    due->peer = peer;
    list_append(list, &due->in_due);
}

void fake_mcp_release(struct fake_mcp *fake)
{
    LIST_FOREACH (node, &fake->held) {
        const struct due *due = LIST_ITEM(node, struct due, in_due);
        const struct fake_session *session = find_session(fake, due->session);

        if (session != NULL) {
            answer(session, due->id, SPAN("{\"held\":true}"));
        }
    }
    free_due(&fake->held);
}

void fake_mcp_accept(struct fake_mcp *fake)
{
    LIST_FOREACH (node, &fake->pending) {
        const struct due *due = LIST_ITEM(node, struct due, in_due);

        if (due->peer != NULL) {
            fake_http_reply(due->peer, 202);
        }
    }
    free_due(&fake->pending);
}

static void on_gone(void *owner, struct fake_peer *peer)
{
    struct fake_mcp *fake = owner;

    if (peer->owner != NULL) {
        drop_session(fake, peer->owner);
    }
    LIST_FOREACH (node, &fake->pending) {
        struct due *due = LIST_ITEM(node, struct due, in_due);

        due->peer = due->peer == peer ? NULL : due->peer;
    }
}

/* ---- requests */

/* The token is an integer: the code under test mints it. */
static void tell_steps(const struct fake_session *session, const struct message *message)
{
    struct span token = message->progress_token;
    char text[160];

    for (int step = 1; step <= 2 && !span_is_none(token); step++) {
        (void)snprintf(text, sizeof(text),
                       "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                       "\"progressToken\":%.*s,\"progress\":%d}}",
                       (int)token.length, token.at, step);
        say(session, "message", span_of(text));
    }
}

/* "NAME_N" in TOOL: N; else 0. */
static int status_of(const char *tool, const char *name)
{
    size_t length = strlen(name);

    return strncmp(tool, name, length) == 0 && tool[length] == '_'
               ? (int)strtol(tool + length + 1, NULL, 10)
               : 0;
}

static struct span error_text(char *text, size_t size, int64_t id, const char *words)
{
    int length =
        snprintf(text, size,
                 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32000,\"message\":\"%s\"}}",
                 (long long)id, words);

    return (struct span){text, (size_t)length};
}

/* The tools that are about the POST's status.  False: TOOL is none of them. */
static bool run_status_tool(struct fake_peer *peer, const char *tool, int64_t id)
{
    char text[128];

    if (status_of(tool, "http") != 0) {
        fake_http_reply(peer, status_of(tool, "http"));
    } else if (status_of(tool, "error") != 0) {
        fake_http_reply_with(peer, status_of(tool, "error"),
                             error_text(text, sizeof(text), id, "not today"));
    } else if (status_of(tool, "lapsed") != 0) {
        fake_http_reply_with(peer, status_of(tool, "lapsed"),
                             error_text(text, sizeof(text), id, "the shop's session expired"));
    } else if (status_of(tool, "gone") != 0) {
        fake_http_reply_with(peer, status_of(tool, "gone"), SPAN("Could not find session"));
    } else {
        return false;
    }
    return true;
}

static void run_tool(struct fake_mcp *fake, struct fake_session *session, struct fake_peer *peer,
                     const struct message *message, int64_t id)
{
    char name[32];
    char text[128];

    fake->calls++;
    if (fake->on_tool != NULL) {
        fake->on_tool(fake->owner, message);
    }
    CHECK(json_string_copy(message_param(message, "name"), name, sizeof(name)));
    if (run_status_tool(peer, name, id)) {
        return;
    }
    if (strcmp(name, "drop") == 0) {
        fake_http_cut(peer);
    } else if (strcmp(name, "early") == 0) {
        answer(session, id, SPAN("{\"early\":true}"));
        add_due(&fake->pending, session->number, id, peer);
    } else if (strcmp(name, "late") == 0) {
        add_due(&fake->pending, session->number, id, peer);
        add_due(&fake->held, session->number, id, NULL);
    } else {
        fake_http_reply(peer, 202);
        if (strcmp(name, "hold") == 0) {
            add_due(&fake->held, session->number, id, NULL);
        } else if (strcmp(name, "step") == 0) {
            tell_steps(session, message);
            answer(session, id, SPAN("{\"steps\":2}"));
        } else if (strcmp(name, "cut") == 0) {
            cut_stream(fake, session);
        } else if (strcmp(name, "gone") == 0) {
            say(session, "message", error_text(text, sizeof(text), id, "Session not found"));
        } else {
            answer(session, id, message_param(message, "arguments"));
        }
    }
}

static void initialize(struct fake_mcp *fake, const struct fake_session *session, int64_t id)
{
    char result[256];
    int length = snprintf(result, sizeof(result),
                          "{\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{}},"
                          "\"serverInfo\":{\"name\":\"fake\",\"version\":\"%u\"}}",
                          fake->protocol, session->number);

    fake->initializes++;
    answer(session, id, (struct span){result, (size_t)length});
}

static void list(struct fake_mcp *fake, const struct fake_session *session, int64_t id)
{
    char error[96];

    fake->list_requests++;
    if (fake->refuses_lists) {
        (void)snprintf(
            error, sizeof(error),
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32603,\"message\":\"no\"}}",
            (long long)id);
        say(session, "message", span_of(error));
    } else if (fake->lists == NULL) {
        answer(session, id, SPAN("{\"tools\":[{\"name\":\"echo\"}]}"));
    } else {
        answer(session, id, span_of(fake->lists[0]));
        fake->lists += fake->lists[1] == NULL ? 0 : 1;
    }
}

static void on_message(struct fake_mcp *fake, struct fake_session *session, struct fake_peer *peer,
                       const struct message *message)
{
    int64_t id = 0;

    if (message->kind == MESSAGE_REQUEST) {
        CHECK(json_to_int(message->id, &id));
    }
    if (json_string_is(message->method, "tools/call")) {
        run_tool(fake, session, peer, message, id);
        return;
    }
    fake_http_reply(peer, 202);
    if (json_string_is(message->method, "initialize")) {
        initialize(fake, session, id);
    } else if (json_string_is(message->method, "notifications/initialized")) {
        fake->initialized++;
    } else if (json_string_is(message->method, "notifications/cancelled")) {
        fake->cancels++;
    } else if (json_string_is(message->method, "tools/list")) {
        list(fake, session, id);
    } else if (json_string_is(message->method, "ping")) {
        fake->pings++;
        if (!fake->ignores_pings) {
            answer(session, id, SPAN("{}"));
        }
    } else if (message->kind == MESSAGE_REQUEST) {
        answer(session, id, SPAN("{}"));
    } else {
        fake->replies += message->kind == MESSAGE_NOTIFICATION ? 0 : 1;
    }
}

/* What it has heard. */
static void tell_stats(const struct fake_mcp *fake, struct fake_peer *peer)
{
    char body[128];
    char reply[256];
    int length = snprintf(body, sizeof(body), "{\"posts\":%u,\"streams\":%u,\"calls\":%u}",
                          fake->posts, fake->streams, fake->calls);

    length = snprintf(reply, sizeof(reply),
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: %d\r\n\r\n%s",
                      length, body);
    fake_http_send(peer, (struct span){reply, (size_t)length});
}

static void on_request(void *owner, struct fake_peer *peer, const struct fake_request *request)
{
    struct fake_mcp *fake = owner;
    struct fake_session *session;
    struct message message;
    struct message_fault fault;
    char target[64];
    unsigned number = 0;

    if (span_is(request->target, "/__stats")) {
        tell_stats(fake, peer);
        return;
    }
    if (span_is(request->method, "GET")) {
        open_stream(fake, peer);
        return;
    }
    fake->posts++;
    (void)snprintf(target, sizeof(target), "%.*s", (int)request->target.length, request->target.at);
    (void)sscanf(target, "/post?session=%u", &number);
    session = find_session(fake, number);
    if (session == NULL) {
        fake_http_reply(peer, 404);
        return;
    }
    /* What the code under test sends is a message. */
    CHECK(message_parse(request->body, &json_limits_default, &message, &fault) == 0);
    on_message(fake, session, peer, &message);
}
