/* SPDX-License-Identifier: MIT */
/* Walks over JSON lists. */
#ifndef TEPLO_CONTROL_CONFIG_LIST_H
#define TEPLO_CONTROL_CONFIG_LIST_H

#include "broker/control/config_place.h"

struct config_list {
    const char *name;   /* of the list, in messages */
    const char *remedy; /* for what is no list: "write a list of ..." */
    /* PLACE is at VALUE.  Returns as config_place.h says. */
    int (*read)(const struct config_place *place, struct span value, void *target);
};

enum { CONFIG_LIST_MAXIMUM = 256 };

/* A list of up to CONFIG_LIST_MAXIMUM values; TARGET goes to LIST's function. */
MUST_CHECK int config_list_each(const struct config_place *place, struct span value,
                                const struct config_list *list, void *target);

#endif
