/* SPDX-License-Identifier: MIT */
/* Whether this broker is live, and ready: the facts, from whoever has them. */
#include "broker/app_priv.h"
#include "broker/runtime/clock.h"

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
        .is_draining = app->state != APP_SERVING || router_is_draining(app->router),
        .require = require_of(app->config->ready_require),
    };

    router_each(app->router, count_pool, &facts);
    readiness_judge(&facts, ret_readiness);
}
