/* SPDX-License-Identifier: MIT */
/* How well this broker and its pools are, whether it is live, and ready: from whoever knows. */
#include <stdio.h>

#include "broker/app_priv.h"
#include "broker/runtime/clock.h"

bool app_is_draining(const struct app *app)
{
    return app->state != APP_SERVING || router_is_draining(app->router);
}

static void count_pool(void *owner, struct route *route)
{
    struct readiness_facts *facts = owner;
    const char *reason;
    int64_t since_ms;

    facts->pools++;
    if (readiness_is_fit(pool_health(route_pool(route), &reason, &since_ms))) {
        facts->pools_fit++;
    }
}

static enum ready_require require_of(uint32_t choice)
{
    static const enum ready_require requirements[] = {
        [CONFIG_READY_REQUIRE_NONE] = READY_REQUIRE_NONE,
        [CONFIG_READY_REQUIRE_ANY] = READY_REQUIRE_ANY,
        [CONFIG_READY_REQUIRE_ALL] = READY_REQUIRE_ALL};

    return requirements[choice];
}

void app_readiness(struct app *app, struct readiness *ret_readiness)
{
    struct readiness_facts facts = {
        .loop_age_ms = clock_now_ms() - app->turned_ms,
        .has_config = app->config != NULL,
        .is_bound = !list_is_empty(&app->doors),
        .is_draining = app_is_draining(app),
        .require = require_of(app->config->ready_require),
    };

    router_each(app->router, count_pool, &facts);
    readiness_judge(&facts, ret_readiness);
}

/* ---- the instance */

static void add_up(void *owner, struct route *route)
{
    struct instance_health *instance = owner;
    const char *reason;
    int64_t since_ms;
    enum health health = pool_health(route_pool(route), &reason, &since_ms);

    if (health_is_worse(health, instance->health)) {
        instance->health = health;
        (void)snprintf(instance->reason, sizeof(instance->reason), "%s", route_name(route));
    }
}

void app_judge(const struct app *app, struct instance_health *ret_health)
{
    *ret_health = (struct instance_health){.health = HEALTH_UNKNOWN};
    router_each(app->router, add_up, ret_health);
    if (app_is_draining(app)) {
        *ret_health = (struct instance_health){HEALTH_DRAINING, "draining"};
    } else if (ret_health->health == HEALTH_UNKNOWN || ret_health->health == HEALTH_HEALTHY) {
        *ret_health = (struct instance_health){HEALTH_HEALTHY, "-"};
    }
}

/* ---- in words */

static void add_text(cJSON *object, const char *name, const char *text)
{
    (void)cJSON_AddStringToObject(object, name, text);
}

static void add_health(cJSON *object, enum health health)
{
    add_text(object, "health", health_name(health));
    (void)cJSON_AddNumberToObject(object, "health_code", health);
}

static void add_readiness(struct app *app, cJSON *object)
{
    struct readiness readiness;
    cJSON *reasons;

    app_readiness(app, &readiness);
    (void)cJSON_AddBoolToObject(object, "live", readiness.is_live);
    (void)cJSON_AddBoolToObject(object, "ready", readiness.is_ready);
    reasons = cJSON_AddArrayToObject(object, "ready_reasons");
    for (size_t i = 0; i < readiness.reason_count; i++) {
        (void)cJSON_AddItemToArray(reasons,
                                   cJSON_CreateString(readiness_token(readiness.reasons[i])));
    }
}

/* `a,b` as ["a","b"], and as a sentence. */
static void add_reasons(cJSON *row, const char *reason)
{
    cJSON *tokens = cJSON_AddArrayToObject(row, "reasons");
    char token[HEALTH_REASONS_SIZE];
    char sentence[512] = "";
    size_t length = 0;

    while (*reason != '\0' && length < sizeof(sentence)) {
        size_t size = strcspn(reason, ",");
        const char *text = health_reason_sentence((struct span){reason, size});

        if (text != NULL) {
            (void)snprintf(token, sizeof(token), "%.*s", (int)size, reason);
            (void)cJSON_AddItemToArray(tokens, cJSON_CreateString(token));
            length += (size_t)snprintf(sentence + length, sizeof(sentence) - length, "%s%s",
                                       length == 0 ? "" : "; ", text);
        }
        reason += reason[size] == ',' ? size + 1 : size;
    }
    add_text(row, "sentence", length == 0 ? "all is well" : sentence);
}

/* The rows of one state. */
struct health_rows {
    const struct app *app;
    cJSON *rows;
    enum health health;
};

static void add_pool(void *owner, struct route *route)
{
    struct health_rows *all = owner;
    struct pool *pool = route_pool(route);
    const struct transport_end *last = pool_last_failure(pool);
    const char *reason;
    int64_t since_ms;
    cJSON *row;

    if (pool_health(pool, &reason, &since_ms) != all->health) {
        return;
    }
    row = cJSON_CreateObject();
    (void)cJSON_AddItemToArray(all->rows, row);
    add_text(row, "name", route_name(route));
    add_health(row, all->health);
    add_reasons(row, reason);
    (void)cJSON_AddNumberToObject(
        row, "since_ms", (double)(since_ms - all->app->started_ms + all->app->started_wall_ms));
    (void)cJSON_AddNumberToObject(row, "age_ms", (double)(clock_now_ms() - since_ms));
    add_text(row, "breaker", breaker_state_name(pool_breaker(pool)));
    add_text(row, "last_error", last == NULL ? "-" : last->detail);
}

cJSON *app_health(void *owner)
{
    static const enum health worst_first[] = {HEALTH_CIRCUIT_OPEN, HEALTH_UNHEALTHY,
                                              HEALTH_DEGRADED,     HEALTH_HEALTHY,
                                              HEALTH_DRAINING,     HEALTH_UNKNOWN};
    struct app *app = owner;
    struct instance_health instance;
    cJSON *object = cJSON_CreateObject();
    struct health_rows all = {.app = app};

    app_judge(app, &instance);
    add_health(object, instance.health);
    add_text(object, "reason", instance.reason);
    add_readiness(app, object);
    all.rows = cJSON_AddArrayToObject(object, "pools");
    for (size_t i = 0; i < HEALTH_COUNT; i++) {
        all.health = worst_first[i];
        router_each(app->router, add_pool, &all);
    }
    return object;
}
