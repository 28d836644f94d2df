/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "client-lib/cli/duration.h"
#include "client-lib/dash/dash_answer.h"
#include "client-lib/dash/doors.h"
#include "proto/base/mem.h"

enum {
    HEADERS_MAXIMUM_BYTES = 8192,
    BODY_MAXIMUM_BYTES = 1024, /* of a request that should have none */
    SILENCE_MAXIMUM_S = 10,
    BACKLOG = 64,
    ADDRESS_SIZE = DASH_HOST_SIZE + 16,
    ANSWER_PATIENCE_MS = 3000,
    ANSWER_FRESH_MS = 2000, /* an answer that is not older is given again */
    LOOK_MS = 250,
    METHODS = EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
              EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_PATCH,
};

/* A request that the reader has not answered yet; at most one a door. */
struct wait {
    struct evhttp_request *request; /* ours until it is answered; NULL: a free place */
    struct dash_query query;
    int64_t from_ms;
    int64_t until_ms;
};

struct dash_server {
    struct dash_server_parts parts;
    struct evhttp *http;
    struct doors doors;
    struct event *on_answers;
    struct event *on_look;
    uint16_t port;
    struct wait waits[DOORS];
};

/* ---- requests */

/* The connection may be gone; then its request only waits to be freed by the answer. */
static void greet(struct dash_server *server, struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);

    if (connection != NULL) {
        doors_greet(&server->doors, evhttp_connection_get_bufferevent(connection));
    }
}

/* Who asks by a proxy's form names the host twice; one name is enough. */
static bool is_for_us(const struct dash_server *server, struct evhttp_request *request)
{
    const char *host = evhttp_find_header(evhttp_request_get_input_headers(request), "Host");
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);

    return host != NULL && evhttp_uri_get_host(uri) == NULL &&
           dash_place_serves(server->parts.place, server->parts.names, span_of(host));
}

static void answer_health(struct dash_server *server, struct evhttp_request *request)
{
    struct sheet *fleet = dash_reader_fleet(server->parts.reader);
    char text[96];
    int length;

    if (fleet == NULL) {
        length = snprintf(text, sizeof(text), "{\"status\":\"ok\",\"read_age_ms\":null}\n");
    } else {
        length = snprintf(text, sizeof(text), "{\"status\":\"ok\",\"read_age_ms\":%" PRId64 "}\n",
                          duration_now_ms() - fleet->made_ms);
    }
    sheet_drop(fleet);
    dash_answer_json(request, 200, (struct span){text, (size_t)length});
}

static void answer_fleet(struct dash_server *server, struct evhttp_request *request)
{
    struct sheet *fleet = dash_reader_fleet(server->parts.reader);

    if (fleet == NULL) {
        dash_answer_fault(request, 503, "Redis has not been read yet");
        return;
    }
    dash_answer_sheet(request, fleet);
    sheet_drop(fleet);
}

static bool try_answer(struct dash_server *server, struct evhttp_request *request,
                       const struct dash_query *query, int64_t from_ms)
{
    struct sheet *sheet = dash_reader_find(server->parts.reader, query, from_ms);

    if (sheet == NULL) {
        return false;
    }
    dash_answer_sheet(request, sheet);
    sheet_drop(sheet);
    return true;
}

static struct wait *find_place(struct dash_server *server)
{
    for (int i = 0; i < DOORS; i++) {
        if (server->waits[i].request == NULL) {
            return &server->waits[i];
        }
    }
    return NULL;
}

static void answer_later(struct dash_server *server, struct evhttp_request *request,
                         const struct dash_query *query)
{
    int64_t now_ms = duration_now_ms();
    struct wait *wait;

    if (try_answer(server, request, query, now_ms - ANSWER_FRESH_MS)) {
        return;
    }
    wait = find_place(server);
    if (wait == NULL || !dash_reader_ask(server->parts.reader, query)) {
        dash_answer_fault(request, 503, "too many questions at once");
        return;
    }
    *wait = (struct wait){request, *query, now_ms - ANSWER_FRESH_MS, now_ms + ANSWER_PATIENCE_MS};
}

static void answer_query(struct dash_server *server, struct evhttp_request *request,
                         const struct dash_query *query)
{
    switch (query->subject) {
    case DASH_PAGE:
        dash_answer_page(request, server->parts.page);
        break;
    case DASH_FLEET:
        answer_fleet(server, request);
        break;
    case DASH_SERIES:
    case DASH_SESSIONS:
        answer_later(server, request, query);
        break;
    case DASH_HEALTH:
        answer_health(server, request);
        break;
    }
}

static void on_request(struct evhttp_request *request, void *argument)
{
    struct dash_server *server = argument;
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = evhttp_uri_get_path(uri);
    struct dash_query query;
    const char *fault;
    int status;

    greet(server, request);
    if (!is_for_us(server, request)) {
        dash_answer_fault(request, 403, "not served by this name: see --host of teplo-dash");
        return;
    }
    if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        dash_answer_fault(request, 405, "only GET and HEAD");
        return;
    }
    fault = dash_query_parse(&query, path == NULL ? "" : path, evhttp_uri_get_query(uri), &status);
    if (fault != NULL) {
        dash_answer_fault(request, status, fault);
        return;
    }
    answer_query(server, request, &query);
}

/* ---- answers of the reader */

static void look_at_waits(struct dash_server *server)
{
    int64_t now_ms = duration_now_ms();

    for (int i = 0; i < DOORS; i++) {
        struct wait *wait = &server->waits[i];

        if (wait->request == NULL) {
            continue;
        }
        if (try_answer(server, wait->request, &wait->query, wait->from_ms)) {
            wait->request = NULL;
        } else if (now_ms >= wait->until_ms) {
            dash_answer_fault(wait->request, 503, "Redis does not answer");
            wait->request = NULL;
        }
    }
}

static void on_answers(evutil_socket_t fd, short what, void *argument)
{
    struct dash_server *server = argument;

    (void)fd;
    (void)what;
    dash_reader_clear(server->parts.reader);
    look_at_waits(server);
}

static void on_look(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    look_at_waits(argument);
}

/* ---- its life */

static int make_listener(struct dash_server *server, struct evconnlistener **ret_listener)
{
    const struct dash_place *place = server->parts.place;
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int room = (int)sizeof(address);
    char text[ADDRESS_SIZE];

    (void)snprintf(text, sizeof(text), strchr(place->host, ':') == NULL ? "%s:%u" : "[%s]:%u",
                   place->host, place->port);
    if (place->port == 0) {
        text[strlen(text) - 2] = '\0'; /* it takes no port 0; without a port, it is 0 */
    }
    if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &room) < 0) {
        return -EINVAL;
    }
    *ret_listener =
        evconnlistener_new_bind(server->parts.base, NULL, NULL,
                                LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                BACKLOG, (struct sockaddr *)&address, room);
    if (*ret_listener == NULL) {
        return errno == 0 ? -ENOMEM : -errno;
    }
    if (getsockname(evconnlistener_get_fd(*ret_listener), (struct sockaddr *)&address, &length) ==
        0) {
        server->port =
            ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                : ((struct sockaddr_in *)&address)->sin_port);
    }
    return 0;
}

/* Allowed are more methods than are answered: evhttp's own refusal would have none of our headers.
 */
static bool set_http(struct dash_server *server, struct evconnlistener *listener)
{
    struct evhttp *http = evhttp_new(server->parts.base);

    server->http = http;
    if (http == NULL) {
        evconnlistener_free(listener);
        return false;
    }
    evhttp_set_timeout(http, SILENCE_MAXIMUM_S);
    evhttp_set_max_headers_size(http, HEADERS_MAXIMUM_BYTES);
    evhttp_set_max_body_size(http, BODY_MAXIMUM_BYTES);
    evhttp_set_allowed_methods(http, METHODS);
    evhttp_set_gencb(http, on_request, server);
    if (evhttp_bind_listener(http, listener) == NULL) {
        evconnlistener_free(listener);
        return false;
    }
    evhttp_set_bevcb(http, doors_open, &server->doors);
    return doors_init(&server->doors, server->parts.base, listener);
}

static bool set_events(struct dash_server *server)
{
    const struct timeval often = {0, LOOK_MS * 1000};
    struct event_base *base = server->parts.base;

    server->on_answers = event_new(base, dash_reader_fd(server->parts.reader), EV_READ | EV_PERSIST,
                                   on_answers, server);
    server->on_look = event_new(base, -1, EV_PERSIST, on_look, server);
    return server->on_answers != NULL && server->on_look != NULL &&
           event_add(server->on_answers, NULL) == 0 && event_add(server->on_look, &often) == 0;
}

int dash_server_new(struct dash_server **ret_server, const struct dash_server_parts *parts)
{
    struct dash_server *server = MEM_NEW(struct dash_server);
    struct evconnlistener *listener;
    int r;

    if (server == NULL) {
        return -ENOMEM;
    }
    server->parts = *parts;
    r = make_listener(server, &listener);
    if (r == 0 && (!set_http(server, listener) || !set_events(server))) {
        r = -ENOMEM;
    }
    if (r < 0) {
        dash_server_free(server);
        return r;
    }
    *ret_server = server;
    return 0;
}

uint16_t dash_server_port(const struct dash_server *server)
{
    return server->port;
}

void dash_server_free(struct dash_server *server)
{
    if (server == NULL) {
        return;
    }
    for (int i = 0; i < DOORS; i++) {
        if (server->waits[i].request != NULL) {
            dash_answer_fault(server->waits[i].request, 503, "teplo-dash ends");
        }
    }
    if (server->on_answers != NULL) {
        event_free(server->on_answers);
    }
    if (server->on_look != NULL) {
        event_free(server->on_look);
    }
    if (server->http != NULL) {
        evhttp_free(server->http);
    }
    doors_done(&server->doors);
    mem_free(server);
}
