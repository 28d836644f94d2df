/* SPDX-License-Identifier: MIT */
/*
 * The HTTP side: which request is answered with what.  One loop, which waits for nobody: the fleet
 * is what was read last, and who asks for samples or sessions is answered when the reader has
 * them, or told after a while that they cannot be had.
 */
#ifndef TEPLO_DASH_SERVER_H
#define TEPLO_DASH_SERVER_H

#include "client-lib/dash/dash_page.h"
#include "client-lib/dash/dash_place.h"
#include "client-lib/dash/dash_reader.h"

struct dash_server;
struct event_base;

/* All but the base is borrowed until dash_server_free. */
struct dash_server_parts {
    struct event_base *base;
    const struct dash_place *place;
    const struct dash_names *names;
    const struct dash_page *page;
    struct dash_reader *reader;
};

/* Negative errno: it cannot be listened there. */
MUST_CHECK int dash_server_new(struct dash_server **ret_server,
                               const struct dash_server_parts *parts);
void dash_server_free(struct dash_server *server);

/* The port that it is. */
uint16_t dash_server_port(const struct dash_server *server);

#endif
