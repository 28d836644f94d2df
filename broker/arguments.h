/* SPDX-License-Identifier: MIT */
/* The command line of teplod. */
#ifndef TEPLO_BROKER_ARGUMENTS_H
#define TEPLO_BROKER_ARGUMENTS_H

#include <stdbool.h>

#include "broker/control/config.h"

enum arguments_mode {
    ARGUMENTS_SERVE,
    ARGUMENTS_CHECK_CONFIG,
    ARGUMENTS_PRINT_OPTIONS,
    ARGUMENTS_HELP,
    ARGUMENTS_VERSION,
};

struct arguments {
    enum arguments_mode mode;
    const char *runtime_dir; /* NULL: the default */
    char **argv;             /* of main: for the process that replaces this one */
    struct config_arguments config;
};

/* -1: MESSAGE says what is wrong. */
MUST_CHECK int arguments_parse(struct arguments *arguments, int argc, char **argv,
                               struct bytes *message);
extern const char arguments_help[];

#endif
