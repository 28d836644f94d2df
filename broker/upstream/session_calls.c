/* SPDX-License-Identifier: MIT */
/*
 * The traffic of a session: our calls and their answers, the server's requests and
 * notifications.  Called by session.c (texts) and routing (calls).
 */
#include <errno.h>
#include <stdio.h>

#include "broker/runtime/log.h"
#include "broker/upstream/post_reply.h"
#include "broker/upstream/session_priv.h"
#include "proto/base/mem.h"
#include "proto/failure.h"
#include "proto/mcp.h"

/* A message of ours that nobody waits for. */
struct note {
    struct parcel parcel;
    struct session *session;
    struct list_node in_notes;
    struct reapable reapable;
};

const char session_gone_class[] = "session";
static const char session_gone_cause[] = "does not know the session any more";

static void on_call_delivered(struct parcel *parcel, const struct delivery *delivery);
static void on_note_delivered(struct parcel *parcel, const struct delivery *delivery);
static void on_grace_over(void *owner);

int64_t session_mint_id(struct session *session)
{
    return ++session->calls.last_id;
}

size_t session_calls(const struct session *session)
{
    return session->calls.by_id.count;
}

/* ---- calls */

static void write_call(struct bytes *out, const struct message *message, int64_t id)
{
    struct splice splice;
    char digits[24];
    struct span token = {digits, (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)id)};

    splice_init(&splice, message->text);
    splice_replace(&splice, message->id, token);
    mcp_strip_hop_meta(message, &splice);
    if (!span_is_none(message->progress_token)) {
        /* The id serves as the token: unique in the session just as well. */
        splice_replace(&splice, message->progress_token, token);
    }
    splice_write(&splice, out);
}

struct call *session_call(struct session *session, const struct message *message,
                          int64_t timeout_ms, const struct call_events *events, void *owner)
{
    struct call *call = MEM_NEW(struct call);
    struct bytes text;
    int r;

    CHECK(session_may_take(session) && message->kind == MESSAGE_REQUEST);
    if (call == NULL) {
        return NULL;
    }
    call->id = session_mint_id(session);
    call->session = session;
    call->events = events;
    call->owner = owner;
    call->parcel.on_delivered = on_call_delivered;
    timer_init(&call->grace, session->server->loop, on_grace_over, call);
    /* Known before it is sent: on some servers the answer overtakes the POST's own reply. */
    r = hashmap_add(&session->calls.by_id, hashmap_number_key(&call->id), call);
    if (r == 0) {
        bytes_init(&text, message->text.length + 256);
        write_call(&text, message, call->id);
        r = text.failed
                ? -ENOMEM
                : transport_send(session->transport, &call->parcel, bytes_span(&text), timeout_ms);
        bytes_done(&text);
        if (r < 0) {
            (void)hashmap_take(&session->calls.by_id, hashmap_number_key(&call->id));
        }
    }
    if (r < 0) {
        mem_free(call);
        return NULL;
    }
    session->calls_total++;
    session->used_at_ms = loop_now_ms(session->server->loop);
    return call;
}

static void reap_call(void *owner)
{
    mem_free(owner);
}

/* Out of the table.  The call itself stays until its parcel has ended. */
static void settle(struct call *call)
{
    struct session *session = call->session;

    CHECK(call->state != CALL_SETTLED);
    call->state = CALL_SETTLED;
    call->owner = NULL;
    timer_stop(&call->grace);
    CHECK(hashmap_take(&session->calls.by_id, hashmap_number_key(&call->id)) == call);
    session->events->on_settled(session->owner, session, call);
    if (call->parcel.carrier == NULL) {
        loop_reap(session->server->loop, &call->reapable, reap_call, call);
    } else {
        list_append(&session->calls.lingering, &call->in_lingering);
        /* Its POST is to get a status still, but not to keep a connection for that without end. */
        timer_start(&call->grace, session->server->limits.check_timeout_ms);
    }
}

/* A settled call whose parcel has ended, or shall. */
static void let_go(struct call *call)
{
    struct session *session = call->session;

    timer_stop(&call->grace);
    parcel_cancel(&call->parcel);
    list_remove(&session->calls.lingering, &call->in_lingering);
    loop_reap(session->server->loop, &call->reapable, reap_call, call);
}

/* An abandoned call is over: whoever still asks is told. */
static void tell_witness(struct call *call, enum failure failure)
{
    struct call_witness *witness = call->witness;

    call->witness = NULL;
    if (witness != NULL) {
        witness->on_end(witness, failure);
    }
}

static void fail_call(struct call *call, enum failure failure, const char *detail, bool may_repeat)
{
    void *owner = call->owner;
    const struct call_events *events = call->events;

    settle(call);
    tell_witness(call, failure);
    if (owner != NULL) {
        events->on_failed(owner, failure, detail, may_repeat);
    }
}

static void send_cancel(struct call *call)
{
    struct bytes text;

    bytes_init(&text, 256);
    bytes_printf(&text,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                 "\"params\":{\"requestId\":%lld}}",
                 (long long)call->id);
    session_note(call->session, bytes_span(&text));
    bytes_done(&text);
}

static void on_accepted(struct call *call)
{
    if (call->state == CALL_SENT) {
        call->state = CALL_ACCEPTED;
    } else if (call->state == CALL_CANCEL_DUE) {
        call->state = CALL_ABANDONED;
        send_cancel(call);
    }
}

/* The server's own answer, by the event stream or in the body of the POST's reply. */
static void give_answer(struct call *call, const struct message *answer)
{
    struct session *session = call->session;
    void *owner = call->owner;
    const struct call_events *events = call->events;

    session->used_at_ms = loop_now_ms(session->server->loop);
    session->checked_at_ms = session->used_at_ms;
    settle(call);
    tell_witness(call, FAILURE_NONE);
    if (owner != NULL) {
        events->on_answer(owner, answer);
    }
    if (session->state != SESSION_CLOSED) {
        session_count_changed(session);
    }
}

static void tell_refusal(struct session *session, int status)
{
    switch (status) {
    case 401:
    case 403:
        session->events->on_refused(session->owner, session, SESSION_REFUSES_CREDENTIALS);
        return;
    case 429:
        session->events->on_refused(session->owner, session, SESSION_REFUSES_RATE);
        return;
    case 503:
        session->events->on_refused(session->owner, session, SESSION_REFUSES_LOAD);
        return;
    default:
        return;
    }
}

/* The server did not take CALL: the honest end of it; the session may take no more of them. */
static void on_refused(struct call *call, const struct delivery *delivery,
                       const struct delivery_verdict *verdict)
{
    struct session *session = call->session;
    char detail[224];

    delivery_describe(delivery, detail, sizeof(detail));
    fail_call(call, verdict->failure, detail, verdict->may_repeat);
    tell_refusal(session, delivery->status);
    if (verdict->session_gone) {
        session_forsake(session);
    }
    session_count_changed(session);
}

static void keep_moments(struct call *call, struct delivery_moments at)
{
    call->at.sent_us = at.sent_us;
    call->at.accepted_us = at.status_us;
}

static void on_call_delivered(struct parcel *parcel, const struct delivery *delivery)
{
    struct call *call = LIST_ITEM(parcel, struct call, parcel);
    struct delivery_verdict verdict;
    struct message answer;

    if (call->state == CALL_SETTLED) {
        let_go(call);
        return;
    }
    keep_moments(call, delivery->at);
    verdict = session_judge(call->session, delivery, call->id, &answer);
    if (verdict.accepted) {
        on_accepted(call);
    } else if (verdict.answered) {
        call->at.first_us = call->at.accepted_us;
        if (verdict.session_gone) {
            session_forsake(call->session);
        }
        give_answer(call, &answer);
    } else {
        on_refused(call, delivery, &verdict);
    }
}

struct call_moments call_moments(const struct call *call)
{
    struct call_moments at = call->at;

    /* An answer may overtake the reply to its own POST. */
    if (call->parcel.carrier != NULL) {
        struct delivery_moments so_far = parcel_moments(&call->parcel);

        at.sent_us = so_far.sent_us;
        at.accepted_us = so_far.status_us;
    }
    return at;
}

bool call_never_left(const struct call *call)
{
    return call->state == CALL_SENT && parcel_handed_over(&call->parcel) == 0;
}

void session_abandon(struct call *call, enum abandon how, int64_t grace_ms,
                     struct call_witness *witness)
{
    struct session *session = call->session;

    CHECK(call->state == CALL_SENT || call->state == CALL_ACCEPTED);
    call->owner = NULL;
    if (call_never_left(call)) {
        parcel_cancel(&call->parcel);
        settle(call);
        session_count_changed(session);
        return;
    }
    call->witness = witness;
    if (witness != NULL) {
        witness->is_waiting = true;
    }
    timer_start(&call->grace, grace_ms);
    if (how == ABANDON_SILENTLY) {
        call->state = CALL_ABANDONED;
    } else if (call->state == CALL_SENT) {
        call->state = CALL_CANCEL_DUE;
    } else {
        call->state = CALL_ABANDONED;
        send_cancel(call);
    }
}

static void on_grace_over(void *owner)
{
    struct call *call = owner;
    struct session *session = call->session;

    if (call->state == CALL_SETTLED) {
        let_go(call);
        return;
    }
    log_event(LOG_LEVEL_INFO, "call_never_answered", "session=%s id=%lld", session->name,
              (long long)call->id);
    /* A POST without a status would keep its connection, of which there are so many, as long as
       a call may take at most. */
    parcel_cancel(&call->parcel);
    settle(call);
    tell_witness(call, FAILURE_TIMEOUT);
    session_count_changed(session);
}

void session_forsake(struct session *session)
{
    session_distrust(session, session_gone_class, session_gone_cause);
}

void session_fail_calls(struct session *session, enum failure failure)
{
    struct call *call;
    struct list_node *node;

    while ((call = hashmap_any(&session->calls.by_id)) != NULL) {
        bool never_left = call_never_left(call);

        call->at = call_moments(call);
        parcel_cancel(&call->parcel);
        fail_call(call, never_left ? FAILURE_UNAVAILABLE : failure,
                  never_left ? "the session ended before the request was sent" : NULL, never_left);
    }
    while ((node = list_first(&session->calls.lingering)) != NULL) {
        let_go(LIST_ITEM(node, struct call, in_lingering));
    }
    while ((node = list_first(&session->notes)) != NULL) {
        struct note *note = LIST_ITEM(node, struct note, in_notes);

        parcel_cancel(&note->parcel);
        list_remove(&session->notes, node);
        loop_reap(session->server->loop, &note->reapable, reap_call, note);
    }
}

/* ---- notes */

void session_note(struct session *session, struct span text)
{
    struct note *note;

    /* A server that asks without end must not make us hold replies without end. */
    if (session->notes.count >= SESSION_NOTES_MAXIMUM || span_is_none(text)) {
        log_event(LOG_LEVEL_WARN, "note_dropped", "session=%s", session->name);
        return;
    }
    note = MEM_NEW(struct note);
    if (note == NULL) {
        return;
    }
    note->session = session;
    note->parcel.on_delivered = on_note_delivered;
    if (transport_send(session->transport, &note->parcel, text, NOTE_TIMEOUT_MS) < 0) {
        mem_free(note);
        return;
    }
    list_append(&session->notes, &note->in_notes);
}

static void on_note_delivered(struct parcel *parcel, const struct delivery *delivery)
{
    struct note *note = LIST_ITEM(parcel, struct note, parcel);

    (void)delivery;
    list_remove(&note->session->notes, &note->in_notes);
    loop_reap(note->session->server->loop, &note->reapable, reap_call, note);
}

/* ---- what the server says */

static void on_fault(struct session *session, const char *what)
{
    log_event(LOG_LEVEL_WARN, "server_fault", "session=%s what=%s n=%u", session->name,
              log_quote(what), session->faults + 1);
    /* A server that goes on like this is not trusted with new calls; those out may still end well.
     */
    if (++session->faults > SESSION_FAULTS_MAXIMUM) {
        session_distrust(session, "proto",
                         "it keeps sending what is no MCP message, or answers to no question");
    }
}

/* Nobody waits for ANSWER: it comes late, or twice, or its id is none that we ever gave out. */
static void on_stray_answer(struct session *session, const struct message *answer)
{
    int64_t id;
    bool was_given = calls_read_id(answer->id, &id) && id > 0 && id <= session->calls.last_id;

    if (was_given || span_is_none(answer->id)) {
        log_event(LOG_LEVEL_DEBUG, "late_answer", "session=%s", session->name);
        return;
    }
    on_fault(session, "an answer to an id that was never given");
}

static void on_answer(struct session *session, const struct message *answer)
{
    struct call *call;

    if (session_on_own_answer(session, answer)) {
        return;
    }
    call = calls_find(&session->calls, answer->id);
    if (call == NULL) {
        on_stray_answer(session, answer);
        return;
    }
    if (answer->kind == MESSAGE_ERROR && post_reply_is_session_gone(answer)) {
        /* The call has its answer; the next one shall have a session that the server knows. */
        session_forsake(session);
    }
    call->at.first_us = session->transport->heard_us;
    give_answer(call, answer);
}

static void on_request(struct session *session, const struct message *request)
{
    struct bytes text;

    bytes_init(&text, 4096);
    if (mcp_find_method(request->method) == MCP_PING) {
        reply_result(&text, request->id, SPAN("{}"));
    } else {
        /* Sampling, elicitation and roots could ask one client for another one's call. */
        reply_error(&text, request->id, RPC_METHOD_NOT_FOUND,
                    SPAN("this client offers no such capability"), SPAN_NONE);
    }
    session_note(session, text.failed ? SPAN_NONE : bytes_span(&text));
    bytes_done(&text);
}

static void on_notification(struct session *session, const struct message *notice)
{
    struct call *call;

    if (json_string_is(notice->method, "notifications/progress")) {
        call = calls_find(&session->calls, message_param(notice, "progressToken"));
        if (call != NULL && call->owner != NULL) {
            call->events->on_progress(call->owner, notice);
        }
        return;
    }
    session->events->on_notice(session->owner, session, notice);
}

/* The text is no message, yet may name a call: its answer came and cannot be given. */
static void on_malformed(struct session *session, struct span text,
                         const struct message_fault *fault)
{
    /* On text that is not even JSON the search is a guess, but one that only an id of ours meets.
     */
    struct span id = span_is_none(fault->id) ? json_find(text, "id") : fault->id;
    /* The ids of the server's own requests are not ours. */
    bool is_request = !span_is_none(json_find(text, "method"));
    struct call *call = is_request ? NULL : calls_find(&session->calls, id);

    if (call != NULL) {
        call->at.first_us = session->transport->heard_us;
        fail_call(call, FAILURE_MALFORMED, fault->text, false);
        session_count_changed(session);
    }
    if (session->state != SESSION_CLOSED) {
        on_fault(session, fault->text);
    }
}

/* The last `"id":` in TAIL, as writers that put the id last leave it. */
static struct span id_at_end(struct span tail)
{
    static const struct span key = SPAN_INIT("\"id\":");
    struct span id = SPAN_NONE;

    for (size_t i = 0; i + key.length < tail.length; i++) {
        if (memcmp(tail.at + i, key.at, key.length) == 0) {
            id = (struct span){tail.at + i + key.length, 0};
        }
    }
    while (!span_is_none(id) && id.at + id.length < tail.at + tail.length &&
           id.at[id.length] >= '0' && id.at[id.length] <= '9') {
        id.length++;
    }
    return id;
}

/* A dropped text is whose id it had: its answer came, and cannot be given. */
void session_on_oversize(struct session *session, struct span head, struct span tail)
{
    size_t data = span_starts_with(head, SPAN("data:")) ? 5 : 0;
    struct span began = json_trim((struct span){head.at + data, head.length - data});
    bool is_request = !span_is_none(json_find(began, "method"));
    struct call *call = is_request ? NULL : calls_find(&session->calls, json_find(began, "id"));

    if (call == NULL && !is_request) {
        call = calls_find(&session->calls, id_at_end(tail));
    }
    log_event(LOG_LEVEL_WARN, "oversize", "session=%s call=%s remedy=%s", session->name,
              call == NULL ? "unknown" : "known", log_quote("raise max_response"));
    if (call == NULL && session->state == SESSION_INITIALIZING) {
        /* Nothing else is awaited: without it the session would wait until init_timeout. */
        session_lose(session, "oversize",
                     "the server's answer to initialize is longer than max_response; raise it");
        return;
    }
    if (call == NULL) {
        on_fault(session, "a message longer than max_response");
        return;
    }
    call->at.first_us = session->transport->heard_us;
    fail_call(call, FAILURE_TOO_LARGE, "raise max_response, or let the tool answer less", false);
    session_count_changed(session);
}

void session_on_text(struct session *session, struct span text)
{
    struct message message;
    struct message_fault fault;

    if (message_parse(text, &json_limits_default, &message, &fault) < 0) {
        on_malformed(session, text, &fault);
        return;
    }
    switch (message.kind) {
    case MESSAGE_RESULT:
    case MESSAGE_ERROR:
        on_answer(session, &message);
        return;
    case MESSAGE_REQUEST:
        on_request(session, &message);
        return;
    case MESSAGE_NOTIFICATION:
        on_notification(session, &message);
        return;
    }
}
