/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/cli/duration.h"
#include "client-lib/fleet/fleet_json.h"
#include "client-lib/fleet/fleet_reader.h"
#include "proto/base/mem.h"
#include "proto/json_scan.h"

enum {
    REFRESH_MS = 400,         /* the page knows it too: 60-live.js */
    REFRESH_DENIED_MS = 3000, /* each try leaves a line in the log of Redis */
    REDIS_CONNECT_MS = 1000,
    REDIS_REPLY_MS = 2000,
    QUESTIONS = 16,
    SHELF = 16,
    FLEET_MAXIMUM_BYTES = 32 << 20,
    ANSWER_MAXIMUM_BYTES = 4 << 20,
    FAULT_MAXIMUM_BYTES = 1024,
};

struct shelved {
    struct dash_query query;
    struct sheet *sheet; /* held; NULL: a free place */
};

struct dash_reader {
    /* the thread's own */
    struct fleet_reader *redis;
    struct fleet_view view;
    struct bytes text;

    /* below the lock */
    pthread_mutex_t lock;
    pthread_cond_t asked;
    bool is_ending;
    struct sheet *fleet; /* held; NULL: not read yet */
    struct shelved shelf[SHELF];
    struct dash_query questions[QUESTIONS]; /* the first is answered next */
    size_t question_count;

    int answers_fd; /* eventfd; -1: none */
    pthread_t thread;
    bool has_thread;
};

/* ---- the thread */

/* The last fault as a sheet. */
static struct sheet *fault_sheet(const char *why)
{
    struct bytes text;
    struct sheet *sheet = NULL;

    bytes_init(&text, FAULT_MAXIMUM_BYTES);
    bytes_append_text(&text, "{\"error\":");
    json_quote(&text, span_of(why));
    bytes_append_text(&text, "}\n");
    if (!text.failed) {
        sheet = sheet_new(503, bytes_span(&text), duration_now_ms());
    }
    bytes_done(&text);
    return sheet;
}

/* What was written into reader->text, or that it was too much. */
static struct sheet *written_sheet(struct dash_reader *reader)
{
    bytes_append_char(&reader->text, '\n');
    return reader->text.failed ? fault_sheet("there is more than can be told")
                               : sheet_new(200, bytes_span(&reader->text), duration_now_ms());
}

static struct sheet *read_fleet(struct dash_reader *reader)
{
    fleet_reader_refresh(reader->redis, &reader->view);
    bytes_done(&reader->text);
    bytes_init(&reader->text, FLEET_MAXIMUM_BYTES);
    fleet_json_write(&reader->text, &reader->view);
    return written_sheet(reader);
}

static struct sheet *read_answer(struct dash_reader *reader, const struct dash_query *query)
{
    int r;

    bytes_done(&reader->text);
    bytes_init(&reader->text, ANSWER_MAXIMUM_BYTES);
    if (query->subject == DASH_SESSIONS) {
        r = fleet_reader_sessions(reader->redis, query->name, &reader->text);
    } else if (reader->view.at_ms == 0) {
        return fault_sheet(reader->view.why[0] == '\0' ? "Redis has not been read yet"
                                                       : reader->view.why);
    } else {
        r = fleet_reader_series(reader->redis, query->name,
                                dash_range_step_ms(query->range) < 60000 ? FLEET_TEN_SECONDS
                                                                         : FLEET_MINUTE,
                                reader->view.at_ms - dash_range_ms(query->range), &reader->text);
    }
    return r < 0 ? fault_sheet(fleet_reader_why(reader->redis)) : written_sheet(reader);
}

/* In the place of its own last answer, of none, or of the oldest.  Below the lock. */
static void put_on_shelf(struct dash_reader *reader, const struct dash_query *query,
                         struct sheet *sheet)
{
    struct shelved *place = &reader->shelf[0];

    for (int i = 0; i < SHELF; i++) {
        struct shelved *other = &reader->shelf[i];

        if (other->sheet != NULL && dash_query_is_same(&other->query, query)) {
            place = other;
            break;
        }
        if (place->sheet != NULL &&
            (other->sheet == NULL || other->sheet->made_ms < place->sheet->made_ms)) {
            place = other;
        }
    }
    sheet_drop(place->sheet);
    *place = (struct shelved){*query, sheet};
}

static void tell(const struct dash_reader *reader)
{
    const uint64_t one = 1;

    /* Full means that it is readable already. */
    (void)!write(reader->answers_fd, &one, sizeof(one));
}

/* The question stays first until it is answered, so that it is not asked again meanwhile. */
static void answer_first(struct dash_reader *reader)
{
    struct dash_query query = reader->questions[0];
    struct sheet *sheet;

    (void)pthread_mutex_unlock(&reader->lock);
    sheet = read_answer(reader, &query);
    (void)pthread_mutex_lock(&reader->lock);
    reader->question_count--;
    memmove(&reader->questions[0], &reader->questions[1],
            reader->question_count * sizeof(reader->questions[0]));
    if (sheet != NULL) {
        put_on_shelf(reader, &query, sheet);
        tell(reader);
    }
}

static int64_t refresh(struct dash_reader *reader)
{
    struct sheet *sheet;

    (void)pthread_mutex_unlock(&reader->lock);
    sheet = read_fleet(reader);
    (void)pthread_mutex_lock(&reader->lock);
    if (sheet != NULL) {
        sheet_drop(reader->fleet);
        reader->fleet = sheet;
    }
    return duration_now_ms() +
           (reader->view.redis_state == FLEET_REDIS_DENIED ? REFRESH_DENIED_MS : REFRESH_MS);
}

static void sleep_until(struct dash_reader *reader, int64_t end_ms)
{
    const struct timespec end = {end_ms / 1000, end_ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&reader->asked, &reader->lock, &end);
}

/* Questions go first, but for a refresh that is due. */
static void *run(void *argument)
{
    struct dash_reader *reader = argument;
    int64_t next_ms = 0;

    (void)pthread_mutex_lock(&reader->lock);
    while (!reader->is_ending) {
        if (duration_now_ms() >= next_ms) {
            next_ms = refresh(reader);
        } else if (reader->question_count > 0) {
            answer_first(reader);
        } else {
            sleep_until(reader, next_ms);
        }
    }
    (void)pthread_mutex_unlock(&reader->lock);
    return NULL;
}

/* ---- for the others */

struct sheet *dash_reader_fleet(struct dash_reader *reader)
{
    struct sheet *sheet;

    (void)pthread_mutex_lock(&reader->lock);
    sheet = reader->fleet == NULL ? NULL : sheet_hold(reader->fleet);
    (void)pthread_mutex_unlock(&reader->lock);
    return sheet;
}

struct sheet *dash_reader_find(struct dash_reader *reader, const struct dash_query *query,
                               int64_t from_ms)
{
    struct sheet *found = NULL;

    (void)pthread_mutex_lock(&reader->lock);
    for (int i = 0; i < SHELF; i++) {
        const struct shelved *place = &reader->shelf[i];

        if (place->sheet != NULL && place->sheet->made_ms >= from_ms &&
            dash_query_is_same(&place->query, query)) {
            found = sheet_hold(place->sheet);
            break;
        }
    }
    (void)pthread_mutex_unlock(&reader->lock);
    return found;
}

/* Below the lock. */
static bool is_asked(const struct dash_reader *reader, const struct dash_query *query)
{
    for (size_t i = 0; i < reader->question_count; i++) {
        if (dash_query_is_same(&reader->questions[i], query)) {
            return true;
        }
    }
    return false;
}

bool dash_reader_ask(struct dash_reader *reader, const struct dash_query *query)
{
    bool is_taken;

    (void)pthread_mutex_lock(&reader->lock);
    is_taken = is_asked(reader, query);
    if (!is_taken && reader->question_count < QUESTIONS) {
        reader->questions[reader->question_count++] = *query;
        (void)pthread_cond_signal(&reader->asked);
        is_taken = true;
    }
    (void)pthread_mutex_unlock(&reader->lock);
    return is_taken;
}

int dash_reader_fd(const struct dash_reader *reader)
{
    return reader->answers_fd;
}

void dash_reader_clear(struct dash_reader *reader)
{
    uint64_t count;

    (void)!read(reader->answers_fd, &count, sizeof(count));
}

/* ---- its life */

static void init_lock(struct dash_reader *reader)
{
    pthread_condattr_t monotonic;

    (void)pthread_mutex_init(&reader->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&reader->asked, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

int dash_reader_new(struct dash_reader **ret_reader, const struct fleet_reader_options *redis)
{
    struct fleet_reader_options options = *redis;
    struct dash_reader *reader = MEM_NEW(struct dash_reader);
    int r;

    if (reader == NULL) {
        return -ENOMEM;
    }
    options.connect_ms = REDIS_CONNECT_MS;
    options.reply_ms = REDIS_REPLY_MS;
    init_lock(reader);
    bytes_init(&reader->text, ANSWER_MAXIMUM_BYTES);
    fleet_view_init(&reader->view, options.namespace, FLEET_SOURCE_REDIS);
    reader->answers_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = reader->answers_fd < 0 ? -errno : fleet_reader_open(&reader->redis, &options);
    if (r == 0) {
        r = -pthread_create(&reader->thread, NULL, run, reader);
        reader->has_thread = r == 0;
    }
    if (r < 0) {
        dash_reader_free(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

static void join(struct dash_reader *reader)
{
    (void)pthread_mutex_lock(&reader->lock);
    reader->is_ending = true;
    (void)pthread_cond_signal(&reader->asked);
    (void)pthread_mutex_unlock(&reader->lock);
    (void)pthread_join(reader->thread, NULL);
}

void dash_reader_free(struct dash_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->has_thread) {
        join(reader);
    }
    if (reader->redis != NULL) {
        fleet_reader_close(reader->redis);
    }
    fleet_view_done(&reader->view);
    bytes_done(&reader->text);
    sheet_drop(reader->fleet);
    for (int i = 0; i < SHELF; i++) {
        sheet_drop(reader->shelf[i].sheet);
    }
    if (reader->answers_fd >= 0) {
        (void)close(reader->answers_fd);
    }
    (void)pthread_cond_destroy(&reader->asked);
    (void)pthread_mutex_destroy(&reader->lock);
    mem_free(reader);
}
