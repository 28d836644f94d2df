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
};

static bool take_line(struct sse_reader *reader, struct span part);
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
}

void sse_reader_done(struct sse_reader *reader)
{
    bytes_done(&reader->line);
    bytes_done(&reader->event);
    bytes_done(&reader->data);
    bytes_done(&reader->id);
}

enum sse_status sse_next(struct sse_reader *reader, struct span chunk, struct sse_event *ret_event)
{
    if (reader->told) {
        forget_event(reader);
    }
    while (!reader->broken && reader->offset < chunk.length) {
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
            bytes_append_span(&reader->line, part);
            reader->broken = is_out_of_room(reader);
            break;
        }
        reader->after_cr = chunk.at[reader->offset] == '\r';
        reader->offset++;
        if (take_line(reader, part)) {
            bool has_type = reader->event.length > 0;

            ret_event->event = has_type ? bytes_span(&reader->event) : SPAN("message");
            ret_event->data = bytes_span(&reader->data);
            ret_event->id = bytes_span(&reader->id);
            reader->told = true;
            return SSE_EVENT;
        }
    }
    reader->offset = 0;
    return reader->broken ? SSE_TOO_LONG : SSE_NONE;
}

/* PART is the end of a line, or all of it.  True if an event is complete. */
static bool take_line(struct sse_reader *reader, struct span part)
{
    struct span line = part;
    bool complete = false;

    if (reader->line.length > 0) {
        bytes_append_span(&reader->line, part);
        line = bytes_span(&reader->line);
    }
    /* The same bound for both ways, so that it does not matter how the bytes were cut. */
    reader->broken = line.length > reader->line.maximum || is_out_of_room(reader);
    if (!reader->broken) {
        complete = read_line(reader, line);
        reader->broken = is_out_of_room(reader);
    }
    bytes_trim(&reader->line, SSE_KEEP_BYTES);
    return complete && !reader->broken;
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
}

static bool is_out_of_room(const struct sse_reader *reader)
{
    return reader->line.failed || reader->event.failed || reader->data.failed || reader->id.failed;
}
