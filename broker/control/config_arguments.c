/* SPDX-License-Identifier: MIT */
/* --server, --header and --redis.  No message repeats an argument: it may hold a secret. */
#include "broker/control/config_build.h"
#include "broker/control/config_text.h"

static int take_server(const struct config_place *place, struct config *config,
                       struct span argument);
static int take_header(const struct config_place *place, struct config *config,
                       struct span argument);

static int take_redis(const struct config_place *place, struct config_redis *redis,
                      struct span argument);

int config_take_arguments(struct config *config, const struct config_arguments *arguments,
                          struct bytes *message)
{
    struct config_place server = {"--server", SPAN_NONE, NULL, message};
    struct config_place header = {"--header", SPAN_NONE, NULL, message};
    struct config_place redis = {"--redis", SPAN_NONE, NULL, message};
    int r = 0;

    for (size_t i = 0; r == 0 && i < arguments->server_count; i++) {
        r = take_server(&server, config, span_of(arguments->servers[i]));
    }
    for (size_t i = 0; r == 0 && i < arguments->header_count; i++) {
        r = take_header(&header, config, span_of(arguments->headers[i]));
    }
    if (r == 0 && arguments->redis != NULL) {
        r = take_redis(&redis, &config->redis, span_of(arguments->redis));
    }
    if (r == 0 && config->server_count == 0) {
        r = config_refuse(&server, "no server; give --server NAME=URL, or --config FILE");
    }
    return r;
}

/* Splits TEXT at the first SEPARATOR; none of it, and false, without one. */
static bool split(struct span text, char separator, struct span *ret_first, struct span *ret_rest)
{
    const char *at = text.length == 0 ? NULL : memchr(text.at, separator, text.length);

    if (at == NULL) {
        return false;
    }
    *ret_first = json_trim((struct span){text.at, (size_t)(at - text.at)});
    *ret_rest = json_trim((struct span){at + 1, text.length - (size_t)(at + 1 - text.at)});
    return true;
}

static int take_server(const struct config_place *place, struct config *config,
                       struct span argument)
{
    struct config_server server;
    struct span name;
    struct span url;
    int r;

    /* A url alone can have a = too. */
    if (!split(argument, '=', &name, &url) || memchr(name.at, '/', name.length) != NULL) {
        return config_refuse(place, "a server without its name or its url; write NAME=URL, as in "
                                    "grynya=http://host:8000/sse");
    }
    r = config_check_server_name(place, config, name);
    if (r < 0) {
        return r;
    }
    r = config_server_init(&server, name);
    if (r == 0) {
        r = config_set_url(place, &server, url);
    }
    if (r == 0) {
        r = config_add_server(config, &server);
    }
    config_server_done(&server);
    return r;
}

static int take_header(const struct config_place *place, struct config *config,
                       struct span argument)
{
    char shown[CONFIG_TEXT_SHOWN];
    struct config_server *server;
    struct span name;
    struct span header;
    struct span value;
    int r;

    if (!split(argument, ':', &name, &header) || !split(header, ':', &header, &value)) {
        return config_refuse(place, "a header without its server or its value; write "
                                    "'NAME: Header: value', as in 'grynya: Host: localhost'");
    }
    server = config_find_server(config, name);
    if (server == NULL) {
        return config_refuse(place,
                             "no server is called \"%s\"; write 'NAME: Header: value' with "
                             "the name of a server",
                             config_text_show(name, shown));
    }
    r = config_check_header_name(place, server, header);
    return r < 0 ? r : config_set_header(place, server, header, value);
}

/* Everybody on the machine may read a command line: a password stands there as ${...} alone. */
static bool shows_password(struct span url)
{
    const char *end = memrchr(url.at, '@', url.length);
    const char *at = memmem(url.at, url.length, "://", 3);
    bool is_password = false;

    if (at == NULL || end == NULL || span_starts_with(url, SPAN("unix:"))) {
        return false;
    }
    for (at += 3; at < end; at++) {
        const char *close = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;

        if (close != NULL) {
            at = close;
        } else if (is_password) {
            return true;
        } else {
            is_password = *at == ':';
        }
    }
    return false;
}

static int take_redis(const struct config_place *place, struct config_redis *redis,
                      struct span argument)
{
    int r;

    if (shows_password(argument)) {
        return config_refuse(place, "the redis url has a password, which everybody can see in the "
                                    "list of processes; write 'redis://user:${VAR}@host' or "
                                    "${file:/path} in its place, or use --config FILE");
    }
    r = config_set_redis_url(place, redis, argument);
    return r < 0 ? r : config_check_redis_order(place, SPAN_NONE, redis);
}
