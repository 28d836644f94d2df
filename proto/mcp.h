/* SPDX-License-Identifier: MIT */
/*
 * What MCP adds to JSON-RPC: methods, revisions, and the two eras.  Legacy is the
 * `initialize` era, modern the per-request `_meta` era (2026-07-28).
 */
#ifndef TEPLO_PROTO_MCP_H
#define TEPLO_PROTO_MCP_H

#include <stdbool.h>

#include "proto/base/bytes.h"
#include "proto/message.h"
#include "proto/splice.h"

#define MCP_LATEST_LEGACY "2025-11-25"
#define MCP_MODERN "2026-07-28"

enum mcp_method {
    MCP_OTHER, /* not in the table */
#define METHOD(name, method, eras, route) MCP_##name,
#include "proto/mcp_methods.def"
#undef METHOD
    MCP_METHOD_COUNT
};

enum mcp_era { MCP_ERA_LEGACY, MCP_ERA_MODERN };

enum mcp_route {
    MCP_ROUTE_LOCAL,
    MCP_ROUTE_LIST,
    MCP_ROUTE_PASS,
    MCP_ROUTE_PASS_SAFE,
    MCP_ROUTE_SHARED,
};

/* METHOD is a string token of a message. */
enum mcp_method mcp_find_method(struct span method);
const char *mcp_method_name(enum mcp_method method); /* NULL for MCP_OTHER */
enum mcp_route mcp_method_route(enum mcp_method method);
bool mcp_method_in_era(enum mcp_method method, enum mcp_era era); /* MCP_OTHER: true */

/* VERSION is a string token.  The table's own text, or NULL if teplo does not speak it. */
const char *mcp_find_version(struct span version, enum mcp_era era);

/* The envelope of a modern request, in params._meta. */
struct mcp_envelope {
    struct span protocol_version; /* a string token */
    struct span capabilities;     /* an object */
    struct span client_info;
    struct span log_level;
};

enum mcp_envelope_status {
    MCP_ENVELOPE_NONE,       /* no protocolVersion key: a legacy request */
    MCP_ENVELOPE_OK,         /* both required keys, of the right type */
    MCP_ENVELOPE_INCOMPLETE, /* *ret_missing names the key */
};
/* *RET_ENVELOPE holds what there is of it, unless NONE; a member of a wrong type is as absent. */
enum mcp_envelope_status mcp_read_envelope(const struct message *message,
                                           struct mcp_envelope *ret_envelope,
                                           const char **ret_missing);

/* The value of our own key params._meta["dev.teplo/NAME"], or none. */
struct span mcp_own_meta(const struct message *message, const char *name);

/*
 * Add the edits that remove what must not cross a hop from a request's params:
 * the modern envelope, and the keys under dev.teplo/ but dev.teplo/call, which is end to end.
 * An emptied _meta goes too.
 * The progress token stays; its value is replaced by the caller.
 */
void mcp_strip_hop_meta(const struct message *message, struct splice *splice);

/*
 * Append to OUT a legacy server's RESULT as a modern result of METHOD: resultType on
 * all; ttlMs and cacheScope "private" on lists and resources/read (cacheable results
 * MUST carry them in 2026-07-28).  Members already there stay as they are, and so does
 * a result that is no object.
 */
void mcp_result_to_modern(struct span result, enum mcp_method method, struct bytes *out);
/* A legacy ERROR object as a modern one: -32002 becomes -32602, all else is kept. */
void mcp_error_to_modern(struct span error, struct bytes *out);
/*
 * A server's capabilities without what cannot cross the broker (tasks,
 * resources.subscribe); `{}` where there are none.
 */
void mcp_bridgeable_capabilities(struct span capabilities, struct bytes *out);

#endif
