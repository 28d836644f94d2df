/* SPDX-License-Identifier: MIT */
/*
 * Where the page is served, and by which names it may be asked for.  A page of another site can
 * make a browser look its own name up as 127.0.0.1 (DNS rebinding), and could then read what is
 * served here: so a request that names a host we do not know is refused.  Pure.
 */
#ifndef TEPLO_DASH_PLACE_H
#define TEPLO_DASH_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum { DASH_HOST_SIZE = 256, DASH_NAMES_MAXIMUM = 16 };

struct dash_place {
    char host[DASH_HOST_SIZE]; /* an address, without brackets */
    uint16_t port;             /* 0: any */
};

/* `127.0.0.1:9465`, `[::1]:9465`, `localhost:0`; only addresses, and the name localhost. */
MUST_CHECK bool dash_place_parse(struct dash_place *ret_place, const char *text);
/* Only this machine can reach it. */
bool dash_place_is_loopback(const struct dash_place *place);
/* It is no address of its own but all of the machine's. */
bool dash_place_is_any(const struct dash_place *place);

struct dash_names {
    const char *names[DASH_NAMES_MAXIMUM]; /* borrowed */
    size_t count;
};

/*
 * A request with this Host header (the port is ignored: tunnels change it) may be answered:
 * localhost, a loopback address, the address PLACE, where that is any address each address
 * (rebinding takes a name), and NAMES.
 */
bool dash_place_serves(const struct dash_place *place, const struct dash_names *names,
                       struct span host);

#endif
