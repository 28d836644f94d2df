/* SPDX-License-Identifier: MIT */
/*
 * Walks over JSON objects whose keys are known (a table) or names (servers, headers, tools).
 * Unknown and duplicate keys are refused here, with the nearest known one.
 */
#ifndef TEPLO_CONTROL_CONFIG_OBJECT_H
#define TEPLO_CONTROL_CONFIG_OBJECT_H

#include "broker/control/config_option.h"

/* PLACE is at VALUE.  Returns as config_place.h says. */
typedef int (*config_read_fn)(const struct config_place *place, struct span value, void *target);

struct config_member {
    const char *key;
    config_read_fn read;
};

struct config_shape {
    const char *noun;                    /* "a server", in messages */
    const struct config_member *members; /* ended by a NULL key; they go before options */
    enum option_scope scope;             /* whose options are keys too; NONE: no options */
    const char *remedy;                  /* for an unknown key with no known one near it */
};

/* TARGET goes to the members' functions, and is the struct of the shape's scope. */
MUST_CHECK int config_object_read(const struct config_place *place, struct span value,
                                  const struct config_shape *shape, void *target);

/* PLACE is at the key, which is a JSON string token. */
typedef int (*config_entry_fn)(const struct config_place *place, const struct json_item *entry,
                               void *target);

enum { CONFIG_ENTRIES_MAXIMUM = 256 };

/* An object of up to CONFIG_ENTRIES_MAXIMUM entries with keys of the user's choice. */
MUST_CHECK int config_object_each(const struct config_place *place, struct span value,
                                  const char *noun, config_entry_fn read, void *target);

#endif
