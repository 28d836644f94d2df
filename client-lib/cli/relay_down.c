/* SPDX-License-Identifier: MIT */
/* A relay's way down: what the brokers say, but for what answers us and not the host. */
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/relay.h"
#include "client-lib/lib/value_text.h"

static void pass_message(struct relay *relay, const struct message *message)
{
    if (message->kind == MESSAGE_RESULT || message->kind == MESSAGE_ERROR) {
        relay_asked_settle(&relay->asked, message->id);
        relay_greeting_heard(&relay->greeting, message);
        relay->backoff_ms = 0;
    }
    relay_host_tell(&relay->host, message->text, 1);
}

static void judge_greeting(struct relay *relay, int number, const struct message *message)
{
    struct relay_link *link = &relay->links[number];

    switch (relay_greeting_judge(&relay->greeting, message)) {
    case RELAY_PASS:
        if (message->kind != MESSAGE_NOTIFICATION) {
            link->state = RELAY_LINK_OPEN;
        }
        pass_message(relay, message);
        break;
    case RELAY_GREETED:
        relay_greeting_confirm(&relay->greeting, &link->own);
        link->state = RELAY_LINK_OPEN;
        break;
    case RELAY_REFUSED:
        relay_lose_link(relay, number);
        break;
    case RELAY_FOREIGN:
        complaint("the broker that came back does not speak MCP %s any more: connect again",
                  relay->greeting.version);
        relay_end(relay, STATUS_REFUSED);
        break;
    }
}

static void hear(struct relay *relay, int number, struct span line)
{
    struct message message;
    struct message_fault fault;

    if (message_parse(line, &value_text_limits, &message, &fault) < 0) {
        relay_host_tell(&relay->host, line, 1); /* the host's to judge */
    } else if (relay->links[number].state == RELAY_LINK_GREETING) {
        judge_greeting(relay, number, &message);
    } else {
        pass_message(relay, &message);
    }
}

/* Passes on what link NUMBER has read.  False: its stream is no use any more. */
static bool pass_on(struct relay *relay, int number)
{
    struct relay_link *link = &relay->links[number];
    struct span line;

    while (link->state != RELAY_LINK_NONE && relay_host_has_room(&relay->host)) {
        switch (frame_next(&link->reader, &line)) {
        case FRAME_READY:
            hear(relay, number, line);
            break;
        case FRAME_TOO_LONG:
            return false;
        case FRAME_NONE:
            return true;
        }
    }
    return true;
}

bool relay_down_may_read(const struct relay *relay, int number)
{
    const struct relay_link *link = &relay->links[number];

    return link->state != RELAY_LINK_NONE && !link->is_ended &&
           frame_reader_is_searched(&link->reader) && relay_host_has_room(&relay->host);
}

void relay_down_serve(struct relay *relay, int number)
{
    struct relay_link *link = &relay->links[number];

    if (!pass_on(relay, number) || (link->is_ended && frame_reader_is_searched(&link->reader))) {
        relay_lose_link(relay, number);
    }
}

void relay_down_read(struct relay *relay, int number)
{
    relay->links[number].is_ended = relay_link_read(&relay->links[number]) <= 0;
    relay_down_serve(relay, number);
}
