/* SPDX-License-Identifier: MIT */
#include "broker/control/config_place.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static size_t line_of(const struct config_place *place)
{
    size_t line = 1;

    for (const char *at = place->text.at; at < place->at; at++) {
        line += *at == '\n' ? 1 : 0;
    }
    return line;
}

/* A value of the file may hold line ends, and what a terminal obeys. */
static void make_one_line(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
}

int config_refuse(const struct config_place *place, const char *format, ...)
{
    /* Every message is made of short, clipped parts. */
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    make_one_line(text);
    bytes_clear(place->message);
    if (place->at == NULL) {
        bytes_printf(place->message, "%s: %s", place->name, text);
    } else {
        bytes_printf(place->message, "%s:%zu: %s", place->name, line_of(place), text);
    }
    return -EINVAL;
}

const char *config_kind_name(struct span value)
{
    switch (json_kind_of(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_NUMBER:
        return "a number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    case JSON_NONE:
        break;
    }
    return "nothing";
}
