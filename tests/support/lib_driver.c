/* SPDX-License-Identifier: MIT */
/*
 * A program with libteplo in it, for tests of what becomes of its calls: keeps DEPTH calls of the
 * scripted server's tool in flight until its input ends, then waits for the rest.  A line for each
 * answer: number, status, outcome, reason.  Uses teplo.h alone, through the shared library.
 *
 *     lib_driver SOCKET DEPTH [POOL ...]
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "teplo.h"

enum { DEPTH_MAXIMUM = 256 };

struct driver {
    struct teplo_client *client;
    int fd;
    size_t depth;
    size_t pool_count;
    char **pools;
    long long last;                   /* number of a call */
    long long numbers[DEPTH_MAXIMUM]; /* of the calls in flight; 0: none */
    uint64_t tickets[DEPTH_MAXIMUM];
    size_t count;
};

static _Noreturn void die(const char *what, const char *more)
{
    fprintf(stderr, "lib_driver: %s: %s\n", what, more);
    exit(1);
}

static void start(struct driver *driver, size_t at)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    char arguments[64];
    int length;

    driver->numbers[at] = ++driver->last;
    length = snprintf(arguments, sizeof(arguments), "{\"u\":%lld,\"ms\":%lld}", driver->last,
                      driver->last % 50);
    if (driver->pool_count > 0) {
        options.pool = driver->pools[(size_t)driver->last % driver->pool_count];
    }
    if (teplo_call_tool_start(driver->client, "effect", arguments, (size_t)length, &options,
                              &driver->tickets[at]) != TEPLO_OK) {
        die("start", teplo_errmsg(driver->client));
    }
    driver->count++;
}

static void tell(struct driver *driver, uint64_t ticket, const struct teplo_result *result)
{
    char wanted[32];

    for (size_t i = 0; i < driver->depth; i++) {
        if (driver->numbers[i] == 0 || driver->tickets[i] != ticket) {
            continue;
        }
        (void)snprintf(wanted, sizeof(wanted), "u=%lld ", driver->numbers[i]);
        if (teplo_result_status(result) == TEPLO_OK &&
            strncmp(teplo_result_text(result, NULL), wanted, strlen(wanted)) != 0) {
            die("another call's answer", teplo_result_text(result, NULL));
        }
        printf("%lld %d %d %s\n", driver->numbers[i], teplo_result_status(result),
               (int)teplo_result_outcome(result), teplo_result_reason(result));
        driver->numbers[i] = 0;
        driver->count--;
        return;
    }
    die("an answer to nothing", teplo_result_message(result, NULL));
}

static void take_all(struct driver *driver)
{
    struct teplo_result *result;
    enum teplo_kind kind;
    uint64_t ticket;

    if (teplo_dispatch(driver->client) < 0 || teplo_fd(driver->client) != driver->fd) {
        die("dispatch", teplo_errmsg(driver->client));
    }
    while (teplo_next(driver->client, &ticket, &kind, &result) == 1) {
        tell(driver, ticket, result);
        teplo_result_free(result);
    }
    (void)fflush(stdout);
}

static void run(struct driver *driver)
{
    struct pollfd pollers[] = {{.fd = driver->fd, .events = POLLIN},
                               {.fd = STDIN_FILENO, .events = POLLIN}};
    bool is_ending = false;

    while (!is_ending || driver->count > 0) {
        for (size_t i = 0; i < driver->depth && !is_ending; i++) {
            if (driver->numbers[i] == 0) {
                start(driver, i);
            }
        }
        pollers[1].fd = is_ending ? -1 : STDIN_FILENO;
        if (poll(pollers, 2, -1) < 0) {
            die("poll", "");
        }
        is_ending = is_ending || pollers[1].revents != 0;
        if (pollers[0].revents != 0) {
            take_all(driver);
        }
    }
}

int main(int argc, char **argv)
{
    struct driver driver = {0};
    struct teplo_options *options = teplo_options_new();
    const char *reconnect_ms = getenv("LIB_DRIVER_RECONNECT_MS");

    if (argc < 3 || options == NULL ||
        teplo_options_set_text(options, TEPLO_OPT_SOCKET, argv[1]) != TEPLO_OK) {
        die("usage", "lib_driver SOCKET DEPTH [POOL ...]");
    }
    if (reconnect_ms != NULL) {
        (void)teplo_options_set_number(options, TEPLO_OPT_RECONNECT_MS, atoll(reconnect_ms));
    }
    driver.depth = (size_t)strtoul(argv[2], NULL, 10);
    if (driver.depth < 1 || driver.depth > DEPTH_MAXIMUM ||
        teplo_open(options, &driver.client) != TEPLO_OK) {
        die("open", argv[2]);
    }
    teplo_options_free(options);
    driver.pools = argv + 3;
    driver.pool_count = (size_t)argc - 3;
    driver.fd = teplo_fd(driver.client);
    run(&driver);
    teplo_close(driver.client);
    return 0;
}
