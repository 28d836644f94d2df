/* SPDX-License-Identifier: MIT */
#include "broker/arguments.h"

#include <getopt.h>

const char arguments_help[] =
    "usage: teplod --config FILE [--runtime-dir DIR]\n"
    "       teplod --server NAME=URL [--server ...] [--header 'NAME: Header: value'] [--redis "
    "URL]\n"
    "\n"
    "Keeps MCP client sessions warm and shares them over a Unix socket.\n"
    "\n"
    "  --config FILE        configuration in the mcpServers shape (teplo.jsonc(5))\n"
    "  --server NAME=URL    a server to serve, without a file\n"
    "  --header 'NAME: Header: value'\n"
    "                       a header for the server NAME; ${VAR} comes from the environment\n"
    "  --redis URL          where to tell how the pools are doing\n"
    "  --runtime-dir DIR    where the sockets are (default: $TEPLO_RUNTIME_DIR, /run/teplo as "
    "root,\n"
    "                       $XDG_RUNTIME_DIR/teplo, /tmp/teplo-UID)\n"
    "  --check-config FILE  say whether FILE is valid, and stop\n"
    "  --print-options      every option with default, range and meaning, and stop\n"
    "  --version, --help\n"
    "\n"
    "Signals: TERM or INT drains and stops (twice: at once), HUP reads the configuration again,\n"
    "USR2 replaces the process by the program as it is on the disk now, without a gap.\n";

enum {
    OPTION_CONFIG = 256,
    OPTION_SERVER,
    OPTION_HEADER,
    OPTION_REDIS,
    OPTION_RUNTIME_DIR,
    OPTION_CHECK_CONFIG,
    OPTION_PRINT_OPTIONS,
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"server", required_argument, NULL, OPTION_SERVER},
    {"header", required_argument, NULL, OPTION_HEADER},
    {"redis", required_argument, NULL, OPTION_REDIS},
    {"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
    {"check-config", required_argument, NULL, OPTION_CHECK_CONFIG},
    {"print-options", no_argument, NULL, OPTION_PRINT_OPTIONS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int add(const char **list, size_t *count, size_t maximum, const char *value,
               struct bytes *message)
{
    if (*count == maximum) {
        bytes_printf(message, "too many --server or --header; use a file with --config");
        return -1;
    }
    list[(*count)++] = value;
    return 0;
}

static int take(struct arguments *arguments, int option, const char *given, struct bytes *message)
{
    struct config_arguments *config = &arguments->config;

    switch (option) {
    case OPTION_CHECK_CONFIG:
        arguments->mode = ARGUMENTS_CHECK_CONFIG;
        config->file = optarg;
        return 0;
    case OPTION_CONFIG:
        config->file = optarg;
        return 0;
    case OPTION_SERVER:
        return add(config->servers, &config->server_count,
                   sizeof(config->servers) / sizeof(config->servers[0]), optarg, message);
    case OPTION_HEADER:
        return add(config->headers, &config->header_count,
                   sizeof(config->headers) / sizeof(config->headers[0]), optarg, message);
    case OPTION_REDIS:
        config->redis = optarg;
        return 0;
    case OPTION_RUNTIME_DIR:
        arguments->runtime_dir = optarg;
        return 0;
    case OPTION_PRINT_OPTIONS:
        arguments->mode = ARGUMENTS_PRINT_OPTIONS;
        return 0;
    case 'h':
        arguments->mode = ARGUMENTS_HELP;
        return 0;
    case 'V':
        arguments->mode = ARGUMENTS_VERSION;
        return 0;
    default:
        bytes_printf(message, "%s is unknown, or lacks its value; see teplod --help", given);
        return -1;
    }
}

int arguments_parse(struct arguments *arguments, int argc, char **argv, struct bytes *message)
{
    int option;

    *arguments = (struct arguments){.mode = ARGUMENTS_SERVE, .argv = argv};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
        if (take(arguments, option, argv[optind - 1], message) < 0) {
            return -1;
        }
    }
    if (optind < argc) {
        bytes_printf(message, "what is \"%s\"? see teplod --help", argv[optind]);
        return -1;
    }
    if (arguments->mode == ARGUMENTS_SERVE && arguments->config.file == NULL &&
        arguments->config.server_count == 0) {
        bytes_printf(message, "no server: give --server NAME=URL or --config FILE");
        return -1;
    }
    return 0;
}
