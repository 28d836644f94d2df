/* SPDX-License-Identifier: MIT */
/* The tables of MCP and the keys of `_meta`.  What is rewritten between the eras: mcp_convert.c. */
#include "proto/mcp.h"

#include <stdio.h>

#include "proto/json_scan.h"

/* The eras column of mcp_methods.def, as bits of enum mcp_era. */
enum {
    ERAS_LEGACY = 1 << MCP_ERA_LEGACY,
    ERAS_MODERN = 1 << MCP_ERA_MODERN,
    ERAS_BOTH = ERAS_LEGACY | ERAS_MODERN,
};

static const struct {
    const char *name;
    unsigned eras;
    enum mcp_route route;
} methods[MCP_METHOD_COUNT] = {
    [MCP_OTHER] = {NULL, ERAS_BOTH, MCP_ROUTE_PASS},
#define METHOD(name, method, eras, route) [MCP_##name] = {(method), ERAS_##eras, MCP_ROUTE_##route},
#include "proto/mcp_methods.def"
#undef METHOD
};

static const struct {
    const char *text;
    enum mcp_era era;
} versions[] = {
#define VERSION(text, era) {(text), MCP_ERA_##era},
#include "proto/mcp_versions.def"
#undef VERSION
};

#define VERSION_KEY "io.modelcontextprotocol/protocolVersion"
#define CAPABILITIES_KEY "io.modelcontextprotocol/clientCapabilities"
#define CLIENT_INFO_KEY "io.modelcontextprotocol/clientInfo"
#define LOG_LEVEL_KEY "io.modelcontextprotocol/logLevel"

enum mcp_method mcp_find_method(struct span method)
{
    for (unsigned i = MCP_OTHER + 1; i < MCP_METHOD_COUNT; i++) {
        if (json_string_is(method, methods[i].name)) {
            return (enum mcp_method)i;
        }
    }
    return MCP_OTHER;
}

const char *mcp_method_name(enum mcp_method method)
{
    CHECK((unsigned)method < MCP_METHOD_COUNT);
    return methods[method].name;
}

enum mcp_route mcp_method_route(enum mcp_method method)
{
    CHECK((unsigned)method < MCP_METHOD_COUNT);
    return methods[method].route;
}

bool mcp_method_in_era(enum mcp_method method, enum mcp_era era)
{
    CHECK((unsigned)method < MCP_METHOD_COUNT);
    return (methods[method].eras & 1U << era) != 0;
}

const char *mcp_find_version(struct span version, enum mcp_era era)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
        if (versions[i].era == era && json_string_is(version, versions[i].text)) {
            return versions[i].text;
        }
    }
    return NULL;
}

static struct span of_kind(struct span value, enum json_kind kind)
{
    return json_kind_of(value) == kind ? value : SPAN_NONE;
}

enum mcp_envelope_status mcp_read_envelope(const struct message *message,
                                           struct mcp_envelope *ret_envelope,
                                           const char **ret_missing)
{
    struct span version = json_find(message->meta, VERSION_KEY);
    struct mcp_envelope envelope;

    if (span_is_none(version)) {
        return MCP_ENVELOPE_NONE;
    }
    envelope.protocol_version = of_kind(version, JSON_STRING);
    envelope.capabilities = of_kind(json_find(message->meta, CAPABILITIES_KEY), JSON_OBJECT);
    envelope.client_info = of_kind(json_find(message->meta, CLIENT_INFO_KEY), JSON_OBJECT);
    envelope.log_level = of_kind(json_find(message->meta, LOG_LEVEL_KEY), JSON_STRING);
    *ret_envelope = envelope;
    if (span_is_none(envelope.protocol_version)) {
        *ret_missing = VERSION_KEY;
        return MCP_ENVELOPE_INCOMPLETE;
    }
    if (span_is_none(envelope.capabilities)) {
        *ret_missing = CAPABILITIES_KEY;
        return MCP_ENVELOPE_INCOMPLETE;
    }
    return MCP_ENVELOPE_OK;
}

struct span mcp_own_meta(const struct message *message, const char *name)
{
    char key[64];
    int length = snprintf(key, sizeof(key), "dev.teplo/%s", name);

    CHECK(length > 0 && (size_t)length < sizeof(key));
    return json_find(message->meta, key);
}
