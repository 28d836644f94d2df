/* SPDX-License-Identifier: MIT */
/* teplo-dash: a page that shows how a fleet is doing.  Main, and its end by a signal. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/dash/dash_options.h"
#include "client-lib/dash/dash_server.h"
#include "proto/redis_url.h"

const char complaint_program[] = "teplo-dash";

static void on_signal(evutil_socket_t signal, short what, void *base)
{
    (void)signal;
    (void)what;
    (void)event_base_loopbreak(base);
}

static void say_where(const struct dash_options *options, uint16_t port)
{
    bool is_six = strchr(options->place.host, ':') != NULL;

    printf("teplo-dash: http://%s%s%s:%u/\n", is_six ? "[" : "", options->place.host,
           is_six ? "]" : "", port);
    (void)fflush(stdout);
    if (!dash_place_is_loopback(&options->place)) {
        complaint("warning: %s is not of this machine alone, and there is no login: whoever "
                  "reaches it can read all that Redis says of the fleet",
                  options->place.host);
    }
}

static enum exit_status serve(const struct dash_options *options,
                              const struct dash_server_parts *parts)
{
    struct event *ends[2] = {evsignal_new(parts->base, SIGTERM, on_signal, parts->base),
                             evsignal_new(parts->base, SIGINT, on_signal, parts->base)};
    enum exit_status status = STATUS_REFUSED;
    struct dash_server *server;
    int r = dash_server_new(&server, parts);

    if (r < 0) {
        complaint("cannot listen on %s port %u: %s", options->place.host, options->place.port,
                  strerror(-r));
    } else if (ends[0] == NULL || ends[1] == NULL || event_add(ends[0], NULL) < 0 ||
               event_add(ends[1], NULL) < 0) {
        complaint("out of memory");
        dash_server_free(server);
    } else {
        say_where(options, dash_server_port(server));
        (void)event_base_dispatch(parts->base);
        dash_server_free(server);
        status = STATUS_OK;
    }
    for (int i = 0; i < 2; i++) {
        if (ends[i] != NULL) {
            event_free(ends[i]);
        }
    }
    return status;
}

/* The url may hold a password, so it is not repeated. */
static enum exit_status start(const struct dash_options *options, struct dash_server_parts *parts)
{
    int r = dash_reader_new(&parts->reader, &options->redis);
    enum exit_status status;

    if (r == -EINVAL) {
        const char *refusal = redis_url_refusal(options->redis.url);

        return refusal == NULL ? complaint_usage(NULL, "--namespace %s: that cannot be one",
                                                 options->redis.namespace)
                               : complaint_usage(NULL, "the url of Redis %s", refusal);
    }
    if (r < 0) {
        complaint("cannot start: %s", strerror(-r));
        return STATUS_REFUSED;
    }
    status = serve(options, parts);
    dash_reader_free(parts->reader);
    return status;
}

static enum exit_status run(const struct dash_options *options)
{
    enum exit_status status = STATUS_REFUSED;
    struct event_base *base = event_base_new();
    struct dash_page page;

    if (base == NULL || !dash_page_init(&page, options->title)) {
        complaint("out of memory");
    } else {
        struct dash_server_parts parts = {base, &options->place, &options->names, &page, NULL};

        status = start(options, &parts);
        dash_page_done(&page);
    }
    if (base != NULL) {
        event_base_free(base);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct dash_options options;
    enum exit_status status;

    (void)signal(SIGPIPE, SIG_IGN);
    if (dash_options_parse(argc, argv, &options, &status)) {
        status = run(&options);
        dash_options_done(&options);
    }
    libevent_global_shutdown();
    return (int)status;
}
