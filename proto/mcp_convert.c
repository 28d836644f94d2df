/* SPDX-License-Identifier: MIT */
/* What is rewritten where a message crosses a hop or an era.  All else keeps its bytes. */
#include "proto/failure.h"
#include "proto/json_scan.h"
#include "proto/mcp.h"

/* True for a key of `_meta` that belongs to one hop. */
static bool is_hop_key(struct span key, void *context)
{
    static const char *const names[] = {
        "io.modelcontextprotocol/protocolVersion",    "io.modelcontextprotocol/clientInfo",
        "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/logLevel",
        "io.modelcontextprotocol/subscriptionId",
    };

    (void)context;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (json_string_is(key, names[i])) {
            return true;
        }
    }
    /* The call's id is for everybody on the way: servers may know a call again by it. */
    return json_string_starts(key, "dev.teplo/") && !json_string_is(key, "dev.teplo/call");
}

/* True for the key that CONTEXT, a C string, names. */
static bool is_key(struct span key, void *context)
{
    return json_string_is(key, context);
}

void mcp_strip_hop_meta(const struct message *message, struct splice *splice)
{
    struct json_walk walk = json_walk_of(message->meta);
    struct json_item item;
    char meta[] = "_meta";
    bool drops = false;
    bool keeps = false;

    while (json_walk_next(&walk, &item)) {
        if (is_hop_key(item.key, NULL)) {
            drops = true;
        } else {
            keeps = true;
        }
    }
    if (drops && keeps) {
        (void)splice_drop_members(splice, message->meta, is_hop_key, NULL);
    } else if (drops) {
        (void)splice_drop_members(splice, message->params, is_key, meta);
    }
}

/* Results that a modern client may keep, and must be told for how long. */
static bool is_cacheable(enum mcp_method method)
{
    return mcp_method_route(method) == MCP_ROUTE_LIST || method == MCP_RESOURCES_READ;
}

void mcp_result_to_modern(struct span result, enum mcp_method method, struct bytes *out)
{
    static const struct {
        const char *key;
        const char *member;
        bool on_all; /* else only on what may be cached */
    } rows[] = {
        {"resultType", "\"resultType\":\"complete\"", true},
        {"ttlMs", "\"ttlMs\":0", false},
        {"cacheScope", "\"cacheScope\":\"private\"", false},
    };
    struct span object = json_trim(result);
    struct json_walk walk = json_walk_of(object);
    struct json_item first;
    struct splice splice;

    if (!walk.keyed) {
        splice_append_line(out, result);
        return;
    }
    splice_init(&splice, object);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if ((!rows[i].on_all && !is_cacheable(method)) ||
            !span_is_none(json_find(object, rows[i].key))) {
            continue;
        }
        splice_insert(&splice, object.at + 1, splice.count == 0 ? SPAN("") : SPAN(","));
        splice_insert(&splice, object.at + 1, span_of(rows[i].member));
    }
    if (splice.count > 0 && json_walk_next(&walk, &first)) {
        splice_insert(&splice, object.at + 1, SPAN(","));
    }
    splice_write(&splice, out);
}

void mcp_error_to_modern(struct span error, struct bytes *out)
{
    struct span code = json_find(error, "code");
    struct splice splice;
    int64_t number;

    splice_init(&splice, error);
    if (json_to_int(code, &number) && number == RPC_RESOURCE_NOT_FOUND) {
        splice_replace(&splice, code, SPAN("-32602"));
    }
    splice_write(&splice, out);
}

void mcp_bridgeable_capabilities(struct span capabilities, struct bytes *out)
{
    struct json_walk walk = json_walk_of(capabilities);
    struct json_item item;
    struct splice splice;
    char tasks[] = "tasks";
    char subscribe[] = "subscribe";

    if (!walk.keyed) {
        bytes_append_text(out, "{}");
        return;
    }
    splice_init(&splice, capabilities);
    (void)splice_drop_members(&splice, capabilities, is_key, tasks);
    /* All of that name, should a server send two: parsers differ in which one they take. */
    while (json_walk_next(&walk, &item)) {
        if (json_string_is(item.key, "resources")) {
            (void)splice_drop_members(&splice, item.value, is_key, subscribe);
        }
    }
    splice_write(&splice, out);
}
