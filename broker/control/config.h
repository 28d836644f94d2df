/* SPDX-License-Identifier: MIT */
/*
 * Typed configuration.  Made whole by config_load or config_from_arguments, or not
 * at all; never changed afterwards.  Only the top floor (app) reads it: lower
 * floors get small structs by value.
 */
#ifndef TEPLO_CONTROL_CONFIG_H
#define TEPLO_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"
#include "proto/status_set.h"

/* Field of each option type. */
#define OPTION_FIELD_COUNT(name) uint32_t name;
#define OPTION_FIELD_DURATION(name) int64_t name##_ms;
#define OPTION_FIELD_SIZE(name) size_t name##_bytes;
#define OPTION_FIELD_TEXT(name) char *name;
#define OPTION_FIELD_SECRET(name) char *name;
#define OPTION_FIELD_PATH(name) char *name;
#define OPTION_FIELD_LEVEL(name) uint32_t name; /* 0 error ... 3 debug, as enum log_level */
#define OPTION_FIELD_MODE(name) uint32_t name;
#define OPTION_FIELD_CHOICE(name) uint32_t name; /* an enum config_choice */
#define OPTION_FIELD_STATUSES(name) struct status_set name;

/* The words of the options of type CHOICE; the numbers of each option begin at 0. */
enum config_choice {
#define CHOICE(option, constant, number, word) CONFIG_##constant = (number),
#include "broker/control/choices.def"
#undef CHOICE
};

/* An HTTP header sent to a server with every request.  The value is a secret: never printed. */
struct config_header {
    char *name;
    char *value;
};

enum tool_retry { TOOL_RETRY_NEVER, TOOL_RETRY_IDEMPOTENT };

struct config_tool {
    char *name;
    enum tool_retry retry;   /* idempotent: the operator says a second execution does no harm */
    int64_t call_timeout_ms; /* -1: the server's */
    int64_t on_client_gone;  /* an enum config_choice, or -1: the server's */
};

/* A user or a group, by the name or the number that the file gives, and its id of that time. */
struct config_identity {
    char *name;
    uint32_t id;
};

/*
 * Who may use a server, and which of its tools.  With a user or a group among the allowed ones,
 * everybody else is denied; with an allowed tool, every other one is.  What is denied is denied
 * even if it is allowed too.  Tools are names or patterns, in which '*' stands for any text.
 */
struct config_access {
    struct config_identity *users;
    size_t user_count;
    struct config_identity *groups;
    size_t group_count;
    char **allowed_tools;
    size_t allowed_tool_count;
    char **denied_tools;
    size_t denied_tool_count;
};

/* How a server is spoken to; AUTO detects. */
enum config_transport { CONFIG_TRANSPORT_AUTO, CONFIG_TRANSPORT_SSE };

struct config_server {
    char *name; /* [a-z][a-z0-9_-]{0,31}; the pool's name too */
    char *url;
    char *url_shown; /* for people: ${...} as in the file, no query */
    enum config_transport transport;
    struct config_header *headers;
    size_t header_count;
    struct config_tool *tools;
    size_t tool_count;
    struct config_access access;
#define OPTION(scope, name, type, fallback, least, most, reload, help) OPTION_##scope(type, name)
#define OPTION_SERVER(type, name) OPTION_FIELD_##type(name)
#define OPTION_BROKER(type, name)
#define OPTION_REDIS(type, name)
#include "broker/control/options.def"
#undef OPTION_SERVER
#undef OPTION_BROKER
#undef OPTION_REDIS
};

struct config_redis {
#define OPTION_SERVER(type, name)
#define OPTION_BROKER(type, name)
#define OPTION_REDIS(type, name) OPTION_FIELD_##type(name)
#include "broker/control/options.def"
#undef OPTION_SERVER
#undef OPTION_BROKER
#undef OPTION_REDIS
};

struct config {
    struct config_server *servers;
    size_t server_count;
    struct config_redis redis;
#define OPTION_SERVER(type, name)
#define OPTION_BROKER(type, name) OPTION_FIELD_##type(name)
#define OPTION_REDIS(type, name)
#include "broker/control/options.def"
#undef OPTION_SERVER
#undef OPTION_BROKER
#undef OPTION_REDIS
#undef OPTION
};

/* What the command line may say instead of, or on top of, a file.  Borrowed strings. */
struct config_arguments {
    const char *file;        /* NULL: none */
    const char *servers[64]; /* "name=url" */
    size_t server_count;
    const char *headers[64]; /* "name: Header: value" */
    size_t header_count;
    const char *redis; /* NULL: none */
};

/*
 * Read the file (if any), then the arguments on top.  NULL on any fault: MESSAGE then
 * holds one line, `FILE:LINE: what is wrong; what to do`, without any secret.
 */
MUST_CHECK struct config *config_load(const struct config_arguments *arguments,
                                      struct bytes *message);
void config_free(struct config *config);

/*
 * The same place, spoken to with the same words, and sessions used in the same way: they may
 * outlive a reload.
 */
bool config_server_same_endpoint(const struct config_server *a, const struct config_server *b);
/* The same options too. */
bool config_server_equal(const struct config_server *a, const struct config_server *b);

/*
 * A digest of all settings but secrets' values, 12 hex digits: shows at a glance whether two
 * brokers run the same configuration.
 */
void config_digest(const struct config *config, char ret_hex[13]);

/* The configuration in force as a JSON object, secrets as "(secret)". */
void config_describe(const struct config *config, struct bytes *out);
/* The option table for people: name, default, range, reload, help. */
void config_print_options(struct bytes *out);

#endif
