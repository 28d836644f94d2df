/* SPDX-License-Identifier: MIT */
/* teplo in an event loop: one event on one descriptor.  with_libevent TOOL '{...}' '{...}' ... */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <teplo.h>

struct calls {
    struct teplo_client *client;
    struct event_base *loop;
    int waiting;
    int failed;
};

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct calls *calls = context;
    struct teplo_result *result;
    enum teplo_kind kind;
    uint64_t ticket;
    int usable = teplo_dispatch(calls->client);

    (void)fd;
    (void)what;
    while (teplo_next(calls->client, &ticket, &kind, &result) > 0) {
        if (kind == TEPLO_K_ANSWER) {
            int is_good = teplo_result_status(result) == TEPLO_OK;

            calls->waiting--;
            calls->failed += !is_good;
            puts(is_good ? teplo_result_text(result, NULL) : teplo_result_message(result, NULL));
        }
        teplo_result_free(result);
    }
    if (usable < 0 || calls->waiting == 0) {
        (void)event_base_loopbreak(calls->loop);
    }
}

int main(int argc, char **argv)
{
    struct calls calls = {.waiting = 0};
    struct event *readable;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s TOOL JSON...\n", argv[0]);
        return 2;
    }
    if (teplo_open(NULL, &calls.client) < 0) {
        return 1;
    }
    calls.loop = event_base_new();
    /* The descriptor stays the same, whatever becomes of the connection: this is all there is. */
    readable =
        event_new(calls.loop, teplo_fd(calls.client), EV_READ | EV_PERSIST, on_readable, &calls);
    (void)event_add(readable, NULL);
    for (int i = 2; i < argc; i++) {
        uint64_t ticket;

        if (teplo_call_tool_start(calls.client, argv[1], argv[i], strlen(argv[i]), NULL, &ticket) ==
            TEPLO_OK) {
            calls.waiting++;
        } else {
            (void)fprintf(stderr, "%s\n", teplo_errmsg(calls.client));
            calls.failed++;
        }
    }
    if (calls.waiting > 0) {
        (void)event_base_dispatch(calls.loop);
    }
    event_free(readable); /* before the descriptor goes */
    teplo_close(calls.client);
    event_base_free(calls.loop);
    return calls.waiting == 0 && calls.failed == 0 ? 0 : 1;
}
