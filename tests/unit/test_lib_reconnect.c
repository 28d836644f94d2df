/* SPDX-License-Identifier: MIT */
/* libteplo when the broker goes, comes, refuses: what is sent again, and what is said of the rest.
 */
#include "tests/unit/stand.h"

#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_no_broker(void **state)
{
    struct stand stand;
    struct teplo_client *client;
    struct teplo_result *result;
    char words[256];
    int64_t begun_ms;
    uint64_t ticket;

    (void)state;
    stand_init(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 100), 0);
    client = stand_client(&stand);
    assert_int_equal(teplo_wait_ready(client, 20), TEPLO_E_CONNECT);
    (void)snprintf(words, sizeof(words),
                   "no broker: %s does not exist (start it: teplod --server NAME=URL)",
                   stand.address.sun_path);
    assert_string_equal(teplo_errmsg(client), words);
    begun_ms = now_ms();
    ticket = stand_call(client, "add", NULL);
    result = stand_result(client, ticket);
    assert_true(now_ms() - begun_ms >= 100);
    assert_int_equal(teplo_result_status(result), TEPLO_E_CONNECT);
    assert_int_equal(teplo_result_outcome(result), TEPLO_NOT_EXECUTED);
    assert_string_equal(teplo_result_reason(result), "no_broker");
    assert_memory_equal(teplo_result_message(result, NULL), "NOT EXECUTED: no broker: ", 25);
    teplo_result_free(result);
    teplo_close(client);
    stand_done(&stand);
}

/* Not even a moment. */
static void test_no_broker_and_no_patience(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;

    (void)state;
    stand_init(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 0), 0);
    client = stand_client(&stand);
    for (int i = 0; i < 20; i++) {
        stand_ends(client, stand_call(client, "add", NULL), TEPLO_E_CONNECT, TEPLO_NOT_EXECUTED,
                   "no_broker");
    }
    stand_listen(&stand);
    ticket = stand_call(client, "add", NULL);
    peer = stand_accept(&stand);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    /* Another one is there at once: it is asked first, and that is no impatience. */
    stand_hang_up(&peer);
    ticket = stand_call(client, "add", NULL);
    assert_int_equal(teplo_wait(client, 20), 0);
    peer = stand_accept_again(&stand);
    stand_answer(&peer, ticket, "x");
    assert_int_equal(teplo_wait(client, 20), 0);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_the_broker_comes_later(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    int64_t left_ms;
    uint64_t ticket;
    int fd;

    (void)state;
    stand_init(&stand);
    client = stand_client(&stand);
    fd = teplo_fd(client);
    options.timeout_ms = 10000;
    ticket = stand_call(client, "add", &options);
    assert_int_equal(teplo_wait(client, 50), 0);
    stand_listen(&stand);
    assert_int_equal(teplo_wait(client, 300), 0);
    peer = stand_accept(&stand);
    message = stand_message(&peer);
    /* What is left of its time when it goes, not what it had. */
    assert_true(json_to_int(json_find(message.meta, "dev.teplo/deadlineMs"), &left_ms));
    assert_true(left_ms > 0 && left_ms <= 9950);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    assert_int_equal(teplo_fd(client), fd);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* It had the call wholly and hung up: nobody knows.  What only reads is asked again. */
static void test_the_end_of_a_connection(void **state)
{
    struct teplo_callopts once = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t call;
    uint64_t list;
    uint64_t list_once;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    once.flags = TEPLO_F_NO_RETRY;
    call = stand_call(client, "add", NULL);
    assert_int_equal(teplo_list_tools_start(client, NULL, &list), TEPLO_OK);
    assert_int_equal(teplo_list_tools_start(client, &once, &list_once), TEPLO_OK);
    (void)stand_message(&peer);
    stand_hang_up(&peer);
    stand_ends(client, list_once, TEPLO_E_CLOSED, TEPLO_UNKNOWN, "connection_closed");
    stand_ends(client, call, TEPLO_E_CLOSED, TEPLO_UNKNOWN, "connection_closed");
    assert_int_equal(teplo_wait(client, 50), 0);
    peer = stand_accept_again(&stand);
    assert_int_equal(teplo_wait(client, 50), 0);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), list);
    stand_answer(&peer, list, "x");
    stand_ends(client, list, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* A broker that dies of each list is not killed for ever. */
static void test_a_request_that_ends_each_connection(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t list;
    int asked = 0;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    assert_int_equal(teplo_list_tools_start(client, NULL, &list), TEPLO_OK);
    while (teplo_wait(client, 1) == 0) {
        struct pollfd poller = {.fd = stand.listener, .events = POLLIN};

        if (poll(&poller, 1, 0) == 1) {
            peer = asked == 0 ? stand_accept(&stand) : stand_accept_again(&stand);
            assert_int_equal(teplo_wait(client, 5), 0);
            (void)stand_message(&peer);
            asked++;
            stand_hang_up(&peer);
        }
    }
    assert_int_equal(asked, 9);
    stand_ends(client, list, TEPLO_E_CLOSED, TEPLO_UNKNOWN, "connection_closed");
    teplo_close(client);
    stand_done(&stand);
}

/* The broker lets its clients go (SIGUSR2): the old one answers what it has, the next has the rest.
 */
static void test_a_hand_over(void **state)
{
    struct stand stand;
    struct stand_peer old;
    struct stand_peer next;
    struct teplo_client *client;
    struct message message;
    uint64_t first;
    uint64_t second;
    uint64_t third;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    old = stand_accept(&stand);
    first = stand_call(client, "add", NULL);
    stand_answer(&old, first, "x");
    stand_ends(client, first, TEPLO_OK, TEPLO_EXECUTED, "");
    first = stand_call(client, "slow", NULL);
    (void)stand_message(&old);
    assert_return_code(shutdown(old.fd, SHUT_RD), errno);
    second = stand_call(client, "add", NULL);
    next = stand_accept_again(&stand);
    assert_int_equal(teplo_wait(client, 20), 0);
    message = stand_message(&next);
    assert_int_equal(stand_id(&message), second);
    third = stand_call(client, "add", NULL);
    (void)stand_message(&next);
    stand_answer(&next, third, "x");
    stand_ends(client, third, TEPLO_OK, TEPLO_EXECUTED, "");
    stand_answer(&old, first, "x");
    stand_hang_up(&old);
    stand_ends(client, first, TEPLO_OK, TEPLO_EXECUTED, "");
    stand_answer(&next, second, "x");
    stand_ends(client, second, TEPLO_OK, TEPLO_EXECUTED, "");
    assert_false(stand_is_readable(client));
    teplo_close(client);
    stand_hang_up(&next);
    stand_done(&stand);
}

/* Half of a line is at a broker that is gone: the next one gets the whole of it. */
static void test_half_a_line(void **state)
{
    enum { SIZE = 4 << 20 };
    struct teplo_callopts once = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    char *arguments = mem_new(SIZE);
    uint64_t big;
    uint64_t small;
    uint64_t big_once;
    char some[1000];

    (void)state;
    memset(arguments, ' ', SIZE);
    arguments[0] = '{';
    arguments[SIZE - 1] = '}';
    once.flags = TEPLO_F_NO_RETRY;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    assert_int_equal(teplo_call_tool_start(client, "big", arguments, SIZE, NULL, &big), TEPLO_OK);
    small = stand_call(client, "small", NULL);
    big_once = stand_call(client, "once", &once);
    assert_int_equal(recv(peer.fd, some, sizeof(some), 0), sizeof(some));
    stand_hang_up(&peer);
    assert_int_equal(teplo_wait(client, 100), 0);
    peer = stand_accept_again(&stand);
    for (int i = 0; i < 100; i++) {
        (void)teplo_dispatch(client);
        if (stand_try_message(&peer, &message)) {
            break;
        }
    }
    assert_int_equal(stand_id(&message), big);
    assert_int_equal(message_param(&message, "arguments").length, SIZE);
    (void)teplo_dispatch(client);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), small);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), big_once);
    stand_answer(&peer, big, "x");
    stand_ends(client, big, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
    mem_free(arguments);
}

static void test_a_broker_that_is_stopping(void **state)
{
    struct teplo_callopts once = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t ticket;
    uint64_t ticket_once;

    (void)state;
    once.flags = TEPLO_F_NO_RETRY;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    ticket_once = stand_call(client, "add", &once);
    stand_refuse(&peer, "1", -31004, "not_executed", "draining");
    stand_refuse(&peer, "2", -31004, "not_executed", "draining");
    stand_ends(client, ticket_once, TEPLO_E_DRAINING, TEPLO_NOT_EXECUTED, "draining");
    (void)stand_message(&peer);
    (void)stand_message(&peer);
    assert_int_equal(teplo_wait(client, 100), 0);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), ticket);
    stand_refuse(&peer, "1", -31004, "not_executed", "draining");
    stand_hang_up(&peer);
    assert_int_equal(teplo_wait(client, 100), 0);
    peer = stand_accept_again(&stand);
    assert_int_equal(teplo_wait(client, 50), 0);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), ticket);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_a_broker_that_is_drained_for_long(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 100), 0);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    while (teplo_wait(client, 1) == 0) {
        while (stand_try_message(&peer, &message)) {
            stand_refuse(&peer, "1", -31004, "not_executed", "draining");
        }
    }
    stand_ends(client, ticket, TEPLO_E_DRAINING, TEPLO_NOT_EXECUTED, "draining");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* It takes nothing of this connection, though the kernel took all of it. */
static void test_a_broker_that_is_full(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 1000), 0);
    client = stand_client(&stand);
    ticket = stand_call(client, "add", NULL);
    for (int i = 0; i < 3; i++) {
        peer = stand_accept(&stand);
        stand_refuse(&peer, "null", -31006, "not_executed", "max_clients");
        stand_hang_up(&peer);
        assert_int_equal(teplo_wait(client, 100), 0);
    }
    peer = stand_accept_again(&stand);
    assert_int_equal(teplo_wait(client, 50), 0);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), ticket);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    stand_hang_up(&peer);
    /* For too long. */
    ticket = stand_call(client, "add", NULL);
    while (teplo_wait(client, 1) == 0) {
        struct pollfd poller = {.fd = stand.listener, .events = POLLIN};

        if (poll(&poller, 1, 0) == 1) {
            peer = stand_accept(&stand);
            stand_refuse(&peer, "null", -31006, "not_executed", "max_clients");
            stand_hang_up(&peer);
        }
    }
    stand_ends(client, ticket, TEPLO_E_OVERLOAD, TEPLO_NOT_EXECUTED, "max_clients");
    teplo_close(client);
    stand_done(&stand);
}

/* An idle handle does not run after a broker; its next request does. */
static void test_an_idle_handle_is_lazy(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    stand_hang_up(&peer);
    assert_int_equal(teplo_wait(client, 50), 0);
    assert_false(stand_is_readable(client));
    assert_int_equal(poll(&(struct pollfd){.fd = stand.listener, .events = POLLIN}, 1, 0), 0);
    ticket = stand_call(client, "add", NULL);
    peer = stand_accept_again(&stand);
    stand_answer(&peer, ticket, "x");
    assert_int_equal(teplo_wait(client, 20), 0);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* A broker that dies may take a last connection, and never look at it. */
static void test_a_connection_that_nobody_reads(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    stand_hang_up(&peer);
    stand_ends(client, ticket, TEPLO_E_CLOSED, TEPLO_UNKNOWN, "connection_closed");
    ticket = stand_call(client, "add", NULL);
    assert_int_equal(teplo_wait(client, 50), 0);
    stand_deafen(&stand);
    assert_int_equal(teplo_wait(client, 50), 0);
    stand_listen(&stand);
    assert_int_equal(teplo_wait(client, 300), 0);
    peer = stand_accept_again(&stand);
    assert_int_equal(teplo_wait(client, 50), 0);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* Somebody listens, and nobody looks: a broker that was stopped with SIGSTOP. */
static void test_a_broker_that_does_nothing(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_result *result;

    (void)state;
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 10), 0);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    stand_hang_up(&peer);
    assert_int_equal(teplo_wait(client, 20), 0);
    result = stand_result(client, stand_call(client, "add", NULL));
    assert_int_equal(teplo_result_status(result), TEPLO_E_CONNECT);
    assert_int_equal(teplo_result_outcome(result), TEPLO_NOT_EXECUTED);
    assert_non_null(strstr(teplo_result_message(result, NULL), "is there, but nobody accepts"));
    teplo_result_free(result);
    teplo_close(client);
    stand_done(&stand);
}

/* ---- time */

/* The kernel took part of the line: it did not run, and what follows is whole. */
static void test_the_end_in_the_midst_of_a_line(void **state)
{
    enum { SIZE = 4 << 20 };
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    struct span line;
    char *arguments = mem_new(SIZE);
    uint64_t big;
    uint64_t small;

    (void)state;
    memset(arguments, ' ', SIZE);
    arguments[0] = '{';
    arguments[SIZE - 1] = '}';
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    assert_int_equal(teplo_call_tool_start(client, "big", arguments, SIZE, NULL, &big), TEPLO_OK);
    small = stand_call(client, "small", NULL);
    assert_int_equal(teplo_cancel(client, big, NULL), TEPLO_OK);
    stand_ends(client, big, TEPLO_E_CANCELLED, TEPLO_NOT_EXECUTED, "cancelled");
    assert_false(stand_try_message(&peer, &message));
    line = frame_rest(&peer.reader);
    assert_true(line.length > 0 && line.length < SIZE);
    assert_int_equal(teplo_wait(client, 0), 0);
    line = stand_line(&peer);
    assert_int_equal(stand_last_byte(line), '\x01');
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), small);
    stand_answer(&peer, small, "x");
    stand_ends(client, small, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
    mem_free(arguments);
}

/* A connection that was refused, and then used all the same: a request of it may have run. */
static void test_a_refusal_that_was_none(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    (void)stand_message(&peer);
    stand_refuse(&peer, "null", -31006, "not_executed", "hello_timeout");
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n");
    stand_hang_up(&peer);
    stand_ends(client, ticket, TEPLO_E_CLOSED, TEPLO_UNKNOWN, "connection_closed");
    teplo_close(client);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_broker),
        cmocka_unit_test(test_no_broker_and_no_patience),
        cmocka_unit_test(test_the_broker_comes_later),
        cmocka_unit_test(test_the_end_of_a_connection),
        cmocka_unit_test(test_a_request_that_ends_each_connection),
        cmocka_unit_test(test_a_hand_over),
        cmocka_unit_test(test_half_a_line),
        cmocka_unit_test(test_a_broker_that_is_stopping),
        cmocka_unit_test(test_a_broker_that_is_drained_for_long),
        cmocka_unit_test(test_a_broker_that_is_full),
        cmocka_unit_test(test_an_idle_handle_is_lazy),
        cmocka_unit_test(test_a_connection_that_nobody_reads),
        cmocka_unit_test(test_a_broker_that_does_nothing),
        cmocka_unit_test(test_the_end_in_the_midst_of_a_line),
        cmocka_unit_test(test_a_refusal_that_was_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
