/* SPDX-License-Identifier: MIT */
#include "broker/health/incidents.h"

#include <stdio.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from == NULL ? "-" : from);
}

static int is_same(const struct incident *a, const struct incident *b)
{
    return strcmp(a->pool, b->pool) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->error_class, b->error_class) == 0 && strcmp(a->text, b->text) == 0;
}

void incidents_add(struct incidents *incidents, int64_t wall_ms, const char *pool, const char *type,
                   const char *error_class, const char *text)
{
    struct incident incident = {.wall_ms = wall_ms, .first_wall_ms = wall_ms, .n = 1};
    struct incident *newest;

    copy(incident.pool, sizeof(incident.pool), pool);
    copy(incident.type, sizeof(incident.type), type);
    copy(incident.error_class, sizeof(incident.error_class), error_class);
    copy(incident.text, sizeof(incident.text), text);
    newest = incidents->count == 0
                 ? NULL
                 : &incidents->ring[(incidents->next + INCIDENTS_MAXIMUM - 1) % INCIDENTS_MAXIMUM];
    if (newest != NULL && is_same(newest, &incident)) {
        newest->wall_ms = wall_ms;
        newest->n++;
        return;
    }
    incidents->ring[incidents->next] = incident;
    incidents->next = (incidents->next + 1) % INCIDENTS_MAXIMUM;
    if (incidents->count < INCIDENTS_MAXIMUM) {
        incidents->count++;
    }
}

const struct incident *incidents_at(const struct incidents *incidents, size_t index)
{
    if (index >= incidents->count) {
        return NULL;
    }
    return &incidents
                ->ring[(incidents->next + 2 * INCIDENTS_MAXIMUM - 1 - index) % INCIDENTS_MAXIMUM];
}
