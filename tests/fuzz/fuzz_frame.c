/* SPDX-License-Identifier: MIT */
/*
 * Frames, read in pieces, are the lines of the input: against a reading of the whole
 * input at once in the plainest way.  The first two bytes: the maximum, and the cuts.
 */
#include "fuzz.h"

#include "proto/frame.h"

static bool is_blank(struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (strchr(" \t\r", line.at[i]) == NULL || line.at[i] == '\0') {
            return false;
        }
    }
    return true;
}

static void say(struct bytes *said, const char *what, struct span line)
{
    bytes_append_text(said, what);
    bytes_append_span(said, line);
    bytes_append_char(said, '\n');
}

static void expect(struct span input, size_t maximum, struct bytes *said)
{
    while (input.length > 0) {
        const char *newline = memchr(input.at, '\n', input.length);
        struct span line = {input.at,
                            newline == NULL ? input.length : (size_t)(newline - input.at)};
        size_t used = line.length + (newline == NULL ? 0 : 1);
        bool has_cr = line.length > 0 && line.at[line.length - 1] == '\r';

        if (line.length - (has_cr ? 1 : 0) > maximum) {
            say(said, "long", SPAN_NONE);
        } else if (newline == NULL) {
            say(said, "rest", line);
        } else {
            line.length -= has_cr ? 1 : 0;
            if (!is_blank(line)) {
                say(said, "line", line);
            }
        }
        input = (struct span){input.at + used, input.length - used};
    }
}

static void drain(struct frame_reader *reader, struct bytes *said)
{
    enum frame_status status;
    struct span frame;

    while ((status = frame_next(reader, &frame)) != FRAME_NONE) {
        if (status == FRAME_READY) {
            PROPERTY(frame.length <= reader->maximum);
            PROPERTY(fuzz_is_inside(frame, bytes_span(&reader->buffer)));
            say(said, "line", frame);
        } else {
            say(said, "long", SPAN_NONE);
        }
    }
}

static void read_in_pieces(struct span input, size_t maximum, uint32_t seed, struct bytes *said)
{
    struct frame_reader reader;

    frame_reader_init(&reader, maximum);
    while (input.length > 0) {
        size_t size;
        char *room = frame_reserve(&reader, 1 + fuzz_next_size(&seed, 100), &size);

        PROPERTY(room != NULL && size > 0);
        size = size < input.length ? size : input.length;
        memcpy(room, input.at, size);
        frame_fed(&reader, size);
        input = (struct span){input.at + size, input.length - size};
        drain(&reader, said);
        PROPERTY(reader.buffer.length - reader.taken <= maximum + 1);
    }
    if (frame_rest(&reader).length > 0) {
        say(said, "rest", frame_rest(&reader));
    }
    frame_reader_done(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    size_t maximum = fuzz_take_byte(&input);
    uint32_t seed = fuzz_take_byte(&input);
    struct bytes expected;
    struct bytes said;

    bytes_init(&expected, FUZZ_ROOM);
    bytes_init(&said, FUZZ_ROOM);
    expect(input, maximum, &expected);
    read_in_pieces(input, maximum, seed, &said);
    PROPERTY(span_equal(bytes_span(&expected), bytes_span(&said)));
    bytes_done(&expected);
    bytes_done(&said);
    return 0;
}
