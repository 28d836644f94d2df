/* SPDX-License-Identifier: MIT */
/* Several calls at once in a loop of one's own:  plain_poll TOOL '{...}' '{...}' ... */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <teplo.h>

/* Takes what has come; how many answers that were.  *FAILED counts those that are no results. */
static int take_answers(struct teplo_client *client, int *failed)
{
    struct teplo_result *result;
    enum teplo_kind kind;
    uint64_t ticket;
    int answers = 0;

    while (teplo_next(client, &ticket, &kind, &result) > 0) {
        if (kind == TEPLO_K_ANSWER) {
            int is_good = teplo_result_status(result) == TEPLO_OK;

            answers++;
            *failed += !is_good;
            printf("%d: %s\n", (int)ticket,
                   is_good ? teplo_result_text(result, NULL) : teplo_result_message(result, NULL));
        }
        teplo_result_free(result);
    }
    return answers;
}

int main(int argc, char **argv)
{
    struct teplo_client *client;
    int waiting = 0;
    int failed = 0;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s TOOL JSON...\n", argv[0]);
        return 2;
    }
    if (teplo_open(NULL, &client) < 0) {
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        uint64_t ticket;

        if (teplo_call_tool_start(client, argv[1], argv[i], strlen(argv[i]), NULL, &ticket) < 0) {
            (void)fprintf(stderr, "%s\n", teplo_errmsg(client));
            failed++;
        } else {
            waiting++;
        }
    }
    while (waiting > 0) {
        /* One descriptor, read interest only, no timeout to keep: deadlines turn it readable too.
         */
        struct pollfd entry = {.fd = teplo_fd(client), .events = POLLIN};

        (void)poll(&entry, 1, -1);
        if (teplo_dispatch(client) < 0) {
            (void)fprintf(stderr, "%s\n", teplo_errmsg(client));
            break;
        }
        waiting -= take_answers(client, &failed);
    }
    teplo_close(client);
    return waiting == 0 && failed == 0 ? 0 : 1;
}
