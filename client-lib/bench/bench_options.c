/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/bench_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/socket_path.h"

enum switch_value {
    SWITCH_FIRST = 256, /* above every letter */
#define SWITCH(name, word, letter, argument, help) BENCH_##name,
#include "client-lib/bench/bench_switches.def"
#undef SWITCH
    SWITCH_LAST,
};

static const struct switch_row {
    const char *word;
    char letter;
    const char *argument;
    const char *help;
} rows[] = {
#define SWITCH(name, word, letter, argument, help) {word, letter, argument, help},
#include "client-lib/bench/bench_switches.def"
#undef SWITCH
};

enum {
    ROWS = SWITCH_LAST - SWITCH_FIRST - 1,
    DURATION_DEFAULT_MS = 5000,
    WARM_UP_DEFAULT_MS = 500,
    PATIENCE_DEFAULT_MS = 60000,
    PATIENCE_GRACE_MS = 2000,
    RATE_MAXIMUM = 1000000,
    PAYLOAD_MAXIMUM = 32 << 20,
};

#define CALLS_MAXIMUM UINT64_C(1000000000000)

/* What was given, by switch; NULL: not. */
struct words {
    const char *of[ROWS];
};

static const char *given(const struct words *words, enum switch_value which)
{
    return words->of[which - SWITCH_FIRST - 1];
}

static const char *word_of(enum switch_value which)
{
    return rows[which - SWITCH_FIRST - 1].word;
}

/* ---- reading words */

/* RET_NUMBER stays as it is if the switch was not given. */
static bool read_number(const struct words *words, enum switch_value which, uint64_t least,
                        uint64_t most, uint64_t *ret_number)
{
    const char *text = given(words, which);
    unsigned long long number;
    char *end;

    if (text == NULL) {
        return true;
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        (void)complaint_usage(NULL,
                              "--%s %s: a whole number from %" PRIu64 " to %" PRIu64 " is needed",
                              word_of(which), text, least, most);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool read_count(const struct words *words, enum switch_value which, unsigned most,
                       unsigned *ret_count)
{
    uint64_t number = *ret_count;

    if (!read_number(words, which, 1, most, &number)) {
        return false;
    }
    *ret_count = (unsigned)number;
    return true;
}

static bool read_time(const struct words *words, enum switch_value which, int64_t *ret_length_ms)
{
    const char *text = given(words, which);

    if (text == NULL || duration_parse(text, ret_length_ms)) {
        return true;
    }
    if (which == BENCH_WARM_UP && (strcmp(text, "0") == 0 || strcmp(text, "0s") == 0)) {
        *ret_length_ms = 0;
        return true;
    }
    (void)complaint_usage(NULL,
                          "--%s %s: a whole number with its unit is needed, from 1ms to "
                          "24h: 500ms, 30s, 5m, 1h",
                          word_of(which), text);
    return false;
}

static bool read_numbers(const struct words *words, struct bench_options *options)
{
    return read_count(words, BENCH_CLIENTS, CLIENTS_MAXIMUM, &options->clients) &&
           read_count(words, BENCH_IN_FLIGHT, IN_FLIGHT_MAXIMUM, &options->in_flight) &&
           read_number(words, BENCH_CALLS, 1, CALLS_MAXIMUM, &options->calls) &&
           read_number(words, BENCH_RATE, 1, RATE_MAXIMUM, &options->rate) &&
           read_number(words, BENCH_PAYLOAD, 0, PAYLOAD_MAXIMUM, &options->payload);
}

static bool read_times(const struct words *words, struct bench_options *options)
{
    options->duration_ms = options->calls > 0 ? DURATION_FOREVER : DURATION_DEFAULT_MS;
    options->warm_up_ms = WARM_UP_DEFAULT_MS;
    if (!read_time(words, BENCH_DURATION, &options->duration_ms) ||
        !read_time(words, BENCH_WARM_UP, &options->warm_up_ms) ||
        !read_time(words, BENCH_DEADLINE, &options->deadline_ms)) {
        return false;
    }
    options->patience_ms =
        options->deadline_ms > 0 ? options->deadline_ms + PATIENCE_GRACE_MS : PATIENCE_DEFAULT_MS;
    return read_time(words, BENCH_PATIENCE, &options->patience_ms);
}

static bool read_verify(const struct words *words, struct bench_options *options)
{
    const char *text = given(words, BENCH_VERIFY);

    options->verifies = text == NULL || strcmp(text, "on") == 0;
    if (options->verifies || strcmp(text, "off") == 0) {
        return true;
    }
    (void)complaint_usage(NULL, "--verify %s: on or off", text);
    return false;
}

static bool read_mix(const struct words *words, struct bench_options *options)
{
    const char *mix = given(words, BENCH_MIX);
    const char *tool = given(words, BENCH_TOOL);
    const char *fault;
    int r;

    if (mix != NULL && tool != NULL) {
        (void)complaint_usage(NULL, "--tool and --mix exclude each other");
        return false;
    }
    if (mix == NULL) {
        mix = tool == NULL ? "echo" : tool;
    }
    if (tool_mix_parse(&options->mix, mix, &fault) < 0) {
        (void)complaint_usage(NULL, "--%s %s: %s", word_of(tool == NULL ? BENCH_MIX : BENCH_TOOL),
                              mix, fault);
        return false;
    }
    r = tool_mix_set_arguments(&options->mix, given(words, BENCH_ARGUMENTS), options->payload);
    if (r < 0) {
        (void)complaint_usage(NULL, r == -EINVAL ? "--arguments: a JSON object is needed, with %%n "
                                                   "where the number of the call goes"
                                                 : "out of memory");
        return false;
    }
    return true;
}

/* ---- where to */

static bool find_url(const struct words *words, struct bench_options *options)
{
    const char *fault;

    if (given(words, BENCH_SOCKET) != NULL || options->pool != NULL || options->deadline_ms > 0) {
        (void)complaint_usage(NULL, "--url excludes --socket, --pool and --deadline: there is no "
                                    "broker on that way");
        return false;
    }
    options->target = TARGET_URL;
    options->target_name = given(words, BENCH_URL);
    fault = http_place_find(options->target_name, &options->place);
    if (fault != NULL) {
        (void)complaint_usage(NULL, "--url %s: %s", options->target_name, fault);
        return false;
    }
    return true;
}

static bool find_socket(const struct words *words, struct bench_options *options)
{
    static const struct invocation anywhere;
    const char *path = given(words, BENCH_SOCKET);

    options->target = TARGET_SOCKET;
    options->socket = (struct sockaddr_un){.sun_family = AF_UNIX};
    options->target_name = options->socket.sun_path;
    if (path == NULL) {
        return socket_path_find(&anywhere, SOCKET_CLIENT, &options->socket) == STATUS_OK;
    }
    if (snprintf(options->socket.sun_path, sizeof(options->socket.sun_path), "%s", path) >=
        (int)sizeof(options->socket.sun_path)) {
        (void)complaint_usage(NULL, "--socket: a socket's path has %zu bytes at most",
                              sizeof(options->socket.sun_path) - 1);
        return false;
    }
    return true;
}

/* ---- the words themselves */

static void print_help(void)
{
    printf(
        "usage: teplo-bench [switches]\n"
        "       teplo-bench --faults ...     load with faults injected; see its own --help\n\n"
        "Calls a tool through teplod, or at a server directly, and says how long that took.\n\n");
    for (int i = 0; i < ROWS; i++) {
        char word[64];

        (void)snprintf(word, sizeof(word), "--%s %s", rows[i].word,
                       rows[i].argument == NULL ? "" : rows[i].argument);
        if (rows[i].letter != '\0') {
            printf("  -%c, %-22s %s\n", rows[i].letter, word, rows[i].help);
        } else {
            printf("      %-22s %s\n", word, rows[i].help);
        }
    }
    printf(
        "\nExit status: 0 every call was answered; 1 an answer was wrong or lost; 2 wrong usage;\n"
        "3 no call had a result; 6 nobody to talk to.\n");
}

static void make_getopt(struct option *words, char *letters)
{
    *letters++ = ':'; /* says which of the two errors it is */
    for (int i = 0; i < ROWS; i++) {
        words[i] = (struct option){rows[i].word,
                                   rows[i].argument == NULL ? no_argument : required_argument, NULL,
                                   SWITCH_FIRST + 1 + i};
        if (rows[i].letter != '\0') {
            *letters++ = rows[i].letter;
            if (rows[i].argument != NULL) {
                *letters++ = ':';
            }
        }
    }
    words[ROWS] = (struct option){0};
    *letters = '\0';
}

static int index_of(int found)
{
    for (int i = 0; i < ROWS; i++) {
        if (found == rows[i].letter || found == SWITCH_FIRST + 1 + i) {
            return i;
        }
    }
    return -1;
}

static bool read_words(int argc, char **argv, struct words *words)
{
    struct option options[ROWS + 1];
    char letters[2 * ROWS + 2];
    int found;

    make_getopt(options, letters);
    opterr = 0;
    while ((found = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (found == ':') {
            (void)complaint_usage(NULL, "%s needs a value", argv[optind - 1]);
            return false;
        }
        if (found == '?') {
            (void)complaint_usage(NULL, "there is no switch '%s', or it takes no value",
                                  argv[optind - 1]);
            return false;
        }
        words->of[index_of(found)] = optarg == NULL ? "" : optarg;
    }
    if (optind < argc) {
        (void)complaint_usage(NULL, "'%s' is no switch", argv[optind]);
        return false;
    }
    return true;
}

bool bench_options_parse(int argc, char **argv, struct bench_options *ret_options,
                         enum exit_status *ret_status)
{
    struct words words = {{NULL}};

    *ret_options = (struct bench_options){.clients = 1, .in_flight = 1};
    tool_mix_init(&ret_options->mix);
    *ret_status = STATUS_USAGE;
    if (!read_words(argc, argv, &words)) {
        return false;
    }
    if (given(&words, BENCH_HELP) != NULL || given(&words, BENCH_VERSION) != NULL) {
        if (given(&words, BENCH_HELP) != NULL) {
            print_help();
        } else {
            printf("teplo-bench " TEPLO_VERSION "\n");
        }
        *ret_status = STATUS_OK;
        return false;
    }
    ret_options->pool = given(&words, BENCH_POOL);
    ret_options->upstream_stats = given(&words, BENCH_UPSTREAM_STATS);
    ret_options->prints_json = given(&words, BENCH_JSON) != NULL;
    if (read_numbers(&words, ret_options) && read_times(&words, ret_options) &&
        read_verify(&words, ret_options) && read_mix(&words, ret_options) &&
        (given(&words, BENCH_URL) != NULL ? find_url(&words, ret_options)
                                          : find_socket(&words, ret_options))) {
        return true;
    }
    bench_options_done(ret_options);
    return false;
}

void bench_options_done(struct bench_options *options)
{
    tool_mix_done(&options->mix);
}
