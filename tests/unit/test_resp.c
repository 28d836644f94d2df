/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "client-lib/fleet/resp.h"

static int scan_whole(const char *text, size_t replies, bool *ret_complete)
{
    struct resp_scan scan = resp_scan_of(replies);

    return resp_scan_on(&scan, span_of(text), ret_complete);
}

static void test_commands(void **state)
{
    struct bytes out;

    (void)state;
    bytes_init(&out, 1024);
    resp_command(&out, 2);
    resp_word(&out, SPAN("a b"));
    resp_int(&out, -51);
    resp_words(&out, "XINFO STREAM k");
    assert_bytes(
        out, "*2\r\n$3\r\na b\r\n$3\r\n-51\r\n*3\r\n$5\r\nXINFO\r\n$6\r\nSTREAM\r\n$1\r\nk\r\n");
    bytes_done(&out);
}

static void test_complete_ones(void **state)
{
    static const struct {
        const char *text;
        size_t replies;
    } rows[] = {
        {"+OK\r\n", 1},
        {"-ERR no\r\n:12\r\n", 2},
        {"$0\r\n\r\n$-1\r\n", 2},
        {"$2\r\n\r\n\r\n", 1},
        {"*0\r\n*-1\r\n", 2},
        {"*2\r\n*2\r\n+a\r\n$1\r\nb\r\n:1\r\n+end\r\n", 2},
        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct resp_scan scan = resp_scan_of(rows[i].replies);
        size_t length = strlen(rows[i].text);
        bool is_complete = false;

        /* Byte by byte: complete with the last one, and not before. */
        for (size_t n = 1; n <= length; n++) {
            assert_row(i, resp_scan_on(&scan, (struct span){rows[i].text, n}, &is_complete) == 0);
            assert_row(i, is_complete == (n == length));
        }
    }
}

static void test_no_protocol(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "+OK\n",
        "$x\r\n",
        "$-2\r\n",
        "$12345678901\r\n",
        "*1000001\r\n",
        "*9999999999\r\n",
        "$1\r\nabc\r\n",
        "*2147483648\r\n",
        "%1\r\n",
        "_\r\n",
        "$\r\n",
        "+OK\r\n+behind\r\n",
        /* Many of what may come once. */
        "*999999\r\n*999999\r\n",
    };
    bool is_complete;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, scan_whole(rows[i], 1, &is_complete) == -EPROTO);
    }
}

static void test_a_line_without_end_is_refused(void **state)
{
    struct resp_scan scan = resp_scan_of(1);
    struct bytes line;
    bool is_complete;

    (void)state;
    bytes_init(&line, 1 << 20);
    bytes_append_char(&line, '+');
    while (line.length < 5000) {
        bytes_append_char(&line, 'x');
    }
    assert_int_equal(resp_scan_on(&scan, bytes_span(&line), &is_complete), -EPROTO);
    bytes_done(&line);
}

static void test_a_walk_skips_what_is_in_an_array(void **state)
{
    struct resp_walk walk =
        resp_walk_of(SPAN("*2\r\n*1\r\n*2\r\n+a\r\n+b\r\n:7\r\n-NO\r\n$-1\r\n"));
    struct resp value;

    (void)state;
    assert_true(resp_next(&walk, &value));
    assert_int_equal(value.kind, RESP_ARRAY);
    resp_skip(&walk, &value);
    assert_true(resp_next(&walk, &value));
    assert_int_equal(value.kind, RESP_ERROR);
    assert_span(value.text, "NO");
    resp_skip(&walk, &value);
    assert_true(resp_next(&walk, &value));
    assert_int_equal(value.kind, RESP_NIL);
    assert_false(resp_next(&walk, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_complete_ones),
        cmocka_unit_test(test_no_protocol),
        cmocka_unit_test(test_a_line_without_end_is_refused),
        cmocka_unit_test(test_a_walk_skips_what_is_in_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
