/* SPDX-License-Identifier: MIT */
#include "broker/control/config_option.h"

#include <errno.h>
#include <inttypes.h>

#include "broker/control/config.h"
#include "broker/control/config_choice.h"
#include "broker/control/config_list.h"
#include "proto/base/mem.h"
#include "proto/json_scan.h"

/* The field, and the struct it is in. */
#define FIELD_COUNT(name) name
#define FIELD_DURATION(name) name##_ms
#define FIELD_SIZE(name) name##_bytes
#define FIELD_TEXT(name) name
#define FIELD_SECRET(name) name
#define FIELD_PATH(name) name
#define FIELD_LEVEL(name) name
#define FIELD_MODE(name) name
#define FIELD_CHOICE(name) name
#define FIELD_STATUSES(name) name
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
static int read_choice(const struct config_place *place, const struct config_option *option,
                       struct span token, int64_t *ret_number);
static int read_statuses(const struct config_place *place, const struct config_option *option,
                         struct span token, void *target);

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

static struct status_set *status_field(const struct config_option *option, void *target)
{
    CHECK(option->type == OPTION_TYPE_STATUSES);
    return (struct status_set *)(void *)((char *)target + option->offset);
}

static int64_t default_number(const struct config_option *option)
{
    int64_t number = 0;

    if (option->type == OPTION_TYPE_CHOICE) {
        number = config_choice_number(option->name, span_of(option->fallback));
        CHECK(number >= option->least && number <= option->most);
    } else {
        CHECK(config_value_parse(option->type, span_of(option->fallback), &number) ==
              CONFIG_NUMBER_GOOD);
    }
    return number;
}

int config_option_default_all(enum option_scope scope, void *target)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        if (option->type == OPTION_TYPE_STATUSES) {
            *status_field(option, target) = (struct status_set){0};
        } else if (!config_value_is_text(option->type)) {
            store(option, target, default_number(option));
        } else if (store_text(option, target, span_of(option->fallback)) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static char **text_field(const struct config_option *option, void *target)
{
    CHECK(config_value_is_text(option->type));
    return (char **)(void *)((char *)target + option->offset);
}

void config_option_free_all(enum option_scope scope, void *target)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        if (config_value_is_text(option->type)) {
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

    if (option->type == OPTION_TYPE_CHOICE) {
        return read_choice(place, option, token, ret_number);
    }
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

/* TEXT with its ${...}. */
static int set_expanded(const struct config_place *place, const struct config_option *option,
                        struct span text, void *target)
{
    struct bytes expanded;
    int r = config_text_expand(place, text, "the option", &expanded);

    if (r == 0 && option->type == OPTION_TYPE_PATH && expanded.length > 0 &&
        expanded.at[0] != '/') {
        r = config_refuse(place, "\"%s\" is no whole path; write it from the / on", option->name);
    }
    if (r == 0) {
        r = config_option_set_text(place, option, bytes_span(&expanded), target);
    }
    bytes_done(&expanded);
    return r;
}

static int read_text(const struct config_place *place, const struct config_option *option,
                     struct span token, void *target)
{
    struct bytes text;
    int r;

    r = config_value_text(place, option->name, token, &text);
    if (r == 0) {
        r = option->type == OPTION_TYPE_TEXT
                ? config_option_set_text(place, option, bytes_span(&text), target)
                : set_expanded(place, option, bytes_span(&text), target);
    }
    bytes_done(&text);
    return r;
}

int config_option_read(const struct config_place *place, const struct config_option *option,
                       struct span token, void *target)
{
    int64_t number = 0;
    int r;

    if (config_value_is_text(option->type)) {
        return read_text(place, option, token, target);
    }
    if (option->type == OPTION_TYPE_STATUSES) {
        return read_statuses(place, option, token, target);
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
    case OPTION_TYPE_CHOICE:
        return *(const uint32_t *)field;
    case OPTION_TYPE_STATUSES:
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
    case OPTION_TYPE_PATH:
        break;
    }
    CHECK(option->type != OPTION_TYPE_STATUSES && !config_value_is_text(option->type));
    return 0;
}

const struct status_set *config_option_statuses(const struct config_option *option,
                                                const void *target)
{
    CHECK(option->type == OPTION_TYPE_STATUSES);
    return (const struct status_set *)(const void *)((const char *)target + option->offset);
}

void config_option_print(const struct config_option *option, int64_t number, struct bytes *out)
{
    if (option->type == OPTION_TYPE_CHOICE) {
        bytes_append_text(out, config_choice_word(option->name, number));
    } else {
        config_value_print(option->type, number, out);
    }
}

const char *config_option_text(const struct config_option *option, const void *target)
{
    CHECK(config_value_is_text(option->type));
    return *(char *const *)(const void *)((const char *)target + option->offset);
}

static bool is_equal(const struct config_option *option, const void *a, const void *b)
{
    switch (option->type) {
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
    case OPTION_TYPE_PATH:
        return strcmp(config_option_text(option, a), config_option_text(option, b)) == 0;
    case OPTION_TYPE_STATUSES:
        return status_set_equal(config_option_statuses(option, a),
                                config_option_statuses(option, b));
    case OPTION_TYPE_COUNT:
    case OPTION_TYPE_DURATION:
    case OPTION_TYPE_SIZE:
    case OPTION_TYPE_LEVEL:
    case OPTION_TYPE_MODE:
    case OPTION_TYPE_CHOICE:
        break;
    }
    return config_option_number(option, a) == config_option_number(option, b);
}

bool config_option_equal_all(enum option_scope scope, const void *a, const void *b)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        if (!is_equal(option, a, b)) {
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
    case OPTION_TYPE_CHOICE:
        *(uint32_t *)field = (uint32_t)number;
        return;
    case OPTION_TYPE_STATUSES:
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
    case OPTION_TYPE_PATH:
        break;
    }
    CHECK(option->type != OPTION_TYPE_STATUSES && !config_value_is_text(option->type));
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

static int refuse_choice(const struct config_place *place, const struct config_option *option,
                         struct span token)
{
    char shown[CONFIG_TEXT_SHOWN];
    struct bytes words;
    const char *text;
    int r = -ENOMEM;

    bytes_init(&words, 256);
    config_choice_list(option->name, "\"", &words);
    text = bytes_text(&words);
    if (text != NULL) {
        r = config_refuse(place, "\"%s\" is %s; write %s", option->name,
                          json_kind_of(token) == JSON_STRING ? config_text_show(token, shown)
                                                             : config_kind_name(token),
                          text);
    }
    bytes_done(&words);
    return r;
}

static int read_choice(const struct config_place *place, const struct config_option *option,
                       struct span token, int64_t *ret_number)
{
    char word[32];
    int64_t number = -1;

    if (json_kind_of(token) == JSON_STRING && json_string_copy(token, word, sizeof(word))) {
        number = config_choice_number(option->name, span_of(word));
    }
    if (number < 0) {
        return refuse_choice(place, option, token);
    }
    *ret_number = number;
    return 0;
}

static int read_status(const struct config_place *place, struct span value, void *target)
{
    char shown[CONFIG_TEXT_SHOWN];
    int64_t status;

    if (!json_to_int(value, &status) || !status_set_may_hold(status)) {
        return config_refuse(place, "a status is %s; write whole numbers from 400 to 599",
                             config_text_show(value, shown));
    }
    status_set_add(target, status);
    return 0;
}

static int read_statuses(const struct config_place *place, const struct config_option *option,
                         struct span token, void *target)
{
    struct status_set set = {0};
    int r = config_list_each(place, token,
                             &(struct config_list){.name = option->name,
                                                   .remedy = config_value_notation(option->type),
                                                   .read = read_status},
                             &set);

    if (r == 0) {
        *status_field(option, target) = set;
    }
    return r;
}
