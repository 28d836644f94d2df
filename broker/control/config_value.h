/* SPDX-License-Identifier: MIT */
/* The types of options: how each is written, read and printed.  Knows no option. */
#ifndef TEPLO_CONTROL_CONFIG_VALUE_H
#define TEPLO_CONTROL_CONFIG_VALUE_H

#include <stdbool.h>

#include "broker/control/config_text.h"

enum option_type {
    OPTION_TYPE_COUNT,
    OPTION_TYPE_DURATION, /* in ms */
    OPTION_TYPE_SIZE,     /* in bytes */
    OPTION_TYPE_TEXT,     /* no number: only config_value_text reads it */
    OPTION_TYPE_SECRET,   /* a text with ${...}, never shown */
    OPTION_TYPE_PATH,     /* of a file, absolute; a text with ${...} */
    OPTION_TYPE_LEVEL,
    OPTION_TYPE_MODE,
    OPTION_TYPE_CHOICE,   /* a number here; config_choice.h knows the words */
    OPTION_TYPE_STATUSES, /* no number either: config_option.c reads the list */
};

/* TEXT, SECRET or PATH: its field is a char *, never NULL. */
bool config_value_is_text(enum option_type type);

/* How it is written, for a remedy: "write a whole number, as in 8".  A CHOICE has its own. */
const char *config_value_notation(enum option_type type);
/* One word for it in a listing: "number". */
const char *config_value_noun(enum option_type type);

/* A JSON value of this kind may be one. */
bool config_value_may_be(enum option_type type, struct span token);
/* Without quotes, as in options.def. */
MUST_CHECK enum config_number config_value_parse(enum option_type type, struct span text,
                                                 int64_t *ret_number);
/* A JSON value that may be one. */
MUST_CHECK enum config_number config_value_read(enum option_type type, struct span token,
                                                int64_t *ret_number);
/* In the file's notation, without quotes. */
void config_value_print(enum option_type type, int64_t number, struct bytes *out);

/*
 * The text of the JSON value TOKEN, which is called NAME in messages.  OUT is made here, and the
 * caller's to end whatever the result, which is as config_place.h says.
 */
MUST_CHECK int config_value_text(const struct config_place *place, const char *name,
                                 struct span token, struct bytes *out);

#endif
