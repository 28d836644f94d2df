/* SPDX-License-Identifier: MIT */
/* Toolsets for the fuzz targets of the models' turns: one for each provider, made once. */
#ifndef TEPLO_TESTS_FUZZ_TURNS_H
#define TEPLO_TESTS_FUZZ_TURNS_H

#include "fuzz.h"

#include "client-lib/include/teplo.h"

enum { TURNS_PROVIDERS = 5 };

/* Of every kind of schema that decoding knows. */
static const char turns_listing[] =
    "[{\"name\":\"query_graph\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
    "{\"query\":{\"type\":\"string\"},\"graphs\":{\"type\":\"array\",\"items\":{}},"
    "\"n\":{\"type\":\"integer\"},\"o\":{\"type\":\"object\",\"properties\":"
    "{\"a.b\":{\"type\":\"integer\"}}}},\"required\":[\"query\"]}},"
    "{\"name\":\"tree\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
    "{\"n\":{\"$ref\":\"#/$defs/N\"},\"u\":{\"anyOf\":[{\"type\":\"object\",\"properties\":"
    "{\"k\":{\"const\":\"a\"},\"x\":{\"type\":\"integer\"}},\"required\":[\"k\"]},"
    "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"b\"},\"$y\":{\"type\":\"string\"}}},"
    "{\"type\":\"null\"}]},\"m\":{\"type\":\"object\",\"additionalProperties\":"
    "{\"type\":\"integer\"}},\"t\":{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"}]}},"
    "\"$defs\":{\"N\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
    "\"kids\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/N\"}}}}}}}]";

/* BYTE says which. */
static inline struct teplo_toolset *turns_toolset(unsigned byte, enum teplo_provider *ret_provider)
{
    static struct teplo_toolset *toolsets[TURNS_PROVIDERS][8];
    unsigned provider = byte % TURNS_PROVIDERS;
    unsigned flags = byte / TURNS_PROVIDERS % 8;
    struct teplo_toolset **toolset = &toolsets[provider][flags];

    *ret_provider = (enum teplo_provider)(provider + TEPLO_OPENAI_CHAT);
    if (*toolset == NULL) {
        PROPERTY(teplo_toolset_new(*ret_provider,
                                   (flags & 1 ? TEPLO_T_NO_MEDIA : 0) |
                                       (flags & 2 ? TEPLO_T_STRUCTURED : 0) |
                                       (flags & 4 ? TEPLO_T_SEPARATE_MEDIA | TEPLO_T_STRICT : 0),
                                   toolset) == 0);
        PROPERTY(teplo_toolset_add(*toolset, NULL, turns_listing, sizeof(turns_listing) - 1) == 0);
    }
    return *toolset;
}

#endif
