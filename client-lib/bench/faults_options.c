/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults_options.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    WORD_CALLS = 256,
    WORD_CLIENTS,
    WORD_DEPTH,
    WORD_SEED,
    WORD_FAULTS,
    WORD_CANCELS,
    WORD_SERVERS,
    WORD_DEADLINE,
    WORD_SLACK,
    WORD_SECONDS,
    WORD_BROKER,
    WORD_SERVER,
    WORD_OPTIONS,
    WORD_POOL_OPTIONS,
    WORD_EXPECT,
    WORD_KEEP,
    WORD_QUIET,
    WORD_HELP,
    WORD_EVENT, /* the first of them: the last */
};

static const struct option words_known[] = {
    {"calls", required_argument, NULL, WORD_CALLS},
    {"clients", required_argument, NULL, WORD_CLIENTS},
    {"depth", required_argument, NULL, WORD_DEPTH},
    {"seed", required_argument, NULL, WORD_SEED},
    {"fault-permille", required_argument, NULL, WORD_FAULTS},
    {"cancel-permille", required_argument, NULL, WORD_CANCELS},
    {"servers", required_argument, NULL, WORD_SERVERS},
    {"deadline-ms", required_argument, NULL, WORD_DEADLINE},
    {"slack-ms", required_argument, NULL, WORD_SLACK},
    {"seconds", required_argument, NULL, WORD_SECONDS},
    {"teplod", required_argument, NULL, WORD_BROKER},
    {"server", required_argument, NULL, WORD_SERVER},
    {"options", required_argument, NULL, WORD_OPTIONS},
    {"pool-options", required_argument, NULL, WORD_POOL_OPTIONS},
    {"expect", required_argument, NULL, WORD_EXPECT},
    {"keep", no_argument, NULL, WORD_KEEP},
    {"no-nemesis", no_argument, NULL, WORD_QUIET},
    {"help", no_argument, NULL, WORD_HELP},
#define EVENT(name, option, each, help)                                                            \
    {option, required_argument, NULL, WORD_EVENT + FAULTS_EVENT_##name},
#include "client-lib/bench/faults_events.def"
#undef EVENT
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: teplo-bench --faults [OPTIONS]\n"
    "\n"
    "Makes calls through a broker while servers, broker and clients fail, and checks that none\n"
    "was executed twice, lost, reported falsely or late.\n"
    "\n"
    "  --calls N            in all (50000)\n"
    "  --seconds N          make no more calls after that time\n"
    "  --clients N          connections (16)\n"
    "  --depth N            calls in flight of one client (8)\n"
    "  --servers N          (2)\n"
    "  --seed N             (random, and printed)\n"
    "  --fault-permille N   calls that the server misbehaves for (25)\n"
    "  --cancel-permille N  calls that the client takes back (5)\n"
    "  --deadline-ms N      of a call (8000)\n"
    "  --slack-ms N         how late an answer may be (50)\n"
    "  --teplod FILE        the broker (beside this program in the build tree)\n"
    "  --server FILE        the scripted server (the same)\n"
    "  --options TEXT       members for the broker's own object in its configuration\n"
    "  --pool-options TEXT  the same for the object of each server\n"
    "  --no-nemesis         do nothing to any process, but for what a further option asks for\n"
    "  --expect RULE        succeed only if that rule was broken: for testing this test\n"
    "  --keep               keep the directory of the run\n";

static void print_help(void)
{
    (void)printf("%s\nTo processes and connections, so many times over the run:\n", help);
    for (size_t i = 0; i < FAULTS_EVENT_COUNT; i++) {
        (void)printf("  --%-18s %s\n", faults_event_option((enum faults_event)i),
                     faults_event_help((enum faults_event)i));
    }
}

/* A program of the build tree this one lies in, two folders up. */
static void find_beside(char *path, size_t size, const char *name)
{
    char self[PATH_MAX] = "";

    if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
        (void)snprintf(path, size, "%s/../../%s", dirname(self), name);
    }
}

static void set_defaults(struct faults_options *options)
{
    uint32_t seed = 0;

    (void)!getrandom(&seed, sizeof(seed), 0);
    *options = (struct faults_options){.programs = {.broker = options->broker,
                                                    .server = options->server,
                                                    .options = "",
                                                    .pool_options = ""},
                                       .odds = {.seed = seed,
                                                .fault_permille = 25,
                                                .cancel_permille = 5,
                                                .servers = 2,
                                                .deadline_ms = 8000,
                                                .silent_deadline_ms = 300},
                                       .calls = 50000,
                                       .clients = 16,
                                       .depth = 8,
                                       .slack_ms = 50};
    for (size_t i = 0; i < FAULTS_EVENT_COUNT; i++) {
        options->wanted[i] = -1;
    }
    find_beside(options->broker, sizeof(options->broker), "broker/teplod");
    find_beside(options->server, sizeof(options->server),
                "tests/upstream/scripted/scripted_server");
}

/* Where the number of WORD goes, or NULL. */
static int64_t *number_of_word(struct faults_options *options, int word)
{
    switch (word) {
    case WORD_CALLS:
        return &options->calls;
    case WORD_CLIENTS:
        return &options->clients;
    case WORD_DEPTH:
        return &options->depth;
    case WORD_SLACK:
        return &options->slack_ms;
    case WORD_SECONDS:
        return &options->seconds;
    default:
        return word >= WORD_EVENT ? &options->wanted[word - WORD_EVENT] : NULL;
    }
}

static void take_number(struct faults_options *options, int word, int64_t number)
{
    struct faults_odds *odds = &options->odds;
    int64_t *place = number_of_word(options, word);

    if (place != NULL) {
        *place = number;
    } else if (word == WORD_SEED) {
        odds->seed = (uint64_t)number;
    } else if (word == WORD_FAULTS) {
        odds->fault_permille = (unsigned)number;
    } else if (word == WORD_CANCELS) {
        odds->cancel_permille = (unsigned)number;
    } else if (word == WORD_SERVERS) {
        odds->servers = (unsigned)number;
    } else {
        odds->deadline_ms = (int32_t)number;
    }
}

/* A word without a number.  False: it is none of those. */
static bool take_text(struct faults_options *options, int word)
{
    switch (word) {
    case WORD_BROKER:
        options->programs.broker = optarg;
        return true;
    case WORD_SERVER:
        options->programs.server = optarg;
        return true;
    case WORD_OPTIONS:
        options->programs.options = optarg;
        return true;
    case WORD_POOL_OPTIONS:
        options->programs.pool_options = optarg;
        return true;
    case WORD_EXPECT:
        options->expected = optarg;
        return true;
    case WORD_KEEP:
        options->keeps_files = true;
        return true;
    case WORD_QUIET:
        memset(options->wanted, 0, sizeof(options->wanted));
        return true;
    default:
        return false;
    }
}

static int check(const struct faults_options *options)
{
    if (options->calls < 1 || options->calls > 1000000000 || options->clients < 1 ||
        options->clients > FAULTS_CLIENTS_MAXIMUM || options->depth < 1 ||
        options->depth > FAULTS_DEPTH_MAXIMUM || options->odds.servers < 1 ||
        options->odds.servers > FAULTS_SERVERS_MAXIMUM || options->odds.deadline_ms < 1) {
        (void)fprintf(stderr,
                      "faults: a number is out of range (clients 1 to %d, depth 1 to %d, "
                      "servers 1 to %d)\n",
                      FAULTS_CLIENTS_MAXIMUM, FAULTS_DEPTH_MAXIMUM, FAULTS_SERVERS_MAXIMUM);
        return -1;
    }
    if (access(options->programs.broker, X_OK) < 0 || access(options->programs.server, X_OK) < 0) {
        (void)fprintf(stderr, "faults: cannot run %s and %s: name them (--teplod, --server)\n",
                      options->programs.broker, options->programs.server);
        return -1;
    }
    return 0;
}

int faults_options_read(struct faults_options *options, int count, char **words)
{
    int word;

    set_defaults(options);
    optind = 1;
    while ((word = getopt_long(count, words, "", words_known, NULL)) != -1) {
        char *end = NULL;
        int64_t number;

        if (word == WORD_HELP) {
            print_help();
            return 1;
        }
        if (word == '?') {
            return -1;
        }
        if (take_text(options, word)) {
            continue;
        }
        number = strtoll(optarg, &end, 10);
        if (end == optarg || *end != '\0' || number < 0) {
            (void)fprintf(stderr, "faults: not a number: %s\n", optarg);
            return -1;
        }
        take_number(options, word, number);
    }
    if (optind < count) {
        (void)fprintf(stderr, "faults: what is %s?\n", words[optind]);
        return -1;
    }
    return check(options);
}
