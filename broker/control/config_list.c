/* SPDX-License-Identifier: MIT */
#include "broker/control/config_list.h"

int config_list_each(const struct config_place *place, struct span value,
                     const struct config_list *list, void *target)
{
    struct json_walk walk = json_walk_of(value);
    struct json_item item;
    size_t count = 0;
    int r = 0;

    if (json_kind_of(value) != JSON_ARRAY) {
        return config_refuse(place, "\"%s\" is %s; %s", list->name, config_kind_name(value),
                             list->remedy);
    }
    while (r == 0 && json_walk_next(&walk, &item)) {
        struct config_place here = config_place_at(place, item.value.at);

        if (count++ == CONFIG_LIST_MAXIMUM) {
            return config_refuse(&here, "\"%s\" has more than %d entries; remove some", list->name,
                                 CONFIG_LIST_MAXIMUM);
        }
        r = list->read(&here, item.value, target);
    }
    return r;
}
