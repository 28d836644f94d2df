/* SPDX-License-Identifier: MIT */
/* The words of the options of type CHOICE (choices.def).  OPTION is such an option's name. */
#ifndef TEPLO_CONTROL_CONFIG_CHOICE_H
#define TEPLO_CONTROL_CONFIG_CHOICE_H

#include <stdint.h>

#include "proto/base/bytes.h"

/* NUMBER is one of the option's. */
const char *config_choice_word(const char *option, int64_t number);
/* -1: no such word. */
int64_t config_choice_number(const char *option, struct span word);
/* All of them, each between QUOTEs: `"probe", "fresh" or "always"`. */
void config_choice_list(const char *option, const char *quote, struct bytes *out);

#endif
