/* SPDX-License-Identifier: MIT */
/*
 * One tools/call: EXEC is in the ledger before the effect, DONE after it.  A record is eight
 * bytes, written at once: the number of the call in the low seven, 1 (EXEC) or 2 (DONE) in
 * the highest, little end first.  What a killed process wrote stays written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/upstream/scripted/scripted.h"

enum { ID_MAXIMUM = 64, HUGE_BYTES = 20 << 20, LEDGER_EXEC = 1, LEDGER_DONE = 2 };

enum runs { RUNS_NEVER, RUNS_FIRST, RUNS_LATE };
enum reply {
    REPLY_ACCEPT,
    REPLY_ACCEPT_LAST,
    REPLY_STATUS,
    REPLY_PART,
    REPLY_NONE,
    REPLY_FIN,
    REPLY_RESET,
    REPLY_GONE,
};
enum after {
    AFTER_ANSWER,
    AFTER_NOTHING,
    AFTER_FIN,
    AFTER_RESET,
    AFTER_PART,
    AFTER_TWICE,
    AFTER_STRANGE,
    AFTER_STRAY,
    AFTER_BROKEN,
    AFTER_HUGE,
    AFTER_PROGRESS,
    AFTER_DRIP,
    AFTER_FLOOD,
    AFTER_FREEZE,
    AFTER_ERROR,
};

struct fault {
    const char *word;
    enum runs runs;
    enum reply reply;
    enum after after;
};

static const struct fault faults[] = {
#define FAULT(name, word, runs, reply, after) {word, RUNS_##runs, REPLY_##reply, AFTER_##after},
#include "tests/upstream/scripted/faults.def"
#undef FAULT
};

/* A call under way.  Freed by finish. */
struct job {
    struct scripted *scripted;
    struct session *session; /* NULL: its stream has ended */
    const struct fault *fault;
    int64_t number; /* behind the colon of the fault */
    int64_t u;
    int64_t ms;
    int64_t bytes;
    uint64_t hash;
    char id[ID_MAXIMUM + 1];
    char token[ID_MAXIMUM + 1]; /* of progress; empty: none */
    struct timer timer;
    struct bytes drip; /* what is being dripped */
    size_t dripped;
    struct list_node in_jobs;
};

static void on_timer(void *owner);
static void finish(struct job *job);
static void go_on(struct job *job);

/* ---- sessions */

void session_init(struct session *session, struct scripted *scripted,
                  const struct transport_face *face, void *carrier)
{
    *session = (struct session){.scripted = scripted, .face = face, .carrier = carrier};
    bytes_init(&session->held, SCRIPTED_ANSWER_MAXIMUM);
    list_init(&session->jobs);
}

void session_done(struct session *session)
{
    struct list_node *node;

    while ((node = list_take_first(&session->jobs)) != NULL) {
        LIST_ITEM(node, struct job, in_jobs)->session = NULL;
    }
    bytes_done(&session->held);
}

void session_say(struct session *session, struct span text)
{
    struct bytes framed;

    if (session->is_dripping) {
        session->face->frame(text, &session->held);
        return;
    }
    bytes_init(&framed, SCRIPTED_ANSWER_MAXIMUM);
    session->face->frame(text, &framed);
    session->face->send(session, bytes_span(&framed));
    bytes_done(&framed);
}

/* ---- what is asked for */

/* FNV-1a: cheap, and any two arguments of a test differ in it. */
static uint64_t hash_of(struct span text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static int64_t number_in(struct span arguments, const char *key)
{
    int64_t number = 0;

    return json_to_int(json_find(arguments, key), &number) ? number : 0;
}

/* WORD as in faults.def, with its number.  One that is not there is no fault. */
static void read_fault(struct job *job, const char *word)
{
    const char *colon = strchr(word, ':');
    size_t length = colon == NULL ? strlen(word) : (size_t)(colon - word);

    job->fault = &faults[0];
    job->number = colon == NULL ? 0 : strtoll(colon + 1, NULL, 10);
    for (size_t i = 1; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (strlen(faults[i].word) == length && strncmp(faults[i].word, word, length) == 0) {
            job->fault = &faults[i];
            job->scripted->counters.faults++;
        }
    }
}

static void read_arguments(struct job *job, struct span arguments)
{
    const struct scripted_settings *settings = &job->scripted->settings;
    char word[SCRIPTED_FAULT_MAXIMUM];

    job->u = number_in(arguments, "u");
    job->ms = number_in(arguments, "ms") + settings->delay_ms;
    job->bytes = number_in(arguments, "bytes");
    job->hash = hash_of(arguments);
    if (json_string_copy(json_find(arguments, "fault"), word, sizeof(word))) {
        read_fault(job, word);
    } else if (settings->fault_every > 0 &&
               job->scripted->counters.calls % (uint64_t)settings->fault_every == 0) {
        read_fault(job, settings->fault);
    } else {
        read_fault(job, "");
    }
}

static void copy_token(char *to, struct span token)
{
    if (token.at != NULL && token.length <= ID_MAXIMUM) {
        memcpy(to, token.at, token.length);
        to[token.length] = '\0';
    }
}

/* ---- doing it */

static void record(struct job *job, int64_t what)
{
    uint64_t record = (uint64_t)(what << 56 | job->u);

    if (what == LEDGER_EXEC) {
        job->scripted->counters.execs++;
    } else {
        job->scripted->counters.dones++;
    }
    if (job->scripted->ledger >= 0 &&
        write(job->scripted->ledger, &record, sizeof(record)) != (ssize_t)sizeof(record)) {
        /* A ledger with a hole would acquit the guilty. */
        perror("scripted_server: ledger");
        abort();
    }
}

static void reply(struct job *job, struct posting *posting)
{
    const struct transport_face *face = job->session->face;
    int64_t delay_ms = job->scripted->settings.reply_delay_ms;

    switch (job->fault->reply) {
    case REPLY_ACCEPT:
        if (delay_ms > 0) {
            face->reply_later(posting, delay_ms);
        } else {
            face->reply(posting, 202);
        }
        break;
    case REPLY_ACCEPT_LAST: /* the caller's */
        break;
    case REPLY_STATUS:
        face->reply(posting, job->fault->runs == RUNS_LATE ? 500 : (int)job->number);
        break;
    case REPLY_PART:
        face->reply_part(posting, (size_t)job->number);
        break;
    case REPLY_NONE:
        break;
    case REPLY_FIN:
        face->end_posting(posting, FAREWELL_FIN);
        break;
    case REPLY_RESET:
        face->end_posting(posting, FAREWELL_RESET);
        break;
    case REPLY_GONE:
        face->reply(posting, 404);
        face->forget(job->session);
        break;
    }
}

void scripted_call(struct session *session, struct posting *posting, const struct message *message)
{
    struct job *job = calloc(1, sizeof(*job));

    CHECK(job != NULL);
    job->scripted = session->scripted;
    job->session = session;
    job->scripted->counters.calls++;
    read_arguments(job, message_param(message, "arguments"));
    copy_token(job->id, message->id);
    copy_token(job->token, message->progress_token);
    timer_init(&job->timer, job->scripted->loop, on_timer, job);
    bytes_init(&job->drip, SCRIPTED_ANSWER_MAXIMUM);
    list_append(&session->jobs, &job->in_jobs);
    if (job->fault->runs == RUNS_FIRST) {
        record(job, LEDGER_EXEC);
    }
    if (job->fault->reply == REPLY_ACCEPT_LAST) {
        /* Here the call's own delay is before the 202, not before the answer. */
        session->face->reply_later(posting, job->ms);
        finish(job);
        return;
    }
    reply(job, posting);
    job->ms += job->fault->runs == RUNS_LATE ? job->number : 0;
    if (job->ms > 0) {
        timer_start(&job->timer, job->ms);
    } else {
        go_on(job);
    }
}

static void on_timer(void *owner)
{
    go_on(owner);
}

/* ---- answers */

static void write_answer(const struct job *job, const char *id, int64_t bytes, struct bytes *out)
{
    char *payload;

    if (job->fault->after == AFTER_ERROR) {
        bytes_printf(out,
                     "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32000,\"message\":"
                     "\"u=%lld h=%016llx\"}}",
                     id, (long long)job->u, (unsigned long long)job->hash);
        return;
    }
    bytes_printf(out,
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\","
                 "\"text\":\"u=%lld h=%016llx ",
                 id, (long long)job->u, (unsigned long long)job->hash);
    payload = bytes > 0 ? bytes_reserve(out, (size_t)bytes) : NULL;
    if (payload != NULL) {
        memset(payload, 'x', (size_t)bytes);
        bytes_added(out, (size_t)bytes);
    }
    bytes_append_text(out,
                      job->fault->after == AFTER_BROKEN ? "\"}]," : "\"}],\"isError\":false}}");
}

/* ID is the job's own or a strange one. */
static void answer(struct job *job, const char *id, int64_t bytes)
{
    struct bytes *text = &job->scripted->scratch;

    if (job->session != NULL) {
        bytes_trim(text, 1 << 20);
        write_answer(job, id, bytes, text);
        session_say(job->session, bytes_span(text));
    }
}

static void frame_answer(struct job *job, struct bytes *out)
{
    struct bytes *text = &job->scripted->scratch;

    bytes_clear(text);
    write_answer(job, job->id, job->bytes, text);
    job->session->face->frame(bytes_span(text), out);
}

static void part(struct job *job)
{
    struct session *session = job->session;

    if (session != NULL) {
        frame_answer(job, &job->drip);
        session->face->send(session,
                            (struct span){job->drip.at, (size_t)job->number < job->drip.length
                                                            ? (size_t)job->number
                                                            : job->drip.length});
        session->face->end_session(session, FAREWELL_FIN);
    }
}

static void progress(struct job *job)
{
    struct bytes *text = &job->scripted->scratch;

    for (int64_t i = 0; job->session != NULL && job->token[0] != '\0' && i < job->number; i++) {
        bytes_clear(text);
        bytes_printf(text,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                     "\"progressToken\":%s,\"progress\":%lld}}",
                     job->token, (long long)i);
        session_say(job->session, bytes_span(text));
    }
}

/* The last byte is out: what has waited behind it follows. */
static void end_drip(struct session *session)
{
    session->is_dripping = false;
    session->face->send(session, bytes_span(&session->held));
    bytes_trim(&session->held, 0);
}

/* The next byte, and true while there are more.  One at a time: a second one waits its turn. */
static bool drip(struct job *job)
{
    struct session *session = job->session;

    if (session == NULL) {
        return false;
    }
    timer_start(&job->timer, job->number == 0 ? 1000 : job->number);
    if (job->drip.length == 0 && session->is_dripping) {
        return true;
    }
    if (job->drip.length == 0) {
        session->is_dripping = true;
        frame_answer(job, &job->drip);
    }
    session->face->send(session, (struct span){job->drip.at + job->dripped, 1});
    job->dripped++;
    if (job->dripped == job->drip.length) {
        end_drip(session);
        return false;
    }
    return true;
}

static void freeze(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&pause, &pause) < 0) {
    }
}

static void end_stream(struct job *job, enum farewell how)
{
    if (job->session != NULL) {
        job->session->face->end_session(job->session, how);
    }
}

static void go_on(struct job *job)
{
    if (job->fault->after == AFTER_DRIP && drip(job)) {
        return;
    }
    finish(job);
}

static void conclude(struct job *job)
{
    switch (job->fault->after) {
    case AFTER_TWICE:
        answer(job, job->id, job->bytes);
        answer(job, job->id, job->bytes);
        break;
    case AFTER_STRANGE:
        answer(job, "9007199254740991", job->bytes);
        answer(job, job->id, job->bytes);
        break;
    case AFTER_STRAY:
        answer(job, "9007199254740991", job->bytes);
        break;
    case AFTER_FIN:
        end_stream(job, FAREWELL_FIN);
        break;
    case AFTER_RESET:
        end_stream(job, FAREWELL_RESET);
        break;
    case AFTER_PART:
        part(job);
        break;
    case AFTER_HUGE:
        answer(job, job->id, HUGE_BYTES);
        break;
    case AFTER_PROGRESS:
        progress(job);
        answer(job, job->id, job->bytes);
        break;
    case AFTER_FLOOD:
        if (job->session != NULL && !job->session->is_dripping) {
            job->session->face->send_filler(job->session, (size_t)job->number << 10);
        }
        answer(job, job->id, job->bytes);
        break;
    case AFTER_FREEZE:
        freeze(job->number);
        answer(job, job->id, job->bytes);
        break;
    case AFTER_ANSWER:
    case AFTER_BROKEN:
    case AFTER_ERROR:
        answer(job, job->id, job->bytes);
        break;
    case AFTER_NOTHING:
    case AFTER_DRIP: /* it has been said */
        break;
    }
}

static void finish(struct job *job)
{
    if (job->fault->runs == RUNS_LATE) {
        record(job, LEDGER_EXEC);
    }
    if (job->fault->runs != RUNS_NEVER) {
        record(job, LEDGER_DONE);
    }
    conclude(job);
    if (job->session != NULL) {
        list_remove(&job->session->jobs, &job->in_jobs);
    }
    timer_stop(&job->timer);
    bytes_done(&job->drip);
    free(job);
}
