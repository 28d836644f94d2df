/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults.h"

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/bench/faults_options.h"
#include "client-lib/bench/faults_report.h"
#include "proto/base/mem.h"

enum {
    TURN_MS = 2,
    EVENTS_MAXIMUM = 64,
    AWAY_MAXIMUM_MS = 30000,
    SETTLE_MS = 500, /* for what was on its way to a server */
    LEDGER_EXEC = 1, /* as the scripted server writes it */
    STOP_MS = 30000,
};

struct faults {
    struct faults_options options;
    struct faults_book book;
    struct faults_place place;
    struct faults_nemesis nemesis;
    struct faults_client clients[FAULTS_CLIENTS_MAXIMUM];
    int64_t started_ms;
    int64_t ended_ms;
};

static int64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_book(struct faults *faults)
{
    struct faults_book *book = &faults->book;

    *book = (struct faults_book){.odds = faults->options.odds,
                                 .address = {.sun_family = AF_UNIX},
                                 .count = faults->options.calls + 1,
                                 .next = 1,
                                 .depth = (size_t)faults->options.depth,
                                 .session_size = 8,
                                 .now_ms = clock_ms(),
                                 .epoll = epoll_create1(EPOLL_CLOEXEC)};
    book->calls = mem_new((size_t)book->count * sizeof(book->calls[0]));
    book->owners = mem_new((size_t)book->count * sizeof(book->owners[0]));
    if (book->calls == NULL || book->owners == NULL || book->epoll < 0) {
        (void)fprintf(stderr, "faults: no memory for %lld calls\n", (long long)book->count);
        return -1;
    }
    (void)snprintf(book->address.sun_path, sizeof(book->address.sun_path), "%.100s",
                   faults->place.socket);
    for (unsigned i = 0; i < faults->options.clients; i++) {
        faults_client_init(&faults->clients[i], book, (uint16_t)i);
    }
    return 0;
}

static void close_book(struct faults *faults)
{
    for (unsigned i = 0; i < faults->options.clients; i++) {
        faults_client_done(&faults->clients[i]);
    }
    mem_free(faults->book.calls);
    mem_free(faults->book.owners);
    (void)close(faults->book.epoll);
}

/* ---- the run */

static void turn(struct faults *faults)
{
    struct faults_book *book = &faults->book;
    struct epoll_event events[EVENTS_MAXIMUM];
    int64_t before_ms = book->now_ms; /* when the turn before looked */
    int count = epoll_wait(book->epoll, events, EVENTS_MAXIMUM, TURN_MS);
    int64_t late_ms;

    book->now_ms = clock_ms();
    late_ms = book->now_ms - before_ms - TURN_MS;
    book->stall_ms = late_ms > 0 ? (int32_t)late_ms : 0;
    for (int i = 0; i < count; i++) {
        faults_client_read(&faults->clients[events[i].data.u32]);
    }
    for (unsigned i = 0; i < faults->options.clients; i++) {
        faults_client_tick(&faults->clients[i]);
    }
}

static bool is_over(const struct faults *faults)
{
    for (unsigned i = 0; i < faults->options.clients; i++) {
        if (!faults_client_is_over(&faults->clients[i])) {
            return false;
        }
    }
    return true;
}

static int drive(struct faults *faults)
{
    struct faults_book *book = &faults->book;

    while (!is_over(faults)) {
        turn(faults);
        if (faults_nemesis_tick(&faults->nemesis) < 0) {
            return -1;
        }
        if (faults_client_away_ms(&faults->clients[0]) > AWAY_MAXIMUM_MS) {
            (void)fprintf(stderr, "faults: the broker does not come back\n");
            return -1;
        }
        if (faults->options.seconds > 0 &&
            book->now_ms > faults->started_ms + faults->options.seconds * 1000) {
            book->count = book->next;
        }
    }
    return 0;
}

/* What was on its way arrives, what was told to stop stops.  Answers that come are strays. */
static int settle(struct faults *faults)
{
    int64_t until_ms = faults->book.now_ms + SETTLE_MS;
    int status = 0;

    if (faults_nemesis_end(&faults->nemesis) < 0) {
        return -1;
    }
    while (faults->book.now_ms < until_ms || faults_nemesis_is_busy(&faults->nemesis)) {
        turn(faults);
        if (faults_nemesis_tick(&faults->nemesis) < 0) {
            return -1;
        }
    }
    faults_signal(&faults->place.broker, SIGTERM);
    if (!faults_await_end(&faults->place.broker, STOP_MS, &status) || status != 0) {
        (void)fprintf(stderr, "faults: the broker did not stop as it should: status %d\n", status);
        return -1;
    }
    return 0;
}

/* ---- the judgement */

static void count_exec(struct faults_book *book, uint64_t record, struct ledger_history *history)
{
    uint64_t number = record & ((UINT64_C(1) << 56) - 1);

    if (record >> 56 != LEDGER_EXEC) {
        return;
    }
    if (number == 0 || number >= (uint64_t)book->next) {
        history->ghosts++;
    } else if (book->calls[number].execs < UINT8_MAX) {
        book->calls[number].execs++;
    }
}

/* Eight bytes a record: the number, and in the highest byte what of it. */
static int read_ledger(struct faults_book *book, const char *path, struct ledger_history *history)
{
    FILE *file = fopen(path, "re");
    uint64_t records[512];
    size_t got;

    if (file == NULL) {
        (void)fprintf(stderr, "faults: cannot read %s\n", path);
        return -1;
    }
    while ((got = fread(records, sizeof(records[0]), 512, file)) > 0) {
        for (size_t i = 0; i < got; i++) {
            count_exec(book, records[i], history);
        }
    }
    (void)fclose(file);
    return 0;
}

/* Unknown outcomes that what was done explains. */
static uint64_t unknown_ceiling(const struct faults_book *book)
{
    uint64_t ceiling = book->touched;

    for (size_t i = FAULTS_KIND_NONE + 1; i < FAULTS_KIND_COUNT; i++) {
        ceiling += book->kinds[i];
    }
    return ceiling;
}

static int judge(struct faults *faults)
{
    struct faults_book *book = &faults->book;
    struct ledger_history history = {.calls = book->calls,
                                     .count = (size_t)book->next,
                                     .strays = book->strays,
                                     .unknown_ceiling = unknown_ceiling(book),
                                     .slack_ms = (int32_t)faults->options.slack_ms};
    struct ledger_report report;

    for (unsigned i = 0; i < faults->place.server_count; i++) {
        if (read_ledger(book, faults->place.servers[i].ledger, &history) < 0) {
            return 2;
        }
    }
    ledger_check(&history, &report);
    faults_report_print(&faults->options, book, &faults->nemesis, &history, &report,
                        faults->ended_ms - faults->started_ms);
    return faults_report_status(&faults->options, &report);
}

int faults_run(int count, char **words)
{
    /* Too big for a stack, and one a process. */
    static struct faults faults;
    int status = faults_options_read(&faults.options, count, words);

    if (status != 0) {
        return status < 0 ? 2 : 0;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("seed %llu\n", (unsigned long long)faults.options.odds.seed);
    status = 2;
    if (faults_place_open(&faults.place, &faults.options.programs, faults.options.odds.servers) ==
            0 &&
        open_book(&faults) == 0) {
        faults_nemesis_init(&faults.nemesis, &faults.book, &faults.place, faults.clients,
                            (unsigned)faults.options.clients, faults.options.wanted);
        faults.started_ms = clock_ms();
        status = drive(&faults) == 0 ? 0 : 2;
        faults.ended_ms = clock_ms();
        if (status == 0) {
            status = settle(&faults) == 0 ? judge(&faults) : 2;
        }
    }
    close_book(&faults);
    if (status != 0 || faults.options.keeps_files) {
        (void)printf("kept %s\n", faults.place.directory);
    }
    faults_place_close(&faults.place, status == 0 && !faults.options.keeps_files
                                          ? FAULTS_FILES_REMOVE
                                          : FAULTS_FILES_KEEP);
    return status;
}
