/* SPDX-License-Identifier: MIT */
/*
 * A configuration as an object: made, filled, compared, freed.  config_show.c prints it,
 * config_digest.c tells it from others.
 */
#include "broker/control/config.h"

#include <errno.h>

#include "broker/control/config_build.h"
#include "broker/control/config_file.h"
#include "broker/control/config_option.h"
#include "proto/base/mem.h"

static struct config *finish(struct config *config, int result, struct bytes *message);

struct config *config_load(const struct config_arguments *arguments, struct bytes *message)
{
    enum config_need need =
        arguments->server_count > 0 ? CONFIG_MAY_LACK_SERVER : CONFIG_NEEDS_SERVER;
    struct config *config = config_new();
    int r = config == NULL ? -ENOMEM : 0;

    if (r == 0 && arguments->file != NULL) {
        r = config_file_read(config, arguments->file, need, message);
    }
    if (r == 0) {
        r = config_take_arguments(config, arguments, message);
    }
    return finish(config, r, message);
}

struct config *config_parse_text(const char *name, struct span text, struct bytes *message)
{
    struct config *config = config_new();
    struct bytes copy;
    int r = -ENOMEM;

    bytes_init(&copy, text.length);
    bytes_append_span(&copy, text);
    if (config != NULL && !copy.failed) {
        r = config_file_parse(config, name, &copy, CONFIG_NEEDS_SERVER, message);
    }
    bytes_done(&copy);
    return finish(config, r, message);
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        config_server_done(&config->servers[i]);
    }
    mem_free(config->servers);
    config_option_free_all(OPTION_SCOPE_REDIS, &config->redis);
    config_option_free_all(OPTION_SCOPE_BROKER, config);
    mem_free(config);
}

static struct config *finish(struct config *config, int result, struct bytes *message)
{
    if (result == 0) {
        return config;
    }
    if (result == -ENOMEM) {
        bytes_clear(message);
        bytes_append_text(message, "out of memory while reading the configuration; free some");
    }
    config_free(config);
    return NULL;
}

struct config *config_new(void)
{
    struct config *config = MEM_NEW(struct config);

    if (config == NULL) {
        return NULL;
    }
    if (config_option_default_all(OPTION_SCOPE_BROKER, config) < 0 ||
        config_option_default_all(OPTION_SCOPE_REDIS, &config->redis) < 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

struct config_server *config_find_server(struct config *config, struct span name)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (span_is(name, config->servers[i].name)) {
            return &config->servers[i];
        }
    }
    return NULL;
}

int config_add_server(struct config *config, struct config_server *server)
{
    struct config_server *longer =
        mem_resize(config->servers, (config->server_count + 1) * sizeof(*longer));

    if (longer == NULL) {
        return -ENOMEM;
    }
    longer[config->server_count++] = *server;
    config->servers = longer;
    *server = (struct config_server){0};
    return 0;
}

void config_redis_parts(const char *url, struct span ret_parts[2])
{
    struct span whole = span_of(url);
    const char *at = memrchr(url, '@', whole.length);
    const char *scheme = strstr(url, "://");

    /* A path may have an @ too. */
    if (at == NULL || scheme == NULL || span_starts_with(whole, SPAN("unix://"))) {
        ret_parts[0] = whole;
        ret_parts[1] = SPAN_NONE;
        return;
    }
    ret_parts[0] = (struct span){url, (size_t)(scheme + 3 - url)};
    ret_parts[1] = (struct span){at + 1, whole.length - (size_t)(at + 1 - url)};
}
