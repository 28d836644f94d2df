/* SPDX-License-Identifier: MIT */
/* Options that bound each other. */
#include <errno.h>

#include "broker/control/config_build.h"
#include "broker/control/config_option.h"
#include "proto/redis_url.h"

/* `lower` must not be more than `upper`; with a gap of 1, it must be less. */
struct order {
    const char *lower;
    const char *upper;
    int64_t gap;
};

static const struct order server_orders[] = {{"min_pool_size", "pool_size", 0},
                                             {"backoff_min", "backoff_max", 0},
                                             {"call_timeout", "call_timeout_max", 0},
                                             {"breaker_open", "breaker_open_max", 0}};
static const struct order broker_orders[] = {{"max_frame", "outbuf_max", 1},
                                             {"max_response", "outbuf_max", 1},
                                             {"outbuf_soft", "outbuf_max", 0},
                                             {"outbuf_max", "mem_limit", 1}};

/* The file's place of the first of the two keys that stands there: one does. */
static struct config_place place_of(const struct config_place *place, struct span options,
                                    const struct order *order)
{
    struct span lower = json_find(options, order->lower);
    struct span upper = json_find(options, order->upper);

    return config_place_at(place, span_is_none(lower) ? upper.at : lower.at);
}

static int refuse(const struct config_place *place, const struct order *order,
                  const struct config_option *option, int64_t lower, int64_t upper)
{
    struct bytes values[2];
    const char *texts[2];
    int r = -ENOMEM;

    for (int i = 0; i < 2; i++) {
        bytes_init(&values[i], 64);
        config_value_print(option->type, i == 0 ? lower : upper, &values[i]);
        texts[i] = bytes_text(&values[i]);
    }
    if (texts[0] != NULL && texts[1] != NULL) {
        r = config_refuse(
            place, "\"%s\" (%s) must %s \"%s\" (%s); lower the first or raise the second",
            order->lower, texts[0], order->gap == 0 ? "not be more than" : "be less than",
            order->upper, texts[1]);
    }
    bytes_done(&values[0]);
    bytes_done(&values[1]);
    return r;
}

static int check(const struct config_place *place, struct span options, enum option_scope scope,
                 const struct order *order, const void *target)
{
    const struct config_option *option = config_option_find(scope, order->lower);
    int64_t lower = config_option_number(option, target);
    int64_t upper = config_option_number(config_option_find(scope, order->upper), target);
    struct config_place here = place_of(place, options, order);

    return lower + order->gap <= upper ? 0 : refuse(&here, order, option, lower, upper);
}

/* The same for a tool's own call_timeout. */
static int check_tool(const struct config_place *place, struct span options,
                      const struct config_server *server, const struct config_tool *tool)
{
    struct span rules = json_find(json_find(options, "tools"), tool->name);
    struct config_place here = config_place_at(place, json_find(rules, "call_timeout").at);
    const struct config_option *option = config_option_find(OPTION_SCOPE_SERVER, "call_timeout");

    return tool->call_timeout_ms <= server->call_timeout_max_ms
               ? 0
               : refuse(&here, &server_orders[2], option, tool->call_timeout_ms,
                        server->call_timeout_max_ms);
}

int config_check_server_order(const struct config_place *place, struct span options,
                              const struct config_server *server)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(server_orders) / sizeof(server_orders[0]); i++) {
        r = check(place, options, OPTION_SCOPE_SERVER, &server_orders[i], server);
    }
    for (size_t i = 0; r == 0 && i < server->tool_count; i++) {
        r = check_tool(place, options, server, &server->tools[i]);
    }
    return r;
}

int config_check_broker_order(const struct config_place *place, struct span options,
                              const struct config *config)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(broker_orders) / sizeof(broker_orders[0]); i++) {
        r = check(place, options, OPTION_SCOPE_BROKER, &broker_orders[i], config);
    }
    return r;
}

/* ---- redis */

/* What an option of Redis needs in the url. */
enum redis_need { NEEDS_TLS, NEEDS_SENTINELS, NEEDS_NO_USER, NEEDS_NO_PASSWORD };

static const struct {
    const char *name;
    enum redis_need need;
} redis_needs[] = {
    {"username", NEEDS_NO_USER},
    {"password", NEEDS_NO_PASSWORD},
    {"sentinel_username", NEEDS_SENTINELS},
    {"sentinel_password", NEEDS_SENTINELS},
    {"tls_ca", NEEDS_TLS},
    {"tls_cert", NEEDS_TLS},
    {"tls_key", NEEDS_TLS},
    {"tls_server_name", NEEDS_TLS},
};

/* The rest of the message; NULL: the url has what is needed. */
static const char *lacks(const struct redis_url *url, enum redis_need need)
{
    switch (need) {
    case NEEDS_TLS:
        return url->has_tls ? NULL
                            : "needs TLS, which the redis url does not ask for; write rediss:// or "
                              "sentinels://";
    case NEEDS_SENTINELS:
        return url->sentinel_count > 0 ? NULL
                                       : "needs sentinels, which the redis url does not name; "
                                         "write sentinel://host1,host2/master";
    case NEEDS_NO_USER:
        return url->user == NULL ? NULL
                                 : "is given, and the redis url has one too; remove one of the two";
    case NEEDS_NO_PASSWORD:
        return url->password == NULL
                   ? NULL
                   : "is given, and the redis url has one too; remove one of the two";
    }
    return NULL;
}

static bool is_given(const struct config_redis *redis, const char *name)
{
    return *config_option_text(config_option_find(OPTION_SCOPE_REDIS, name), redis) != '\0';
}

static int check_needs(const struct config_place *place, struct span options,
                       const struct config_redis *redis, const struct redis_url *url)
{
    for (size_t i = 0; i < sizeof(redis_needs) / sizeof(redis_needs[0]); i++) {
        const char *name = redis_needs[i].name;
        const char *lack = is_given(redis, name) ? lacks(url, redis_needs[i].need) : NULL;
        struct config_place here =
            config_place_at(place, span_is_none(options) ? place->at : json_find(options, name).at);

        if (lack != NULL) {
            return config_refuse(&here, "\"%s\" %s", name, lack);
        }
    }
    if (is_given(redis, "tls_cert") != is_given(redis, "tls_key")) {
        return config_refuse(place, "\"tls_cert\" and \"tls_key\" belong together; give both or "
                                    "none");
    }
    return 0;
}

int config_check_redis_order(const struct config_place *place, struct span options,
                             const struct config_redis *redis)
{
    struct redis_url url;
    int r = *redis->url == '\0' ? 1 : redis_url_init(&url, redis->url);

    if (r != 0) {
        CHECK(r != -EINVAL);
        return r < 0 ? r : 0;
    }
    r = check_needs(place, options, redis, &url);
    redis_url_done(&url);
    return r;
}
