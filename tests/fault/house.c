/* SPDX-License-Identifier: MIT */
#include "tests/fault/house.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"

enum { READ_SIZE = 65536, LONG_MS = 60000 };

static void on_report(void *owner, const char *route, const char *type, const char *error_class,
                      const char *text);
static void on_drained(void *owner);
static void on_gone(void *owner);
static void on_look(void *owner);
static void on_tool(void *owner, const struct message *call);
static void readable_cb(evutil_socket_t fd, short what, void *arg);

static const struct router_events router_events = {on_report, on_drained};

/* ---- building */

static void choose_limits(struct house *house)
{
    house->options = (struct route_options){.pool = {.size = 2,
                                                     .max_inflight = 4,
                                                     .queue_max = 64,
                                                     .lifetime_ms = LONG_MS,
                                                     .idle_timeout_ms = LONG_MS,
                                                     .check_delay_ms = LONG_MS,
                                                     .keepalive_ms = LONG_MS,
                                                     .cancel_grace_ms = HOUSE_CALL_MS,
                                                     .backoff_min_ms = 1,
                                                     .backoff_max_ms = 4},
                                            .errand = {.queue_timeout_ms = HOUSE_CALL_MS,
                                                       .call_timeout_ms = HOUSE_CALL_MS,
                                                       .call_timeout_max_ms = HOUSE_CALL_MS},
                                            .list_ttl_ms = LONG_MS,
                                            .list_max_bytes = 1 << 20};
    house->router_limits = (struct router_limits){.max_inflight_per_client = 32,
                                                  .max_queued_per_client = 32,
                                                  .json = json_limits_default,
                                                  .memory_max_bytes = SIZE_MAX,
                                                  .frame_max_bytes = 1 << 20,
                                                  .response_max_bytes = 1 << 20};
    house->clients_limits = (struct clients_limits){.maximum = HOUSE_PEERS,
                                                    .memory_max_bytes = SIZE_MAX,
                                                    .channel = {.frame_max_bytes = 1 << 20,
                                                                .output_soft_bytes = 1 << 18,
                                                                .output_max_bytes = 3 << 18,
                                                                .slow_timeout_ms = HOUSE_CALL_MS}};
}

static void open_route(struct house *house)
{
    struct server_options options = {.name = "fake",
                                     .url = fake_mcp_url(&house->fake),
                                     .limits = {.connect_timeout_ms = HOUSE_CALL_MS,
                                                .init_timeout_ms = HOUSE_CALL_MS,
                                                .check_timeout_ms = HOUSE_CALL_MS,
                                                .idle_reuse_max_ms = LONG_MS,
                                                .response_max_bytes = 1 << 20,
                                                .lanes_max = 16}};
    struct server *server = server_new(house->loop, house->streams, house->posts, &options);

    CHECK(server != NULL);
    house->route = route_new(house->loop, house->router, server, &house->options);
    CHECK(house->route != NULL && router_add(house->router, house->route) == 0);
}

void house_open(struct house *house)
{
    struct clients_options clients = {.on_gone = on_gone, .owner = house};

    *house = (struct house){.last_id = 0};
    log_set_level(LOG_LEVEL_ERROR);
    choose_limits(house);
    house->loop = loop_new();
    CHECK(house->loop != NULL && fake_mcp_open(&house->fake, house->loop) == 0);
    house->fake.on_tool = on_tool;
    house->fake.owner = house;
    house->streams = curl_driver_new(house->loop, 0);
    house->posts = curl_driver_new(house->loop, 0);
    CHECK(house->streams != NULL && house->posts != NULL);
    house->router = router_new(house->loop, &house->router_limits, &router_events, house);
    CHECK(house->router != NULL);
    clients.limits = house->clients_limits;
    clients_init(&house->clients, house->loop, house->router, &clients);
    timer_init(&house->look, house->loop, on_look, house);
    open_route(house);
}

void house_close(struct house *house)
{
    clients_close_all(&house->clients);
    router_close(house->router);
    for (size_t i = 0; i < house->peer_count; i++) {
        house_leave(&house->peers[i]);
        free(house->peers[i].input);
    }
    fake_mcp_close(&house->fake);
    timer_stop(&house->look);
    loop_settle(house->loop);
    curl_driver_free(house->streams);
    curl_driver_free(house->posts);
    loop_free(house->loop);
}

static void on_report(void *owner, const char *route, const char *type, const char *error_class,
                      const char *text)
{
    (void)owner;
    (void)route;
    (void)type;
    (void)error_class;
    (void)text;
}

static void on_drained(void *owner)
{
    struct house *house = owner;

    house->drained++;
}

static void on_gone(void *owner)
{
    (void)owner;
}

/* ---- turning */

static void on_look(void *owner)
{
    struct house *house = owner;

    loop_stop(house->loop);
}

bool house_turn(struct house *house, int64_t since_ms, int64_t limit_ms)
{
    int64_t past_ms = clock_now_ms() - since_ms;

    if (past_ms > limit_ms) {
        return false;
    }
    /* Without a pause at first: most steps take no time at all. */
    timer_start(&house->look, past_ms > 5 ? 1 : 0);
    CHECK(loop_run(house->loop) == 0);
    return true;
}

/* ---- clients */

struct house_peer *house_join(struct house *house)
{
    struct house_peer *peer = &house->peers[house->peer_count++];
    int ends[2];

    CHECK(house->peer_count <= HOUSE_PEERS);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    *peer = (struct house_peer){.house = house, .fd = ends[0]};
    CHECK(event_assign(&peer->readable, loop_base(house->loop), ends[0], EV_READ | EV_PERSIST,
                       readable_cb, peer) == 0);
    house_listen(peer);
    clients_accept(&house->clients, ends[1], NULL);
    return peer;
}

void house_leave(struct house_peer *peer)
{
    if (peer->fd >= 0) {
        house_deafen(peer);
        (void)close(peer->fd);
        peer->fd = -1;
    }
}

void house_deafen(struct house_peer *peer)
{
    (void)event_del(&peer->readable);
}

void house_listen(struct house_peer *peer)
{
    CHECK(event_add(&peer->readable, NULL) == 0);
}

void house_say(struct house_peer *peer, const char *line)
{
    size_t length = strlen(line);

    while (length > 0 && peer->fd >= 0 && !peer->is_gone) {
        ssize_t n = send(peer->fd, line, length, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN) {
            return; /* that it is gone is noticed by reading */
        }
        if (n < 0) {
            (void)house_turn(peer->house, clock_now_ms(), HOUSE_LOOK_MS);
            continue;
        }
        line += n;
        length -= (size_t)n;
    }
}

/* ---- requests */

static struct house_request *new_request(struct house_peer *peer)
{
    struct house *house = peer->house;
    struct house_request *request = &house->requests[++house->last_id];

    CHECK(house->last_id < HOUSE_REQUESTS);
    *request = (struct house_request){.peer = peer};
    return request;
}

unsigned house_ask(struct house_peer *peer, const char *method, const char *params)
{
    char line[1024];
    unsigned id;

    (void)new_request(peer);
    id = peer->house->last_id;
    (void)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\"%s%s}\n",
                   id, method, params == NULL ? "" : ",\"params\":", params == NULL ? "" : params);
    house_say(peer, line);
    return id;
}

#define ENVELOPE                                                                                   \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{},"                                           \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"peer\",\"version\":\"0\"},"                \
    "\"progressToken\":\"mine\"}"

unsigned house_ask_modern(struct house_peer *peer, const char *method, const char *params)
{
    char all[768];

    (void)snprintf(all, sizeof(all), "{%s%s" ENVELOPE "}", params, params[0] == '\0' ? "" : ",");
    return house_ask(peer, method, all);
}

unsigned house_call(struct house_peer *peer, const char *tool, size_t pad)
{
    struct house_request *request = new_request(peer);
    unsigned id = peer->house->last_id;
    char *line = malloc(pad + 1024);
    int length;

    CHECK(line != NULL);
    request->is_tool = true;
    length = snprintf(line, 1024,
                      "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{"
                      "\"name\":\"%s\"," ENVELOPE ",\"arguments\":{\"n\":%u,\"pad\":\"",
                      id, tool, id);
    memset(line + length, 'x', pad);
    (void)snprintf(line + length + pad, 8, "\"}}}\n");
    house_say(peer, line);
    free(line);
    return id;
}

void house_cancel(struct house_peer *peer, unsigned id)
{
    char line[160];

    peer->house->requests[id].is_cancelled = true;
    (void)snprintf(line, sizeof(line),
                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                   "\"requestId\":%u}}\n",
                   id);
    house_say(peer, line);
}

unsigned house_greet(struct house_peer *peer)
{
    unsigned id = house_ask(peer, "initialize",
                            "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
                            "\"clientInfo\":{\"name\":\"peer\",\"version\":\"0\"}}");

    house_say(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    return id;
}

/* The server runs a tool now, unless it is about to say 4xx. */
static void on_tool(void *owner, const struct message *call)
{
    struct house *house = owner;
    char name[32] = "";
    int64_t id = 0;

    CHECK(json_string_copy(message_param(call, "name"), name, sizeof(name)));
    CHECK(json_to_int(json_find(message_param(call, "arguments"), "n"), &id));
    CHECK(id > 0 && id < HOUSE_REQUESTS && house->requests[id].peer != NULL);
    house->requests[id].executed += strncmp(name, "http_4", 6) == 0 ? 0 : 1;
}

/* ---- what clients hear */

static void take_answer(struct house *house, unsigned id, const char *line)
{
    struct house_request *request = &house->requests[id];
    const char *outcome = strstr(line, "\"outcome\":\"");

    CHECK(id < HOUSE_REQUESTS && request->peer != NULL);
    request->answers++;
    request->has_result = strstr(line, "\"result\":") != NULL;
    (void)snprintf(request->text, sizeof(request->text), "%s", line);
    if (outcome != NULL && !request->has_result) {
        (void)sscanf(outcome + strlen("\"outcome\":\""), "%15[a-z_]", request->outcome);
    }
}

static void take_line(struct house_peer *peer, const char *line)
{
    const char *id = strstr(line, "\"id\":");

    if (strstr(line, "\"method\":") != NULL) {
        peer->notices++;
    } else if (id != NULL && strncmp(id, "\"id\":null", 9) != 0) {
        take_answer(peer->house, (unsigned)strtoul(id + 5, NULL, 10), line);
    }
}

static void take_lines(struct house_peer *peer)
{
    char *begin = peer->input;
    char *end;

    while ((end = memchr(begin, '\n', peer->length - (size_t)(begin - peer->input))) != NULL) {
        *end = '\0';
        take_line(peer, begin);
        begin = end + 1;
    }
    peer->length -= (size_t)(begin - peer->input);
    memmove(peer->input, begin, peer->length);
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
    struct house_peer *peer = arg;
    ssize_t n;

    (void)what;
    if (peer->size - peer->length < READ_SIZE) {
        peer->size += READ_SIZE;
        peer->input = realloc(peer->input, peer->size);
        CHECK(peer->input != NULL);
    }
    n = recv(fd, peer->input + peer->length, peer->size - peer->length, 0);
    if (n > 0) {
        peer->length += (size_t)n;
        take_lines(peer);
    } else if (n == 0 || errno != EAGAIN) {
        peer->is_gone = true;
        house_deafen(peer);
    }
}

/* ---- the books */

bool house_is_over(const struct house *house, unsigned id)
{
    const struct house_request *request = &house->requests[id];

    return request->answers > 0 || request->is_cancelled || request->peer->is_gone ||
           request->peer->fd < 0;
}

unsigned house_over(const struct house *house)
{
    unsigned over = 0;

    for (unsigned id = 1; id <= house->last_id; id++) {
        over += house_is_over(house, id) ? 1 : 0;
    }
    return over;
}

bool house_all_over(const struct house *house)
{
    return house_over(house) == house->last_id;
}

bool house_heard(const struct house *house, unsigned calls)
{
    return house->fake.calls + house_over(house) >= calls || house_all_over(house);
}

static const char *audit_one(const struct house *house, unsigned id)
{
    const struct house_request *request = &house->requests[id];
    bool must_be_one = !request->is_cancelled && !request->peer->is_gone && request->peer->fd >= 0;

    if (request->executed > 1) {
        return "executed twice";
    }
    if (request->answers > 1) {
        return "answered twice";
    }
    if (request->answers == 0) {
        return must_be_one ? "never answered" : NULL;
    }
    if (request->is_tool && request->has_result && request->executed == 0) {
        return "a result of what never ran";
    }
    if (strcmp(request->outcome, "not_executed") == 0 && request->executed > 0) {
        return "called not executed, and ran";
    }
    /* Such a server is given up at once: it must not be said of one that we had no memory for. */
    if (strstr(request->text, "not an MCP server") != NULL) {
        return "told that the server is none";
    }
    return NULL;
}

const char *house_audit(const struct house *house, unsigned *ret_id)
{
    for (unsigned id = 1; id <= house->last_id; id++) {
        const char *wrong = audit_one(house, id);

        if (wrong != NULL) {
            *ret_id = id;
            return wrong;
        }
    }
    return NULL;
}
