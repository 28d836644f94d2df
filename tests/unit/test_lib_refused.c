/* SPDX-License-Identifier: MIT */
/* libteplo: lines that the broker does not take, and what it says of them without an id. */
#include "tests/unit/stand.h"

/* The broker does not read the id of a line longer than its max_frame. */
static void test_a_request_too_long_for_the_broker(void **state)
{
    enum { SIZE = 1 << 20 };
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    char *arguments = mem_new(SIZE);
    uint64_t small;
    uint64_t big;

    (void)state;
    memset(arguments, ' ', SIZE);
    arguments[0] = '{';
    arguments[SIZE - 1] = '}';
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    small = stand_call(client, "small", NULL);
    assert_int_equal(teplo_call_tool_start(client, "add", arguments, SIZE, NULL, &big), TEPLO_OK);
    (void)stand_message(&peer);
    stand_refuse(&peer, "null", -31006, "not_executed", "frame_too_long");
    stand_ends(client, big, TEPLO_E_TOOBIG, TEPLO_NOT_EXECUTED, "frame_too_long");
    stand_answer(&peer, small, "x");
    stand_ends(client, small, TEPLO_OK, TEPLO_EXECUTED, "");
    /* What is left of the line is no message, and the next one is whole. */
    small = stand_call(client, "next", NULL);
    {
        struct span line = stand_line(&peer);

        assert_true(line.length < SIZE);
        assert_int_equal(stand_last_byte(line), '\x01');
    }
    {
        struct message message = stand_message(&peer);

        assert_int_equal(stand_id(&message), small);
    }
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
    mem_free(arguments);
}

/* The broker's word on a line too long may be about one that was taken back: then it says nothing.
 */
static void test_too_long_and_taken_back(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    char arguments[2000];
    uint64_t small;
    uint64_t big;

    (void)state;
    memset(arguments, ' ', sizeof(arguments));
    arguments[0] = '{';
    arguments[sizeof(arguments) - 1] = '}';
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    small = stand_call(client, "small", NULL);
    assert_int_equal(teplo_call_tool_start(client, "add", arguments, sizeof(arguments), NULL, &big),
                     TEPLO_OK);
    assert_int_equal(teplo_cancel(client, big, NULL), TEPLO_OK);
    stand_ends(client, big, TEPLO_E_CANCELLED, TEPLO_UNKNOWN, "cancelled");
    stand_refuse(&peer, "null", -31006, "not_executed", "frame_too_long");
    assert_int_equal(teplo_wait(client, 20), 0);
    stand_answer(&peer, small, "x");
    stand_ends(client, small, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* Arguments of SIZE bytes. */
static uint64_t call_with(struct teplo_client *client, size_t size)
{
    char *arguments = mem_new(size);
    uint64_t ticket;

    memset(arguments, ' ', size);
    arguments[0] = '{';
    arguments[size - 1] = '}';
    assert_int_equal(teplo_call_tool_start(client, "add", arguments, size, NULL, &ticket),
                     TEPLO_OK);
    mem_free(arguments);
    return ticket;
}

/*
 * An older broker refuses a line without its id.  Where it may be several, one of them may run, be
 * it the longest, for a broker's maximum can change; and each is told of.
 */
static void test_too_long_and_not_said_which(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t tickets[4];

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    tickets[0] = stand_call(client, "small", NULL);
    tickets[1] = call_with(client, 5000);
    tickets[2] = call_with(client, 2000);
    stand_refuse(&peer, "null", -31006, "not_executed", "frame_too_long");
    stand_ends(client, tickets[1], TEPLO_E_TOOBIG, TEPLO_UNKNOWN, "frame_too_long");
    stand_ends(client, tickets[2], TEPLO_E_TOOBIG, TEPLO_UNKNOWN, "frame_too_long");
    /* The next may be the refusal of an earlier one. */
    tickets[1] = call_with(client, 2000);
    stand_refuse(&peer, "null", -31006, "not_executed", "frame_too_long");
    stand_ends(client, tickets[1], TEPLO_E_TOOBIG, TEPLO_UNKNOWN, "frame_too_long");
    /* A broker that says which is believed. */
    tickets[1] = call_with(client, 5000);
    tickets[2] = call_with(client, 2000);
    {
        char id[24];

        (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)tickets[2]);
        stand_refuse(&peer, id, -31006, "not_executed", "frame_too_long");
    }
    stand_ends(client, tickets[2], TEPLO_E_TOOBIG, TEPLO_NOT_EXECUTED, "frame_too_long");
    stand_answer(&peer, tickets[1], "x");
    stand_ends(client, tickets[1], TEPLO_OK, TEPLO_EXECUTED, "");
    /* One that is partly out did not run, whichever it was. */
    tickets[1] = call_with(client, 2000);
    tickets[2] = call_with(client, 4 << 20);
    tickets[3] = call_with(client, 2000);
    stand_refuse(&peer, "null", -31006, "not_executed", "frame_too_long");
    stand_ends(client, tickets[1], TEPLO_E_TOOBIG, TEPLO_UNKNOWN, "frame_too_long");
    stand_ends(client, tickets[2], TEPLO_E_TOOBIG, TEPLO_NOT_EXECUTED, "frame_too_long");
    stand_answer(&peer, tickets[3], "x");
    stand_ends(client, tickets[3], TEPLO_OK, TEPLO_EXECUTED, "");
    stand_answer(&peer, tickets[0], "x");
    stand_ends(client, tickets[0], TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* What the broker said something of, it took. */
static void test_too_long_is_not_what_was_taken(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    char arguments[2000] = "{";
    uint64_t running;
    uint64_t refused;

    (void)state;
    memset(arguments + 1, ' ', sizeof(arguments) - 2);
    arguments[sizeof(arguments) - 1] = '}';
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    options.flags = TEPLO_F_PROGRESS;
    assert_int_equal(
        teplo_call_tool_start(client, "add", arguments, sizeof(arguments), &options, &running),
        TEPLO_OK);
    stand_say(&peer,
              "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
              "{\"progressToken\":%llu,\"progress\":1}}\n",
              (unsigned long long)running);
    {
        enum teplo_kind kind;
        uint64_t told;

        teplo_result_free(stand_next(client, &told, &kind));
        assert_int_equal(kind, TEPLO_K_PROGRESS);
    }
    refused = call_with(client, 1500);
    stand_refuse(&peer, "null", -31006, "not_executed", "frame_too_long");
    stand_ends(client, refused, TEPLO_E_TOOBIG, TEPLO_NOT_EXECUTED, "frame_too_long");
    stand_answer(&peer, running, "x");
    stand_ends(client, running, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* The library writes none but of the lines that it spoilt: nobody waits for ever if it did. */
static void test_no_message_for_the_broker(void **state)
{
    static const char fault[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                                "\"message\":\"not JSON\"}}\n";
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t small;
    uint64_t big;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    small = stand_call(client, "small", NULL);
    big = call_with(client, 4 << 20);
    assert_int_equal(teplo_cancel(client, big, NULL), TEPLO_OK);
    stand_ends(client, big, TEPLO_E_CANCELLED, TEPLO_NOT_EXECUTED, "cancelled");
    stand_say(&peer, "%s", fault);
    assert_int_equal(teplo_wait(client, 20), 0);
    stand_say(&peer, "%s", fault);
    stand_ends(client, small, TEPLO_E_RPC, TEPLO_UNKNOWN, "bad_request");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_too_long_for_the_broker),
        cmocka_unit_test(test_too_long_and_taken_back),
        cmocka_unit_test(test_too_long_and_not_said_which),
        cmocka_unit_test(test_too_long_is_not_what_was_taken),
        cmocka_unit_test(test_no_message_for_the_broker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
