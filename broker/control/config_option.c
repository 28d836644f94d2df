/* SPDX-License-Identifier: MIT */
#include "broker/control/config_option.h"

#include <errno.h>
#include <inttypes.h>

#include "broker/control/config.h"
#include "proto/base/mem.h"
#include "proto/json_scan.h"

/* The field, and the struct it is in. */
#define FIELD_COUNT(name) name
#define FIELD_DURATION(name) name##_ms
#define FIELD_SIZE(name) name##_bytes
#define FIELD_TEXT(name) name
#define FIELD_LEVEL(name) name
#define FIELD_MODE(name) name
#define STRUCT_SERVER struct config_server
#define STRUCT_BROKER struct config
#define STRUCT_REDIS struct config_redis

static const struct config_option options[] = {
#define OPTION(scope, name, type, fallback, least, most, reload, help)                             \
    {#name,                                                                                        \
     OPTION_SCOPE_##scope,                                                                         \
     OPTION_TYPE_##type,                                                                           \
     offsetof(STRUCT_##scope, FIELD_##type(name)),                                                 \
     (fallback),                                                                                   \
     (least),                                                                                      \
     (most),                                                                                       \
     OPTION_RELOAD_##reload,                                                                       \
     (help)},
#include "broker/control/options.def"
#undef OPTION
};

static const struct config_option *const options_end =
    options + sizeof(options) / sizeof(options[0]);

static void store(const struct config_option *option, void *target, int64_t number);
static int store_text(const struct config_option *option, void *target, struct span text);

const struct config_option *config_option_next(enum option_scope scope,
                                               const struct config_option *after)
{
    for (const struct config_option *option = after == NULL ? options : after + 1;
         option < options_end; option++) {
        if (option->scope == scope) {
            return option;
        }
    }
    return NULL;
}

const struct config_option *config_option_find(enum option_scope scope, const char *name)
{
    const struct config_option *option = config_option_next(scope, NULL);

    while (option != NULL && strcmp(option->name, name) != 0) {
        option = config_option_next(scope, option);
    }
    return option;
}

int config_option_default_all(enum option_scope scope, void *target)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        struct span text = span_of(option->fallback);
        int64_t number = 0;
        enum config_number fault;

        if (option->type == OPTION_TYPE_TEXT) {
            if (store_text(option, target, text) < 0) {
                return -ENOMEM;
            }
            continue;
        }
        fault = config_value_parse(option->type, text, &number);
        CHECK(fault == CONFIG_NUMBER_GOOD);
        store(option, target, number);
    }
    return 0;
}

static char **text_field(const struct config_option *option, void *target)
{
    CHECK(option->type == OPTION_TYPE_TEXT);
    return (char **)(void *)((char *)target + option->offset);
}

void config_option_free_all(enum option_scope scope, void *target)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        if (option->type == OPTION_TYPE_TEXT) {
            mem_free(*text_field(option, target));
            *text_field(option, target) = NULL;
        }
    }
}

static const char *fault_text(enum config_number fault)
{
    switch (fault) {
    case CONFIG_NUMBER_GOOD:
    case CONFIG_NUMBER_MALFORMED:
        return "";
    case CONFIG_NUMBER_NO_UNIT:
        return ", without a unit";
    case CONFIG_NUMBER_BAD_UNIT:
        return ", with an unknown unit";
    case CONFIG_NUMBER_FRACTION:
        return ", which is no whole number of the smallest unit";
    }
    return "";
}

static int refuse_range(const struct config_place *place, const struct config_option *option,
                        struct span token)
{
    char shown[CONFIG_TEXT_SHOWN];
    struct bytes range;
    const char *text;
    int r = -ENOMEM;

    bytes_init(&range, 128);
    config_value_print(option->type, option->least, &range);
    bytes_append_text(&range, " to ");
    config_value_print(option->type, option->most, &range);
    text = bytes_text(&range);
    if (text != NULL) {
        r = config_refuse(place, "\"%s\" is %s, out of range; give %s", option->name,
                          config_text_show(token, shown), text);
    }
    bytes_done(&range);
    return r;
}

int config_option_read_number(const struct config_place *place, const struct config_option *option,
                              struct span token, int64_t *ret_number)
{
    char shown[CONFIG_TEXT_SHOWN];
    int64_t number = 0;
    enum config_number fault;

    if (!config_value_may_be(option->type, token)) {
        return config_refuse(place, "\"%s\" is %s; %s", option->name, config_kind_name(token),
                             config_value_notation(option->type));
    }
    fault = config_value_read(option->type, token, &number);
    if (fault != CONFIG_NUMBER_GOOD) {
        return config_refuse(place, "\"%s\" is %s%s; %s", option->name,
                             config_text_show(token, shown), fault_text(fault),
                             config_value_notation(option->type));
    }
    if (option->type != OPTION_TYPE_LEVEL && (number < option->least || number > option->most)) {
        return refuse_range(place, option, token);
    }
    *ret_number = number;
    return 0;
}

int config_option_set_text(const struct config_place *place, const struct config_option *option,
                           struct span text, void *target)
{
    if (text.length > 0 && memchr(text.at, '\0', text.length) != NULL) {
        return config_refuse(place, "\"%s\" has a NUL byte; remove it", option->name);
    }
    if (text.length < (size_t)option->least || text.length > (size_t)option->most) {
        return config_refuse(place,
                             "\"%s\" is %zu bytes long; give %" PRId64 " to %" PRId64 " bytes",
                             option->name, text.length, option->least, option->most);
    }
    return store_text(option, target, text);
}

static int read_text(const struct config_place *place, const struct config_option *option,
                     struct span token, void *target)
{
    struct bytes text;
    int r;

    r = config_value_text(place, option->name, token, &text);
    if (r == 0) {
        r = config_option_set_text(place, option, bytes_span(&text), target);
    }
    bytes_done(&text);
    return r;
}

int config_option_read(const struct config_place *place, const struct config_option *option,
                       struct span token, void *target)
{
    int64_t number = 0;
    int r;

    if (option->type == OPTION_TYPE_TEXT) {
        return read_text(place, option, token, target);
    }
    r = config_option_read_number(place, option, token, &number);
    if (r == 0) {
        store(option, target, number);
    }
    return r;
}

int64_t config_option_number(const struct config_option *option, const void *target)
{
    const void *field = (const char *)target + option->offset;

    switch (option->type) {
    case OPTION_TYPE_DURATION:
        return *(const int64_t *)field;
    case OPTION_TYPE_SIZE:
        return (int64_t) * (const size_t *)field;
    case OPTION_TYPE_COUNT:
    case OPTION_TYPE_LEVEL:
    case OPTION_TYPE_MODE:
        return *(const uint32_t *)field;
    case OPTION_TYPE_TEXT:
        break;
    }
    CHECK(option->type != OPTION_TYPE_TEXT);
    return 0;
}

const char *config_option_text(const struct config_option *option, const void *target)
{
    CHECK(option->type == OPTION_TYPE_TEXT);
    return *(char *const *)(const void *)((const char *)target + option->offset);
}

bool config_option_equal_all(enum option_scope scope, const void *a, const void *b)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        bool equal = option->type == OPTION_TYPE_TEXT
                         ? strcmp(config_option_text(option, a), config_option_text(option, b)) == 0
                         : config_option_number(option, a) == config_option_number(option, b);

        if (!equal) {
            return false;
        }
    }
    return true;
}

static void store(const struct config_option *option, void *target, int64_t number)
{
    void *field = (char *)target + option->offset;

    switch (option->type) {
    case OPTION_TYPE_DURATION:
        *(int64_t *)field = number;
        return;
    case OPTION_TYPE_SIZE:
        *(size_t *)field = (size_t)number;
        return;
    case OPTION_TYPE_COUNT:
    case OPTION_TYPE_LEVEL:
    case OPTION_TYPE_MODE:
        *(uint32_t *)field = (uint32_t)number;
        return;
    case OPTION_TYPE_TEXT:
        break;
    }
    CHECK(option->type != OPTION_TYPE_TEXT);
}

static int store_text(const struct config_option *option, void *target, struct span text)
{
    char *copy = mem_copy_text(text.at, text.length);

    if (copy == NULL) {
        return -ENOMEM;
    }
    mem_free(*text_field(option, target));
    *text_field(option, target) = copy;
    return 0;
}
