/* SPDX-License-Identifier: MIT */
#include "broker/control/admin.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/control/first_byte.h"
#include "broker/control/http.h"
#include "broker/downstream/channel.h"
#include "broker/downstream/listener.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"
#include "proto/failure.h"
#include "proto/message.h"

enum {
    ADMINS_MAXIMUM = 32,
    FRAME_MAXIMUM = 65536,
    OUTPUT_SOFT = 262144,
    OUTPUT_MAXIMUM = 64 << 20,
    SLOW_MS = 10000
};

struct admin {
    struct loop *loop;
    struct listener *listener;
    bool is_handed_over;
    const struct admin_actions *actions;
    void *owner;
    struct http *http; /* borrowed */
    struct list all;   /* struct visitor, owned */
    struct reapable reapable;
};

/* One connection to admin.sock.  Who speaks HTTP is no visitor any more. */
struct visitor {
    struct first_byte_wait first_byte;
    int silent_fd; /* owned, until it has shown what it speaks: then -1, and there is a channel */
    struct channel channel;
    struct admin *admin;
    struct list_node in_all;
    struct flush_wait *flush; /* owned by whoever will call it back; NULL: none */
    struct reapable reapable;
};

/* A flush that Redis has not acknowledged yet; it may outlive the visitor. */
struct flush_wait {
    struct visitor *visitor; /* borrowed; NULL when the visitor has gone */
    struct bytes id;
};

typedef void (*command_fn)(struct visitor *visitor, const struct message *request);

#define COMMAND(method, function, help)                                                            \
    static void function(struct visitor *visitor, const struct message *request);
#include "broker/control/admin_commands.def"
#undef COMMAND

static const struct {
    const char *method;
    command_fn run;
    const char *help;
} commands[] = {
#define COMMAND(method, function, help) {method, function, help},
#include "broker/control/admin_commands.def"
#undef COMMAND
};

static void on_accept(void *owner, int fd);
static void on_first_byte(struct first_byte_wait *wait, enum first_byte first);
static void leave(struct visitor *visitor);
static enum channel_take on_frame(struct channel *channel, struct span frame);
static void on_bad_frame(struct channel *channel, struct span head, const char *what);
static void on_mute(struct channel *channel);
static void on_input(struct channel *channel);
static bool is_quiet(struct channel *channel);
static void on_closed(struct channel *channel, enum channel_end end);

static const struct channel_events channel_events = {on_frame, on_bad_frame, on_mute,
                                                     on_input, is_quiet,     on_closed};

struct admin *admin_open(struct loop *loop, const struct listener_place *place,
                         const struct admin_actions *actions, struct http *http, void *owner)
{
    struct admin *admin = MEM_NEW(struct admin);

    if (admin == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    admin->loop = loop;
    admin->actions = actions;
    admin->http = http;
    admin->owner = owner;
    list_init(&admin->all);
    admin->listener = listener_open(loop, place, on_accept, admin);
    if (admin->listener == NULL) {
        mem_free(admin);
        return NULL;
    }
    return admin;
}

static void reap(void *owner)
{
    mem_free(owner);
}

void admin_close(struct admin *admin)
{
    struct list_node *node;

    if (admin == NULL) {
        return;
    }
    listener_close(admin->listener);
    while ((node = list_first(&admin->all)) != NULL) {
        struct visitor *visitor = LIST_ITEM(node, struct visitor, in_all);

        if (visitor->silent_fd >= 0) {
            leave(visitor);
        } else {
            channel_close(&visitor->channel);
        }
    }
    loop_reap(admin->loop, &admin->reapable, reap, admin);
}

void admin_hand_over(struct admin *admin)
{
    listener_leave(admin->listener);
    admin->listener = NULL;
    admin->is_handed_over = true;
    LIST_FOREACH (node, &admin->all) {
        struct visitor *visitor = LIST_ITEM(node, struct visitor, in_all);

        if (visitor->silent_fd >= 0) {
            (void)shutdown(visitor->silent_fd, SHUT_RD);
        } else {
            channel_hand_over(&visitor->channel);
        }
    }
}

struct listener *admin_listener(struct admin *admin)
{
    return admin->listener;
}

/* ---- visitors */

static void on_accept(void *owner, int fd)
{
    struct admin *admin = owner;
    struct visitor *visitor = NULL;

    if (admin->all.count < ADMINS_MAXIMUM) {
        visitor = MEM_NEW(struct visitor);
    }
    if (visitor == NULL ||
        first_byte_begin(&visitor->first_byte, admin->loop, fd, on_first_byte) < 0) {
        mem_free(visitor);
        (void)close(fd);
        return;
    }
    visitor->silent_fd = fd;
    visitor->admin = admin;
    list_append(&admin->all, &visitor->in_all);
}

/* What it speaks is JSON-RPC, or it will be told so. */
static void begin_frames(struct visitor *visitor)
{
    static const struct channel_limits limits = {.frame_max_bytes = FRAME_MAXIMUM,
                                                 .output_soft_bytes = OUTPUT_SOFT,
                                                 .output_max_bytes = OUTPUT_MAXIMUM,
                                                 .slow_timeout_ms = SLOW_MS};
    struct admin *admin = visitor->admin;
    int fd = visitor->silent_fd;

    visitor->silent_fd = -1;
    if (channel_init(&visitor->channel, admin->loop, fd, &limits, &channel_events) < 0) {
        leave(visitor);
    } else if (admin->is_handed_over) {
        channel_hand_over(&visitor->channel);
    }
}

static void on_first_byte(struct first_byte_wait *wait, enum first_byte first)
{
    struct visitor *visitor = LIST_ITEM(wait, struct visitor, first_byte);

    switch (first) {
    case FIRST_BYTE_OF_JSON:
        begin_frames(visitor);
        break;
    case FIRST_BYTE_OF_HTTP:
        http_accept(visitor->admin->http, visitor->silent_fd, HTTP_DOOR_ADMIN);
        visitor->silent_fd = -1;
        leave(visitor);
        break;
    case FIRST_BYTE_NEVER:
        leave(visitor);
        break;
    }
}

/* A visitor without a channel. */
static void leave(struct visitor *visitor)
{
    first_byte_cancel(&visitor->first_byte);
    if (visitor->silent_fd >= 0) {
        (void)close(visitor->silent_fd);
        visitor->silent_fd = -1;
    }
    list_remove(&visitor->admin->all, &visitor->in_all);
    loop_reap(visitor->admin->loop, &visitor->reapable, reap, visitor);
}

static void reap_visitor(void *owner)
{
    struct visitor *visitor = owner;

    channel_done(&visitor->channel);
    mem_free(visitor);
}

static void on_closed(struct channel *channel, enum channel_end end)
{
    struct visitor *visitor = LIST_ITEM(channel, struct visitor, channel);

    (void)end;
    if (visitor->flush != NULL) {
        visitor->flush->visitor = NULL;
    }
    list_remove(&visitor->admin->all, &visitor->in_all);
    loop_reap(visitor->admin->loop, &visitor->reapable, reap_visitor, visitor);
}

static bool is_quiet(struct channel *channel)
{
    return LIST_ITEM(channel, struct visitor, channel)->flush == NULL;
}

static void send_error(struct visitor *visitor, struct span id, int code, const char *text)
{
    struct bytes out;

    bytes_init(&out, 65536);
    reply_error(&out, id, code, span_of(text), SPAN_NONE);
    channel_send(&visitor->channel, bytes_span(&out));
    bytes_done(&out);
}

static void send_result(struct visitor *visitor, struct span id, struct span result)
{
    struct bytes out;

    bytes_init(&out, OUTPUT_MAXIMUM);
    reply_result(&out, id, result);
    if (out.failed) {
        send_error(visitor, id, RPC_INVALID_REQUEST, "out of memory");
    } else {
        channel_send(&visitor->channel, bytes_span(&out));
    }
    bytes_done(&out);
}

/* OBJECT is freed. */
static void send_object(struct visitor *visitor, const struct message *request, cJSON *object)
{
    char *text = object == NULL ? NULL : cJSON_PrintUnformatted(object);

    if (text == NULL) {
        send_error(visitor, request->id, RPC_INVALID_REQUEST, "out of memory");
    } else {
        send_result(visitor, request->id, span_of(text));
    }
    cJSON_free(text);
    cJSON_Delete(object);
}

static void on_bad_frame(struct channel *channel, struct span head, const char *what)
{
    (void)head;
    send_error(LIST_ITEM(channel, struct visitor, channel), SPAN_NONE, RPC_INVALID_REQUEST, what);
}

/* Operators take their time: there is no limit for it. */
static void on_mute(struct channel *channel)
{
    (void)channel;
}

static void on_input(struct channel *channel)
{
    (void)channel;
}

/* By the credentials of the connection, whatever the mode of a socket that somebody else made. */
static bool is_operator(const struct channel *channel)
{
    return channel->peer.uid == 0 || channel->peer.uid == geteuid();
}

static void refuse(struct visitor *visitor, const struct message *request)
{
    struct failure_report report = failure_report_of(
        FAILURE_DENIED, "only root and the user that runs the broker may give it orders");
    struct bytes out;

    bytes_init(&out, 65536);
    reply_failure(&out, request->id, &report);
    channel_send(&visitor->channel, bytes_span(&out));
    bytes_done(&out);
}

static void run_frame(struct channel *channel, struct span frame)
{
    struct visitor *visitor = LIST_ITEM(channel, struct visitor, channel);
    struct message message;
    struct message_fault fault;

    if (message_parse(frame, &json_limits_default, &message, &fault) < 0) {
        send_error(visitor, fault.id, fault.code, fault.text);
        return;
    }
    if (message.kind != MESSAGE_REQUEST) {
        return;
    }
    if (!is_operator(channel)) {
        refuse(visitor, &message);
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (json_string_is(message.method, commands[i].method)) {
            log_event(LOG_LEVEL_DEBUG, "admin", "method=%s pid=%d", commands[i].method,
                      (int)channel->pid);
            commands[i].run(visitor, &message);
            return;
        }
    }
    send_error(visitor, message.id, RPC_METHOD_NOT_FOUND,
               "no such command here; teplo/help lists them (MCP goes to teplo.sock)");
}

static enum channel_take on_frame(struct channel *channel, struct span frame)
{
    run_frame(channel, frame);
    return CHANNEL_TOOK;
}

/* ---- commands */

static void show_pools(struct visitor *visitor, const struct message *request)
{
    send_object(visitor, request, visitor->admin->actions->pools(visitor->admin->owner));
}

static void show_sessions(struct visitor *visitor, const struct message *request)
{
    send_object(visitor, request, visitor->admin->actions->sessions(visitor->admin->owner));
}

static void show_clients(struct visitor *visitor, const struct message *request)
{
    send_object(visitor, request, visitor->admin->actions->clients(visitor->admin->owner));
}

/* False: a member of params is not what it should be. */
static bool read_calls(const struct message *request, struct admin_calls *ret_which)
{
    struct span failed = message_param(request, "failed");
    struct span pool = message_param(request, "pool");
    struct span limit = message_param(request, "limit");
    int64_t number = SIZE_MAX / 4;

    if ((!span_is_none(limit) && (!json_to_int(limit, &number) || number < 0)) ||
        (!span_is_none(pool) &&
         !json_string_copy(pool, ret_which->pool, sizeof(ret_which->pool))) ||
        (!span_is_none(failed) && json_kind_of(failed) != JSON_TRUE &&
         json_kind_of(failed) != JSON_FALSE)) {
        return false;
    }
    ret_which->only_failed = json_kind_of(failed) == JSON_TRUE;
    ret_which->limit = (size_t)number;
    return true;
}

static void show_calls(struct visitor *visitor, const struct message *request)
{
    struct admin_calls which = {.limit = 0};

    if (!read_calls(request, &which)) {
        send_error(visitor, request->id, RPC_INVALID_PARAMS,
                   "params may have \"failed\", true or false, \"pool\", a name, and \"limit\", "
                   "a whole number");
        return;
    }
    send_object(visitor, request, visitor->admin->actions->calls(visitor->admin->owner, &which));
}

static void show_errors(struct visitor *visitor, const struct message *request)
{
    send_object(visitor, request, visitor->admin->actions->errors(visitor->admin->owner));
}

static void show_stats(struct visitor *visitor, const struct message *request)
{
    send_object(visitor, request, visitor->admin->actions->stats(visitor->admin->owner));
}

static void show_health(struct visitor *visitor, const struct message *request)
{
    send_object(visitor, request, visitor->admin->actions->health(visitor->admin->owner));
}

static void show_config(struct visitor *visitor, const struct message *request)
{
    struct bytes text;

    bytes_init(&text, OUTPUT_MAXIMUM);
    visitor->admin->actions->config(visitor->admin->owner, &text);
    send_result(visitor, request->id, text.failed ? SPAN("{}") : bytes_span(&text));
    bytes_done(&text);
}

static void ask_outcome(struct visitor *visitor, const struct message *request)
{
    struct bytes text;
    const char *wrong;

    bytes_init(&text, OUTPUT_MAXIMUM);
    wrong = visitor->admin->actions->outcome(visitor->admin->owner, message_param(request, "call"),
                                             visitor->channel.peer.uid, &text);
    if (wrong != NULL) {
        send_error(visitor, request->id, RPC_INVALID_PARAMS, wrong);
    } else if (text.failed) {
        send_error(visitor, request->id, RPC_INVALID_REQUEST, "out of memory");
    } else {
        send_result(visitor, request->id, bytes_span(&text));
    }
    bytes_done(&text);
}

static void on_flushed(void *waiter, const char *redis, uint64_t seq)
{
    struct flush_wait *wait = waiter;
    struct visitor *visitor = wait->visitor;
    char text[96];

    if (visitor != NULL) {
        (void)snprintf(text, sizeof(text), "{\"redis\":\"%s\",\"seq\":%llu}", redis,
                       (unsigned long long)seq);
        visitor->flush = NULL;
        send_result(visitor, bytes_span(&wait->id), span_of(text));
    }
    bytes_done(&wait->id);
    mem_free(wait);
}

static void flush(struct visitor *visitor, const struct message *request)
{
    struct flush_wait *wait;

    if (visitor->flush != NULL) {
        send_error(visitor, request->id, RPC_INVALID_REQUEST, "a flush is already under way here");
        return;
    }
    wait = MEM_NEW(struct flush_wait);
    if (wait == NULL) {
        send_error(visitor, request->id, RPC_INVALID_REQUEST, "out of memory");
        return;
    }
    bytes_init(&wait->id, MESSAGE_ID_MAXIMUM + 2);
    bytes_append_span(&wait->id, request->id);
    wait->visitor = visitor;
    if (visitor->admin->actions->flush(visitor->admin->owner, on_flushed, wait) < 0) {
        send_error(visitor, request->id, RPC_INVALID_REQUEST, "out of memory");
        bytes_done(&wait->id);
        mem_free(wait);
        return;
    }
    visitor->flush = wait;
}

static void reload(struct visitor *visitor, const struct message *request)
{
    struct bytes message;
    char text[64];
    int servers;

    bytes_init(&message, 8192);
    servers = visitor->admin->actions->reload(visitor->admin->owner, &message);
    if (servers < 0) {
        const char *why = bytes_text(&message);

        send_error(visitor, request->id, RPC_INVALID_PARAMS, why == NULL ? "out of memory" : why);
    } else {
        (void)snprintf(text, sizeof(text), "{\"reloaded\":true,\"servers\":%d}", servers);
        send_result(visitor, request->id, span_of(text));
    }
    bytes_done(&message);
}

static void drain(struct visitor *visitor, const struct message *request)
{
    visitor->admin->actions->drain(visitor->admin->owner);
    send_result(visitor, request->id, SPAN("{}"));
}

static void resume(struct visitor *visitor, const struct message *request)
{
    visitor->admin->actions->resume(visitor->admin->owner);
    send_result(visitor, request->id, SPAN("{}"));
}

static void shut_down(struct visitor *visitor, const struct message *request)
{
    send_result(visitor, request->id, SPAN("{}"));
    visitor->admin->actions->shut_down(visitor->admin->owner);
}

static void help(struct visitor *visitor, const struct message *request)
{
    cJSON *object = cJSON_CreateObject();

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        (void)cJSON_AddStringToObject(object, commands[i].method, commands[i].help);
    }
    send_object(visitor, request, object);
}
