/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/frame.h"

enum { MAXIMUM = 10 };

/* What a reader said, as text: each frame in brackets, `!` for one that was too long. */
static void drain(struct frame_reader *reader, struct bytes *said)
{
    enum frame_status status;
    struct span frame;

    while ((status = frame_next(reader, &frame)) != FRAME_NONE) {
        if (status == FRAME_TOO_LONG) {
            bytes_append_char(said, '!');
            continue;
        }
        bytes_append_char(said, '[');
        bytes_append_span(said, frame);
        bytes_append_char(said, ']');
    }
}

/* Feeds all of TEXT, at most ATMOST bytes at a time.  False if memory was out. */
static bool feed(struct frame_reader *reader, struct span text, size_t atmost, struct bytes *said)
{
    while (text.length > 0) {
        size_t size;
        char *room = frame_reserve(reader, atmost, &size);

        if (room == NULL) {
            return false;
        }
        assert_true(size >= 1 && size <= atmost);
        size = size < text.length ? size : text.length;
        memcpy(room, text.at, size);
        frame_fed(reader, size);
        text.at += size;
        text.length -= size;
        drain(reader, said);
    }
    return true;
}

static const struct {
    struct span input;
    const char *said;
    const char *rest;
} frame_rows[] = {
    {SPAN_INIT(""), "", ""},
    {SPAN_INIT("{}\n"), "[{}]", ""},
    {SPAN_INIT("{}\n[]\n1\n"), "[{}][[]][1]", ""},
    {SPAN_INIT("{}\n{\"a"), "[{}]", "{\"a"},
    /* CR LF; a CR elsewhere is content, and only one is taken off. */
    {SPAN_INIT("{}\r\n"), "[{}]", ""},
    {SPAN_INIT("a\rb\n"), "[a\rb]", ""},
    {SPAN_INIT("a\r\r\n"), "[a\r]", ""},
    {SPAN_INIT("a\r"), "", "a\r"},
    /* Blank lines of all kinds. */
    {SPAN_INIT("\n\n{}\n\n"), "[{}]", ""},
    {SPAN_INIT("\r\n \n\t \r\n{}\n"), "[{}]", ""},
    /* Spaces around a frame are the parser's business. */
    {SPAN_INIT(" {} \n"), "[ {} ]", ""},
    /* A NUL is a byte like others. */
    {SPAN_INIT("\0\n"), "[\0]", ""},
    /* As long as may be; one more; and the frames around it are none the worse. */
    {SPAN_INIT("0123456789\n"), "[0123456789]", ""},
    {SPAN_INIT("0123456789\r\n"), "[0123456789]", ""},
    {SPAN_INIT("0123456789a\n"), "!", ""},
    {SPAN_INIT("0123456789a\r\n"), "!", ""},
    {SPAN_INIT("0123456789\r\r\n"), "!", ""},
    {SPAN_INIT("0123456789\ra\n"), "!", ""},
    {SPAN_INIT("1\n0123456789012345678901234567890123456789\n2\n"), "[1]![2]", ""},
    {SPAN_INIT("0123456789a\n0123456789b\nok\n"), "!![ok]", ""},
    /* Also blank ones: what is told must not depend on how the bytes came. */
    {SPAN_INIT("           \n"), "!", ""},
    {SPAN_INIT("          \n"), "", ""},
    /* Told before its newline comes; nothing is left of it at the end. */
    {SPAN_INIT("0123456789a"), "!", ""},
    {SPAN_INIT("0123456789abcdefghijklmnop"), "!", ""},
    {SPAN_INIT("0123456789\r"), "", "0123456789\r"},
};

static void test_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(frame_rows); i++) {
        for (size_t atmost = 1; atmost < 50; atmost++) {
            struct frame_reader reader;
            struct bytes said;

            frame_reader_init(&reader, MAXIMUM);
            bytes_init(&said, 1000);
            assert_row(i, feed(&reader, frame_rows[i].input, atmost, &said));
            /* The row with a NUL in what is said ends there for strcmp. */
            assert_row(i, bytes_text(&said) != NULL);
            if (strcmp(said.at, frame_rows[i].said) != 0) {
                print_error("row %zu, %zu at a time: %s, not %s\n", i, atmost, said.at,
                            frame_rows[i].said);
                fail();
            }
            assert_row(i, span_is(frame_rest(&reader), frame_rows[i].rest));
            bytes_done(&said);
            frame_reader_done(&reader);
        }
    }
}

/* The maximum and a line end: never more is held, however much comes. */
static void test_memory_is_bounded(void **state)
{
    struct frame_reader reader;
    struct bytes said;
    char garbage[100];

    (void)state;
    memset(garbage, 'x', sizeof(garbage));
    frame_reader_init(&reader, 200);
    bytes_init(&said, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_true(feed(&reader, (struct span){garbage, sizeof(garbage)}, 64, &said));
        assert_true(reader.buffer.length <= 202);
        assert_true(frame_reader_held(&reader) <= 512);
    }
    /* Once for the whole of it. */
    assert_bytes(said, "!");
    assert_true(feed(&reader, SPAN("\n{}\n"), 64, &said));
    assert_bytes(said, "![{}]");
    bytes_done(&said);
    frame_reader_done(&reader);
}

static void test_big_buffers_are_given_back(void **state)
{
    enum { BIG = 1 << 20 };
    struct frame_reader reader;
    struct bytes said;
    struct bytes input;
    char *room;
    size_t size;

    (void)state;
    bytes_init(&input, BIG + 10);
    room = bytes_reserve(&input, BIG);
    assert_non_null(room);
    memset(room, 'x', BIG);
    bytes_added(&input, BIG);
    bytes_append_char(&input, '\n');
    frame_reader_init(&reader, BIG);
    bytes_init(&said, BIG + 10);
    assert_true(feed(&reader, bytes_span(&input), 65536, &said));
    assert_int_equal(said.length, BIG + 2);
    assert_true(frame_reader_held(&reader) >= BIG);
    /* Before the next read, or as soon as the owner has done with the frame. */
    assert_non_null(frame_reserve(&reader, 1000, &size));
    assert_true(frame_reader_held(&reader) <= 65536);
    assert_true(feed(&reader, bytes_span(&input), 65536, &said) || said.failed);
    frame_reader_trim(&reader);
    assert_int_equal(frame_reader_held(&reader), 0);
    bytes_done(&said);
    bytes_done(&input);
    frame_reader_done(&reader);
}

/* Byte by byte, a long frame is looked at once, not once for each byte. */
static void test_no_byte_is_searched_twice(void **state)
{
    struct frame_reader reader;
    struct bytes said;

    (void)state;
    frame_reader_init(&reader, 1000);
    bytes_init(&said, 1000);
    assert_true(feed(&reader, SPAN("one\ntwo"), 64, &said));
    for (int i = 0; i < 500; i++) {
        assert_true(feed(&reader, SPAN("x"), 1, &said));
        assert_int_equal(reader.searched, reader.buffer.length);
        assert_int_equal(reader.taken, 0);
    }
    bytes_done(&said);
    frame_reader_done(&reader);
}

/* Trimming in the middle of a frame loses nothing. */
static void test_trim_keeps_the_unfinished(void **state)
{
    struct frame_reader reader;
    struct bytes said;

    (void)state;
    frame_reader_init(&reader, 100);
    bytes_init(&said, 1000);
    assert_true(feed(&reader, SPAN("one\ntw"), 64, &said));
    frame_reader_trim(&reader);
    assert_true(span_is(frame_rest(&reader), "tw"));
    assert_true(feed(&reader, SPAN("o\n"), 64, &said));
    assert_bytes(said, "[one][two]");
    bytes_done(&said);
    frame_reader_done(&reader);
}

/* Frames handed out one after the other all stay valid until the next reserve. */
static void test_frames_stay_valid(void **state)
{
    static const char input[19] = "one\ntwo\r\nthree\nrest";
    struct frame_reader reader;
    struct span frames[3];
    struct span frame;
    size_t size;
    char *room;

    (void)state;
    frame_reader_init(&reader, 100);
    room = frame_reserve(&reader, 100, &size);
    assert_non_null(room);
    memcpy(room, input, sizeof(input));
    frame_fed(&reader, sizeof(input));
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        assert_int_equal(frame_next(&reader, &frames[i]), FRAME_READY);
    }
    assert_int_equal(frame_next(&reader, &frame), FRAME_NONE);
    assert_span(frames[0], "one");
    assert_span(frames[1], "two");
    assert_span(frames[2], "three");
    assert_span(frame_rest(&reader), "rest");
    frame_reader_done(&reader);
}

/* Whatever is cut how: the same is said as when it comes at once. */
/* A frame that was not taken comes again, the same, and then the next one. */
static void test_put_back(void **state)
{
    static const struct span input = SPAN_INIT("\r\none\r\n \ntwo\nthr");
    struct frame_reader reader;
    struct span frame;
    size_t size;
    char *room;

    (void)state;
    frame_reader_init(&reader, 100);
    room = frame_reserve(&reader, 100, &size);
    assert_non_null(room);
    memcpy(room, input.at, input.length);
    frame_fed(&reader, input.length);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(frame_next(&reader, &frame), FRAME_READY);
        assert_true(span_is(frame, "one"));
        frame_put_back(&reader, frame);
        frame_reader_trim(&reader);
    }
    assert_int_equal(frame_next(&reader, &frame), FRAME_READY);
    assert_true(span_is(frame, "one"));
    assert_int_equal(frame_next(&reader, &frame), FRAME_READY);
    assert_true(span_is(frame, "two"));
    frame_put_back(&reader, frame);
    assert_false(frame_reader_is_searched(&reader));
    assert_int_equal(frame_next(&reader, &frame), FRAME_READY);
    assert_true(span_is(frame, "two"));
    assert_int_equal(frame_next(&reader, &frame), FRAME_NONE);
    assert_true(frame_reader_is_searched(&reader));
    assert_true(span_is(frame_rest(&reader), "thr"));
    frame_reader_done(&reader);
}

static void test_random_cuts(void **state)
{
    static const char alphabet[] = "ab \r\n\n\t";
    uint64_t seed = 99;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct frame_reader whole;
        struct frame_reader cut;
        struct bytes said;
        struct bytes said_cut;
        char input[120];
        size_t at = 0;

        for (size_t i = 0; i < sizeof(input); i++) {
            input[i] = alphabet[unit_random(&seed) % (sizeof(alphabet) - 1)];
            if (i > 0 && unit_random(&seed) % 4 != 0) {
                /* Runs, so that some lines are too long. */
                input[i] = input[i - 1];
            }
        }
        frame_reader_init(&whole, MAXIMUM);
        frame_reader_init(&cut, MAXIMUM);
        bytes_init(&said, 1000);
        bytes_init(&said_cut, 1000);
        assert_true(feed(&whole, (struct span){input, sizeof(input)}, sizeof(input), &said));
        while (at < sizeof(input)) {
            size_t length = unit_random(&seed) % 20;

            length = length < sizeof(input) - at ? length : sizeof(input) - at;
            assert_true(feed(&cut, (struct span){input + at, length}, 7, &said_cut));
            at += length;
        }
        assert_true(span_equal(bytes_span(&said), bytes_span(&said_cut)));
        assert_true(span_equal(frame_rest(&whole), frame_rest(&cut)));
        bytes_done(&said);
        bytes_done(&said_cut);
        frame_reader_done(&whole);
        frame_reader_done(&cut);
    }
}

static bool read_frames(void)
{
    struct frame_reader reader;
    struct bytes said;
    bool succeeded = true;

    /* Bounded so that it never allocates: it is the reader that is looked at. */
    static char memory[64 * 1024];

    said = (struct bytes){.at = memory, .capacity = sizeof(memory), .maximum = sizeof(memory)};
    frame_reader_init(&reader, 10000);
    for (int i = 0; i < 200 && succeeded; i++) {
        succeeded = feed(&reader, SPAN("long enough to let it grow, "), 5, &said);
    }
    succeeded = succeeded && feed(&reader, SPAN("\n"), 5, &said);
    assert_int_equal(said.length > 0, succeeded);
    frame_reader_done(&reader);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(read_frames);
}

static bool refuse(size_t size)
{
    (void)size;
    return false;
}

/* What was there before memory was out is there after it. */
static void test_memory_comes_back(void **state)
{
    struct frame_reader reader;
    struct bytes said;
    size_t size;

    (void)state;
    frame_reader_init(&reader, 10000);
    bytes_init(&said, 1000);
    assert_true(feed(&reader, SPAN("{\"a\":"), 64, &said));
    mem_set_hook(refuse);
    assert_null(frame_reserve(&reader, 4000, &size));
    mem_set_hook(NULL);
    assert_true(feed(&reader, SPAN("1}\n"), 4000, &said));
    assert_bytes(said, "[{\"a\":1}]");
    bytes_done(&said);
    frame_reader_done(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_big_buffers_are_given_back),
        cmocka_unit_test(test_no_byte_is_searched_twice),
        cmocka_unit_test(test_trim_keeps_the_unfinished),
        cmocka_unit_test(test_frames_stay_valid),
        cmocka_unit_test(test_put_back),
        cmocka_unit_test(test_random_cuts),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_memory_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
