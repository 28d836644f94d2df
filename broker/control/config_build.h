/* SPDX-License-Identifier: MIT */
/*
 * How a struct config is put together, by the file's readers and the command line's.  What
 * returns int returns as config_place.h says.
 */
#ifndef TEPLO_CONTROL_CONFIG_BUILD_H
#define TEPLO_CONTROL_CONFIG_BUILD_H

#include "broker/control/config.h"
#include "broker/control/config_place.h"

/* ---- config.c */

/* Every option at its default, no server.  NULL: no memory. */
MUST_CHECK struct config *config_new(void);

/* NULL: no such server.  Good until the next one is added. */
struct config_server *config_find_server(struct config *config, struct span name);
/* Moves SERVER into CONFIG; a failure leaves it the caller's. */
MUST_CHECK int config_add_server(struct config *config, struct config_server *server);
/* Copies.  Only memory can fail. */
MUST_CHECK int config_add_header(struct config_server *server, struct span name, struct span value);

/* The part of a Redis url before user and password, and the part behind them. */
void config_redis_parts(const char *url, struct span ret_parts[2]);

/* ---- config_server.c */

/* Every option at its default.  config_server_done is due whatever the result. */
MUST_CHECK int config_server_init(struct config_server *server, struct span name);
void config_server_done(struct config_server *server);
/* NAME may be a new server's. */
MUST_CHECK int config_check_server_name(const struct config_place *place, struct config *config,
                                        struct span name);
/* TEXT with its ${...}. */
MUST_CHECK int config_set_url(const struct config_place *place, struct config_server *server,
                              struct span text);
/* NAME may be a new header's of SERVER. */
MUST_CHECK int config_check_header_name(const struct config_place *place,
                                        const struct config_server *server, struct span name);
/* NAME has been checked; TEXT with its ${...}. */
MUST_CHECK int config_set_header(const struct config_place *place, struct config_server *server,
                                 struct span name, struct span text);
/* NAME and RULES, whose own name does not count, have been checked: only memory can fail. */
MUST_CHECK int config_add_tool(struct config_server *server, struct span name,
                               const struct config_tool *rules);

/* ---- config_access.c */

/* The values of "allow" and "deny" into the struct config_server TARGET. */
MUST_CHECK int config_read_allow(const struct config_place *place, struct span value, void *target);
MUST_CHECK int config_read_deny(const struct config_place *place, struct span value, void *target);
bool config_access_equal(const struct config_access *a, const struct config_access *b);
void config_access_done(struct config_access *access);

/* ---- config_servers.c */

/* The value of "mcpServers" into the struct config TARGET. */
MUST_CHECK int config_read_servers(const struct config_place *place, struct span value,
                                   void *target);

/* ---- config_broker.c */

/* TEXT with its ${...}. */
MUST_CHECK int config_set_redis_url(const struct config_place *place, struct config_redis *redis,
                                    struct span text);
/* The value of the top "teplo" into the struct config TARGET. */
MUST_CHECK int config_read_broker(const struct config_place *place, struct span value,
                                  void *target);

/* ---- config_order.c */

/* Options that bound each other.  OPTIONS: the JSON object they stand in, for the line. */
MUST_CHECK int config_check_server_order(const struct config_place *place, struct span options,
                                         const struct config_server *server);
MUST_CHECK int config_check_broker_order(const struct config_place *place, struct span options,
                                         const struct config *config);
/* OPTIONS: none if the url comes from the command line. */
MUST_CHECK int config_check_redis_order(const struct config_place *place, struct span options,
                                        const struct config_redis *redis);

/* ---- config_arguments.c */

/* On top of what CONFIG holds. */
MUST_CHECK int config_take_arguments(struct config *config,
                                     const struct config_arguments *arguments,
                                     struct bytes *message);

#endif
