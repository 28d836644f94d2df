/* SPDX-License-Identifier: MIT */
/* The configuration for people and dashboards: described and listed.  No secrets. */
#include <errno.h>

#include "broker/control/config.h"
#include "broker/control/config_build.h"
#include "broker/control/config_choice.h"
#include "broker/control/config_option.h"

static void describe_server(const struct config_server *server, struct bytes *out);
static void describe_options(enum option_scope scope, const void *target, struct bytes *out);
static void print_option(const struct config_option *option, struct bytes *out);

/* ---- as JSON */

/* The next member of the innermost open object. */
static void add_key(struct bytes *out, const char *key)
{
    if (out->length > 0 && out->at[out->length - 1] != '{') {
        bytes_append_char(out, ',');
    }
    json_quote(out, span_of(key));
    bytes_append_char(out, ':');
}

static void open_object(struct bytes *out, const char *key)
{
    add_key(out, key);
    bytes_append_char(out, '{');
}

static void add_text(struct bytes *out, const char *key, const char *text)
{
    add_key(out, key);
    json_quote(out, span_of(text));
}

void config_describe(const struct config *config, struct bytes *out)
{
    bytes_append_char(out, '{');
    open_object(out, "mcpServers");
    for (size_t i = 0; i < config->server_count; i++) {
        describe_server(&config->servers[i], out);
    }
    bytes_append_char(out, '}');
    open_object(out, "teplo");
    describe_options(OPTION_SCOPE_BROKER, config, out);
    open_object(out, "redis");
    describe_options(OPTION_SCOPE_REDIS, &config->redis, out);
    bytes_append_text(out, "}}}");
}

static void add_number(struct bytes *out, const struct config_option *option, int64_t number)
{
    const char *quote = option->type == OPTION_TYPE_COUNT ? "" : "\"";

    add_key(out, option->name);
    bytes_append_text(out, quote);
    config_option_print(option, number, out);
    bytes_append_text(out, quote);
}

static void describe_tools(const struct config_server *server, struct bytes *out)
{
    const struct config_option *timeout = config_option_find(OPTION_SCOPE_SERVER, "call_timeout");
    const struct config_option *gone = config_option_find(OPTION_SCOPE_SERVER, "on_client_gone");

    open_object(out, "tools");
    for (size_t i = 0; i < server->tool_count; i++) {
        const struct config_tool *tool = &server->tools[i];

        open_object(out, tool->name);
        add_text(out, "retry", tool->retry == TOOL_RETRY_IDEMPOTENT ? "idempotent" : "never");
        if (tool->call_timeout_ms >= 0) {
            add_number(out, timeout, tool->call_timeout_ms);
        }
        if (tool->on_client_gone >= 0) {
            add_number(out, gone, tool->on_client_gone);
        }
        bytes_append_char(out, '}');
    }
    bytes_append_char(out, '}');
}

static void describe_identities(const char *key, const struct config_identity *identities,
                                size_t count, struct bytes *out)
{
    add_key(out, key);
    bytes_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        json_quote(out, span_of(identities[i].name));
    }
    bytes_append_char(out, ']');
}

static void describe_patterns(const char *key, char *const *patterns, size_t count,
                              struct bytes *out)
{
    add_key(out, key);
    bytes_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        json_quote(out, span_of(patterns[i]));
    }
    bytes_append_char(out, ']');
}

static void describe_access(const struct config_access *access, struct bytes *out)
{
    open_object(out, "allow");
    describe_identities("users", access->users, access->user_count, out);
    describe_identities("groups", access->groups, access->group_count, out);
    describe_patterns("tools", access->allowed_tools, access->allowed_tool_count, out);
    bytes_append_char(out, '}');
    open_object(out, "deny");
    describe_patterns("tools", access->denied_tools, access->denied_tool_count, out);
    bytes_append_char(out, '}');
}

static void describe_server(const struct config_server *server, struct bytes *out)
{
    open_object(out, server->name);
    add_text(out, "url", server->url_shown);
    if (server->transport == CONFIG_TRANSPORT_SSE) {
        add_text(out, "type", "sse");
    }
    open_object(out, "headers");
    for (size_t i = 0; i < server->header_count; i++) {
        add_text(out, server->headers[i].name, "(secret)");
    }
    bytes_append_char(out, '}');
    open_object(out, "teplo");
    describe_options(OPTION_SCOPE_SERVER, server, out);
    describe_tools(server, out);
    describe_access(&server->access, out);
    bytes_append_text(out, "}}");
}

static void describe_text(const struct config_option *option, const char *text, struct bytes *out)
{
    struct span parts[2];

    if (option->type == OPTION_TYPE_SECRET) {
        add_text(out, option->name, *text == '\0' ? "" : "(secret)");
        return;
    }
    config_redis_parts(text, parts);
    add_key(out, option->name);
    bytes_append_char(out, '"');
    json_escape(out, parts[0]);
    if (!span_is_none(parts[1])) {
        bytes_append_text(out, "(secret)@");
        json_escape(out, parts[1]);
    }
    bytes_append_char(out, '"');
}

static void describe_statuses(const struct config_option *option, const struct status_set *set,
                              struct bytes *out)
{
    const char *separator = "";

    add_key(out, option->name);
    bytes_append_char(out, '[');
    for (int64_t status = STATUS_SET_LEAST; status <= STATUS_SET_MOST; status++) {
        if (status_set_has(set, status)) {
            bytes_append_text(out, separator);
            bytes_append_int(out, status);
            separator = ",";
        }
    }
    bytes_append_char(out, ']');
}

static void describe_options(enum option_scope scope, const void *target, struct bytes *out)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        if (config_value_is_text(option->type)) {
            describe_text(option, config_option_text(option, target), out);
        } else if (option->type == OPTION_TYPE_STATUSES) {
            describe_statuses(option, config_option_statuses(option, target), out);
        } else {
            add_number(out, option, config_option_number(option, target));
        }
    }
}

/* ---- as a list of all options there are */

void config_print_options(struct bytes *out)
{
    static const char *const headings[] = {
        [OPTION_SCOPE_SERVER] = "In the \"teplo\" object of a server:\n",
        [OPTION_SCOPE_BROKER] = "\nIn the top \"teplo\" object:\n",
        [OPTION_SCOPE_REDIS] = "\nIn the \"redis\" object of the top \"teplo\" object:\n",
    };

    for (enum option_scope scope = OPTION_SCOPE_SERVER; scope < OPTION_SCOPE_NONE; scope++) {
        bytes_append_text(out, headings[scope]);
        for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
             option = config_option_next(scope, option)) {
            print_option(option, out);
        }
    }
}

static const char *reload_text(enum option_reload reload)
{
    switch (reload) {
    case OPTION_RELOAD_LIVE:
        return "a reload applies it at once";
    case OPTION_RELOAD_NEW:
        return "a reload applies it to new sessions";
    case OPTION_RELOAD_RESTART:
        return "needs a restart";
    }
    return "";
}

static void print_range(const struct config_option *option, struct bytes *out)
{
    switch (option->type) {
    case OPTION_TYPE_LEVEL:
        return;
    case OPTION_TYPE_CHOICE:
        bytes_append_text(out, ", ");
        config_choice_list(option->name, "", out);
        return;
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
    case OPTION_TYPE_PATH:
        bytes_append_text(out, ", ");
        bytes_append_int(out, option->least);
        bytes_append_text(out, " to ");
        bytes_append_int(out, option->most);
        bytes_append_text(out, " bytes");
        return;
    case OPTION_TYPE_COUNT:
    case OPTION_TYPE_DURATION:
    case OPTION_TYPE_SIZE:
    case OPTION_TYPE_MODE:
    case OPTION_TYPE_STATUSES:
        bytes_append_text(out, ", ");
        config_value_print(option->type, option->least, out);
        bytes_append_text(out, " to ");
        config_value_print(option->type, option->most, out);
    }
}

/* TEXT in indented lines of a terminal's width. */
static void print_wrapped(const char *text, struct bytes *out)
{
    enum { WIDTH = 72 };

    while (*text != '\0') {
        size_t length = strlen(text);

        if (length > WIDTH) {
            length = WIDTH;
            while (length > 0 && text[length] != ' ') {
                length--;
            }
            length = length == 0 ? WIDTH : length;
        }
        bytes_printf(out, "        %.*s\n", (int)length, text);
        text += length;
        text += *text == ' ' ? 1 : 0;
    }
}

static void print_option(const struct config_option *option, struct bytes *out)
{
    bytes_printf(out, "    %s = %s\n        %s", option->name,
                 *option->fallback == '\0' ? "\"\"" : option->fallback,
                 config_value_noun(option->type));
    print_range(option, out);
    bytes_printf(out, "; %s\n", reload_text(option->reload));
    print_wrapped(option->help, out);
}
