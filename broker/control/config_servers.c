/* SPDX-License-Identifier: MIT */
/*
 * One server of "mcpServers".  Hosts put keys of their own beside it: the harmless ones
 * are passed over, so that an existing mcp.json works as it is.
 */
#include "broker/control/config_build.h"
#include "broker/control/config_object.h"

enum { TOOL_NAME_MAXIMUM = 128 };

static int read_server(const struct config_place *place, const struct json_item *entry,
                       void *target);
static int read_url(const struct config_place *place, struct span value, void *target);
static int read_headers(const struct config_place *place, struct span value, void *target);
static int read_transport(const struct config_place *place, struct span value, void *target);
static int read_options(const struct config_place *place, struct span value, void *target);
static int refuse_stdio(const struct config_place *place, struct span value, void *target);
static int pass_over(const struct config_place *place, struct span value, void *target);
static int read_tools(const struct config_place *place, struct span value, void *target);
static int read_tool(const struct config_place *place, const struct json_item *entry, void *target);
static int read_retry(const struct config_place *place, struct span value, void *target);
static int read_tool_timeout(const struct config_place *place, struct span value, void *target);
static int read_tool_client_gone(const struct config_place *place, struct span value, void *target);

static const struct config_shape server_shape = {
    .noun = "a server",
    .members = (const struct config_member[]){{"url", read_url},
                                              {"headers", read_headers},
                                              {"type", read_transport},
                                              {"transport", read_transport},
                                              {"teplo", read_options},
                                              {"command", refuse_stdio},
                                              {"args", refuse_stdio},
                                              {"env", refuse_stdio},
                                              {"cwd", refuse_stdio},
                                              {"disabled", pass_over},
                                              {"description", pass_over},
                                              {"timeout", pass_over},
                                              {"alwaysAllow", pass_over},
                                              {"autoApprove", pass_over},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_NONE,
    .remedy = "a server has \"url\", \"headers\", \"type\" and \"teplo\", which holds its options",
};

static const struct config_shape options_shape = {
    .noun = "the \"teplo\" object of a server",
    .members = (const struct config_member[]){{"tools", read_tools},
                                              {"allow", config_read_allow},
                                              {"deny", config_read_deny},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_SERVER,
    .remedy = "remove it, or see the options in teplod --print-options",
};

static const struct config_shape tool_shape = {
    .noun = "a tool",
    .members = (const struct config_member[]){{"retry", read_retry},
                                              {"call_timeout", read_tool_timeout},
                                              {"on_client_gone", read_tool_client_gone},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_NONE,
    .remedy = "a tool has \"retry\", \"call_timeout\" and \"on_client_gone\"",
};

int config_read_servers(const struct config_place *place, struct span value, void *target)
{
    return config_object_each(place, value, "\"mcpServers\"", read_server, target);
}

/* 1: it is there to be skipped. */
static int is_disabled(const struct config_place *place, struct span server)
{
    struct span value = json_find(server, "disabled");
    enum json_kind kind = json_kind_of(value);
    struct config_place here = config_place_at(place, value.at);

    if (kind != JSON_NONE && kind != JSON_TRUE && kind != JSON_FALSE) {
        return config_refuse(&here, "\"disabled\" is %s; write true or false",
                             config_kind_name(value));
    }
    return kind == JSON_TRUE ? 1 : 0;
}

static int read_named_server(const struct config_place *place, const struct json_item *entry,
                             struct span name, struct config *config)
{
    struct config_place here = config_place_at(place, entry->value.at);
    struct config_server server;
    int r = config_server_init(&server, name);

    if (r == 0) {
        r = config_object_read(&here, entry->value, &server_shape, &server);
    }
    if (r == 0 && server.url == NULL) {
        r = config_refuse(place, "server \"%s\" has no url; add \"url\": \"http://host:8000/sse\"",
                          server.name);
    }
    if (r == 0) {
        r = config_check_server_order(place, json_find(entry->value, "teplo"), &server);
    }
    if (r == 0) {
        r = config_add_server(config, &server);
    }
    config_server_done(&server);
    return r;
}

static int read_server(const struct config_place *place, const struct json_item *entry,
                       void *target)
{
    struct bytes name;
    int r = is_disabled(place, entry->value);

    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = config_value_text(place, "mcpServers", entry->key, &name);
    if (r == 0) {
        r = config_check_server_name(place, target, bytes_span(&name));
    }
    if (r == 0) {
        r = read_named_server(place, entry, bytes_span(&name), target);
    }
    bytes_done(&name);
    return r;
}

/* ---- the members of a server; TARGET is a struct config_server */

static int read_url(const struct config_place *place, struct span value, void *target)
{
    struct bytes text;
    int r = config_value_text(place, "url", value, &text);

    if (r == 0) {
        r = config_set_url(place, target, bytes_span(&text));
    }
    bytes_done(&text);
    return r;
}

static int read_header_value(const struct config_place *place, struct config_server *server,
                             struct span name, struct span token)
{
    char shown[CONFIG_TEXT_SHOWN];
    struct bytes text;
    int r = config_value_text(place, config_text_show(name, shown), token, &text);

    if (r == 0) {
        r = config_set_header(place, server, name, bytes_span(&text));
    }
    bytes_done(&text);
    return r;
}

static int read_header(const struct config_place *place, const struct json_item *entry,
                       void *target)
{
    struct config_place here = config_place_at(place, entry->value.at);
    struct bytes name;
    int r = config_value_text(place, "headers", entry->key, &name);

    if (r == 0) {
        r = config_check_header_name(place, target, bytes_span(&name));
    }
    if (r == 0) {
        r = read_header_value(&here, target, bytes_span(&name), entry->value);
    }
    bytes_done(&name);
    return r;
}

static int read_headers(const struct config_place *place, struct span value, void *target)
{
    return config_object_each(place, value, "\"headers\"", read_header, target);
}

static bool is_any(struct span token, const char *const *texts)
{
    while (*texts != NULL && !json_string_is(token, *texts)) {
        texts++;
    }
    return *texts != NULL;
}

static int read_transport(const struct config_place *place, struct span value, void *target)
{
    static const char *const streamable[] = {"http", "streamable-http", "streamableHttp",
                                             "streamable_http", NULL};
    struct config_server *server = target;
    char shown[CONFIG_TEXT_SHOWN];

    if (json_string_is(value, "sse")) {
        server->transport = CONFIG_TRANSPORT_SSE;
        return 0;
    }
    if (json_string_is(value, "stdio")) {
        return refuse_stdio(place, value, target);
    }
    if (is_any(value, streamable)) {
        return config_refuse(place,
                             "server \"%s\" is said to speak Streamable HTTP, and this "
                             "version speaks HTTP+SSE only; give the url of its SSE "
                             "endpoint, and remove this line",
                             server->name);
    }
    return config_refuse(place, "the type of server \"%s\" is %s; write \"sse\", or remove it",
                         server->name, config_text_show(value, shown));
}

static int refuse_stdio(const struct config_place *place, struct span value, void *target)
{
    const struct config_server *server = target;

    (void)value;
    return config_refuse(place,
                         "server \"%s\": stdio servers are not supported by this version; "
                         "give a url",
                         server->name);
}

static int pass_over(const struct config_place *place, struct span value, void *target)
{
    (void)place;
    (void)value;
    (void)target;
    return 0;
}

static int read_options(const struct config_place *place, struct span value, void *target)
{
    return config_object_read(place, value, &options_shape, target);
}

/* ---- tools */

static int read_tools(const struct config_place *place, struct span value, void *target)
{
    return config_object_each(place, value, "\"tools\"", read_tool, target);
}

static int read_tool(const struct config_place *place, const struct json_item *entry, void *target)
{
    struct config_place here = config_place_at(place, entry->value.at);
    struct config_tool tool = {
        .retry = TOOL_RETRY_NEVER, .call_timeout_ms = -1, .on_client_gone = -1};
    struct bytes name;
    int r = config_value_text(place, "tools", entry->key, &name);

    if (r == 0 && (name.length == 0 || name.length > TOOL_NAME_MAXIMUM ||
                   memchr(name.at, '\0', name.length) != NULL)) {
        r = config_refuse(place,
                          "a tool's name is empty, longer than %d bytes or has a NUL; write "
                          "it as tools/list gives it",
                          TOOL_NAME_MAXIMUM);
    }
    if (r == 0) {
        r = config_object_read(&here, entry->value, &tool_shape, &tool);
    }
    if (r == 0) {
        r = config_add_tool(target, bytes_span(&name), &tool);
    }
    bytes_done(&name);
    return r;
}

static int read_retry(const struct config_place *place, struct span value, void *target)
{
    struct config_tool *tool = target;
    char shown[CONFIG_TEXT_SHOWN];

    if (!json_string_is(value, "idempotent") && !json_string_is(value, "never")) {
        return config_refuse(place,
                             "\"retry\" is %s; write \"idempotent\" if a second execution "
                             "does no harm, else \"never\"",
                             config_text_show(value, shown));
    }
    tool->retry = json_string_is(value, "never") ? TOOL_RETRY_NEVER : TOOL_RETRY_IDEMPOTENT;
    return 0;
}

static int read_tool_timeout(const struct config_place *place, struct span value, void *target)
{
    struct config_tool *tool = target;

    return config_option_read_number(place, config_option_find(OPTION_SCOPE_SERVER, "call_timeout"),
                                     value, &tool->call_timeout_ms);
}

static int read_tool_client_gone(const struct config_place *place, struct span value, void *target)
{
    struct config_tool *tool = target;

    return config_option_read_number(place,
                                     config_option_find(OPTION_SCOPE_SERVER, "on_client_gone"),
                                     value, &tool->on_client_gone);
}
