/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults_client.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/failure.h"

enum {
    OUT_MAXIMUM = 16 << 20,
    FRAME_MAXIMUM = 64 << 20,
    READ_SIZE = 1 << 18,
    RETRY_MS = 5,
    ASK_AGAIN_MS = 20,
    AUDIT_EACH = 20, /* calls */
    AUDIT_FIRST = 1, /* how far back: from here on, over so many */
    AUDIT_SPAN = 997,
    GIVE_UP_MS = 20000, /* beyond a call's deadline, or a question's beginning: it is lost */
};

static const struct span envelope =
    SPAN_INIT("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
              "\"io.modelcontextprotocol/clientCapabilities\":{}");

static void make_calls(struct faults_client *client);
static void cancel_calls(struct faults_client *client);
static void ask(struct faults_client *client);
static void flush(struct faults_client *client);
static void give_up(struct faults_client *client);
static void on_text(struct faults_client *client, struct span text);

void faults_client_init(struct faults_client *client, struct faults_book *book, uint16_t index)
{
    *client = (struct faults_client){.book = book, .index = index, .fd = -1};
    client->away_ms = book->now_ms;
    bytes_init(&client->out, OUT_MAXIMUM);
    frame_reader_init(&client->reader, FRAME_MAXIMUM);
}

void faults_client_done(struct faults_client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
    bytes_done(&client->out);
    frame_reader_done(&client->reader);
}

bool faults_client_is_over(const struct faults_client *client)
{
    return client->open_count == 0 && client->question_count == 0 &&
           faults_book_is_spent(client->book);
}

int64_t faults_client_away_ms(const struct faults_client *client)
{
    return client->fd >= 0 ? 0 : client->book->now_ms - client->away_ms;
}

/* ---- ends of calls */

static void end_call(struct faults_client *client, int64_t number, enum ledger_end end)
{
    client->book->calls[number].end = (uint8_t)end;
}

/* What of a call's time was not the broker's to use: we did not look, it starved, or started. */
static int32_t excused_ms(const struct faults_book *book, const struct faults_open *open)
{
    int64_t start_ms = book->ready_ms > book->now_ms ? book->now_ms : book->ready_ms;
    int64_t starting_ms = start_ms > open->written_ms ? start_ms - open->written_ms : 0;

    return book->stall_ms + (int32_t)((book->starved_us - open->starved_us) / 1000 + starting_ms);
}

static void drop_open(struct faults_client *client, size_t at)
{
    client->open[at] = client->open[--client->open_count];
}

static void end_open(struct faults_client *client, size_t at, enum ledger_end end)
{
    const struct faults_open *open = &client->open[at];
    struct judged_call *call = &client->book->calls[open->number];

    call->took_ms = (int32_t)(client->book->now_ms - open->written_ms);
    call->deadline_ms = open->deadline_ms;
    call->stall_ms = excused_ms(client->book, open);
    end_call(client, open->number, end);
    drop_open(client, at);
}

static void add_question(struct faults_client *client, int64_t number)
{
    CHECK(client->question_count < FAULTS_DEPTH_MAXIMUM);
    client->questions[client->question_count++] = (struct faults_question){
        .number = number, .since_ms = client->book->now_ms, .due_ms = client->book->now_ms};
    client->book->calls[number].sights |= LEDGER_SIGHT_ASKED;
}

/* ---- the connection */

static void disconnect(struct faults_client *client)
{
    (void)close(client->fd);
    client->fd = -1;
    client->away_ms = client->book->now_ms;
    client->retry_ms = client->book->now_ms + RETRY_MS;
    bytes_clear(&client->out);
    client->out_sent = 0;
    client->queued = client->written = 0;
    client->barrier_next = 0;
    for (size_t i = 0; i < FAULTS_DEPTH_MAXIMUM; i++) {
        client->barriers[i].number = 0;
    }
    for (size_t i = 0; i < client->question_count; i++) {
        client->questions[i].is_asked = false;
        client->questions[i].due_ms = client->book->now_ms;
    }
    frame_reader_done(&client->reader);
    frame_reader_init(&client->reader, FRAME_MAXIMUM);
}

/* The broker has closed it, or died. */
static void lose(struct faults_client *client)
{
    while (client->open_count > 0) {
        const struct faults_open *open = &client->open[0];
        int64_t number = open->number;

        if (open->end_offset <= client->written) {
            drop_open(client, 0);
            add_question(client, number);
        } else {
            end_open(client, 0, LEDGER_END_NOT_SENT);
        }
    }
    client->book->reconnects++;
    disconnect(client);
}

void faults_client_leave(struct faults_client *client)
{
    if (client->fd < 0) {
        return;
    }
    while (client->open_count > 0) {
        end_open(client, 0, LEDGER_END_LEFT);
    }
    disconnect(client);
}

static void try_connect(struct faults_client *client)
{
    struct faults_book *book = client->book;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = client->index};

    if (book->now_ms < client->retry_ms) {
        return;
    }
    client->retry_ms = book->now_ms + RETRY_MS;
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->fd < 0) {
        return;
    }
    if (connect(client->fd, (const struct sockaddr *)&book->address, sizeof(book->address)) < 0 ||
        epoll_ctl(book->epoll, EPOLL_CTL_ADD, client->fd, &event) < 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
}

void faults_client_tick(struct faults_client *client)
{
    if (client->fd < 0) {
        try_connect(client);
    }
    give_up(client);
    if (client->fd < 0) {
        return;
    }
    cancel_calls(client);
    ask(client);
    /* Not while it does not know what it has done. */
    if (client->question_count == 0) {
        make_calls(client);
    }
    flush(client);
}

/* ---- going out */

/* Everything appended since the connection's queue was START long belongs to it now. */
static void queued_since(struct faults_client *client, size_t start)
{
    client->queued += client->out.length - start;
}

/* Take NUMBER back, and ask for something that is answered only after that has been read. */
static void cancel(struct faults_client *client, int64_t number)
{
    struct bytes *out = &client->out;
    size_t start = out->length;

    bytes_append_text(out,
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                      "\"requestId\":");
    faults_write_id(out, number);
    bytes_append_text(out, "}}\n{\"jsonrpc\":\"2.0\",\"id\":\"b-");
    bytes_append_int(out, number);
    bytes_append_text(out, "\",\"method\":\"server/discover\",\"params\":{");
    bytes_append_span(out, envelope);
    bytes_append_text(out, ",\"dev.teplo/pool\":\"s0\"}}}\n");
    queued_since(client, start);
    client->barriers[client->barrier_next++ % FAULTS_DEPTH_MAXIMUM] =
        (struct faults_barrier){.number = number};
    client->book->cancels++;
}

/* What became of call NUMBER?  WHY is the letter that the answer's id begins with. */
static void write_question(struct faults_client *client, char why, int64_t number)
{
    struct bytes *out = &client->out;
    size_t start = out->length;

    bytes_printf(out,
                 "{\"jsonrpc\":\"2.0\",\"id\":\"%c-%lld\",\"method\":\"teplo/outcome\","
                 "\"params\":{\"call\":\"",
                 why, (long long)number);
    faults_write_call(out, &client->book->odds, number);
    bytes_append_text(out, "\",");
    bytes_append_span(out, envelope);
    bytes_append_text(out, ",\"dev.teplo/pool\":\"s0\"}}}\n");
    queued_since(client, start);
}

/* Now and then, about a call of anybody: what it says now must still be true at the end. */
static void audit(struct faults_client *client, int64_t number)
{
    int64_t of = number - AUDIT_FIRST - number * 7 % AUDIT_SPAN;

    if (number % AUDIT_EACH == 0 && of > 0) {
        write_question(client, 'a', of);
    }
}

static void make_call(struct faults_client *client)
{
    struct faults_book *book = client->book;
    struct faults_plan plan = faults_plan_of(&book->odds, book->next++);
    size_t start = client->out.length;

    faults_write_request(&client->out, &book->odds, &plan);
    queued_since(client, start);
    book->owners[plan.number] = client->index;
    book->calls[plan.number].end = LEDGER_END_OPEN;
    book->kinds[plan.kind]++;
    if (faults_kind_touches_session(plan.kind)) {
        book->touched += book->session_size;
    }
    client->open[client->open_count++] =
        (struct faults_open){.number = plan.number,
                             .end_offset = client->queued,
                             .cancel_ms = plan.cancel_ms < 0 ? 0 : book->now_ms + plan.cancel_ms,
                             .deadline_ms = plan.deadline_ms};
    audit(client, plan.number);
}

static void cancel_calls(struct faults_client *client)
{
    for (size_t i = client->open_count; i-- > 0;) {
        const struct faults_open *open = &client->open[i];
        int64_t number = open->number;

        if (open->cancel_ms != 0 && open->cancel_ms <= client->book->now_ms) {
            end_open(client, i, LEDGER_END_CANCELLED);
            cancel(client, number);
        }
    }
}

static void make_calls(struct faults_client *client)
{
    while (client->open_count < client->book->depth && !faults_book_is_spent(client->book)) {
        make_call(client);
    }
}

static void ask(struct faults_client *client)
{
    for (size_t i = 0; i < client->question_count; i++) {
        struct faults_question *question = &client->questions[i];

        if (question->is_asked || client->book->now_ms < question->due_ms) {
            continue;
        }
        question->is_asked = true;
        write_question(client, 'q', question->number);
    }
}

static void flush(struct faults_client *client)
{
    struct bytes *out = &client->out;
    ssize_t sent;

    CHECK(!out->failed);
    if (out->length == client->out_sent) {
        return;
    }
    sent =
        send(client->fd, out->at + client->out_sent, out->length - client->out_sent, MSG_NOSIGNAL);
    if (sent < 0) {
        /* What broke it is told when it is read: answers may stand before the end. */
        return;
    }
    client->out_sent += (size_t)sent;
    client->written += (uint64_t)sent;
    if (client->out_sent == out->length) {
        bytes_clear(out);
        client->out_sent = 0;
    }
    for (size_t i = 0; i < client->open_count; i++) {
        struct faults_open *open = &client->open[i];

        if (open->written_ms == 0 && open->end_offset <= client->written) {
            open->written_ms = client->book->now_ms;
            open->starved_us = client->book->starved_us;
        }
    }
}

/* What has waited for too long is left without an end. */
static void give_up(struct faults_client *client)
{
    int64_t now_ms = client->book->now_ms;

    for (size_t i = client->open_count; i-- > 0;) {
        const struct faults_open *open = &client->open[i];

        if (open->written_ms != 0 && now_ms > open->written_ms + open->deadline_ms + GIVE_UP_MS) {
            drop_open(client, i);
        }
    }
    for (size_t i = client->question_count; i-- > 0;) {
        if (now_ms > client->questions[i].since_ms + GIVE_UP_MS) {
            client->questions[i] = client->questions[--client->question_count];
        }
    }
}

/* ---- coming in */

void faults_client_read(struct faults_client *client)
{
    struct span frame;
    size_t size;
    char *room = client->fd < 0 ? NULL : frame_reserve(&client->reader, READ_SIZE, &size);
    ssize_t got = room == NULL ? -1 : recv(client->fd, room, size, 0);

    if (got < 0 && (room == NULL || errno == EAGAIN)) {
        return;
    }
    if (got <= 0) {
        lose(client);
        return;
    }
    frame_fed(&client->reader, (size_t)got);
    while (frame_next(&client->reader, &frame) == FRAME_READY) {
        on_text(client, frame);
    }
}

static enum ledger_end end_of_word(struct span word, enum ledger_end fallback)
{
    static const enum ledger_end told[] = {LEDGER_END_NOT_EXECUTED, LEDGER_END_UNKNOWN,
                                           LEDGER_END_RESULT_LOST, LEDGER_END_EXECUTED};

    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (json_string_is(word, ledger_end_word(told[i]))) {
            return told[i];
        }
    }
    return fallback;
}

static void count_answer(struct judged_call *call)
{
    if (call->answers < UINT8_MAX) {
        call->answers++;
    }
}

/* An answer to a call that is still open. */
static void on_answer(struct faults_client *client, size_t at, const struct message *message)
{
    struct faults_book *book = client->book;
    struct faults_plan plan = faults_plan_of(&book->odds, client->open[at].number);
    struct judged_call *call = &book->calls[plan.number];
    struct span told = json_find(json_find(json_find(message->error, "data"), "teplo"), "outcome");
    enum ledger_end end = end_of_word(told, LEDGER_END_RESULT);

    count_answer(call);
    if (end == LEDGER_END_RESULT && !faults_is_answer(message->text, &book->odds, &plan)) {
        call->sights |= LEDGER_SIGHT_FOREIGN;
    }
    end_open(client, at, end);
}

/* An answer to a call that this client does not wait for. */
static void on_stray(struct faults_client *client, int64_t number)
{
    struct faults_book *book = client->book;
    struct judged_call *call = &book->calls[number];

    if (book->owners[number] != client->index) {
        call->sights |= LEDGER_SIGHT_OTHER_CLIENT;
        return;
    }
    for (size_t i = 0; i < FAULTS_DEPTH_MAXIMUM; i++) {
        if (client->barriers[i].number == number) {
            if (client->barriers[i].is_read) {
                call->sights |= LEDGER_SIGHT_AFTER_CANCEL;
            }
            return;
        }
    }
    if (call->end != LEDGER_END_CANCELLED) {
        count_answer(call);
    }
}

static void on_barrier(struct faults_client *client, int64_t number)
{
    for (size_t i = 0; i < FAULTS_DEPTH_MAXIMUM; i++) {
        if (client->barriers[i].number == number) {
            client->barriers[i].is_read = true;
        }
    }
}

/* What the broker knows of a call that its predecessor was given. */
static void on_outcome(struct faults_client *client, int64_t number, const struct message *message)
{
    struct span word = json_find(message->result, "outcome");

    for (size_t i = 0; i < client->question_count; i++) {
        struct faults_question *question = &client->questions[i];

        if (question->number != number) {
            continue;
        }
        if (json_string_is(word, "pending")) {
            question->is_asked = false;
            question->due_ms = client->book->now_ms + ASK_AGAIN_MS;
            return;
        }
        /* Nobody knows it, or nobody can tell: it was written whole, so it may have run. */
        end_call(client, number, end_of_word(word, LEDGER_END_UNKNOWN));
        client->book->questions += message->kind == MESSAGE_RESULT ? 1 : 0;
        client->questions[i] = client->questions[--client->question_count];
        return;
    }
}

static void on_audit(struct faults_client *client, int64_t number, const struct message *message)
{
    enum ledger_end record = end_of_word(json_find(message->result, "outcome"), LEDGER_END_UNUSED);

    if (record != LEDGER_END_UNUSED) {
        client->book->calls[number].record = (uint8_t)record;
        client->book->audits++;
    }
}

static bool is_same_id(struct span id, int64_t number)
{
    struct bytes wanted;
    bool is_same;

    bytes_init(&wanted, MESSAGE_ID_MAXIMUM);
    faults_write_id(&wanted, number);
    is_same = span_equal(bytes_span(&wanted), id);
    bytes_done(&wanted);
    return is_same;
}

static void on_reply(struct faults_client *client, const struct message *message)
{
    int64_t number = faults_number_of(message->id);

    if (number <= 0 || number >= client->book->next) {
        client->book->strays++;
        return;
    }
    if (span_starts_with(message->id, SPAN("\"q-"))) {
        on_outcome(client, number, message);
        return;
    }
    if (span_starts_with(message->id, SPAN("\"a-"))) {
        on_audit(client, number, message);
        return;
    }
    if (span_starts_with(message->id, SPAN("\"b-"))) {
        on_barrier(client, number);
        return;
    }
    if (!is_same_id(message->id, number)) {
        client->book->calls[number].sights |= LEDGER_SIGHT_WRONG_ID;
    }
    for (size_t i = 0; i < client->open_count; i++) {
        if (client->open[i].number == number) {
            on_answer(client, i, message);
            return;
        }
    }
    on_stray(client, number);
}

static void on_text(struct faults_client *client, struct span text)
{
    struct message message;
    struct message_fault fault;

    if (message_parse(text, &json_limits_default, &message, &fault) < 0 ||
        message.kind == MESSAGE_REQUEST) {
        client->book->strays++;
    } else if (message.kind != MESSAGE_NOTIFICATION) {
        on_reply(client, &message);
    }
}
