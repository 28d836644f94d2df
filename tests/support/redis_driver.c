/* SPDX-License-Identifier: MIT */
/*
 * A broker without calls: a loop, a publisher and made-up figures, told what to do by lines on
 * stdin.  Answers are lines on stdout that begin with the word of the command; the log is on
 * stderr.  Its own heartbeat of 10 ms shows whether anything ever holds the loop up, beside a
 * thread that shows how late the machine itself is.
 *
 *   redis_driver URL [NAMESPACE [TICK_MS [POOLS [FORGET_MS]]]]
 *
 *   flush            flushed ok=1 seq=7
 *   flushes N        the same, N times at once; flushes=N for those that were taken
 *   state            state word=up rtt_ms=.. drops=.. reconnects=.. skipped=.. seq=..
 *   set FIELD VALUE  a count or a text of all pools (takes part in the next tick)
 *   pools N          from now on
 *   sessions N       of the first pool, from now on
 *   config HASH      the digest of the configuration, from now on
 *   event TYPE SEVERITY POOL CODE COUNT MESSAGE   COUNT times, {} in MESSAGE is the number
 *   gap              gap loop_ms=.. machine_ms=..    the worst since the last question
 *   usage            usage rss=.. fds=..
 *   starve N         from now on each Nth allocation of ours fails; 0: none
 *   close            closed ms=..                    when the clean end is over
 *   quit             also the end of stdin
 */
#include <dlfcn.h>
#include <event2/dns.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/health/redis_publisher.h"
#include "broker/health/row_field.h"
#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"
#include "broker/runtime/loop.h"
#include "proto/base/mem.h"

enum { HEARTBEAT_MS = 10, LINE_SIZE = 512 };

struct driver {
    struct loop *loop;
    struct redis_publisher *publisher;
    struct process_figures process;
    struct pool_row row; /* what each pool shows */
    unsigned pools;
    unsigned sessions;
    char config[16];
    uint64_t ticks;
    int64_t closing_ms;
    struct timer heartbeat;
    int64_t beaten_us;
    int64_t gap_us;
    char line[LINE_SIZE];
    size_t line_length;
};

static _Atomic int64_t machine_gap_us;
static unsigned starve_every;

/* ---- what stands in for the system */

/*
 * Name servers from another file than /etc/resolv.conf.  This definition is found before the
 * one of libevent.
 */
struct evdns_base *evdns_base_new(struct event_base *base, int flags)
{
    struct evdns_base *(*real)(struct event_base *, int);
    const char *file = getenv("TEPLO_TEST_RESOLV_CONF");
    void *symbol = dlsym(RTLD_NEXT, "evdns_base_new");
    struct evdns_base *made;

    memcpy(&real, &symbol, sizeof(real));
    if (file == NULL) {
        return real(base, flags);
    }
    made = real(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    (void)evdns_base_resolv_conf_parse(made, DNS_OPTIONS_ALL, file);
    return made;
}

static void keep_worst(_Atomic int64_t *worst, int64_t gap_us)
{
    if (gap_us > atomic_load(worst)) {
        atomic_store(worst, gap_us);
    }
}

static void *watch_machine(void *unused)
{
    const struct timespec pause = {.tv_nsec = HEARTBEAT_MS * 1000000};
    int64_t last_us = clock_now_us();

    (void)unused;
    for (;;) {
        int64_t now_us;

        (void)nanosleep(&pause, NULL);
        now_us = clock_now_us();
        keep_worst(&machine_gap_us, now_us - last_us);
        last_us = now_us;
    }
    return NULL;
}

/* ---- figures */

static void fill_details(struct driver *driver, struct snapshot *snapshot, unsigned i)
{
    struct config_row *config = &snapshot->configs[i];

    (void)snprintf(config->upstream, sizeof(config->upstream), "%s", driver->row.upstream);
    (void)snprintf(config->cfg_hash, sizeof(config->cfg_hash), "%s", driver->config);
    config->cap = 8;
    if ((snapshot->wishes & SNAPSHOT_HISTOGRAMS) != 0) {
        histogram_add(&snapshot->histograms[i].latency, 12.5);
        histogram_add(&snapshot->histograms[i].latency, 40);
        histogram_add(&snapshot->histograms[i].wait, 0.25);
    }
}

static void fill_sessions(const struct driver *driver, struct snapshot *snapshot)
{
    for (unsigned i = 0; i < driver->sessions; i++) {
        struct session_row *row = snapshot_add_session(snapshot);

        if (row == NULL) {
            return;
        }
        (void)snprintf(row->pool, sizeof(row->pool), "pool0");
        (void)snprintf(row->sess, sizeof(row->sess), "pool0/%u", i);
        (void)snprintf(row->state, sizeof(row->state), "ready");
        row->calls_total = driver->row.calls_total;
        row->age_ms = driver->ticks;
    }
}

static void take(void *owner, struct snapshot *snapshot)
{
    struct driver *driver = owner;
    struct instance_row *instance = &snapshot->instance;
    uint64_t random = driver->ticks++ * 2654435761U;

    process_figures_fill(&driver->process, instance);
    (void)snprintf(instance->version, sizeof(instance->version), "0.1.0");
    (void)snprintf(instance->state, sizeof(instance->state), "serving");
    instance->pools = driver->pools;
    instance->started_at_ms = 1;
    for (unsigned i = 0; i < driver->pools; i++) {
        char name[32];
        struct pool_row *row;

        (void)snprintf(name, sizeof(name), "pool%u", i);
        row = snapshot_add_pool(snapshot, name);
        if (row == NULL) {
            return;
        }
        *row = driver->row;
        (void)snprintf(row->name, sizeof(row->name), "%s", name);
        row->s_idle = random % 7;
        row->s_active = random / 7 % 7;
        row->s_testing = random / 49 % 7;
        row->s_broken = random / 343 % 7;
        row->s_total = row->s_idle + row->s_active + row->s_testing + row->s_broken;
        row->wait_ms_sum = (double)(random % 1000) / 8;
        fill_details(driver, snapshot, i);
    }
    if ((snapshot->wishes & SNAPSHOT_SESSIONS) != 0) {
        fill_sessions(driver, snapshot);
    }
}

/* ---- commands */

static void on_flushed(void *owner, bool ok, uint64_t seq)
{
    (void)owner;
    printf("flushed ok=%d seq=%" PRIu64 "\n", ok ? 1 : 0, seq);
}

static void do_flush(struct driver *driver, const char *words)
{
    int wanted = words[0] == '\0' ? 1 : (int)strtol(words, NULL, 10);
    int taken = 0;

    for (int i = 0; i < wanted; i++) {
        taken += redis_publisher_flush(driver->publisher, on_flushed, driver) == 0 ? 1 : 0;
    }
    if (words[0] != '\0') {
        printf("flushes=%d\n", taken);
    }
}

static void do_state(struct driver *driver, const char *words)
{
    struct redis_figures figures = redis_publisher_state(driver->publisher);

    (void)words;
    printf("state word=%s rtt_ms=%.3f offset_ms=%.3f drops=%" PRIu64 " reconnects=%" PRIu64
           " skipped=%" PRIu64 " seq=%" PRIu64 "\n",
           figures.state, figures.rtt_ms, figures.offset_ms, figures.drops_total,
           figures.reconnects_total, figures.skipped_total, figures.seq);
}

static void set_field(struct driver *driver, const struct row_field *field, const char *value)
{
    char *at = (char *)&driver->row + field->offset;

    if (field->kind == ROW_FIELD_COUNT) {
        uint64_t count = strtoull(value, NULL, 10);

        memcpy(at, &count, sizeof(count));
    } else if (field->kind == ROW_FIELD_TEXT) {
        (void)snprintf(at, field->size, "%s", value);
    }
}

static void do_set(struct driver *driver, const char *words)
{
    size_t length = strcspn(words, " ");

    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        const struct row_field *field = &pool_row_fields[i];

        if (strlen(field->name) == length && strncmp(field->name, words, length) == 0) {
            set_field(driver, field, words + length + 1);
        }
    }
    printf("set\n");
}

static void do_pools(struct driver *driver, const char *words)
{
    driver->pools = (unsigned)strtoul(words, NULL, 10);
    printf("pools\n");
}

static void do_sessions(struct driver *driver, const char *words)
{
    driver->sessions = (unsigned)strtoul(words, NULL, 10);
    printf("sessions\n");
}

static void do_config(struct driver *driver, const char *words)
{
    (void)snprintf(driver->config, sizeof(driver->config), "%s", words);
    printf("config\n");
}

static void do_event(struct driver *driver, const char *words)
{
    char type[33];
    char severity[9];
    char pool[33];
    char code[33];
    unsigned count;
    int used = 0;

    if (sscanf(words, "%32s %8s %32s %32s %u %n", type, severity, pool, code, &count, &used) < 5) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *braces = strstr(words + used, "{}");
        char message[LINE_SIZE];
        int before = braces == NULL ? (int)strlen(words + used) : (int)(braces - words - used);

        (void)snprintf(message, sizeof(message), "%.*s", before, words + used);
        if (braces != NULL) {
            (void)snprintf(message, sizeof(message), "%.*s%u%.100s", before, words + used, i,
                           braces + 2);
        }
        redis_publisher_event(driver->publisher, type, severity, pool, NULL, code, message);
    }
    printf("event\n");
}

static void do_gap(struct driver *driver, const char *words)
{
    (void)words;
    printf("gap loop_ms=%.1f machine_ms=%.1f\n", (double)driver->gap_us / 1000,
           (double)atomic_exchange(&machine_gap_us, 0) / 1000);
    driver->gap_us = 0;
}

static void do_usage(struct driver *driver, const char *words)
{
    struct process_figures process = {0};
    struct instance_row row = {0};

    (void)words;
    (void)driver;
    process_figures_fill(&process, &row);
    printf("usage rss=%" PRIu64 " fds=%" PRIu64 "\n", row.rss_bytes, row.fds);
}

static bool may_allocate(size_t size)
{
    static unsigned count;

    (void)size;
    return ++count % starve_every != 0;
}

static void do_starve(struct driver *driver, const char *words)
{
    (void)driver;
    starve_every = (unsigned)strtoul(words, NULL, 10);
    mem_set_hook(starve_every == 0 ? NULL : may_allocate);
    printf("starve\n");
}

static void on_closed(void *owner)
{
    struct driver *driver = owner;

    printf("closed ms=%" PRId64 "\n", clock_now_ms() - driver->closing_ms);
}

static void do_close(struct driver *driver, const char *words)
{
    (void)words;
    driver->closing_ms = clock_now_ms();
    redis_publisher_close(driver->publisher, on_closed, driver);
}

static void do_quit(struct driver *driver, const char *words)
{
    (void)words;
    loop_stop(driver->loop);
}

static void obey(struct driver *driver, const char *line)
{
    static const struct {
        const char *word;
        void (*run)(struct driver *driver, const char *words);
    } commands[] = {
        {"flush", do_flush},   {"flushes", do_flush}, {"state", do_state},
        {"set", do_set},       {"pools", do_pools},   {"event", do_event},
        {"gap", do_gap},       {"usage", do_usage},   {"close", do_close},
        {"quit", do_quit},     {"starve", do_starve}, {"sessions", do_sessions},
        {"config", do_config},
    };
    size_t length = strcspn(line, " ");

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].word) == length && strncmp(commands[i].word, line, length) == 0) {
            commands[i].run(driver, line[length] == ' ' ? line + length + 1 : "");
        }
    }
}

/* ---- loop */

static void stdin_cb(evutil_socket_t fd, short what, void *arg)
{
    struct driver *driver = arg;
    char *end;
    ssize_t length = read((int)fd, driver->line + driver->line_length,
                          sizeof(driver->line) - 1 - driver->line_length);

    (void)what;
    if (length <= 0) {
        loop_stop(driver->loop);
        return;
    }
    driver->line_length += (size_t)length;
    driver->line[driver->line_length] = '\0';
    while ((end = strchr(driver->line, '\n')) != NULL) {
        *end = '\0';
        obey(driver, driver->line);
        driver->line_length -= (size_t)(end + 1 - driver->line);
        memmove(driver->line, end + 1, driver->line_length + 1);
    }
}

static void on_heartbeat(void *owner)
{
    struct driver *driver = owner;
    int64_t now_us = clock_now_us();
    int64_t gap_us = now_us - driver->beaten_us;

    if (gap_us > driver->gap_us) {
        driver->gap_us = gap_us;
    }
    driver->beaten_us = now_us;
    timer_start(&driver->heartbeat, HEARTBEAT_MS);
}

static const char *argument(int argc, char **argv, int index, const char *fallback)
{
    return index < argc ? argv[index] : fallback;
}

static int run(struct driver *driver)
{
    struct event *input =
        event_new(loop_base(driver->loop), STDIN_FILENO, EV_READ | EV_PERSIST, stdin_cb, driver);
    pthread_t watcher;
    int status = EXIT_FAILURE;

    if (input != NULL && event_add(input, NULL) == 0 &&
        pthread_create(&watcher, NULL, watch_machine, NULL) == 0) {
        (void)pthread_detach(watcher);
        driver->beaten_us = clock_now_us();
        timer_init(&driver->heartbeat, driver->loop, on_heartbeat, driver);
        timer_start(&driver->heartbeat, HEARTBEAT_MS);
        status = loop_run(driver->loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        timer_stop(&driver->heartbeat);
    }
    if (input != NULL) {
        event_free(input);
    }
    return status;
}

int main(int argc, char **argv)
{
    static struct driver driver;
    char instance[40];
    struct redis_options options = {
        .access = {.url = argument(argc, argv, 1, ""),
                   .username = getenv("TEPLO_TEST_USERNAME"),
                   .password = getenv("TEPLO_TEST_PASSWORD"),
                   .sentinel_username = getenv("TEPLO_TEST_SENTINEL_USERNAME"),
                   .sentinel_password = getenv("TEPLO_TEST_SENTINEL_PASSWORD"),
                   .tls_ca = getenv("TEPLO_TEST_TLS_CA"),
                   .tls_cert = getenv("TEPLO_TEST_TLS_CERT"),
                   .tls_key = getenv("TEPLO_TEST_TLS_KEY"),
                   .tls_server_name = getenv("TEPLO_TEST_TLS_SERVER_NAME")},
        .name_space = argument(argc, argv, 2, "main"),
        .instance = instance,
        .max_bytes = 32 << 20,
        .series_pools = 32};
    int status;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    health_instance_id(instance);
    options.tick_ms = strtol(argument(argc, argv, 3, "200"), NULL, 10);
    driver.pools = (unsigned)strtoul(argument(argc, argv, 4, "1"), NULL, 10);
    options.forget_ms = strtol(argument(argc, argv, 5, "60000"), NULL, 10);
    (void)snprintf(driver.row.upstream, sizeof(driver.row.upstream), "http://127.0.0.1:1/sse");
    driver.loop = loop_new();
    if (driver.loop == NULL) {
        return EXIT_FAILURE;
    }
    driver.publisher = redis_publisher_new(driver.loop, &options, take, &driver);
    if (driver.publisher == NULL) {
        printf("refused\n");
        loop_free(driver.loop);
        return EXIT_FAILURE;
    }
    printf("instance=%s\n", instance);
    status = run(&driver);
    redis_publisher_free(driver.publisher);
    loop_free(driver.loop);
    return status;
}
