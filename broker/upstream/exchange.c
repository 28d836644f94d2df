/* SPDX-License-Identifier: MIT */
#include "broker/upstream/exchange.h"

#include <errno.h>

static int on_message_complete(http_parser *parser);

static const http_parser_settings settings = {.on_message_complete = on_message_complete};

int exchange_init(struct exchange *exchange, struct span head, struct span body,
                  void (*on_end)(struct exchange *exchange), void *owner)
{
    enum { LENGTH_AND_BREAKS = 32 };

    *exchange = (struct exchange){.on_end = on_end, .owner = owner, .open = true};
    bytes_init(&exchange->out, head.length + body.length + LENGTH_AND_BREAKS);
    bytes_append_span(&exchange->out, head);
    bytes_append_int(&exchange->out, (int64_t)body.length);
    bytes_append_text(&exchange->out, "\r\n\r\n");
    bytes_append_span(&exchange->out, body);
    if (exchange->out.failed) {
        bytes_done(&exchange->out);
        return -ENOMEM;
    }
    http_parser_init(&exchange->parser, HTTP_RESPONSE);
    exchange->parser.data = exchange;
    return 0;
}

void exchange_done(struct exchange *exchange)
{
    CHECK(exchange->lane == NULL && exchange->in_lanes.on == NULL);
    bytes_done(&exchange->out);
}

struct span exchange_unsent(const struct exchange *exchange)
{
    return (struct span){exchange->out.at + exchange->sent, exchange->out.length - exchange->sent};
}

void exchange_sent(struct exchange *exchange, size_t length)
{
    CHECK(length <= exchange->out.length - exchange->sent);
    exchange->sent += length;
    exchange->delivery.handed_over = exchange->sent;
}

bool exchange_feed(struct exchange *exchange, struct span received)
{
    size_t used;

    exchange->reply_bytes += received.length;
    used = http_parser_execute(&exchange->parser, &settings, received.at, received.length);
    if (exchange->replied) {
        /* More bytes than one reply: nobody asked for them, so the connection is not reused. */
        exchange->keep_alive = exchange->keep_alive && used == received.length;
        return true;
    }
    return exchange->parser.http_errno == HPE_OK && exchange->parser.upgrade == 0 &&
           exchange->reply_bytes <= EXCHANGE_REPLY_MAXIMUM;
}

bool exchange_feed_end(struct exchange *exchange)
{
    if (!exchange->replied && exchange->parser.http_errno == HPE_OK) {
        (void)http_parser_execute(&exchange->parser, &settings, NULL, 0);
        exchange->keep_alive = false;
    }
    return exchange->replied;
}

static int on_message_complete(http_parser *parser)
{
    struct exchange *exchange = parser->data;

    if (parser->status_code / 100 == 1) {
        return 0;
    }
    exchange->replied = true;
    exchange->delivery.status = (int)parser->status_code;
    /* A reply before the request was out means that the server stopped listening to it. */
    exchange->keep_alive =
        http_should_keep_alive(parser) != 0 && exchange->sent == exchange->out.length;
    http_parser_pause(parser, 1);
    return 0;
}
