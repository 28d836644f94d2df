/* SPDX-License-Identifier: MIT */
/*
 * A file is refused with one line that names it, or accepted whole: then no bound of
 * options.def is broken, and what describes it is JSON.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <strings.h>

#include "broker/control/config_file.h"
#include "broker/control/config_option.h"

static void check_numbers(enum option_scope scope, const void *target)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        int64_t number;

        if (!config_value_is_text(option->type) && option->type != OPTION_TYPE_LEVEL &&
            option->type != OPTION_TYPE_STATUSES) {
            number = config_option_number(option, target);
            PROPERTY(number >= option->least && number <= option->most);
        }
    }
}

static void check_access(const struct config_access *access)
{
    for (size_t i = 0; i < access->user_count; i++) {
        PROPERTY(access->users[i].name[0] != '\0' && access->users[i].id != UINT32_MAX);
    }
    for (size_t i = 0; i < access->group_count; i++) {
        PROPERTY(access->groups[i].name[0] != '\0' && access->groups[i].id != UINT32_MAX);
    }
    for (size_t i = 0; i < access->allowed_tool_count; i++) {
        PROPERTY(access->allowed_tools[i][0] != '\0');
    }
    for (size_t i = 0; i < access->denied_tool_count; i++) {
        PROPERTY(access->denied_tools[i][0] != '\0');
    }
}

static void check_server(const struct config_server *server)
{
    check_numbers(OPTION_SCOPE_SERVER, server);
    PROPERTY(server->min_pool_size <= server->pool_size);
    PROPERTY(server->backoff_min_ms <= server->backoff_max_ms);
    PROPERTY(server->call_timeout_ms <= server->call_timeout_max_ms);
    PROPERTY(server->breaker_open_ms <= server->breaker_open_max_ms);
    PROPERTY(strlen(server->name) >= 1 && strlen(server->name) <= 32);
    PROPERTY(strncasecmp(server->url, "http", 4) == 0);
    for (size_t i = 0; i < server->header_count; i++) {
        PROPERTY(strpbrk(server->headers[i].name, "\r\n: ") == NULL);
        PROPERTY(strpbrk(server->headers[i].value, "\r\n") == NULL);
    }
    for (size_t i = 0; i < server->tool_count; i++) {
        PROPERTY(server->tools[i].call_timeout_ms <= server->call_timeout_max_ms);
        PROPERTY(server->tools[i].on_client_gone >= -1 && server->tools[i].on_client_gone <= 1);
    }
    check_access(&server->access);
}

static void check_described(const struct config *config)
{
    struct bytes out;

    bytes_init(&out, FUZZ_ROOM);
    config_describe(config, &out);
    PROPERTY(!out.failed && fuzz_is_json(bytes_span(&out)));
    bytes_done(&out);
}

static void check_config(const struct config *config)
{
    char hex[13];

    PROPERTY(config->server_count > 0);
    for (size_t i = 0; i < config->server_count; i++) {
        check_server(&config->servers[i]);
        PROPERTY(config_server_equal(&config->servers[i], &config->servers[i]));
    }
    check_numbers(OPTION_SCOPE_BROKER, config);
    check_numbers(OPTION_SCOPE_REDIS, &config->redis);
    PROPERTY(config->max_frame_bytes < config->outbuf_max_bytes);
    PROPERTY(config->max_response_bytes < config->outbuf_max_bytes);
    PROPERTY(config->outbuf_soft_bytes <= config->outbuf_max_bytes);
    PROPERTY(config->outbuf_max_bytes < config->mem_limit_bytes);
    config_digest(config, hex);
    PROPERTY(strlen(hex) == 12);
    check_described(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct bytes message;
    struct config *config;

    (void)setenv("TOKEN", "hunter2", 1);
    bytes_init(&message, FUZZ_ROOM);
    config = config_parse_text("f", fuzz_input(at, size), &message);
    if (config == NULL) {
        PROPERTY(span_starts_with(bytes_span(&message), SPAN("f:")));
        PROPERTY(fuzz_is_one_line(bytes_span(&message)));
        PROPERTY(memchr(message.at, '\0', message.length) == NULL);
    } else {
        PROPERTY(message.length == 0);
        check_config(config);
    }
    config_free(config);
    bytes_done(&message);
    return 0;
}
