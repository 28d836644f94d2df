/* SPDX-License-Identifier: MIT */
/*
 * The names under which the models know the tools, and the way back.  A public name
 * depends on its server, its tool and the flags alone, never on which other tools there
 * are: the history of a running conversation keeps its meaning when the list changes.
 * The way back is a search in the list of those that were given out, and cuts no name apart.
 */
#ifndef TEPLO_FORMATS_NAMES_H
#define TEPLO_FORMATS_NAMES_H

#include "proto/base/bytes.h"

/* What every provider takes: a letter or `_`, then letters, digits, `_` and `-`. */
enum { PUBLIC_NAME_MAXIMUM = 64 };

enum name_change {
    NAME_KEPT,       /* the tool's own */
    NAME_PREFIXED,   /* SERVER__TOOL */
    NAME_ALTERED,    /* characters replaced or cut off, and a tag of 8 hexadecimal digits */
    NAME_IMPOSSIBLE, /* the tool has no name; nothing was appended */
};

/*
 * Appends the public name of TOOL, of SERVER or of none.  FLAGS: TEPLO_T_PREFIX puts the server
 * in front though the name fits without.  Memory out shows in OUT->failed.
 */
enum name_change public_name(struct span server, struct span tool, unsigned flags,
                             struct bytes *out);

/* Names in the order in which they were given out. */
struct name_list {
    const void *names;
    size_t count;
    struct span (*at)(const void *names, size_t index);
};

/*
 * The name that the model means by WRITTEN: that very one; else without the `default_api:` or
 * `default_api.` in front that Gemini writes; else the only one that differs in case and in
 * which of `-`, `_` and `.` it has.  False if there is none.
 */
bool name_find(const struct name_list *list, struct span written, size_t *ret_index);

enum { NAME_NEAREST = 3 };
/* The names most like WRITTEN, the most like first; how many there are. */
size_t name_find_nearest(const struct name_list *list, struct span written,
                         size_t ret_indexes[NAME_NEAREST]);

#endif
