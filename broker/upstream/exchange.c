/* SPDX-License-Identifier: MIT */
#include "broker/upstream/exchange.h"

#include <ctype.h>
#include <errno.h>

static int on_header_field(http_parser *parser, const char *at, size_t length);
static int on_header_value(http_parser *parser, const char *at, size_t length);
static int on_headers_complete(http_parser *parser);
static int on_body(http_parser *parser, const char *at, size_t length);
static int on_message_complete(http_parser *parser);

static const http_parser_settings settings = {.on_header_field = on_header_field,
                                              .on_header_value = on_header_value,
                                              .on_headers_complete = on_headers_complete,
                                              .on_body = on_body,
                                              .on_message_complete = on_message_complete};

static const struct span content_encoding = SPAN_INIT("content-encoding");
static const struct span expect = SPAN_INIT("Expect: 100-continue\r\n\r\n");

enum { IS_ANOTHER = 64 }; /* of encoding_matched: longer than the name */

int exchange_init(struct exchange *exchange, struct span head, struct span body,
                  void (*on_end)(struct exchange *exchange), void *owner)
{
    enum { LENGTH_AND_BREAKS = 32 };

    *exchange = (struct exchange){.on_end = on_end, .owner = owner, .open = true};
    bytes_init(&exchange->out, head.length + body.length + LENGTH_AND_BREAKS);
    bytes_append_span(&exchange->out, head);
    bytes_append_int(&exchange->out, (int64_t)body.length);
    bytes_append_text(&exchange->out, "\r\n\r\n");
    exchange->head_length = exchange->out.length;
    bytes_append_span(&exchange->out, body);
    if (exchange->out.failed) {
        bytes_done(&exchange->out);
        return -ENOMEM;
    }
    bytes_init(&exchange->asking, exchange->head_length + expect.length);
    bytes_init(&exchange->kept, EXCHANGE_KEPT_MAXIMUM);
    exchange_begin(exchange, -1);
    return 0;
}

void exchange_done(struct exchange *exchange)
{
    CHECK(exchange->lane == NULL && exchange->in_lanes.on == NULL);
    bytes_done(&exchange->out);
    bytes_done(&exchange->asking);
    bytes_done(&exchange->kept);
}

void exchange_begin(struct exchange *exchange, int64_t idled_us)
{
    CHECK(delivery_is_untouched(&exchange->delivery));
    exchange->delivery = (struct delivery){.idled_us = idled_us};
    exchange->asks = false;
    exchange->replied = false;
    exchange->header = EXCHANGE_IN_VALUE;
    bytes_clear(&exchange->kept);
    http_parser_init(&exchange->parser, HTTP_RESPONSE);
    exchange->parser.data = exchange;
}

void exchange_ask(struct exchange *exchange)
{
    CHECK(exchange->delivery.head_sent == 0);
    bytes_clear(&exchange->asking);
    bytes_append(&exchange->asking, exchange->out.at, exchange->head_length - 2);
    bytes_append_span(&exchange->asking, expect);
    exchange->asks = !exchange->asking.failed;
}

static struct span head_of(const struct exchange *exchange)
{
    return exchange->asks ? bytes_span(&exchange->asking)
                          : (struct span){exchange->out.at, exchange->head_length};
}

struct span exchange_unsent(const struct exchange *exchange)
{
    const struct delivery *delivery = &exchange->delivery;
    struct span head = head_of(exchange);
    size_t sent = exchange->head_length + delivery->body_sent;

    if (delivery->head_sent == head.length) {
        return exchange_is_asking(exchange)
                   ? (struct span){head.at, 0}
                   : (struct span){exchange->out.at + sent, exchange->out.length - sent};
    }
    if (exchange->asks) {
        return (struct span){head.at + delivery->head_sent, head.length - delivery->head_sent};
    }
    /* Head and body in one piece: one write, as a rule. */
    return (struct span){exchange->out.at + delivery->head_sent,
                         exchange->out.length - delivery->head_sent};
}

void exchange_sent(struct exchange *exchange, size_t length)
{
    struct delivery *delivery = &exchange->delivery;
    size_t head_left = head_of(exchange).length - delivery->head_sent;
    size_t of_head = length < head_left ? length : head_left;

    CHECK(length <= exchange_unsent(exchange).length);
    delivery->head_sent += of_head;
    delivery->body_sent += length - of_head;
    delivery->body_complete = exchange->head_length + delivery->body_sent == exchange->out.length &&
                              delivery->head_sent == head_of(exchange).length;
}

void exchange_offer(struct exchange *exchange)
{
    const struct delivery *delivery = &exchange->delivery;
    size_t head_left = head_of(exchange).length - delivery->head_sent;

    exchange->delivery.body_offered =
        delivery->body_offered || exchange_unsent(exchange).length > head_left;
}

bool exchange_is_asking(const struct exchange *exchange)
{
    return exchange->asks && !exchange->delivery.continued;
}

bool exchange_feed(struct exchange *exchange, struct span received)
{
    struct delivery *delivery = &exchange->delivery;
    size_t used;

    delivery->reply_bytes += received.length;
    used = http_parser_execute(&exchange->parser, &settings, received.at, received.length);
    if (exchange->replied) {
        /* More bytes than one reply: nobody asked for them, so the connection is not reused. */
        exchange->keep_alive = exchange->keep_alive && used == received.length;
        return true;
    }
    return exchange->parser.http_errno == HPE_OK && exchange->parser.upgrade == 0 &&
           delivery->reply_bytes <= EXCHANGE_REPLY_MAXIMUM;
}

bool exchange_feed_end(struct exchange *exchange)
{
    if (!exchange->replied && exchange->parser.http_errno == HPE_OK) {
        (void)http_parser_execute(&exchange->parser, &settings, NULL, 0);
        exchange->keep_alive = false;
    }
    return exchange->replied;
}

/* ---- the parser's */

static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    struct exchange *exchange = parser->data;
    size_t matched = exchange->header == EXCHANGE_IN_NAME ? exchange->encoding_matched : 0;

    for (size_t i = 0; i < length; i++) {
        bool goes_on = matched < content_encoding.length &&
                       tolower((unsigned char)at[i]) == content_encoding.at[matched];

        matched = goes_on ? matched + 1 : IS_ANOTHER;
    }
    exchange->header = EXCHANGE_IN_NAME;
    exchange->encoding_matched = matched;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct exchange *exchange = parser->data;

    if (exchange->header == EXCHANGE_IN_VALUE) {
        return 0;
    }
    exchange->header = length > 0 ? EXCHANGE_IN_VALUE : EXCHANGE_BEFORE_VALUE;
    if (length > 0 && exchange->encoding_matched == content_encoding.length) {
        /* "identity" is no encoding, and no registered one begins with its letter. */
        exchange->delivery.reply_encoded = tolower((unsigned char)at[0]) != 'i';
    }
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct exchange *exchange = parser->data;

    if (parser->status_code / 100 != 1) {
        exchange->delivery.status = (int)parser->status_code;
    }
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
    struct exchange *exchange = parser->data;

    if (parser->status_code / 100 != 2 && !exchange->delivery.reply_encoded) {
        bytes_append(&exchange->kept, at, length);
    }
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct exchange *exchange = parser->data;
    struct delivery *delivery = &exchange->delivery;

    if (parser->status_code / 100 == 1) {
        delivery->continued = delivery->continued || parser->status_code == 100;
        return 0;
    }
    exchange->replied = true;
    delivery->reply_complete = true;
    delivery->reply_body = exchange->kept.failed ? SPAN_NONE : bytes_span(&exchange->kept);
    /* A reply before the request was out means that the server stopped listening to it. */
    exchange->keep_alive = http_should_keep_alive(parser) != 0 && delivery->body_complete;
    http_parser_pause(parser, 1);
    return 0;
}
