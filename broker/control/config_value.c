/* SPDX-License-Identifier: MIT */
#include "broker/control/config_value.h"

#include <errno.h>

#include "proto/json_scan.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
enum { LEVEL_COUNT = sizeof(level_names) / sizeof(level_names[0]), MODE_DIGITS = 4 };

/* How each type is written, for a remedy. */
static const char *const notations[] = {
    [OPTION_TYPE_COUNT] = "write a whole number, as in 8",
    [OPTION_TYPE_DURATION] = "write a duration with its unit ms, s, m or h, as in \"5s\"",
    [OPTION_TYPE_SIZE] =
        "write a size with its unit B, KiB, MiB or GiB, as in \"4MiB\", or a number of bytes",
    [OPTION_TYPE_TEXT] = "write a text in quotes",
    [OPTION_TYPE_SECRET] = "write a text in quotes",
    [OPTION_TYPE_PATH] = "write a text in quotes",
    [OPTION_TYPE_LEVEL] = "write \"error\", \"warn\", \"info\" or \"debug\"",
    [OPTION_TYPE_MODE] = "write an octal file mode in quotes, as in \"0660\"",
    [OPTION_TYPE_CHOICE] = "",
    [OPTION_TYPE_STATUSES] = "write a list of HTTP statuses, as in [503]",
};

static const char *const nouns[] = {
    [OPTION_TYPE_COUNT] = "number",       [OPTION_TYPE_DURATION] = "duration",
    [OPTION_TYPE_SIZE] = "size",          [OPTION_TYPE_TEXT] = "text",
    [OPTION_TYPE_SECRET] = "secret text", [OPTION_TYPE_PATH] = "path",
    [OPTION_TYPE_LEVEL] = "level",        [OPTION_TYPE_MODE] = "file mode",
    [OPTION_TYPE_CHOICE] = "choice",      [OPTION_TYPE_STATUSES] = "list of statuses",
};

static enum config_number parse_whole(struct span text, int64_t *ret_number);
static enum config_number parse_level(struct span text, int64_t *ret_number);
static enum config_number parse_mode(struct span text, int64_t *ret_number);

bool config_value_is_text(enum option_type type)
{
    return type == OPTION_TYPE_TEXT || type == OPTION_TYPE_SECRET || type == OPTION_TYPE_PATH;
}

const char *config_value_notation(enum option_type type)
{
    return notations[type];
}

const char *config_value_noun(enum option_type type)
{
    return nouns[type];
}

bool config_value_may_be(enum option_type type, struct span token)
{
    enum json_kind kind = json_kind_of(token);

    if (kind == JSON_NUMBER) {
        return type == OPTION_TYPE_COUNT || type == OPTION_TYPE_SIZE;
    }
    return kind == JSON_STRING && type != OPTION_TYPE_COUNT && type != OPTION_TYPE_STATUSES;
}

enum config_number config_value_parse(enum option_type type, struct span text, int64_t *ret_number)
{
    switch (type) {
    case OPTION_TYPE_COUNT:
        return parse_whole(text, ret_number);
    case OPTION_TYPE_DURATION:
        return config_number_parse(text, config_durations, ret_number);
    case OPTION_TYPE_SIZE:
        return config_number_parse(text, config_sizes, ret_number);
    case OPTION_TYPE_LEVEL:
        return parse_level(text, ret_number);
    case OPTION_TYPE_MODE:
        return parse_mode(text, ret_number);
    case OPTION_TYPE_CHOICE:
    case OPTION_TYPE_STATUSES:
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
    case OPTION_TYPE_PATH:
        break;
    }
    return CONFIG_NUMBER_MALFORMED;
}

enum config_number config_value_read(enum option_type type, struct span token, int64_t *ret_number)
{
    char text[64];

    if (json_kind_of(token) == JSON_NUMBER) {
        return parse_whole(token, ret_number);
    }
    if (!json_string_copy(token, text, sizeof(text))) {
        return CONFIG_NUMBER_MALFORMED;
    }
    return config_value_parse(type, span_of(text), ret_number);
}

void config_value_print(enum option_type type, int64_t number, struct bytes *out)
{
    switch (type) {
    case OPTION_TYPE_COUNT:
    case OPTION_TYPE_STATUSES:
        bytes_append_int(out, number);
        return;
    case OPTION_TYPE_DURATION:
        config_number_print(number, config_durations, out);
        return;
    case OPTION_TYPE_SIZE:
        config_number_print(number, config_sizes, out);
        return;
    case OPTION_TYPE_LEVEL:
        CHECK(number >= 0 && number < LEVEL_COUNT);
        bytes_append_text(out, level_names[number]);
        return;
    case OPTION_TYPE_MODE:
        bytes_printf(out, "%04o", (unsigned)number);
        return;
    case OPTION_TYPE_CHOICE:
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
    case OPTION_TYPE_PATH:
        break;
    }
    CHECK(type != OPTION_TYPE_CHOICE && !config_value_is_text(type));
}

int config_value_text(const struct config_place *place, const char *name, struct span token,
                      struct bytes *out)
{
    bytes_init(out, token.length);
    if (json_kind_of(token) != JSON_STRING) {
        return config_refuse(place, "\"%s\" is %s; %s", name, config_kind_name(token),
                             notations[OPTION_TYPE_TEXT]);
    }
    if (json_string_decode(token, out)) {
        return 0;
    }
    return out->failed ? -ENOMEM
                       : config_refuse(place,
                                       "\"%s\" has half a surrogate pair; correct its \\u "
                                       "escapes",
                                       name);
}

/* Too large for anybody, either way, becomes INT64_MAX. */
static enum config_number parse_whole(struct span text, int64_t *ret_number)
{
    if (!json_is_integer(text)) {
        return CONFIG_NUMBER_MALFORMED;
    }
    if (!json_to_int(text, ret_number)) {
        *ret_number = INT64_MAX;
    }
    return CONFIG_NUMBER_GOOD;
}

static enum config_number parse_level(struct span text, int64_t *ret_number)
{
    for (int64_t i = 0; i < LEVEL_COUNT; i++) {
        if (span_is(text, level_names[i])) {
            *ret_number = i;
            return CONFIG_NUMBER_GOOD;
        }
    }
    return CONFIG_NUMBER_MALFORMED;
}

static enum config_number parse_mode(struct span text, int64_t *ret_number)
{
    int64_t mode = 0;

    if (text.length < MODE_DIGITS - 1 || text.length > MODE_DIGITS) {
        return CONFIG_NUMBER_MALFORMED;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '7') {
            return CONFIG_NUMBER_MALFORMED;
        }
        mode = mode * 8 + (text.at[i] - '0');
    }
    *ret_number = mode;
    return CONFIG_NUMBER_GOOD;
}
