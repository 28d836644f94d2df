/* SPDX-License-Identifier: MIT */
/* The calls of a load: begun, told apart by their ids, judged, counted. */
#include <string.h>
#include <time.h>

#include "client-lib/bench/load_priv.h"

int64_t load_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- beginning a call */

static void write_request(struct load *load, int64_t id, const struct tool *tool, uint64_t number)
{
    const struct bench_options *options = load->options;
    struct bytes *out = &load->text;

    bytes_clear(out);
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_append_int(out, id);
    bytes_append_text(out, ",\"method\":\"tools/call\",\"params\":{\"name\":");
    json_quote(out, span_of(tool->name));
    bytes_append_text(out, ",\"arguments\":");
    tool_write_arguments(tool, number, out);
    if (options->target == TARGET_SOCKET) {
        bytes_append_text(out, ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                               "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}");
        if (options->pool != NULL) {
            bytes_append_text(out, ",\"dev.teplo/pool\":");
            json_quote(out, span_of(options->pool));
        }
        if (options->deadline_ms > 0) {
            bytes_append_text(out, ",\"dev.teplo/deadlineMs\":");
            bytes_append_int(out, options->deadline_ms);
        }
        bytes_append_char(out, '}');
    }
    bytes_append_text(out, "}}");
}

static void begin_call(struct client *client, int64_t intended_ns)
{
    struct load *load = client->load;
    struct list_node *node = list_take_first(&client->free);
    uint64_t number = load->numbers++;
    struct slot *slot;

    CHECK(node != NULL);
    slot = LIST_ITEM(node, struct slot, in_free);
    /* The id says which slot it is, and is never used again. */
    slot->id = (int64_t)(number * load->options->in_flight) + (slot - client->slots) + 1;
    slot->number = number;
    slot->tool = tool_mix_choose(&load->options->mix, number);
    slot->intended_ns = intended_ns;
    slot->counts = intended_ns >= load->warm_up_ends_ns;
    load->counted += slot->counts ? 1 : 0;
    load->in_flight++;
    if (list_is_empty(&client->free)) {
        list_remove(&load->roomy, &client->in_roomy);
    }
    write_request(load, slot->id, &load->options->mix.tools[slot->tool], number);
    if (!load->text.failed) {
        client->wire->kind->send(client->wire, slot->id, bytes_span(&load->text));
    }
}

bool load_may_begin(const struct load *load)
{
    return (load->phase == PHASE_WARMING || load->phase == PHASE_MEASURING) &&
           (load->options->calls == 0 || load->counted < load->options->calls);
}

void load_begin_due(struct load *load)
{
    uint64_t due = pace_due_count(&load->pace, load_now_ns());
    struct list_node *node;

    while (load->numbers < due && load_may_begin(load) &&
           (node = list_first(&load->roomy)) != NULL) {
        struct client *client = LIST_ITEM(node, struct client, in_roomy);

        begin_call(client, pace_due_ns(&load->pace, load->numbers));
        if (list_has(&load->roomy, &client->in_roomy)) { /* the next one's turn */
            list_remove(&load->roomy, &client->in_roomy);
            list_append(&load->roomy, &client->in_roomy);
        }
        client->wire->kind->flush(client->wire);
    }
}

void load_fill(struct client *client)
{
    struct load *load = client->load;

    if (load->options->rate > 0) {
        load_begin_due(load);
        return;
    }
    while (client->is_ready && !list_is_empty(&client->free) && load_may_begin(load)) {
        begin_call(client, load_now_ns());
    }
}

/* ---- the end of a call */

static void free_slot(struct client *client, struct slot *slot)
{
    struct load *load = client->load;

    slot->id = 0;
    slot->is_lost = false;
    if (list_is_empty(&client->free) && client->is_ready) {
        list_append(&load->roomy, &client->in_roomy);
    }
    list_append(&client->free, &slot->in_free);
}

static void count(struct load *load, const struct slot *slot, enum verdict verdict)
{
    struct load_result *result = load->result;
    int64_t now = load_now_ns();

    load->in_flight--;
    if (!slot->counts) {
        result->verdicts[verdict] += verdict_delivery(verdict) == DELIVERY_BROKEN ? 1 : 0;
        return;
    }
    result->verdicts[verdict]++;
    load->last_answer_ns = now;
    if (verdict_delivery(verdict) == DELIVERY_ANSWERED) {
        result->answered++;
        durations_add(&result->latency, now - slot->intended_ns);
        durations_add(&result->by_tool[slot->tool], now - slot->intended_ns);
    }
}

static void finish(struct client *client, struct slot *slot, enum verdict verdict)
{
    struct load *load = client->load;

    if (!slot->is_lost) {
        count(load, slot, verdict);
    }
    free_slot(client, slot);
    load_fill(client);
    load_end_if_done(load);
    if (load->options->rate > 0) { /* there is room again: the next one may be due at once */
        load_wait_for_turn(load);
    }
}

/* NULL: no such call is in flight on it. */
static struct slot *find_slot(const struct client *client, int64_t id)
{
    struct slot *slot;

    if (id <= 0) {
        return NULL;
    }
    slot = &client->slots[(uint64_t)(id - 1) % client->load->options->in_flight];
    return slot->id == id ? slot : NULL;
}

static enum verdict judge(struct load *load, const struct slot *slot, const struct message *answer)
{
    const struct tool *tool = &load->options->mix.tools[slot->tool];
    enum verdict verdict = verdict_of(answer);

    if (!load->options->verifies || verdict != VERDICT_RESULT || strcmp(tool->name, "echo") != 0) {
        return verdict;
    }
    bytes_clear(&load->arguments);
    tool_write_arguments(tool, slot->number, &load->arguments);
    return verdict_is_echo(answer->result, bytes_span(&load->arguments)) ? verdict : VERDICT_WRONG;
}

void load_on_text(void *owner, struct span text)
{
    struct client *client = owner;
    struct message_fault fault;
    struct message message;
    struct slot *slot = NULL;
    int64_t id;

    if (message_parse(text, &json_limits_default, &message, &fault) < 0) {
        client->load->result->verdicts[VERDICT_WRONG]++;
        return;
    }
    if (message.kind == MESSAGE_NOTIFICATION || message.kind == MESSAGE_REQUEST) {
        return;
    }
    if (json_to_int(message.id, &id)) {
        slot = find_slot(client, id);
    }
    if (slot == NULL) {
        client->load->result->verdicts[VERDICT_WRONG]++;
        return;
    }
    finish(client, slot, judge(client->load, slot, &message));
}

void load_on_refused(void *owner, int64_t id)
{
    struct client *client = owner;
    struct slot *slot = find_slot(client, id);

    if (slot != NULL) {
        finish(client, slot, VERDICT_ERROR);
    }
}

void load_lose_calls(struct client *client)
{
    struct load *load = client->load;

    for (unsigned i = 0; i < load->options->in_flight; i++) {
        struct slot *slot = &client->slots[i];

        if (slot->id != 0 && !slot->is_lost) {
            count(load, slot, VERDICT_LOST);
        }
        if (slot->id != 0) {
            free_slot(client, slot);
        }
    }
}

/* Its slot stays taken while the connection lives: the answer may come late. */
static void give_up(struct load *load, struct slot *slot)
{
    count(load, slot, VERDICT_LOST);
    slot->is_lost = true;
}

void load_give_up_before(struct load *load, int64_t oldest_ns)
{
    for (unsigned i = 0; i < load->options->clients; i++) {
        for (unsigned k = 0; k < load->options->in_flight; k++) {
            struct slot *slot = &load->clients[i].slots[k];

            if (slot->id != 0 && !slot->is_lost && slot->intended_ns < oldest_ns) {
                give_up(load, slot);
            }
        }
    }
}
