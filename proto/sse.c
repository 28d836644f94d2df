/* SPDX-License-Identifier: MIT */
/*
 * Called with each piece of a response's body.  A line that lies whole in one piece
 * is read where it lies; only a line in two pieces is put together first.
 */
#include "proto/sse.h"

#include "proto/word.h"

enum {
    /* Buffers larger than this do not outlive their event. */
    SSE_KEEP_BYTES = 64 * 1024,
    /* Room on a line for the field's name, its colon and space, and a BOM. */
    FIELD_BYTES = 16,
    /* More digits than this in `retry` are not a time that anyone means. */
    RETRY_DIGITS = 15,
    /* Kept of an event that is too long: enough to find an id in. */
    HEAD_BYTES = 256,
    TAIL_BYTES = 128,
};

static bool take_line(struct sse_reader *reader, struct span part);
static void take_part(struct sse_reader *reader, struct span part);
static void start_skipping(struct sse_reader *reader, struct span line, struct span rest);
static void skip_part(struct sse_reader *reader, struct span part);
static bool read_line(struct sse_reader *reader, struct span line);
static void read_field(struct sse_reader *reader, struct span name, struct span value);
static void forget_event(struct sse_reader *reader);
static bool is_out_of_room(const struct sse_reader *reader);

void sse_reader_init(struct sse_reader *reader, size_t maximum)
{
    CHECK(maximum <= SIZE_MAX - FIELD_BYTES);
    *reader = (struct sse_reader){.retry_ms = -1};
    bytes_init(&reader->line, maximum + FIELD_BYTES);
    bytes_init(&reader->event, maximum);
    bytes_init(&reader->data, maximum);
    bytes_init(&reader->id, maximum);
    bytes_init(&reader->head, maximum < HEAD_BYTES ? maximum : HEAD_BYTES);
    bytes_init(&reader->tail, (size_t)2 * TAIL_BYTES);
}

void sse_reader_done(struct sse_reader *reader)
{
    bytes_done(&reader->line);
    bytes_done(&reader->event);
    bytes_done(&reader->data);
    bytes_done(&reader->id);
    bytes_done(&reader->head);
    bytes_done(&reader->tail);
}

static enum sse_status tell(struct sse_reader *reader, struct sse_event *ret_event)
{
    bool has_type = reader->event.length > 0;

    ret_event->event = has_type ? bytes_span(&reader->event) : SPAN("message");
    ret_event->data = bytes_span(reader->skipping ? &reader->head : &reader->data);
    ret_event->id = bytes_span(&reader->id);
    reader->told = true;
    return reader->skipping ? SSE_TOO_LONG : SSE_EVENT;
}

enum sse_status sse_next(struct sse_reader *reader, struct span chunk, struct sse_event *ret_event)
{
    if (reader->told) {
        forget_event(reader);
    }
    while (reader->offset < chunk.length) {
        const char *at = chunk.at + reader->offset;
        const char *end = chunk.at + chunk.length;
        struct span part = {at, 0};
        bool lf_of_cr = reader->after_cr && *at == '\n';

        reader->after_cr = false;
        if (lf_of_cr) {
            reader->offset++;
            continue;
        }
        part.length = (size_t)(word_find_line_end(at, end) - at);
        reader->offset += part.length;
        if (reader->offset == chunk.length) {
            take_part(reader, part);
            break;
        }
        reader->after_cr = chunk.at[reader->offset] == '\r';
        reader->offset++;
        if (take_line(reader, part)) {
            return tell(reader, ret_event);
        }
    }
    reader->offset = 0;
    return SSE_NONE;
}

bool sse_reader_is_between(const struct sse_reader *reader)
{
    return !reader->skipping && !reader->has_data && reader->line.length == 0 &&
           reader->event.length == 0;
}

/* PART is the beginning of a line whose end is still to come, or more of it. */
static void take_part(struct sse_reader *reader, struct span part)
{
    if (reader->skipping) {
        skip_part(reader, part);
        return;
    }
    bytes_append_span(&reader->line, part);
    if (reader->line.failed) {
        start_skipping(reader, bytes_span(&reader->line), part);
    }
}

/* PART is the end of a line, or all of it.  True if an event is complete. */
static bool take_line(struct sse_reader *reader, struct span part)
{
    struct span line = part;
    bool complete = false;

    if (reader->skipping) {
        skip_part(reader, part);
        complete = !reader->in_line;
        reader->in_line = false;
        return complete;
    }
    if (reader->line.length > 0) {
        bytes_append_span(&reader->line, part);
        line = bytes_span(&reader->line);
    }
    /* The same bound for both ways, so that it does not matter how the bytes were cut. */
    if (line.length <= reader->line.maximum && !is_out_of_room(reader)) {
        complete = read_line(reader, line);
        if (!is_out_of_room(reader)) {
            bytes_trim(&reader->line, SSE_KEEP_BYTES);
            return complete;
        }
        part = SPAN("");
    } else if (line.at == part.at) {
        part = SPAN("");
    }
    start_skipping(reader, line, part);
    reader->in_line = false;
    return false;
}

/* As much of PART as the sketch of the beginning has room for. */
static void sketch(struct bytes *head, struct span part)
{
    size_t room = head->maximum - head->length;

    bytes_append(head, part.at, part.length < room ? part.length : room);
}

/*
 * LINE, and REST that follows it, did not fit, or the value did not; nothing of the event is
 * kept but how it began.
 */
static void start_skipping(struct sse_reader *reader, struct span line, struct span rest)
{
    bytes_clear(&reader->head);
    bytes_clear(&reader->tail);
    if (reader->has_data && reader->data.length > 0) {
        sketch(&reader->head, bytes_span(&reader->data));
    } else {
        sketch(&reader->head, line);
        sketch(&reader->head, rest);
    }
    reader->skipping = true;
    skip_part(reader, line);
    skip_part(reader, rest);
    bytes_trim(&reader->line, 0);
    bytes_trim(&reader->data, 0);
    reader->has_data = false;
    if (reader->event.failed) {
        bytes_clear(&reader->event);
    }
    if (reader->id.failed) {
        bytes_clear(&reader->id);
    }
}

static void skip_part(struct sse_reader *reader, struct span part)
{
    reader->in_line = reader->in_line || part.length > 0;
    if (part.length > TAIL_BYTES) {
        part = (struct span){part.at + part.length - TAIL_BYTES, TAIL_BYTES};
    }
    bytes_append_span(&reader->tail, part);
    if (reader->tail.length > TAIL_BYTES) {
        bytes_consume(&reader->tail, reader->tail.length - TAIL_BYTES);
    }
}

static bool read_line(struct sse_reader *reader, struct span line)
{
    const char *colon;
    struct span name;
    struct span value = SPAN("");

    if (!reader->started && span_starts_with(line, SPAN("\xef\xbb\xbf"))) {
        line = (struct span){line.at + 3, line.length - 3};
    }
    reader->started = true;
    if (line.length == 0) {
        if (!reader->has_data) {
            forget_event(reader);
            return false;
        }
        return true;
    }
    colon = memchr(line.at, ':', line.length);
    if (colon == line.at) {
        reader->comments++;
        return false;
    }
    name = line;
    if (colon != NULL) {
        name.length = (size_t)(colon - line.at);
        value = (struct span){colon + 1, line.length - name.length - 1};
        if (value.length > 0 && *value.at == ' ') {
            value = (struct span){value.at + 1, value.length - 1};
        }
    }
    read_field(reader, name, value);
    return false;
}

/* A wrong value is no value: the one before stays in force. */
static void read_retry(struct sse_reader *reader, struct span value)
{
    int64_t retry_ms = 0;

    if (value.length == 0 || value.length > RETRY_DIGITS) {
        return;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            return;
        }
        retry_ms = retry_ms * 10 + (value.at[i] - '0');
    }
    reader->retry_ms = retry_ms;
}

static void read_field(struct sse_reader *reader, struct span name, struct span value)
{
    if (span_is(name, "data")) {
        if (reader->has_data) {
            bytes_append_char(&reader->data, '\n');
        }
        bytes_append_span(&reader->data, value);
        reader->has_data = true;
    } else if (span_is(name, "event")) {
        bytes_clear(&reader->event);
        bytes_append_span(&reader->event, value);
    } else if (span_is(name, "id")) {
        if (value.length == 0 || memchr(value.at, '\0', value.length) == NULL) {
            bytes_clear(&reader->id);
            bytes_append_span(&reader->id, value);
        }
    } else if (span_is(name, "retry")) {
        read_retry(reader, value);
    }
}

/* The last event id stays in force. */
static void forget_event(struct sse_reader *reader)
{
    bytes_trim(&reader->event, SSE_KEEP_BYTES);
    bytes_trim(&reader->data, SSE_KEEP_BYTES);
    reader->has_data = false;
    reader->told = false;
    reader->skipping = false;
}

static bool is_out_of_room(const struct sse_reader *reader)
{
    return reader->line.failed || reader->event.failed || reader->data.failed || reader->id.failed;
}
