/* SPDX-License-Identifier: MIT */
/* libteplo: taking requests back, from the handle, from other threads, from signal handlers. */
#include "tests/unit/stand.h"

#include <pthread.h>
#include <sys/time.h>

static void assert_cancelled(struct stand_peer *peer, uint64_t ticket, const char *reason)
{
    struct message message = stand_message(peer);
    int64_t id;

    assert_true(json_string_is(message.method, "notifications/cancelled"));
    assert_true(json_to_int(message_param(&message, "requestId"), &id));
    assert_int_equal(id, ticket);
    assert_span(message_param(&message, "reason"), reason);
}

static void test_after_it_was_sent(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;
    uint64_t other;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    other = stand_call(client, "add", NULL);
    assert_int_equal(teplo_cancel(client, ticket, "no \"need\""), TEPLO_OK);
    assert_true(stand_is_readable(client));
    assert_int_equal(teplo_cancel(client, ticket, NULL), TEPLO_E_NOENT);
    stand_ends(client, ticket, TEPLO_E_CANCELLED, TEPLO_UNKNOWN, "cancelled");
    (void)stand_message(&peer);
    (void)stand_message(&peer);
    assert_cancelled(&peer, ticket, "\"no \\\"need\\\"\"");
    stand_answer(&peer, ticket, "late");
    stand_answer(&peer, other, "x");
    stand_ends(client, other, TEPLO_OK, TEPLO_EXECUTED, "");
    assert_int_equal(teplo_cancel(client, 0, NULL), TEPLO_E_NOENT);
    assert_int_equal(teplo_cancel(client, UINT64_MAX, NULL), TEPLO_E_NOENT);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* Nobody hears of it: not the broker that is not there, nor the one whose socket is full. */
static void test_before_it_was_sent(void **state)
{
    enum { SIZE = 4 << 20 };
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    char *arguments = mem_new(SIZE);
    uint64_t big;
    uint64_t second;
    uint64_t third;

    (void)state;
    memset(arguments, ' ', SIZE);
    arguments[0] = '{';
    arguments[SIZE - 1] = '}';
    stand_init(&stand);
    client = stand_client(&stand);
    second = stand_call(client, "add", NULL);
    assert_int_equal(teplo_cancel(client, second, NULL), TEPLO_OK);
    stand_ends(client, second, TEPLO_E_CANCELLED, TEPLO_NOT_EXECUTED, "cancelled");
    stand_listen(&stand);
    assert_int_equal(teplo_wait_ready(client, STAND_PATIENCE_MS), TEPLO_OK);
    peer = stand_accept(&stand);
    assert_int_equal(teplo_call_tool_start(client, "big", arguments, SIZE, NULL, &big), TEPLO_OK);
    second = stand_call(client, "second", NULL);
    third = stand_call(client, "third", NULL);
    assert_int_equal(teplo_cancel(client, second, NULL), TEPLO_OK);
    stand_ends(client, second, TEPLO_E_CANCELLED, TEPLO_NOT_EXECUTED, "cancelled");
    while (!stand_try_message(&peer, &message)) {
        (void)teplo_dispatch(client);
    }
    assert_int_equal(stand_id(&message), big);
    (void)teplo_dispatch(client);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), third);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
    mem_free(arguments);
}

/* One that waits in the library's buffer, behind one of which a part went out. */
static void test_out_of_the_midst_of_what_waits(void **state)
{
    enum { COUNT = 2000 };
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    struct teplo_result *result;
    enum teplo_kind kind;
    uint64_t told;
    uint64_t tickets[COUNT];
    bool is_sent[COUNT + 1] = {false};

    (void)state;
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_MAX_IN_FLIGHT, COUNT), 0);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    for (int i = 0; i < COUNT; i++) {
        tickets[i] = stand_call(client, "add", NULL);
    }
    for (int i = 0; i < COUNT; i += 2) {
        assert_int_equal(teplo_cancel(client, tickets[i], NULL), TEPLO_OK);
    }
    for (int turn = 0; turn < 1000; turn++) {
        (void)teplo_dispatch(client);
        while (stand_try_message(&peer, &message)) {
            if (message.kind == MESSAGE_REQUEST) {
                assert_false(is_sent[stand_id(&message)]);
                is_sent[stand_id(&message)] = true;
            }
        }
    }
    for (int i = 0; i < COUNT; i += 2) {
        assert_int_equal(teplo_next(client, &told, &kind, &result), 1);
        assert_int_equal(teplo_result_status(result), TEPLO_E_CANCELLED);
        assert_int_equal(teplo_result_outcome(result) == TEPLO_NOT_EXECUTED, !is_sent[told]);
        teplo_result_free(result);
    }
    for (int i = 1; i < COUNT; i += 2) {
        assert_true(is_sent[tickets[i]]);
    }
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* ---- tokens */

static void test_a_token_has_many_requests_and_handles(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct teplo_cancel_token *token = teplo_cancel_token_new();
    struct stand stand;
    struct stand_peer peers[2];
    struct teplo_client *clients[2];
    size_t before;
    uint64_t other[2];

    (void)state;
    stand_open(&stand);
    before = stand_descriptors();
    options.cancel = token;
    for (int i = 0; i < 2; i++) {
        clients[i] = stand_client(&stand);
        peers[i] = stand_accept(&stand);
        (void)stand_call(clients[i], "add", &options);
        (void)stand_call(clients[i], "add", &options);
        other[i] = stand_call(clients[i], "add", NULL);
    }
    teplo_cancel_token_fire(token);
    teplo_cancel_token_fire(token);
    for (int i = 0; i < 2; i++) {
        assert_true(stand_is_readable(clients[i]));
        stand_ends(clients[i], 1, TEPLO_E_CANCELLED, TEPLO_UNKNOWN, "cancelled");
        stand_ends(clients[i], 2, TEPLO_E_CANCELLED, TEPLO_UNKNOWN, "cancelled");
        assert_false(stand_is_readable(clients[i]));
        stand_answer(&peers[i], other[i], "x");
        stand_ends(clients[i], other[i], TEPLO_OK, TEPLO_EXECUTED, "");
    }
    /* With a token that was fired nothing begins. */
    stand_ends(clients[0], stand_call(clients[0], "add", &options), TEPLO_E_CANCELLED,
               TEPLO_NOT_EXECUTED, "cancelled");
    assert_false(stand_is_readable(clients[0]));
    teplo_cancel_token_unref(token);
    for (int i = 0; i < 2; i++) {
        teplo_close(clients[i]);
        stand_hang_up(&peers[i]);
    }
    /* The token's own is gone as well. */
    assert_int_equal(stand_descriptors(), before - 1);
    stand_done(&stand);
}

/* The answer and the token in one turn; and a token that its maker lets go of at once. */
static void test_a_token_and_the_answer(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    for (int i = 0; i < 50; i++) {
        struct teplo_cancel_token *token = teplo_cancel_token_new();
        struct teplo_result *result;

        options.cancel = token;
        ticket = stand_call(client, "add", &options);
        stand_answer(&peer, ticket, "x");
        if (i % 2 == 0) {
            teplo_cancel_token_fire(token);
        }
        teplo_cancel_token_unref(token);
        result = stand_result(client, ticket);
        assert_true(teplo_result_status(result) == (i % 2 == 0 ? TEPLO_E_CANCELLED : TEPLO_OK));
        teplo_result_free(result);
    }
    assert_int_equal(teplo_wait(client, 0), 0);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void *fire(void *token)
{
    (void)poll(NULL, 0, 5);
    teplo_cancel_token_fire(token);
    return NULL;
}

static void test_from_another_thread(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    for (int i = 0; i < 20; i++) {
        struct teplo_cancel_token *token = teplo_cancel_token_new();
        struct teplo_result *result;
        pthread_t thread;

        options.cancel = token;
        assert_int_equal(pthread_create(&thread, NULL, fire, token), 0);
        assert_int_equal(teplo_call_tool(client, "add", NULL, 0, &options, &result),
                         TEPLO_E_CANCELLED);
        teplo_result_free(result);
        assert_int_equal(pthread_join(thread, NULL), 0);
        teplo_cancel_token_unref(token);
    }
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static struct teplo_cancel_token *token_of_signal;

static void on_signal(int number)
{
    (void)number;
    teplo_cancel_token_fire(token_of_signal);
}

static void test_from_a_signal_handler(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval timer = {.it_value.tv_usec = 20000};
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_result *result;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    token_of_signal = options.cancel = teplo_cancel_token_new();
    assert_return_code(sigaction(SIGALRM, &action, NULL), errno);
    assert_return_code(setitimer(ITIMER_REAL, &timer, NULL), errno);
    assert_int_equal(teplo_call_tool(client, "add", NULL, 0, &options, &result), TEPLO_E_CANCELLED);
    assert_int_equal(teplo_result_outcome(result), TEPLO_UNKNOWN);
    teplo_result_free(result);
    teplo_cancel_token_unref(token_of_signal);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_it_was_sent),
        cmocka_unit_test(test_before_it_was_sent),
        cmocka_unit_test(test_out_of_the_midst_of_what_waits),
        cmocka_unit_test(test_a_token_has_many_requests_and_handles),
        cmocka_unit_test(test_a_token_and_the_answer),
        cmocka_unit_test(test_from_another_thread),
        cmocka_unit_test(test_from_a_signal_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
