/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults_nemesis.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { SETTLE_MS = 10000, UPGRADE_MS = 15000, CROSSINGS = 2 };

static const struct {
    const char *option;
    int64_t each;
    const char *help;
} events[] = {
#define EVENT(name, option, each, help) {option, each, help},
#include "client-lib/bench/faults_events.def"
#undef EVENT
};

static int look_after_broker(struct faults_nemesis *nemesis);
static int look_after_server(struct faults_nemesis *nemesis, unsigned number);
static void strike_if_due(struct faults_nemesis *nemesis, enum faults_event event);

const char *faults_event_option(enum faults_event event)
{
    return events[event].option;
}

const char *faults_event_help(enum faults_event event)
{
    return events[event].help;
}

/* The call at which the next of EVENT comes: anywhere in its share of the run. */
static void draw_next(struct faults_nemesis *nemesis, enum faults_event event)
{
    int64_t share = nemesis->book->count / (nemesis->wanted[event] + 1);

    nemesis->due[event] = share * nemesis->done[event] +
                          faults_between(&nemesis->state, share / 2 + 1, share + share / 2 + 1);
}

void faults_nemesis_init(struct faults_nemesis *nemesis, struct faults_book *book,
                         struct faults_place *place, struct faults_client *clients,
                         unsigned client_count, const int64_t *wanted)
{
    *nemesis = (struct faults_nemesis){.book = book,
                                       .place = place,
                                       .clients = clients,
                                       .client_count = client_count,
                                       .state = ~book->odds.seed};
    book->ready_ms = INT64_MAX;
    for (size_t i = 0; i < FAULTS_EVENT_COUNT; i++) {
        int64_t usual = events[i].each == 0 ? 0 : book->count / events[i].each;

        nemesis->wanted[i] = wanted[i] < 0 ? usual : wanted[i];
        draw_next(nemesis, (enum faults_event)i);
    }
}

int faults_nemesis_tick(struct faults_nemesis *nemesis)
{
    if (look_after_broker(nemesis) < 0) {
        return -1;
    }
    for (unsigned i = 0; i < nemesis->place->server_count; i++) {
        if (look_after_server(nemesis, i) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < FAULTS_EVENT_COUNT; i++) {
        strike_if_due(nemesis, (enum faults_event)i);
    }
    return 0;
}

/* ---- what has been done, and its end */

static bool is_due(const struct faults_nemesis *nemesis, const struct faults_patient *patient)
{
    return patient->trouble != FAULTS_TROUBLE_NONE && nemesis->book->now_ms >= patient->until_ms;
}

static void hurt(struct faults_nemesis *nemesis, struct faults_patient *patient,
                 enum faults_trouble trouble, int64_t least_ms, int64_t most_ms)
{
    patient->trouble = trouble;
    patient->until_ms = nemesis->book->now_ms + faults_between(&nemesis->state, least_ms, most_ms);
}

static int complain(const char *who, int status)
{
    (void)fprintf(stderr, "faults: the %s ended by itself: %s %d\n", who,
                  WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return -1;
}

static int restart_broker(struct faults_nemesis *nemesis)
{
    nemesis->broker.trouble = FAULTS_TROUBLE_NONE;
    return faults_start_broker(nemesis->place);
}

/* The broker has ended: as it was told, or by itself. */
static int on_broker_end(struct faults_nemesis *nemesis, int status)
{
    if (nemesis->broker.trouble != FAULTS_TROUBLE_STOPPING || status != 0) {
        return complain("broker", status);
    }
    hurt(nemesis, &nemesis->broker, FAULTS_TROUBLE_DOWN, 0, 30);
    return 0;
}

static int on_broker_due(struct faults_nemesis *nemesis)
{
    switch (nemesis->broker.trouble) {
    case FAULTS_TROUBLE_STOPPING:
        faults_signal(&nemesis->place->broker, SIGTERM);
        nemesis->broker.until_ms = nemesis->book->now_ms + SETTLE_MS;
        return 0;
    case FAULTS_TROUBLE_UPGRADING:
        (void)fprintf(stderr, "faults: the broker was told to hand over, and does not\n");
        return -1;
    case FAULTS_TROUBLE_DOWN:
    case FAULTS_TROUBLE_NONE:
    case FAULTS_TROUBLE_FROZEN:
    case FAULTS_TROUBLE_SETTINGS:
        break;
    }
    return restart_broker(nemesis);
}

static void watch(struct faults_book *book, struct faults_watch *watch,
                  const struct faults_process *process)
{
    int64_t starved_us = process->pid == 0 ? 0 : faults_starved_us(process);

    if (watch->pid != process->pid) {
        *watch = (struct faults_watch){.pid = process->pid};
    }
    if (starved_us > watch->starved_us) {
        book->starved_us += starved_us - watch->starved_us;
        watch->starved_us = starved_us;
    }
}

/* What a broker's deadlines cannot be measured by. */
static void watch_broker(struct faults_nemesis *nemesis)
{
    struct faults_book *book = nemesis->book;

    watch(book, &nemesis->watches[0], &nemesis->place->broker);
    watch(book, &nemesis->watches[1], &nemesis->place->retired);
    if (!nemesis->place->is_ready) {
        book->ready_ms = INT64_MAX;
    } else if (book->ready_ms == INT64_MAX) {
        book->ready_ms = book->now_ms;
    }
}

static int look_after_broker(struct faults_nemesis *nemesis)
{
    struct faults_place *place = nemesis->place;
    pid_t pid = place->broker.pid;
    int status = 0;

    faults_read_notices(place);
    if (place->broker.pid != pid && nemesis->broker.trouble == FAULTS_TROUBLE_UPGRADING) {
        nemesis->broker.trouble = FAULTS_TROUBLE_NONE;
    }
    if (faults_has_ended(&place->retired, &status) && status != 0) {
        return complain("broker that handed over", status);
    }
    if (faults_has_ended(&place->broker, &status) && on_broker_end(nemesis, status) < 0) {
        return -1;
    }
    faults_bury(place);
    watch_broker(nemesis);
    return is_due(nemesis, &nemesis->broker) ? on_broker_due(nemesis) : 0;
}

static int look_after_server(struct faults_nemesis *nemesis, unsigned number)
{
    struct faults_patient *patient = &nemesis->servers[number];
    struct faults_process *server = &nemesis->place->servers[number];
    enum faults_trouble trouble = patient->trouble;
    int status = 0;

    if (faults_has_ended(server, &status)) {
        return complain("server", status);
    }
    if (!is_due(nemesis, patient)) {
        return 0;
    }
    patient->trouble = FAULTS_TROUBLE_NONE;
    if (trouble == FAULTS_TROUBLE_DOWN) {
        return faults_start_server(nemesis->place, number);
    }
    if (trouble == FAULTS_TROUBLE_FROZEN) {
        faults_signal(server, SIGCONT);
    } else {
        faults_control(server, "{\"idle_close_ms\":0,\"close_after_reply\":0}");
    }
    return 0;
}

/* ---- what is done */

static uint64_t open_calls(const struct faults_nemesis *nemesis)
{
    uint64_t open = 0;

    for (unsigned i = 0; i < nemesis->client_count; i++) {
        open += nemesis->clients[i].open_count;
    }
    return open;
}

static void strike_broker(struct faults_nemesis *nemesis, enum faults_event event)
{
    struct faults_place *place = nemesis->place;

    if (event == FAULTS_EVENT_RELOAD) {
        if (faults_write_config(place) == 0) {
            faults_signal(&place->broker, SIGHUP);
        }
        return;
    }
    if (event == FAULTS_EVENT_UPGRADE) {
        faults_signal(&place->broker, SIGUSR2);
        hurt(nemesis, &nemesis->broker, FAULTS_TROUBLE_UPGRADING, UPGRADE_MS, UPGRADE_MS);
        return;
    }
    nemesis->book->touched += open_calls(nemesis);
    if (event == FAULTS_EVENT_BROKER_KILL) {
        faults_kill(&place->broker);
        hurt(nemesis, &nemesis->broker, FAULTS_TROUBLE_DOWN, 0, 50);
    } else {
        faults_signal(&place->broker, SIGTERM);
        hurt(nemesis, &nemesis->broker, FAULTS_TROUBLE_STOPPING, 0, 10);
    }
}

static void strike_server(struct faults_nemesis *nemesis, enum faults_event event, unsigned number)
{
    struct faults_patient *patient = &nemesis->servers[number];
    struct faults_process *server = &nemesis->place->servers[number];

    if (event == FAULTS_EVENT_SERVER_KILL) {
        nemesis->book->touched += open_calls(nemesis);
        faults_kill(server);
        hurt(nemesis, patient, FAULTS_TROUBLE_DOWN, 0, 200);
    } else if (event == FAULTS_EVENT_FREEZE) {
        faults_signal(server, SIGSTOP);
        hurt(nemesis, patient, FAULTS_TROUBLE_FROZEN, 10, 300);
    } else {
        /* A close that crosses a request on its way looks like any other: a few are explained. */
        nemesis->book->touched += CROSSINGS;
        faults_control(server, event == FAULTS_EVENT_KEEPALIVE ? "{\"idle_close_ms\":5}"
                                                               : "{\"close_after_reply\":1}");
        hurt(nemesis, patient, FAULTS_TROUBLE_SETTINGS, 50, 500);
    }
}

static bool is_for_broker(enum faults_event event)
{
    return event == FAULTS_EVENT_BROKER_KILL || event == FAULTS_EVENT_BROKER_STOP ||
           event == FAULTS_EVENT_RELOAD || event == FAULTS_EVENT_UPGRADE;
}

static bool may_strike_broker(const struct faults_nemesis *nemesis, enum faults_event event)
{
    if (nemesis->broker.trouble != FAULTS_TROUBLE_NONE) {
        return false;
    }
    /* Anybody may be killed at any time; the other signals are for who is ready for them. */
    return event == FAULTS_EVENT_BROKER_KILL ||
           (nemesis->place->is_ready &&
            (event != FAULTS_EVENT_UPGRADE || nemesis->place->retired.pid == 0));
}

/* False: not now, something is being done to it already. */
static bool try_strike(struct faults_nemesis *nemesis, enum faults_event event)
{
    unsigned number;

    if (event == FAULTS_EVENT_LEAVE) {
        number = (unsigned)(faults_random(&nemesis->state) % nemesis->client_count);
        faults_client_leave(&nemesis->clients[number]);
        return true;
    }
    if (is_for_broker(event)) {
        if (!may_strike_broker(nemesis, event)) {
            return false;
        }
        strike_broker(nemesis, event);
        return true;
    }
    number = (unsigned)(faults_random(&nemesis->state) % nemesis->place->server_count);
    if (nemesis->servers[number].trouble != FAULTS_TROUBLE_NONE) {
        return false;
    }
    strike_server(nemesis, event, number);
    return true;
}

static void strike_if_due(struct faults_nemesis *nemesis, enum faults_event event)
{
    if (nemesis->done[event] < nemesis->wanted[event] &&
        nemesis->book->next >= nemesis->due[event] && try_strike(nemesis, event)) {
        nemesis->done[event]++;
        draw_next(nemesis, event);
    }
}

int faults_nemesis_end(struct faults_nemesis *nemesis)
{
    for (size_t i = 0; i < FAULTS_EVENT_COUNT; i++) {
        nemesis->wanted[i] = nemesis->done[i];
    }
    for (unsigned i = 0; i < nemesis->place->server_count; i++) {
        nemesis->servers[i].until_ms = nemesis->book->now_ms;
        if (look_after_server(nemesis, i) < 0) {
            return -1;
        }
    }
    return 0;
}

bool faults_nemesis_is_busy(const struct faults_nemesis *nemesis)
{
    return nemesis->broker.trouble != FAULTS_TROUBLE_NONE || nemesis->place->retired.pid != 0;
}
