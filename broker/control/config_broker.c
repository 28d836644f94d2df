/* SPDX-License-Identifier: MIT */
/* The top "teplo" object: the broker's own options, and its Redis. */
#include <errno.h>

#include "broker/control/config_build.h"
#include "broker/control/config_object.h"
#include "broker/control/config_rules.h"
#include "broker/control/loopback.h"
#include "proto/redis_url.h"

static int read_redis(const struct config_place *place, struct span value, void *target);
static int read_redis_url(const struct config_place *place, struct span value, void *target);
static int read_namespace(const struct config_place *place, struct span value, void *target);
static int read_metrics_listen(const struct config_place *place, struct span value, void *target);

static const struct config_shape broker_shape = {
    .noun = "the top \"teplo\" object",
    .members = (const struct config_member[]){{"redis", read_redis},
                                              {"metrics_listen", read_metrics_listen},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_BROKER,
    .remedy = "remove it, or see the options in teplod --print-options",
};

static const struct config_shape redis_shape = {
    .noun = "the \"redis\" object",
    .members = (const struct config_member[]){{"url", read_redis_url},
                                              {"namespace", read_namespace},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_REDIS,
    .remedy = "remove it, or see the options in teplod --print-options",
};

int config_read_broker(const struct config_place *place, struct span value, void *target)
{
    int r = config_object_read(place, value, &broker_shape, target);

    return r < 0 ? r : config_check_broker_order(place, value, target);
}

/* An object, or its url alone. */
static int read_redis(const struct config_place *place, struct span value, void *target)
{
    struct config *config = target;
    int r;

    if (json_kind_of(value) == JSON_STRING) {
        return read_redis_url(place, value, &config->redis);
    }
    r = config_object_read(place, value, &redis_shape, &config->redis);
    return r < 0 ? r : config_check_redis_order(place, value, &config->redis);
}

static int read_redis_url(const struct config_place *place, struct span value, void *target)
{
    struct bytes text;
    int r = config_value_text(place, "url", value, &text);

    if (r == 0) {
        r = config_set_redis_url(place, target, bytes_span(&text));
    }
    bytes_done(&text);
    return r;
}

static int check_redis_url(const struct config_place *place, struct bytes *url)
{
    const char *text = bytes_text(url);
    const char *refusal;
    struct redis_url read;
    int r = text == NULL ? -ENOMEM : redis_url_init(&read, text);

    if (r == -EINVAL) {
        refusal = redis_url_refusal(text);
        return refusal == NULL ? -ENOMEM : config_refuse(place, "the redis url %s", refusal);
    }
    if (r == 0) {
        redis_url_done(&read);
    }
    return r;
}

int config_set_redis_url(const struct config_place *place, struct config_redis *redis,
                         struct span text)
{
    struct bytes url;
    int r = config_text_expand(place, text, "the redis url", &url);

    /* An empty one means no Redis. */
    if (r == 0 && url.length > 0) {
        r = check_redis_url(place, &url);
    }
    if (r == 0) {
        r = config_option_set_text(place, config_option_find(OPTION_SCOPE_REDIS, "url"),
                                   bytes_span(&url), redis);
    }
    bytes_done(&url);
    return r;
}

static int read_namespace(const struct config_place *place, struct span value, void *target)
{
    const struct config_redis *redis = target;
    const char *refusal;
    int r = config_option_read(place, config_option_find(OPTION_SCOPE_REDIS, "namespace"), value,
                               target);

    if (r < 0) {
        return r;
    }
    refusal = config_rules_namespace(span_of(redis->namespace));
    return refusal == NULL ? 0
                           : config_refuse(place, "namespace \"%s\" %s", redis->namespace, refusal);
}

static int read_metrics_listen(const struct config_place *place, struct span value, void *target)
{
    const struct config *config = target;
    struct loopback ignored;
    const char *refusal;
    int r = config_option_read(place, config_option_find(OPTION_SCOPE_BROKER, "metrics_listen"),
                               value, target);

    if (r < 0 || config->metrics_listen[0] == '\0') {
        return r;
    }
    refusal = loopback_read(span_of(config->metrics_listen), &ignored);
    return refusal == NULL
               ? 0
               : config_refuse(place, "metrics_listen \"%s\" %s", config->metrics_listen, refusal);
}
