/* SPDX-License-Identifier: MIT */
/* What became of the tools, as the JSON that teplo_toolset_diagnostics gives. */
#ifndef TEPLO_FORMATS_DIAGNOSTICS_H
#define TEPLO_FORMATS_DIAGNOSTICS_H

#include <stddef.h>

#include "client-lib/include/teplo.h"
#include "proto/base/bytes.h"

enum diagnostic_kind {
#define DIAGNOSTIC(name, text) DIAGNOSTIC_##name,
#include "client-lib/formats/diagnostics.def"
#undef DIAGNOSTIC
    DIAGNOSTIC_COUNT
};

/* A tool as far as it is known. */
struct diagnosed {
    struct span server; /* none: null */
    struct span tool;
    struct span name; /* the model's; none: null */
    enum teplo_provider provider;
};

enum {
    /* Of one listing, and of one tool in it: then they are only counted, but for dropped tools. */
    DIAGNOSTICS_MAXIMUM = 1000,
    DIAGNOSTICS_OF_TOOL = 20,
    /* Bytes of one listing's; then dropped tools are only counted too. */
    DIAGNOSTICS_BYTES = 4 * 1024 * 1024,
    DIAGNOSTIC_TEXT_MAXIMUM = 300, /* bytes of a place or a reason; then it is cut */
};

/* Of one listing; or of a toolset, to which those of its listings are appended. */
struct diagnostics {
    struct bytes items; /* JSON objects with commas between */
    size_t count;       /* of those that are there */
    size_t left_out;
};

void diagnostics_init(struct diagnostics *diagnostics);
void diagnostics_done(struct diagnostics *diagnostics);
/* TEXT up to MOST bytes, and no half of a character. */
struct span diagnostics_cut(struct span text, size_t most);
/* AT: a JSON pointer, or none. */
void diagnostics_add(struct diagnostics *diagnostics, const struct diagnosed *tool,
                     enum diagnostic_kind kind, struct span at, struct span reason);
/* The whole array. */
void diagnostics_write(const struct diagnostics *diagnostics, struct bytes *out);
/* All of FROM behind what is there; false, nothing changed, if memory is out. */
MUST_CHECK bool diagnostics_append(struct diagnostics *diagnostics, const struct diagnostics *from);

#endif
