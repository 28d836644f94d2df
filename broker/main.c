/* SPDX-License-Identifier: MIT */
/* argv in, exit status out: 0 stopped as told, 1 failed, 2 usage, 78 bad configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/app.h"
#include "broker/arguments.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static int complain(struct bytes *message, int status)
{
    const char *text = bytes_text(message);

    fprintf(stderr, "teplod: %s\n", text == NULL ? "out of memory" : text);
    return status;
}

static int check_config(const struct arguments *arguments, struct bytes *message)
{
    struct config *config = config_load(&arguments->config, message);

    if (config == NULL) {
        return complain(message, EXIT_CONFIG);
    }
    printf("%s: valid, %zu server%s\n", arguments->config.file, config->server_count,
           config->server_count == 1 ? "" : "s");
    config_free(config);
    return EXIT_SUCCESS;
}

static int print_options(struct bytes *message)
{
    config_print_options(message);
    if (message->failed) {
        return EXIT_FAILURE;
    }
    (void)fwrite(message->at, 1, message->length, stdout);
    return EXIT_SUCCESS;
}

static int run(const struct arguments *arguments, struct bytes *message)
{
    switch (arguments->mode) {
    case ARGUMENTS_HELP:
        (void)fputs(arguments_help, stdout);
        return EXIT_SUCCESS;
    case ARGUMENTS_VERSION:
        (void)puts("teplod " TEPLO_VERSION);
        return EXIT_SUCCESS;
    case ARGUMENTS_PRINT_OPTIONS:
        return print_options(message);
    case ARGUMENTS_CHECK_CONFIG:
        return check_config(arguments, message);
    case ARGUMENTS_SERVE:
        break;
    }
    switch (app_run(arguments, message)) {
    case APP_STOPPED:
        return EXIT_SUCCESS;
    case APP_BAD_CONFIG:
        return complain(message, EXIT_CONFIG);
    case APP_FAILED:
        break;
    }
    return complain(message, EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct bytes message;
    int status;

    bytes_init(&message, 1 << 20);
    status = arguments_parse(&arguments, argc, argv, &message) < 0 ? complain(&message, EXIT_USAGE)
                                                                   : run(&arguments, &message);
    bytes_done(&message);
    return status;
}
