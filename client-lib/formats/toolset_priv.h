/* SPDX-License-Identifier: MIT */
/* What is in a toolset.  toolset.h is what others may rely on. */
#ifndef TEPLO_FORMATS_TOOLSET_PRIV_H
#define TEPLO_FORMATS_TOOLSET_PRIV_H

#include "client-lib/formats/diagnostics.h"
#include "client-lib/formats/toolset.h"
#include "proto/base/hashmap.h"

enum {
    TOOLSET_ERROR_MAXIMUM = 512,
    /* Bytes that the conversion of one tool may take, which are given back. */
    TOOL_ROOM = 64 * 1024 * 1024,
    /* Bytes that the tools of one listing may take. */
    LISTING_ROOM = 512 * 1024 * 1024,
};

/* A tool, and how the request says it. */
struct toolset_entry {
    struct format_tool tool;
    struct span declaration;
};

struct teplo_toolset {
    enum teplo_provider provider;
    uint32_t flags;
    struct arena arena;             /* of all tools */
    struct toolset_entry **entries; /* in order; the array is owned, the entries the arena's */
    size_t count;
    struct hashmap by_name; /* public name -> entry */
    struct diagnostics diagnostics;
    struct bytes tools_text;       /* for teplo_toolset_tools */
    struct bytes diagnostics_text; /* for teplo_toolset_diagnostics */
    char error[TOOLSET_ERROR_MAXIMUM];
};

/* The tools of a listing, until all of them are known to be fine. */
struct toolset_listing {
    struct teplo_toolset *toolset;
    struct span server; /* of the arena; none: the only one */
    struct arena arena;
    struct format_tool *first; /* in an entry, as all of them */
    struct format_tool **end;
    struct hashmap names; /* public name -> entry */
    size_t count;
    struct diagnostics diagnostics;
};

/*
 * One tool of a listing: taken, or left out and reported.  -ENOMEM; -EEXIST: its public name
 * is there already, and the toolset's error says so.
 */
MUST_CHECK int listing_take(struct toolset_listing *listing, struct span tool);

#endif
