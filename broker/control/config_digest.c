/* SPDX-License-Identifier: MIT */
/*
 * The configuration as a digest: FNV-1a, which needs no memory and hides nothing, as nothing in
 * it is secret.
 */
#include "broker/control/config.h"
#include "broker/control/config_build.h"
#include "broker/control/config_option.h"

static uint64_t mix(uint64_t hash, struct span text);
static uint64_t mix_number(uint64_t hash, int64_t number);
static uint64_t mix_options(uint64_t hash, enum option_scope scope, const void *target);
static uint64_t mix_server(uint64_t hash, const struct config_server *server);

void config_digest(const struct config *config, char ret_hex[13])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    hash = mix_options(hash, OPTION_SCOPE_BROKER, config);
    hash = mix_options(hash, OPTION_SCOPE_REDIS, &config->redis);
    for (size_t i = 0; i < config->server_count; i++) {
        hash = mix_server(hash, &config->servers[i]);
    }
    for (int i = 0; i < 12; i++) {
        ret_hex[i] = digits[hash >> (60 - 4 * i) & 15];
    }
    ret_hex[12] = '\0';
}

static uint64_t mix_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

/* Its end too, so that no two lists of texts look alike. */
static uint64_t mix(uint64_t hash, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        hash = mix_byte(hash, (unsigned char)text.at[i]);
    }
    return mix_byte(hash, 0);
}

static uint64_t mix_number(uint64_t hash, int64_t number)
{
    for (int shift = 0; shift < 64; shift += 8) {
        hash = mix_byte(hash, (unsigned char)((uint64_t)number >> shift & 0xff));
    }
    return hash;
}

static uint64_t mix_statuses(uint64_t hash, const struct status_set *set)
{
    for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++) {
        hash = mix_number(hash, (int64_t)set->bits[i]);
    }
    return hash;
}

static uint64_t mix_options(uint64_t hash, enum option_scope scope, const void *target)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        struct span parts[2];

        hash = mix(hash, span_of(option->name));
        if (option->type == OPTION_TYPE_SECRET) {
            hash = mix_number(hash, *config_option_text(option, target) != '\0');
        } else if (config_value_is_text(option->type)) {
            config_redis_parts(config_option_text(option, target), parts);
            hash = mix(mix(hash, parts[0]), parts[1]);
        } else if (option->type == OPTION_TYPE_STATUSES) {
            hash = mix_statuses(hash, config_option_statuses(option, target));
        } else {
            hash = mix_number(hash, config_option_number(option, target));
        }
    }
    return hash;
}

/* Names without their ids: the digest is of the settings, not of the system. */
static uint64_t mix_identities(uint64_t hash, const struct config_identity *identities,
                               size_t count)
{
    hash = mix_number(hash, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        hash = mix(hash, span_of(identities[i].name));
    }
    return hash;
}

static uint64_t mix_patterns(uint64_t hash, char *const *patterns, size_t count)
{
    hash = mix_number(hash, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        hash = mix(hash, span_of(patterns[i]));
    }
    return hash;
}

static uint64_t mix_access(uint64_t hash, const struct config_access *access)
{
    hash = mix_identities(hash, access->users, access->user_count);
    hash = mix_identities(hash, access->groups, access->group_count);
    hash = mix_patterns(hash, access->allowed_tools, access->allowed_tool_count);
    return mix_patterns(hash, access->denied_tools, access->denied_tool_count);
}

static uint64_t mix_server(uint64_t hash, const struct config_server *server)
{
    hash = mix(hash, span_of(server->name));
    hash = mix(hash, span_of(server->url_shown));
    hash = mix_number(hash, server->transport);
    hash = mix_number(hash, (int64_t)server->header_count);
    for (size_t i = 0; i < server->header_count; i++) {
        hash = mix(hash, span_of(server->headers[i].name));
    }
    hash = mix_number(hash, (int64_t)server->tool_count);
    for (size_t i = 0; i < server->tool_count; i++) {
        hash = mix(hash, span_of(server->tools[i].name));
        hash = mix_number(hash, server->tools[i].retry);
        hash = mix_number(hash, server->tools[i].call_timeout_ms);
        hash = mix_number(hash, server->tools[i].on_client_gone);
    }
    hash = mix_access(hash, &server->access);
    return mix_options(hash, OPTION_SCOPE_SERVER, server);
}
