/* SPDX-License-Identifier: MIT */
#include "broker/control/config_object.h"

static int read_member(const struct config_place *place, const struct json_item *item,
                       const struct config_shape *shape, void *target);
static int refuse_unknown(const struct config_place *place, struct span key,
                          const struct config_shape *shape);
static int refuse_duplicate(const struct config_place *place, struct span key);
static int expect_object(const struct config_place *place, struct span value, const char *noun);

int config_object_read(const struct config_place *place, struct span value,
                       const struct config_shape *shape, void *target)
{
    struct json_walk walk = json_walk_of(value);
    struct json_item item;
    int r = expect_object(place, value, shape->noun);

    while (r == 0 && json_walk_next(&walk, &item)) {
        struct config_place here = config_place_at(place, item.key.at);
        struct json_walk again = json_walk_of(value);
        struct json_item first;

        /* All keys up to this one are known, so this stays short. */
        while (json_walk_next(&again, &first) && !json_string_equal(first.key, item.key)) {
        }
        r = first.key.at == item.key.at ? read_member(&here, &item, shape, target)
                                        : refuse_duplicate(&here, item.key);
    }
    return r;
}

int config_object_each(const struct config_place *place, struct span value, const char *noun,
                       config_entry_fn read, void *target)
{
    struct span keys[CONFIG_ENTRIES_MAXIMUM];
    struct json_walk walk = json_walk_of(value);
    struct json_item item;
    size_t count = 0;
    int r = expect_object(place, value, noun);

    while (r == 0 && json_walk_next(&walk, &item)) {
        struct config_place here = config_place_at(place, item.key.at);

        for (size_t i = 0; i < count; i++) {
            if (json_string_equal(keys[i], item.key)) {
                return refuse_duplicate(&here, item.key);
            }
        }
        if (count == CONFIG_ENTRIES_MAXIMUM) {
            return config_refuse(&here, "%s has more than %d entries; remove some", noun,
                                 CONFIG_ENTRIES_MAXIMUM);
        }
        keys[count++] = item.key;
        r = read(&here, &item, target);
    }
    return r;
}

static int expect_object(const struct config_place *place, struct span value, const char *noun)
{
    if (json_kind_of(value) == JSON_OBJECT) {
        return 0;
    }
    return config_refuse(place, "%s is %s; write an object, as in {\"key\": \"value\"}", noun,
                         config_kind_name(value));
}

static int read_member(const struct config_place *place, const struct json_item *item,
                       const struct config_shape *shape, void *target)
{
    struct config_place here = config_place_at(place, item->value.at);
    const struct config_option *option = config_option_next(shape->scope, NULL);

    for (const struct config_member *member = shape->members; member->key != NULL; member++) {
        if (json_string_is(item->key, member->key)) {
            return member->read(&here, item->value, target);
        }
    }
    for (; option != NULL; option = config_option_next(shape->scope, option)) {
        if (json_string_is(item->key, option->name)) {
            return config_option_read(&here, option, item->value, target);
        }
    }
    return refuse_unknown(place, item->key, shape);
}

static int refuse_unknown(const struct config_place *place, struct span key,
                          const struct config_shape *shape)
{
    char shown[CONFIG_TEXT_SHOWN];
    struct config_nearest nearest =
        config_nearest_to((struct span){key.at + 1, key.length - 2}); /* without its quotes */

    for (const struct config_member *member = shape->members; member->key != NULL; member++) {
        config_nearest_try(&nearest, member->key);
    }
    for (const struct config_option *option = config_option_next(shape->scope, NULL);
         option != NULL; option = config_option_next(shape->scope, option)) {
        config_nearest_try(&nearest, option->name);
    }
    config_text_show(key, shown);
    if (nearest.best != NULL) {
        return config_refuse(place, "unknown key %s in %s; did you mean \"%s\"?", shown,
                             shape->noun, nearest.best);
    }
    return config_refuse(place, "unknown key %s in %s; %s", shown, shape->noun, shape->remedy);
}

static int refuse_duplicate(const struct config_place *place, struct span key)
{
    char shown[CONFIG_TEXT_SHOWN];

    return config_refuse(place, "the key %s stands here a second time; remove one of the two",
                         config_text_show(key, shown));
}
