/* SPDX-License-Identifier: MIT */
/*
 * An MCP server that executes fast, misbehaves as each call asks (faults.def), and keeps a
 * ledger of what it executed.  Prints its URL, serves until it is killed.
 *
 *   scripted_server [--port N] [--ledger FILE] [--die-with-parent]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include "tests/upstream/scripted/scripted_sse.h"

struct arguments {
    unsigned port;
    const char *ledger;
};

static const struct scripted_settings defaults = {
#define SETTING(name, fallback) .name = (fallback),
#include "tests/upstream/scripted/settings.def"
#undef SETTING
    .fault = "",
};

static int read_arguments(int count, char **words, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                            {"ledger", required_argument, NULL, 'l'},
                                            {"die-with-parent", no_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    int word;

    *ret_arguments = (struct arguments){.port = 0, .ledger = NULL};
    while ((word = getopt_long(count, words, "", options, NULL)) != -1) {
        switch (word) {
        case 'p':
            ret_arguments->port = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            ret_arguments->ledger = optarg;
            break;
        case 'd':
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        default:
            fprintf(stderr, "usage: scripted_server [--port N] [--ledger FILE] "
                            "[--die-with-parent]\n");
            return -1;
        }
    }
    return 0;
}

static int open_ledger(struct scripted *scripted, const char *name)
{
    scripted->ledger = -1;
    if (name != NULL) {
        scripted->ledger = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (scripted->ledger < 0) {
            perror(name);
            return -1;
        }
    }
    return 0;
}

/* Sessions of an earlier process on the same port are unknown to this one. */
static int64_t first_session(void)
{
    uint32_t number = 0;

    (void)!getrandom(&number, sizeof(number), 0);
    return (int64_t)number << 24;
}

int main(int count, char **words)
{
    static struct scripted scripted;
    static struct peers peers;
    struct arguments arguments;

    if (read_arguments(count, words, &arguments) < 0 ||
        open_ledger(&scripted, arguments.ledger) < 0) {
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    scripted.loop = loop_new();
    scripted.settings = defaults;
    scripted.last_session = first_session();
    hashmap_init(&scripted.sessions);
    list_init(&scripted.streams);
    bytes_init(&scripted.scratch, SCRIPTED_ANSWER_MAXIMUM);
    if (scripted.loop == NULL ||
        peers_open(&peers, &scripted, arguments.port, &scripted_sse_events, &scripted) < 0) {
        fprintf(stderr, "scripted_server: cannot listen on port %u\n", arguments.port);
        return 1;
    }
    printf("http://127.0.0.1:%u/sse\n", peers.port);
    (void)fflush(stdout);
    return loop_run(scripted.loop) == 0 ? 0 : 1;
}
