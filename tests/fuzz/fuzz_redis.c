/* SPDX-License-Identifier: MIT */
/*
 * What comes from Redis, and what leads to it.  The first byte steers: replies in pieces are those
 * of the whole input at once, as far as they come; a url that is read is shown without its
 * secrets, and is read again as it is shown; a redirect names a host and a port.
 */
#include "fuzz.h"

#include "broker/health/redis_fault.h"
#include "broker/health/redis_reader.h"
#include "proto/base/mem.h"
#include "proto/redis_redirect.h"
#include "proto/redis_url.h"

static void say(struct bytes *said, const redisReply *reply)
{
    bytes_printf(said, "%d %lld %zu ", reply->type, reply->integer, reply->elements);
    if (reply->str != NULL) {
        bytes_append(said, reply->str, strlen(reply->str));
    }
    for (size_t i = 0; i < reply->elements; i++) {
        say(said, reply->element[i]);
    }
    bytes_append_char(said, '\n');
}

static bool drain(struct redis_reader *reader, struct bytes *said)
{
    redisReply *reply = NULL;

    while (redis_reader_next(reader, &reply) == 0) {
        if (reply == NULL) {
            return true;
        }
        PROPERTY(reply->elements <= REDIS_READER_ELEMENTS);
        if (reply->type == REDIS_REPLY_ERROR) {
            struct redis_redirect redirect;

            (void)redis_fault_row(redis_fault_of(reply->str));
            (void)!redis_redirect_read(&redirect, reply->str);
        }
        say(said, reply);
        freeReplyObject(reply);
    }
    PROPERTY(*redis_reader_error(reader) != '\0');
    return false;
}

static void read_replies(struct span input, uint32_t seed, struct bytes *said)
{
    struct redis_reader reader;
    bool is_well = redis_reader_init(&reader) == 0;

    while (is_well && input.length > 0) {
        size_t size = seed == 0 ? input.length : 1 + fuzz_next_size(&seed, 50);

        size = size < input.length ? size : input.length;
        is_well = redis_reader_feed(&reader, input.at, size) == 0 && drain(&reader, said);
        input = (struct span){input.at + size, input.length - size};
    }
    redis_reader_done(&reader);
}

static void compare_replies(struct span input, uint32_t seed)
{
    struct bytes whole;
    struct bytes pieces;

    bytes_init(&whole, FUZZ_ROOM);
    bytes_init(&pieces, FUZZ_ROOM);
    read_replies(input, 0, &whole);
    read_replies(input, seed + 1, &pieces);
    PROPERTY(span_equal(bytes_span(&whole), bytes_span(&pieces)));
    bytes_done(&whole);
    bytes_done(&pieces);
}

static void read_url(struct span input)
{
    char *text = mem_copy_text(input.at == NULL ? "" : input.at, input.length);
    struct redis_url url;
    struct redis_url again;

    PROPERTY(text != NULL);
    if (redis_url_init(&url, text) < 0) {
        PROPERTY(redis_url_refusal(text) != NULL);
    } else {
        PROPERTY(redis_url_refusal(text) == NULL);
        PROPERTY((url.path != NULL) + (url.host != NULL) + (url.master != NULL) == 1);
        PROPERTY(strchr(url.shown, '@') == NULL || url.path != NULL);
        /* A path is shown as it is, which may be more than a url may have. */
        if (url.path == NULL && strlen(url.shown) <= REDIS_URL_MAXIMUM) {
            PROPERTY(redis_url_init(&again, url.shown) == 0);
            PROPERTY(strcmp(again.shown, url.shown) == 0);
            redis_url_done(&again);
        }
        redis_url_done(&url);
    }
    mem_free(text);
}

static void read_redirect(struct span input)
{
    char *text = mem_copy_text(input.at == NULL ? "" : input.at, input.length);
    struct redis_redirect redirect;

    PROPERTY(text != NULL);
    if (redis_redirect_read(&redirect, text) == 0) {
        PROPERTY(redirect.port > 0 && strlen(redirect.host) < sizeof(redirect.host));
        PROPERTY(strchr(redirect.host, ' ') == NULL);
    }
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    unsigned what = fuzz_take_byte(&input);

    if (what % 4 == 1) {
        read_url(input);
    } else if (what % 4 == 2) {
        read_redirect(input);
    } else {
        compare_replies(input, what);
    }
    return 0;
}
