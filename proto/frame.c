/* SPDX-License-Identifier: MIT */
/*
 * Called by the socket's owner: reserve, read, fed, then next until there is none.
 * No byte is searched twice and none moved more than once for each frame taken
 * before it, so that the cost is linear however the bytes arrive.
 */
#include "proto/frame.h"

enum {
    /* An empty buffer larger than this is given back. */
    FRAME_KEEP_BYTES = 64 * 1024,
    /* A frame of the full length may still be followed by CR and LF. */
    LINE_END_BYTES = 2,
};

static bool is_blank(struct span line);

void frame_reader_init(struct frame_reader *reader, size_t maximum)
{
    CHECK(maximum <= SIZE_MAX - LINE_END_BYTES);
    *reader = (struct frame_reader){.maximum = maximum};
    bytes_init(&reader->buffer, maximum + LINE_END_BYTES);
}

void frame_reader_done(struct frame_reader *reader)
{
    bytes_done(&reader->buffer);
    frame_reader_init(reader, reader->maximum);
}

void frame_reader_set_maximum(struct frame_reader *reader, size_t maximum)
{
    CHECK(maximum <= SIZE_MAX - LINE_END_BYTES);
    reader->maximum = maximum;
    /* Never lowered: what is held may be longer, and is found out with its next byte. */
    if (reader->buffer.maximum < maximum + LINE_END_BYTES) {
        reader->buffer.maximum = maximum + LINE_END_BYTES;
    }
}

void frame_reader_trim(struct frame_reader *reader)
{
    if (reader->taken == reader->buffer.length) {
        bytes_trim(&reader->buffer, FRAME_KEEP_BYTES);
    } else {
        bytes_consume(&reader->buffer, reader->taken);
    }
    reader->searched = reader->buffer.length == 0 ? 0 : reader->searched - reader->taken;
    reader->taken = 0;
}

void frame_reader_give_back(struct frame_reader *reader)
{
    frame_reader_trim(reader);
    if (reader->buffer.length == 0) {
        bytes_trim(&reader->buffer, 0);
    }
}

char *frame_reserve(struct frame_reader *reader, size_t atmost, size_t *ret_size)
{
    struct bytes *buffer = &reader->buffer;
    size_t size;
    char *room;

    CHECK(atmost > 0);
    frame_reader_trim(reader);
    /* What is held is no frame yet, so it is short of the buffer's maximum: frame_next saw to it.
     */
    CHECK(buffer->length < buffer->maximum);
    size = buffer->maximum - buffer->length;
    size = size < atmost ? size : atmost;
    room = bytes_reserve(buffer, size);
    if (room == NULL) {
        /* Nothing was lost: the caller may come again. */
        buffer->failed = false;
        return NULL;
    }
    *ret_size = size;
    return room;
}

void frame_fed(struct frame_reader *reader, size_t length)
{
    bytes_added(&reader->buffer, length);
}

/* No newline has come.  The bytes held can still become a frame, or they cannot. */
static enum frame_status unfinished(struct frame_reader *reader)
{
    const struct bytes *buffer = &reader->buffer;
    size_t held = buffer->length - reader->taken;

    reader->searched = buffer->length;
    if (held <= reader->maximum ||
        (held == reader->maximum + 1 && buffer->at[buffer->length - 1] == '\r')) {
        return FRAME_NONE;
    }
    reader->refused = (struct span){buffer->at + reader->taken, held};
    reader->skipping = true;
    reader->taken = buffer->length;
    return FRAME_TOO_LONG;
}

enum frame_status frame_next(struct frame_reader *reader, struct span *ret_frame)
{
    const struct bytes *buffer = &reader->buffer;

    while (reader->searched < buffer->length) {
        const char *from = buffer->at + reader->searched;
        const char *newline = memchr(from, '\n', buffer->length - reader->searched);
        struct span line = {buffer->at + reader->taken, 0};

        if (newline == NULL && reader->skipping) {
            break;
        }
        if (newline == NULL) {
            return unfinished(reader);
        }
        line.length = (size_t)(newline - line.at);
        reader->taken = reader->searched = (size_t)(newline - buffer->at) + 1;
        if (reader->skipping) {
            reader->skipping = false;
            continue;
        }
        if (line.length > 0 && line.at[line.length - 1] == '\r') {
            line.length--;
        }
        if (line.length > reader->maximum) {
            reader->refused = line;
            return FRAME_TOO_LONG;
        }
        if (!is_blank(line)) {
            *ret_frame = line;
            return FRAME_READY;
        }
    }
    if (reader->skipping) {
        reader->taken = reader->searched = buffer->length;
    }
    return FRAME_NONE;
}

struct span frame_refused(const struct frame_reader *reader)
{
    return reader->refused;
}

void frame_put_back(struct frame_reader *reader, struct span frame)
{
    CHECK(frame.at >= reader->buffer.at && frame.length < reader->taken);
    reader->taken = (size_t)(frame.at - reader->buffer.at);
    reader->searched = reader->taken + frame.length;
}

bool frame_reader_is_searched(const struct frame_reader *reader)
{
    return reader->searched >= reader->buffer.length;
}

struct span frame_rest(const struct frame_reader *reader)
{
    size_t length = reader->buffer.length - reader->taken;

    if (reader->skipping || length == 0) {
        return SPAN_NONE;
    }
    return (struct span){reader->buffer.at + reader->taken, length};
}

size_t frame_reader_held(const struct frame_reader *reader)
{
    return reader->buffer.capacity;
}

/* Such a line is no message, and no fault either. */
static bool is_blank(struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r') {
            return false;
        }
    }
    return true;
}
