/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/sse.h"

enum { MAXIMUM = 40 };

/* An event as text: (type|data|id), and `!` for one that was too long. */
static void feed(struct sse_reader *reader, struct span chunk, struct bytes *said)
{
    struct sse_event event;
    enum sse_status status;

    while ((status = sse_next(reader, chunk, &event)) != SSE_NONE) {
        if (status == SSE_TOO_LONG) {
            bytes_append_char(said, '!');
            continue;
        }
        bytes_append_char(said, '(');
        bytes_append_span(said, event.event);
        bytes_append_char(said, '|');
        bytes_append_span(said, event.data);
        bytes_append_char(said, '|');
        bytes_append_span(said, event.id);
        bytes_append_char(said, ')');
    }
}

/* All of INPUT, SIZE bytes at a time. */
static void feed_all(struct sse_reader *reader, struct span input, size_t size, struct bytes *said)
{
    while (input.length > 0) {
        size_t length = size < input.length ? size : input.length;

        feed(reader, (struct span){input.at, length}, said);
        input.at += length;
        input.length -= length;
    }
}

struct stream {
    struct span input;
    const char *said;
    int64_t retry_ms;
    uint64_t comments;
};

static const struct stream streams[] = {
    {SPAN_INIT(""), "", -1, 0},
    {SPAN_INIT("data: x\n\n"), "(message|x|)", -1, 0},
    /* CR, LF, CR LF, and all of them mixed. */
    {SPAN_INIT("data: x\r\rdata: y\r\r"), "(message|x|)(message|y|)", -1, 0},
    {SPAN_INIT("data: x\r\n\r\ndata: y\r\n\r\n"), "(message|x|)(message|y|)", -1, 0},
    {SPAN_INIT("data: x\n\r\ndata: y\r\n\ndata: z\r\n\r"), "(message|x|)(message|y|)(message|z|)",
     -1, 0},
    /* A CR LF is one line end: between two lines of data there is no empty one. */
    {SPAN_INIT("data: a\r\ndata: b\r\n\r\n"), "(message|a\nb|)", -1, 0},
    {SPAN_INIT("data: a\rdata: b\r\r\n"), "(message|a\nb|)", -1, 0},
    /* LF CR: a line end and an empty line. */
    {SPAN_INIT("data: x\n\rdata: y\n\n"), "(message|x|)(message|y|)", -1, 0},
    /* Many empty lines tell nothing. */
    {SPAN_INIT("\n\n\r\r\n\r\n\ndata:x\n\n\n\n"), "(message|x|)", -1, 0},
    /* One space after the colon is not data; a second one is. */
    {SPAN_INIT("data:x\n\n"), "(message|x|)", -1, 0},
    {SPAN_INIT("data:  x \n\n"), "(message| x |)", -1, 0},
    {SPAN_INIT("data:\tx\n\n"), "(message|\tx|)", -1, 0},
    /* Data on several lines; an empty line of data is one. */
    {SPAN_INIT("data: a\ndata: b\n\n"), "(message|a\nb|)", -1, 0},
    {SPAN_INIT("data: a\ndata\ndata: b\ndata:\n\n"), "(message|a\n\nb\n|)", -1, 0},
    {SPAN_INIT("data\n\n"), "(message||)", -1, 0},
    {SPAN_INIT("data\ndata\n\n"), "(message|\n|)", -1, 0},
    {SPAN_INIT("data: a:b: c\n\n"), "(message|a:b: c|)", -1, 0},
    /* Types: the last one counts, and for one event only. */
    {SPAN_INIT("event: endpoint\ndata: /m\n\ndata: x\n\n"), "(endpoint|/m|)(message|x|)", -1, 0},
    {SPAN_INIT("event: a\nevent: b\ndata: x\n\n"), "(b|x|)", -1, 0},
    {SPAN_INIT("data: x\nevent: a\n\n"), "(a|x|)", -1, 0},
    {SPAN_INIT("event: a\nevent:\ndata: x\n\n"), "(message|x|)", -1, 0},
    /* An event without data is none, and its type is forgotten. */
    {SPAN_INIT("event: ping\n\ndata: x\n\n"), "(message|x|)", -1, 0},
    /* Ids stay until the next one, empty ones too; with a NUL they do not count. */
    {SPAN_INIT("id: 1\ndata: x\n\ndata: y\n\nid: 2\n\ndata: z\n\n"),
     "(message|x|1)(message|y|1)(message|z|2)", -1, 0},
    {SPAN_INIT("id: 1\nid\ndata: x\n\n"), "(message|x|)", -1, 0},
    {SPAN_INIT("id: 1\nid: a\0b\ndata: x\n\n"), "(message|x|1)", -1, 0},
    /* Retry: digits and nothing else. */
    {SPAN_INIT("retry: 3000\n"), "", 3000, 0},
    {SPAN_INIT("retry:0\r"), "", 0, 0},
    {SPAN_INIT("retry: 10\nretry: 1s\nretry: -5\nretry\nretry: +1\nretry: 1 \n"), "", 10, 0},
    {SPAN_INIT("retry: 999999999999999\n"), "", 999999999999999, 0},
    {SPAN_INIT("retry: 5\nretry: 9999999999999999999999999\n"), "", 5, 0},
    /* Comments say that the stream lives; fields nobody knows say nothing. */
    {SPAN_INIT(": ping - 2026-01-01\r\n\r\n:\n:x\ndata: x\n\n"), "(message|x|)", -1, 3},
    {SPAN_INIT("data: a\n: between\ndata: b\n\n"), "(message|a\nb|)", -1, 1},
    {SPAN_INIT("foo: bar\nDATA: x\n data: x\ndatas: x\ndat\n\n"), "", -1, 0},
    /* One BOM in front; a second one, or one later, is part of a name. */
    {SPAN_INIT("\xef\xbb\xbf"
               "data: x\n\n"),
     "(message|x|)", -1, 0},
    {SPAN_INIT("\xef\xbb\xbf\xef\xbb\xbf"
               "data: x\n\ndata: y\n\n"),
     "(message|y|)", -1, 0},
    {SPAN_INIT("\n\xef\xbb\xbf"
               "data: x\n\ndata: y\n\n"),
     "(message|y|)", -1, 0},
    {SPAN_INIT("\xef\xbb\xbf\n\ndata: y\n\n"), "(message|y|)", -1, 0},
    {SPAN_INIT("\xef\xbb\xbf: c\ndata: y\n\n"), "(message|y|)", -1, 1},
    {SPAN_INIT("\xef\xbb"
               "data: x\n\ndata: y\n\n"),
     "(message|y|)", -1, 0},
    /* Text of two, three and four bytes a character, cut anywhere. */
    {SPAN_INIT("data: \xd0\xb4\xe2\x82\xac\xf0\x9f\x98\x80\n\n"),
     "(message|\xd0\xb4\xe2\x82\xac\xf0\x9f\x98\x80|)", -1, 0},
    /* What does not end in an empty line is no event. */
    {SPAN_INIT("data: x\n"), "", -1, 0},
    {SPAN_INIT("data: x\n\ndata: y\r"), "(message|x|)", -1, 0},
    {SPAN_INIT("data: x"), "", -1, 0},
    /* The maximum: exactly, on one line and on two (the LF between them counts). */
    {SPAN_INIT("data: 0123456789012345678901234567890123456789\n\n"),
     "(message|0123456789012345678901234567890123456789|)", -1, 0},
    {SPAN_INIT("data: 0123456789012345678\ndata: 01234567890123456789\n\n"),
     "(message|0123456789012345678\n01234567890123456789|)", -1, 0},
    /* And beyond it, after an event that is still told. */
    {SPAN_INIT("data: x\n\ndata: 01234567890123456789012345678901234567890\n\ndata: y\n\n"),
     "(message|x|)!(message|y|)", -1, 0},
    {SPAN_INIT("data: 01234567890123456789\ndata: 01234567890123456789\n\n"), "!", -1, 0},
    {SPAN_INIT(": a comment that is longer than any line of data could be, and then some\n\n"
               "data: y\n\n"),
     "!(message|y|)", -1, 0},
    {SPAN_INIT("a line without an end, longer than any line of data could be"), "", -1, 0},
};

static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        for (size_t size = 1; size <= streams[i].input.length + 1; size++) {
            struct sse_reader reader;
            struct bytes said;

            sse_reader_init(&reader, MAXIMUM);
            bytes_init(&said, 1000);
            feed_all(&reader, streams[i].input, size, &said);
            if (!span_is(bytes_span(&said), streams[i].said)) {
                print_error("row %zu, %zu bytes at a time\n", i, size);
                assert_span(bytes_span(&said), streams[i].said);
            }
            assert_row(i, reader.retry_ms == streams[i].retry_ms);
            assert_row(i, reader.comments == streams[i].comments);
            bytes_done(&said);
            sse_reader_done(&reader);
        }
    }
}

/* How a dropped event began and ended is known, however its bytes were cut. */
static void test_too_long_is_sketched(void **state)
{
    static const struct span input =
        SPAN_INIT("data: {\"id\":7,\"result\":\"0123456789012345678901234567890123\",\"z\":1}\r\n"
                  "\r\n");

    (void)state;
    for (size_t size = 1; size <= input.length; size++) {
        struct sse_reader reader;
        struct sse_event event;
        bool told = false;

        sse_reader_init(&reader, MAXIMUM);
        for (size_t at = 0; at < input.length; at += size) {
            size_t length = input.length - at < size ? input.length - at : size;

            while (sse_next(&reader, (struct span){input.at + at, length}, &event) ==
                   SSE_TOO_LONG) {
                told = true;
                assert_span(event.data, "data: {\"id\":7,\"result\":\"0123456789012345");
                assert_true(reader.tail.length >= 7);
                assert_memory_equal(reader.tail.at + reader.tail.length - 7, ",\"z\":1}", 7);
            }
        }
        assert_true(told);
        sse_reader_done(&reader);
    }
}

/* A server that sends no line end, or no empty line, costs no more than the maximum. */
static void test_memory_is_bounded(void **state)
{
    static const char *const pieces[] = {
        "x",  ": ",          "data: ", "data: 0123456789\n", "event: x\n", "id: 0123456789\n",
        "\r", "retry: 1\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct sse_reader reader;
        struct sse_event event;

        sse_reader_init(&reader, 1000);
        for (int round = 0; round < 10000; round++) {
            (void)sse_next(&reader, span_of(pieces[i]), &event);
        }
        assert_row(i, reader.line.capacity <= 2048 && reader.data.capacity <= 2048);
        assert_row(i, reader.event.capacity <= 2048 && reader.id.capacity <= 2048);
        sse_reader_done(&reader);
    }
}

static void test_long_events_are_given_back(void **state)
{
    static const size_t big = 1 << 20;
    enum { STEP = 16384 };
    struct sse_reader reader;
    struct sse_event event;
    struct bytes input;
    size_t told = 0;

    (void)state;
    bytes_init(&input, big * 2);
    bytes_append_text(&input, "data: ");
    while (input.length < big) {
        bytes_append_text(&input,
                          "\xd0\x94\xd0\xb5\xd1\x80\xd0\xb5\xd0\xb2\xd0\xbe\xf0\x9f\x98\x80");
    }
    bytes_append_text(&input, "\r\n\r\n");
    sse_reader_init(&reader, big * 2);
    for (size_t at = 0; at < input.length; at += STEP) {
        size_t length = input.length - at < STEP ? input.length - at : STEP;

        while (sse_next(&reader, (struct span){input.at + at, length}, &event) == SSE_EVENT) {
            assert_int_equal(event.data.length, input.length - 10);
            assert_memory_equal(event.data.at, input.at + 6, event.data.length);
            told++;
        }
    }
    assert_int_equal(told, 1);
    assert_int_equal(reader.data.capacity, 0);
    assert_int_equal(reader.line.capacity, 0);
    bytes_done(&input);
    sse_reader_done(&reader);
}

/* Made of the pieces that matter, and cut at random: what is told is what the whole tells. */
static void test_random_cuts(void **state)
{
    static const char *const pieces[] = {
        "data: x", "data:", "data",     "event: e", "id: 7", ": c",          "retry: 5", "\n",
        "\r",      "\r\n",  "\n\n",     "\r\n\r\n", "\r\r",  "\xef\xbb\xbf", " ",        ":",
        "foo",     "a",     "\xd0\xb4", "\n",       "\n\n",  "data: 123\n",
    };
    uint64_t seed = 4711;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct sse_reader whole;
        struct sse_reader cut;
        struct bytes input;
        struct bytes said;
        struct bytes said_cut;
        size_t at = 0;

        bytes_init(&input, 10000);
        bytes_init(&said, 10000);
        bytes_init(&said_cut, 10000);
        for (uint32_t n = unit_random(&seed) % 40; n > 0; n--) {
            bytes_append_text(&input, pieces[unit_random(&seed) % COUNT_OF(pieces)]);
        }
        sse_reader_init(&whole, MAXIMUM);
        sse_reader_init(&cut, MAXIMUM);
        feed(&whole, bytes_span(&input), &said);
        while (at < input.length) {
            size_t length = unit_random(&seed) % 12;

            length = length < input.length - at ? length : input.length - at;
            feed(&cut, (struct span){input.at + at, length}, &said_cut);
            at += length;
        }
        assert_true(span_equal(bytes_span(&said), bytes_span(&said_cut)));
        assert_true(whole.retry_ms == cut.retry_ms && whole.comments == cut.comments);
        assert_true(span_equal(bytes_span(&whole.id), bytes_span(&cut.id)));
        bytes_done(&input);
        bytes_done(&said);
        bytes_done(&said_cut);
        sse_reader_done(&whole);
        sse_reader_done(&cut);
    }
}

static bool read_stream(void)
{
    static const char text[] = "id: 0123456789\r\nevent: long enough to need its own memory\n"
                               "data: some data that comes in two lines\ndata: and this is one\n\n";
    struct sse_reader reader;
    struct sse_event event;
    size_t told = 0;
    bool usable = true;

    sse_reader_init(&reader, 10000);
    for (int round = 0; round < 3 && usable; round++) {
        for (size_t at = 0; at < sizeof(text) - 1 && usable; at += 9) {
            size_t length = sizeof(text) - 1 - at < 9 ? sizeof(text) - 1 - at : 9;
            enum sse_status status;

            while ((status = sse_next(&reader, (struct span){text + at, length}, &event)) ==
                   SSE_EVENT) {
                told++;
            }
            usable = status == SSE_NONE;
        }
    }
    assert_int_equal(usable, told == 3);
    sse_reader_done(&reader);
    return usable;
}

static void test_between_events(void **state)
{
    static const struct {
        const char *piece;
        bool is_between; /* after it */
    } rows[] = {
        {": hello\n", true},   {"\n", true},         {"da", false},
        {"ta: a\n", false},    {"data: b\n", false}, {"\n", true},
        {"x\r", true},         {"\n", true},         {"event: x\n", false},
        {"\n", true},          {"a\n\n", true},      {"data: a\n\n:", false},
        {"\n", true},          {"data:\n\n", true},  {"data: 0123456789", false},
        {"0123456789", false}, {"\n", false},        {"\n", true},
    };
    struct sse_reader reader;
    struct sse_event event;

    (void)state;
    sse_reader_init(&reader, 8);
    assert_true(sse_reader_is_between(&reader));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        while (sse_next(&reader, span_of(rows[i].piece), &event) != SSE_NONE) {
        }
        assert_row(i, sse_reader_is_between(&reader) == rows[i].is_between);
    }
    sse_reader_done(&reader);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(read_stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),           cmocka_unit_test(test_too_long_is_sketched),
        cmocka_unit_test(test_memory_is_bounded), cmocka_unit_test(test_long_events_are_given_back),
        cmocka_unit_test(test_random_cuts),       cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_between_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
