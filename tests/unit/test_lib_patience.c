/* SPDX-License-Identifier: MIT */
/* libteplo: how long a request waits, for a broker and for its answer. */
#include "tests/unit/stand.h"

#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_deadlines(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t ticket;
    int64_t begun_ms = now_ms();

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    options.timeout_ms = 30;
    ticket = stand_call(client, "add", &options);
    stand_ends(client, ticket, TEPLO_E_TIMEOUT, TEPLO_UNKNOWN, "timeout");
    /* The broker's own word would have been better, and got its time. */
    assert_true(now_ms() - begun_ms >= 280);
    (void)stand_message(&peer);
    message = stand_message(&peer);
    assert_true(json_string_is(message.method, "notifications/cancelled"));
    assert_span(message_param(&message, "requestId"), "1");
    stand_answer(&peer, ticket, "late");
    assert_int_equal(teplo_wait(client, 1), 0);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_a_deadline_without_a_broker(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct teplo_client *client;

    (void)state;
    stand_init(&stand);
    client = stand_client(&stand);
    options.timeout_ms = 20;
    stand_ends(client, stand_call(client, "add", &options), TEPLO_E_TIMEOUT, TEPLO_NOT_EXECUTED,
               "timeout");
    teplo_close(client);
    stand_done(&stand);
}

/* How long a request waited for its first connection is not what it waits for the second. */
static void test_patience_begins_anew(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t early;
    uint64_t later;

    (void)state;
    options.timeout_ms = TEPLO_NO_DEADLINE;
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 400), 0);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    assert_int_equal(teplo_request_start(client, "tools/list", NULL, 0, &options, &early),
                     TEPLO_OK);
    later = stand_call(client, "add", NULL);
    (void)stand_message(&peer);
    (void)stand_message(&peer);
    stand_answer(&peer, later, "x");
    stand_ends(client, later, TEPLO_OK, TEPLO_EXECUTED, "");
    assert_int_equal(teplo_wait(client, 500), 0);
    stand_deafen(&stand);
    stand_hang_up(&peer);
    assert_int_equal(teplo_wait(client, 50), 0);
    stand_listen(&stand);
    assert_int_equal(teplo_wait_ready(client, STAND_PATIENCE_MS), TEPLO_OK);
    assert_int_equal(teplo_wait(client, 0), 0);
    peer = stand_accept_again(&stand);
    assert_int_equal(teplo_wait(client, 0), 0);
    message = stand_message(&peer);
    assert_int_equal(stand_id(&message), early);
    stand_answer(&peer, early, "x");
    stand_ends(client, early, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* As much of TEXT, again and again, as the socket takes; it goes on at *AT. */
static void pour(const struct stand_peer *peer, struct span text, size_t *at)
{
    ssize_t n;

    do {
        n = send(peer->fd, text.at + *at, text.length - *at, MSG_DONTWAIT | MSG_NOSIGNAL);
        *at = n > 0 ? (*at + (size_t)n) % text.length : *at;
    } while (n > 0);
}

/* Messages without end, more than are looked at: a deadline is not put off for them. */
static void test_a_deadline_in_a_flood(void **state)
{
    static const char notice[] =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n";
    static char notices[(sizeof(notice) - 1) * 4000];
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    size_t at = 0;
    uint64_t ticket;
    int64_t begun_ms;

    (void)state;
    for (size_t i = 0; i < sizeof(notices); i++) {
        notices[i] = notice[i % (sizeof(notice) - 1)];
    }
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    options.timeout_ms = 100;
    begun_ms = now_ms();
    ticket = stand_call(client, "add", &options);
    do {
        pour(&peer, (struct span){notices, sizeof(notices)}, &at);
    } while (teplo_dispatch(client) == 0);
    assert_in_range(now_ms() - begun_ms, 300, 1000);
    stand_ends(client, ticket, TEPLO_E_TIMEOUT, TEPLO_UNKNOWN, "timeout");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* A loop that was busy for long: an answer that is there counts, whatever the clock says. */
static void test_a_late_look(void **state)
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
    options.timeout_ms = 100;
    ticket = stand_call(client, "add", &options);
    stand_answer(&peer, ticket, "x");
    assert_int_equal(poll(NULL, 0, 450), 0);
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_a_deadline_without_a_broker),
        cmocka_unit_test(test_patience_begins_anew),
        cmocka_unit_test(test_a_deadline_in_a_flood),
        cmocka_unit_test(test_a_late_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
