/* SPDX-License-Identifier: MIT */
/*
 * A stream in pieces tells what the whole stream tells, and with room enough what a
 * decoder tells that follows the standard word for word: first lines, then fields.
 * The first two bytes: the maximum, and the cuts.
 */
#include "fuzz.h"

#include "proto/sse.h"

static void say(struct bytes *said, struct span type, struct span text, struct span id)
{
    bytes_append_char(said, '(');
    bytes_append_span(said, type);
    bytes_append_char(said, '|');
    bytes_append_span(said, text);
    bytes_append_char(said, '|');
    bytes_append_span(said, id);
    bytes_append_char(said, ')');
}

/* ---- the standard, 9.2.6 */

struct plain {
    struct bytes type;
    struct bytes text;
    struct bytes id;
    struct bytes *said;
};

static void plain_field(struct plain *plain, struct span name, struct span value)
{
    if (span_is(name, "event")) {
        bytes_clear(&plain->type);
        bytes_append_span(&plain->type, value);
    } else if (span_is(name, "data")) {
        bytes_append_span(&plain->text, value);
        bytes_append_char(&plain->text, '\n');
    } else if (span_is(name, "id") &&
               (value.length == 0 || memchr(value.at, '\0', value.length) == NULL)) {
        bytes_clear(&plain->id);
        bytes_append_span(&plain->id, value);
    }
}

static void plain_line(struct plain *plain, struct span line)
{
    const char *colon = line.length == 0 ? NULL : memchr(line.at, ':', line.length);
    struct span value = SPAN("");
    struct span name = line;

    if (line.length == 0) {
        if (plain->text.length > 0) {
            plain->text.length--;
            say(plain->said, plain->type.length > 0 ? bytes_span(&plain->type) : SPAN("message"),
                bytes_span(&plain->text), bytes_span(&plain->id));
        }
        bytes_clear(&plain->text);
        bytes_clear(&plain->type);
        return;
    }
    if (colon != NULL) {
        name.length = (size_t)(colon - line.at);
        value = (struct span){colon + 1, line.length - name.length - 1};
        if (value.length > 0 && value.at[0] == ' ') {
            value = (struct span){value.at + 1, value.length - 1};
        }
    }
    /* A comment is a line with an empty name. */
    plain_field(plain, name, value);
}

static void decode_plainly(struct span input, struct bytes *said)
{
    struct plain plain = {.said = said};
    size_t start = 0;

    bytes_init(&plain.type, FUZZ_ROOM);
    bytes_init(&plain.text, FUZZ_ROOM);
    bytes_init(&plain.id, FUZZ_ROOM);
    if (span_starts_with(input, SPAN("\xef\xbb\xbf"))) {
        start = 3;
    }
    for (size_t i = start; i < input.length; i++) {
        if (input.at[i] == '\n' || input.at[i] == '\r') {
            plain_line(&plain, (struct span){input.at + start, i - start});
            if (input.at[i] == '\r' && i + 1 < input.length && input.at[i + 1] == '\n') {
                i++;
            }
            start = i + 1;
        }
    }
    bytes_done(&plain.type);
    bytes_done(&plain.text);
    bytes_done(&plain.id);
}

/* ---- ours */

static void decode(struct span input, size_t maximum, uint32_t seed, size_t most,
                   struct bytes *said)
{
    struct sse_reader reader;
    struct sse_event event;
    enum sse_status status;
    int dropped = 0;

    sse_reader_init(&reader, maximum);
    while (input.length > 0) {
        size_t size = most > 0 ? fuzz_next_size(&seed, most) : input.length;
        struct span piece = {input.at, size < input.length ? size : input.length};

        while ((status = sse_next(&reader, piece, &event)) != SSE_NONE) {
            PROPERTY(event.data.length <= maximum);
            say(said, event.event, event.data, event.id);
            if (status == SSE_TOO_LONG) {
                say(said, SPAN("!"), bytes_span(&reader.tail), SPAN(""));
                dropped++;
            }
        }
        PROPERTY(reader.line.length <= maximum + 16);
        input = (struct span){input.at + piece.length, input.length - piece.length};
    }
    bytes_printf(said, "%d %lld %llu", dropped, (long long)reader.retry_ms,
                 (unsigned long long)reader.comments);
    sse_reader_done(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    size_t maximum = fuzz_take_byte(&input);
    uint32_t seed = fuzz_take_byte(&input);
    struct bytes whole;
    struct bytes cut;
    struct bytes plain;

    bytes_init(&whole, FUZZ_ROOM);
    bytes_init(&cut, FUZZ_ROOM);
    bytes_init(&plain, FUZZ_ROOM);
    decode(input, maximum, seed, 0, &whole);
    decode(input, maximum, seed, 1 + seed, &cut);
    PROPERTY(span_equal(bytes_span(&whole), bytes_span(&cut)));
    bytes_clear(&whole);
    decode(input, FUZZ_ROOM, seed, 1 + seed, &whole);
    decode_plainly(input, &plain);
    PROPERTY(
        span_starts_with(bytes_span(&whole), plain.length == 0 ? SPAN("") : bytes_span(&plain)));
    PROPERTY(whole.at[plain.length] == '0');
    bytes_done(&whole);
    bytes_done(&cut);
    bytes_done(&plain);
    return 0;
}
