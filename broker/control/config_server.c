/* SPDX-License-Identifier: MIT */
/* One server as an object: made, filled, compared, freed.  Called by both readers. */
#include <errno.h>
#include <strings.h>

#include "broker/control/config_build.h"
#include "broker/control/config_option.h"
#include "broker/control/config_rules.h"
#include "proto/base/mem.h"

enum { HEADERS_BYTES_MAXIMUM = 1 << 15 };

static bool headers_equal(const struct config_server *a, const struct config_server *b)
{
    if (a->header_count != b->header_count) {
        return false;
    }
    for (size_t i = 0; i < a->header_count; i++) {
        if (strcmp(a->headers[i].name, b->headers[i].name) != 0 ||
            strcmp(a->headers[i].value, b->headers[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool tools_equal(const struct config_server *a, const struct config_server *b)
{
    if (a->tool_count != b->tool_count) {
        return false;
    }
    for (size_t i = 0; i < a->tool_count; i++) {
        if (strcmp(a->tools[i].name, b->tools[i].name) != 0 ||
            a->tools[i].retry != b->tools[i].retry ||
            a->tools[i].call_timeout_ms != b->tools[i].call_timeout_ms ||
            a->tools[i].on_client_gone != b->tools[i].on_client_gone) {
            return false;
        }
    }
    return true;
}

bool config_server_same_endpoint(const struct config_server *a, const struct config_server *b)
{
    return strcmp(a->url, b->url) == 0 && a->transport == b->transport &&
           a->pool_mode == b->pool_mode && headers_equal(a, b);
}

bool config_server_equal(const struct config_server *a, const struct config_server *b)
{
    return strcmp(a->name, b->name) == 0 && config_server_same_endpoint(a, b) &&
           tools_equal(a, b) && config_access_equal(&a->access, &b->access) &&
           config_option_equal_all(OPTION_SCOPE_SERVER, a, b);
}

int config_server_init(struct config_server *server, struct span name)
{
    *server = (struct config_server){.name = mem_copy_text(name.at, name.length)};
    return server->name == NULL ? -ENOMEM : config_option_default_all(OPTION_SCOPE_SERVER, server);
}

void config_server_done(struct config_server *server)
{
    for (size_t i = 0; i < server->header_count; i++) {
        mem_free(server->headers[i].name);
        mem_free(server->headers[i].value);
    }
    for (size_t i = 0; i < server->tool_count; i++) {
        mem_free(server->tools[i].name);
    }
    config_access_done(&server->access);
    mem_free(server->headers);
    mem_free(server->tools);
    mem_free(server->name);
    mem_free(server->url);
    mem_free(server->url_shown);
    config_option_free_all(OPTION_SCOPE_SERVER, server);
    *server = (struct config_server){0};
}

int config_check_server_name(const struct config_place *place, struct config *config,
                             struct span name)
{
    char shown[CONFIG_TEXT_SHOWN];
    const char *refusal = config_rules_server_name(name);

    if (refusal != NULL) {
        return config_refuse(place, "server \"%s\" %s", config_text_show(name, shown), refusal);
    }
    if (config_find_server(config, name) != NULL) {
        return config_refuse(place, "there is a server \"%s\" already; choose another name",
                             config_text_show(name, shown));
    }
    return 0;
}

/* TEXT without its query, in which keys may stand. */
static char *make_shown(struct span text)
{
    static const char secret[] = "?(secret)";
    const char *query = memchr(text.at, '?', text.length);
    size_t length = query == NULL ? text.length : (size_t)(query - text.at);
    char *shown = mem_new(length + sizeof(secret));

    if (shown != NULL) {
        memcpy(shown, text.at, length);
        memcpy(shown + length, secret, query == NULL ? 0 : sizeof(secret));
    }
    return shown;
}

int config_set_url(const struct config_place *place, struct config_server *server, struct span text)
{
    struct bytes url;
    const char *refusal;
    int r = config_text_expand(place, text, "the server", &url);

    if (r == 0) {
        refusal = config_rules_url(bytes_span(&url));
        r = refusal == NULL
                ? 0
                : config_refuse(place, "the url of server \"%s\" %s", server->name, refusal);
    }
    if (r == 0) {
        server->url = mem_copy_text(url.at, url.length);
        server->url_shown = make_shown(text);
        r = server->url == NULL || server->url_shown == NULL ? -ENOMEM : 0;
    }
    bytes_done(&url);
    return r;
}

int config_check_header_name(const struct config_place *place, const struct config_server *server,
                             struct span name)
{
    char shown[CONFIG_TEXT_SHOWN];
    const char *refusal = config_rules_header_name(name);

    /* What is no token may well be a header's value in the wrong place. */
    if (!config_rules_is_token(name)) {
        return config_refuse(place, "a header of server \"%s\" %s", server->name, refusal);
    }
    config_text_show(name, shown);
    if (refusal != NULL) {
        return config_refuse(place, "header \"%s\" %s", shown, refusal);
    }
    for (size_t i = 0; i < server->header_count; i++) {
        const char *other = server->headers[i].name;

        if (strlen(other) == name.length && strncasecmp(other, name.at, name.length) == 0) {
            return config_refuse(place,
                                 "server \"%s\" has a header \"%s\" already; remove one of the two",
                                 server->name, shown);
        }
    }
    return 0;
}

static size_t size_of_headers(const struct config_server *server)
{
    size_t size = 0;

    for (size_t i = 0; i < server->header_count; i++) {
        size += strlen(server->headers[i].name) + strlen(server->headers[i].value);
    }
    return size;
}

static int add_header(struct config_server *server, struct span name, struct span value)
{
    struct config_header *longer =
        mem_resize(server->headers, (server->header_count + 1) * sizeof(*longer));
    struct config_header header;

    if (longer == NULL) {
        return -ENOMEM;
    }
    server->headers = longer;
    header = (struct config_header){mem_copy_text(name.at, name.length),
                                    mem_copy_text(value.at, value.length)};
    longer[server->header_count++] = header;
    return header.name == NULL || header.value == NULL ? -ENOMEM : 0;
}

int config_set_header(const struct config_place *place, struct config_server *server,
                      struct span name, struct span text)
{
    char shown[CONFIG_TEXT_SHOWN];
    struct bytes value;
    const char *refusal;
    int r = config_text_expand(place, text, "the header", &value);

    if (r == 0) {
        refusal = config_rules_header_value(bytes_span(&value));
        r = refusal == NULL
                ? 0
                : config_refuse(place, "header \"%s\" %s", config_text_show(name, shown), refusal);
    }
    if (r == 0 && size_of_headers(server) + name.length + value.length > HEADERS_BYTES_MAXIMUM) {
        r = config_refuse(place,
                          "the headers of server \"%s\" are larger than 32 KiB; shorten them",
                          server->name);
    }
    if (r == 0) {
        r = add_header(server, name, bytes_span(&value));
    }
    bytes_done(&value);
    return r;
}

int config_add_tool(struct config_server *server, struct span name, const struct config_tool *rules)
{
    struct config_tool *longer =
        mem_resize(server->tools, (server->tool_count + 1) * sizeof(*longer));
    char *copy;

    if (longer == NULL) {
        return -ENOMEM;
    }
    server->tools = longer;
    copy = mem_copy_text(name.at, name.length);
    if (copy == NULL) {
        return -ENOMEM;
    }
    longer[server->tool_count] = *rules;
    longer[server->tool_count++].name = copy;
    return 0;
}
