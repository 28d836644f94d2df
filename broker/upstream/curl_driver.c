/* SPDX-License-Identifier: MIT */
#include "broker/upstream/curl_driver.h"

#include <errno.h>

#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum { SAFETY_INTERVAL_MS = 5000 };

struct curl_driver {
    struct loop *loop;
    CURLM *multi;
    struct timer timer;     /* libcurl's */
    struct timer safety;    /* a look at every transfer, should libcurl have lost a timer */
    struct deferred report; /* tells owners of finished transfers */
    struct list live;
    struct list finished;
    bool inside; /* in curl_multi_socket_action: nothing of libcurl may be called */
};

/* What libcurl wants to know of one socket. */
struct watch {
    struct event event;
};

static int socket_cb(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg);
static int timer_cb(CURLM *multi, long timeout_ms, void *arg);
static void on_timer(void *owner);
static void on_safety(void *owner);
static void on_report(void *owner);

struct curl_driver *curl_driver_new(struct loop *loop, long cached_connections)
{
    struct curl_driver *driver = MEM_NEW(struct curl_driver);

    if (driver == NULL) {
        return NULL;
    }
    driver->loop = loop;
    list_init(&driver->live);
    list_init(&driver->finished);
    timer_init(&driver->timer, loop, on_timer, driver);
    timer_init(&driver->safety, loop, on_safety, driver);
    deferred_init(&driver->report, loop, on_report, driver);
    driver->multi = curl_multi_init();
    if (driver->multi == NULL) {
        mem_free(driver);
        return NULL;
    }
    (void)curl_multi_setopt(driver->multi, CURLMOPT_SOCKETFUNCTION, socket_cb);
    (void)curl_multi_setopt(driver->multi, CURLMOPT_SOCKETDATA, driver);
    (void)curl_multi_setopt(driver->multi, CURLMOPT_TIMERFUNCTION, timer_cb);
    (void)curl_multi_setopt(driver->multi, CURLMOPT_TIMERDATA, driver);
    /* The default depends on the handles present and drops warm connections as load falls. */
    (void)curl_multi_setopt(driver->multi, CURLMOPT_MAXCONNECTS, cached_connections + 1);
    return driver;
}

void curl_driver_free(struct curl_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    CHECK(list_is_empty(&driver->live) && list_is_empty(&driver->finished));
    (void)curl_multi_cleanup(driver->multi);
    timer_stop(&driver->timer);
    timer_stop(&driver->safety);
    deferred_cancel(&driver->report);
    mem_free(driver);
}

/* TRANSFER, if there is one and it is live, is over: its owner is told later. */
static void finish(struct curl_driver *driver, struct transfer *transfer, CURLcode code)
{
    if (transfer != NULL && transfer->in_driver.on == &driver->live) {
        transfer->code = code;
        list_remove(&driver->live, &transfer->in_driver);
        list_append(&driver->finished, &transfer->in_driver);
        deferred_schedule(&driver->report);
    }
}

static void collect(struct curl_driver *driver)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(driver->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;

        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        if (message->msg == CURLMSG_DONE) {
            finish(driver, transfer, message->data.result);
        }
    }
}

static void act(struct curl_driver *driver, curl_socket_t fd, int bits)
{
    int running;
    CURLMcode code;

    CHECK(!driver->inside);
    driver->inside = true;
    code = curl_multi_socket_action(driver->multi, fd, bits, &running);
    driver->inside = false;
    if (code != CURLM_OK) {
        log_event(LOG_LEVEL_ERROR, "curl_failed", "why=%s", log_quote(curl_multi_strerror(code)));
    }
    collect(driver);
}

int transfer_open(struct transfer *transfer, struct curl_driver *driver, CURL *easy,
                  void (*on_done)(void *owner, CURLcode code), void *owner)
{
    *transfer =
        (struct transfer){.easy = easy, .driver = driver, .on_done = on_done, .owner = owner};
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    CHECK(!driver->inside);
    if (curl_multi_add_handle(driver->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        transfer->easy = NULL;
        return -EIO;
    }
    list_append(&driver->live, &transfer->in_driver);
    if (!driver->safety.armed) {
        timer_start(&driver->safety, SAFETY_INTERVAL_MS);
    }
    return 0;
}

void transfer_close(struct transfer *transfer)
{
    struct curl_driver *driver = transfer->driver;
    CURL *easy = transfer->easy;

    if (easy == NULL) {
        return;
    }
    CHECK(!driver->inside);
    transfer->easy = NULL;
    if (transfer->in_driver.on != NULL) {
        list_remove(transfer->in_driver.on, &transfer->in_driver);
    }
    (void)curl_multi_remove_handle(driver->multi, easy);
    curl_easy_cleanup(easy);
}

static void on_report(void *owner)
{
    struct curl_driver *driver = owner;
    struct list_node *node;

    while ((node = list_take_first(&driver->finished)) != NULL) {
        struct transfer *transfer = LIST_ITEM(node, struct transfer, in_driver);

        transfer->on_done(transfer->owner, transfer->code);
    }
}

static void on_timer(void *owner)
{
    act(owner, CURL_SOCKET_TIMEOUT, 0);
}

static void on_safety(void *owner)
{
    struct curl_driver *driver = owner;

    act(driver, CURL_SOCKET_TIMEOUT, 0);
    if (!list_is_empty(&driver->live)) {
        timer_start(&driver->safety, SAFETY_INTERVAL_MS);
    }
}

static void socket_event_cb(evutil_socket_t fd, short what, void *arg)
{
    int bits = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

    act(arg, fd, bits);
}

static int socket_cb(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct curl_driver *driver = arg;
    struct watch *watch = socket_arg;
    struct transfer *transfer = NULL;
    int bits =
        ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0);

    if (watch != NULL) {
        (void)event_del(&watch->event);
    }
    if (what == CURL_POLL_REMOVE) {
        mem_free(watch);
        /* libcurl may announce a removal of a socket that it never announced. */
        (void)curl_multi_assign(driver->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL) {
        watch = MEM_NEW(struct watch);
        if (watch == NULL) {
            /* Not -1, which would end every transfer of the multi handle. */
            (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
            finish(driver, transfer, CURLE_OUT_OF_MEMORY);
            return 0;
        }
        (void)curl_multi_assign(driver->multi, fd, watch);
    }
    (void)event_assign(&watch->event, loop_base(driver->loop), fd, (short)(bits | EV_PERSIST),
                       socket_event_cb, driver);
    if (event_add(&watch->event, NULL) < 0) {
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        finish(driver, transfer, CURLE_OUT_OF_MEMORY);
    }
    return 0;
}

static int timer_cb(CURLM *multi, long timeout_ms, void *arg)
{
    struct curl_driver *driver = arg;

    (void)multi;
    if (timeout_ms < 0) {
        timer_stop(&driver->timer);
    } else {
        timer_start(&driver->timer, timeout_ms);
    }
    return 0;
}
