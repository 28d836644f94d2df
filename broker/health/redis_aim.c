/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_aim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    MOVES_MAXIMUM = 5,
    /* Where there is a choice, a host that is off must not hold up the way to a better one. */
    CHOICE_WITHIN_MS = 3000,
};

void redis_aim_init(struct redis_aim *aim, const struct redis_access *access)
{
    *aim = (struct redis_aim){.access = access};
}

bool redis_aim_wants_sentinels(const struct redis_aim *aim)
{
    return aim->access->url.sentinel_count > 0;
}

void redis_aim_found(struct redis_aim *aim, const char *host, uint16_t port)
{
    (void)snprintf(aim->master, sizeof(aim->master), "%s", host);
    aim->master_port = port;
}

bool redis_aim_has_choice(const struct redis_aim *aim)
{
    return aim->has_node || redis_aim_wants_sentinels(aim);
}

struct redis_dial_target redis_aim_target(const struct redis_aim *aim)
{
    const struct redis_url *url = &aim->access->url;
    struct redis_dial_target target = {
        .path = url->path,
        .host = url->host,
        .port = url->port,
        .tls = url->has_tls ? &aim->access->tls : NULL,
        .within_ms = redis_aim_has_choice(aim) ? CHOICE_WITHIN_MS : 0,
    };

    if (aim->is_at_node) {
        target.path = NULL;
        target.host = aim->node.host;
        target.port = aim->node.port;
    } else if (redis_aim_wants_sentinels(aim)) {
        target.host = aim->master;
        target.port = aim->master_port;
    }
    return target;
}

bool redis_aim_is_asking(const struct redis_aim *aim)
{
    return aim->is_at_node && aim->node.is_ask;
}

static void forget_node(struct redis_aim *aim)
{
    aim->moves = 0;
    aim->has_node = aim->is_at_node = false;
}

int redis_aim_move(struct redis_aim *aim, const char *reply)
{
    const char *here = redis_aim_target(aim).host;
    struct redis_redirect node;
    int r = redis_redirect_read(&node, reply);

    if (r == 0 && (redis_aim_wants_sentinels(aim) || (node.host[0] == '\0' && here == NULL))) {
        r = -EINVAL;
    }
    if (r == 0 && aim->moves++ == MOVES_MAXIMUM) {
        r = -ELOOP;
    }
    if (r < 0) {
        forget_node(aim);
        return r;
    }
    if (node.host[0] == '\0') {
        (void)snprintf(node.host, sizeof(node.host), "%s", here);
    }
    aim->node = node;
    aim->has_node = aim->is_at_node = true;
    return 0;
}

void redis_aim_lost(struct redis_aim *aim)
{
    if (redis_aim_is_asking(aim)) {
        forget_node(aim); /* the slot may be somewhere else by now */
    }
    aim->is_at_node = aim->has_node && !aim->is_at_node;
    aim->moves = 0; /* no circle: what is lost is waited for */
}

void redis_aim_worked(struct redis_aim *aim)
{
    aim->moves = 0;
}

const char *redis_aim_place(struct redis_aim *aim)
{
    struct redis_dial_target target = redis_aim_target(aim);
    bool is_elsewhere = aim->is_at_node || (redis_aim_wants_sentinels(aim) && *target.host != '\0');

    aim->place[0] = '\0';
    if (is_elsewhere) {
        (void)snprintf(aim->place, sizeof(aim->place),
                       strchr(target.host, ':') != NULL ? "[%s]:%u" : "%s:%u", target.host,
                       target.port);
    }
    return aim->place;
}
