/* SPDX-License-Identifier: MIT */
/* The pages for operators: where they are served, and which there are. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/app_priv.h"
#include "broker/control/loopback.h"
#include "broker/runtime/log.h"

static void show_index(void *owner, const struct http_request *request, struct http_answer *answer);
static void show_health(void *owner, const struct http_request *request,
                        struct http_answer *answer);
static void show_ready(void *owner, const struct http_request *request, struct http_answer *answer);
static void show_live(void *owner, const struct http_request *request, struct http_answer *answer);
static void on_http_idle(void *owner);
static void on_accept(void *owner, int fd);

static const struct http_page pages[] = {
    {"/", show_index},       {"/metrics", app_show_metrics}, {"/healthz", show_health},
    {"/readyz", show_ready}, {"/livez", show_live},          {NULL, NULL},
};

int app_make_http(struct app *app, struct bytes *message)
{
    struct http_options options = {.pages = pages, .on_idle = on_http_idle, .owner = app};

    app->http = http_new(app->loop, &options);
    if (app->http == NULL) {
        bytes_printf(message, "out of memory");
        return -1;
    }
    return 0;
}

/* A socket that a manager or the broker before us listens at; -1: none that is wanted. */
static int take_socket(struct app *app, const struct loopback *wanted, bool *ret_is_ours)
{
    int fd = activation_take_metrics(&app->activation, ret_is_ours);
    char name[64];

    if (fd < 0 || loopback_is_bound(wanted, fd)) {
        return fd;
    }
    loopback_name(fd, name, sizeof(name));
    log_event(LOG_LEVEL_WARN, "socket_refused",
              "name=" ACTIVATION_METRICS " address=%s why=\"metrics_listen is another address\"",
              name);
    (void)close(fd);
    return -1;
}

int app_open_metrics(struct app *app, struct bytes *message)
{
    const char *text = app->config->metrics_listen;
    struct listener_place place = {.path = text, .fd = -1};
    struct loopback wanted;
    bool is_ours = true;
    char name[64];

    if (text[0] == '\0') {
        return 0;
    }
    if (loopback_read(span_of(text), &wanted) != NULL) {
        bytes_printf(message, "metrics_listen \"%s\" is no loopback address", text);
        return -1;
    }
    place.address = (const struct sockaddr *)&wanted.address;
    place.address_length = wanted.length;
    place.fd = take_socket(app, &wanted, &is_ours);
    place.is_foreign = !is_ours;
    app->metrics_port = listener_open(app->loop, &place, on_accept, app);
    if (app->metrics_port == NULL) {
        bytes_printf(message,
                     "cannot listen on %s: %s; choose another port as metrics_listen, or none",
                     text, strerror(errno));
        return -1;
    }
    loopback_name(listener_fd(app->metrics_port), name, sizeof(name));
    log_event(LOG_LEVEL_INFO, "http_listening", "address=%s port=%s", name, strrchr(name, ':') + 1);
    return 0;
}

void app_leave_metrics(struct app *app)
{
    listener_leave(app->metrics_port);
    app->metrics_port = NULL;
    if (app->http != NULL) { /* else the start failed before there was one */
        http_finish(app->http);
    }
}

void app_close_http(struct app *app)
{
    listener_close(app->metrics_port);
    app->metrics_port = NULL;
    http_close(app->http);
}

static void on_accept(void *owner, int fd)
{
    struct app *app = owner;

    http_accept(app->http, fd, HTTP_DOOR_PORT);
}

/* A process that hands over waits for them. */
static void on_http_idle(void *owner)
{
    struct app *app = owner;

    if (app->state != APP_SERVING) {
        deferred_schedule(&app->drain_check);
    }
}

/* ---- pages */

static void show_index(void *owner, const struct http_request *request, struct http_answer *answer)
{
    (void)owner;
    (void)request;
    bytes_append_text(&answer->body,
                      "teplod " TEPLO_VERSION "\n\n"
                      "/metrics  figures for Prometheus, or OpenMetrics by the Accept header\n"
                      "/healthz  how the pools are doing, as JSON\n"
                      "/readyz   200: send clients here; 503: do not (?verbose says why)\n"
                      "/livez    200: it lives; 503: restart it\n");
}

/* The document carries the state: 200 whatever it is. */
static void show_health(void *owner, const struct http_request *request, struct http_answer *answer)
{
    cJSON *object = app_health(owner);
    char *text = object == NULL ? NULL : cJSON_PrintUnformatted(object);

    (void)request;
    answer->type = "application/json";
    if (text == NULL) {
        answer->body.failed = true;
    } else {
        bytes_append_text(&answer->body, text);
        bytes_append_char(&answer->body, '\n');
    }
    cJSON_free(text);
    cJSON_Delete(object);
}

static void show_reasons(const struct readiness *readiness, struct bytes *body)
{
    for (size_t i = 0; i < readiness->reason_count; i++) {
        bytes_printf(body, "%s: %s\n", readiness_token(readiness->reasons[i]),
                     readiness_sentence(readiness->reasons[i]));
    }
}

static void show_ready(void *owner, const struct http_request *request, struct http_answer *answer)
{
    struct readiness readiness;

    app_readiness(owner, &readiness);
    answer->status = readiness.is_ready ? HTTP_STATUS_OK : HTTP_STATUS_SERVICE_UNAVAILABLE;
    bytes_append_text(&answer->body, readiness.is_ready ? "ready\n" : "not ready\n");
    if (http_request_asks(request, "verbose")) {
        show_reasons(&readiness, &answer->body);
    }
}

static void show_live(void *owner, const struct http_request *request, struct http_answer *answer)
{
    struct readiness readiness;

    (void)request;
    app_readiness(owner, &readiness);
    answer->status = readiness.is_live ? HTTP_STATUS_OK : HTTP_STATUS_SERVICE_UNAVAILABLE;
    bytes_append_text(&answer->body, readiness.is_live ? "live\n" : "not live\n");
}
