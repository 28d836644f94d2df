/* SPDX-License-Identifier: MIT */
/*
 * Where in the configuration a reader is, so that whatever is refused is refused with
 * file and line.  A reading function gets its place, and returns 0, -ENOMEM (nothing said:
 * config_load says it once), or -EINVAL with the one-line message written.
 */
#ifndef TEPLO_CONTROL_CONFIG_PLACE_H
#define TEPLO_CONTROL_CONFIG_PLACE_H

#include "proto/base/bytes.h"
#include "proto/json_scan.h"

struct config_place {
    const char *name; /* borrowed: the file as named, or the command line's "--server" */
    struct span text; /* borrowed: all of the file; none for an argument */
    const char *at;   /* inside text; NULL: no line */
    struct bytes *message;
};

/* The same file, at AT. */
static inline struct config_place config_place_at(const struct config_place *place, const char *at)
{
    return (struct config_place){place->name, place->text, at, place->message};
}

/*
 * Write "NAME:LINE: what is wrong; what to do", replacing what was there.  Never hand it a
 * header's value, an expanded text or a url: only config_text_show may quote the file.
 * -EINVAL always.
 */
int config_refuse(const struct config_place *place, const char *format, ...) PRINTF_LIKE(2, 3);

/* What a message calls a JSON value: "a list". */
const char *config_kind_name(struct span value);

#endif
