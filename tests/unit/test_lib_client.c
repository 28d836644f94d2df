/* SPDX-License-Identifier: MIT */
/* libteplo's handle against a scripted broker: tickets, answers, events, limits. */
#include "tests/unit/stand.h"

#define INIT_OPTIONS(name) struct teplo_callopts name = TEPLO_CALLOPTS_INIT

static void test_a_call_and_its_answer(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_result *result;
    struct message message;
    uint64_t ticket;
    char call[40];

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    assert_int_equal(teplo_wait_ready(client, STAND_PATIENCE_MS), TEPLO_OK);
    assert_false(stand_is_readable(client));
    ticket = stand_call(client, "add", NULL);
    peer = stand_accept(&stand);
    message = stand_message(&peer);
    assert_true(json_string_is(message.method, "tools/call"));
    assert_int_equal(stand_id(&message), ticket);
    assert_true(json_string_is(message_param(&message, "name"), "add"));
    assert_true(json_string_copy(json_find(message.meta, "dev.teplo/call"), call, sizeof(call)));
    stand_answer(&peer, ticket, "done");
    stand_poll(teplo_fd(client));
    assert_int_equal(teplo_dispatch(client), 1);
    assert_true(stand_is_readable(client));
    result = stand_result(client, ticket);
    assert_false(stand_is_readable(client));
    assert_string_equal(teplo_result_text(result, NULL), "done");
    assert_string_equal(teplo_result_call(result), call);
    assert_int_equal(teplo_cancel(client, ticket, NULL), TEPLO_E_NOENT);
    teplo_close(client);
    /* It outlives its client. */
    assert_string_equal(teplo_result_text(result, NULL), "done");
    teplo_result_free(result);
    assert_true(span_is_none(stand_line(&peer)));
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_frames_in_any_pieces(void **state)
{
    static const char answer[] =
        "\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\xd0\xa2\"}}\r\n\n";
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;
    struct teplo_result *result;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    for (size_t i = 0; i + 1 < sizeof(answer); i++) {
        stand_say_bytes(&peer, answer + i, 1);
        assert_int_equal(teplo_dispatch(client), i + 1 >= sizeof(answer) - 2 ? 1 : 0);
    }
    result = stand_result(client, ticket);
    assert_string_equal(teplo_result_json(result, NULL), "{\"a\":\"\xd0\xa2\"}");
    teplo_result_free(result);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* However many come at once: no turn takes them all, and none is forgotten. */
static void test_a_turn_is_short(void **state)
{
    enum { COUNT = 150 };
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    size_t turns = 0;
    size_t taken = 0;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    for (int i = 0; i < COUNT; i++) {
        (void)stand_call(client, "add", NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        struct message message = stand_message(&peer);

        stand_answer(&peer, stand_id(&message), "x");
    }
    while (taken < COUNT) {
        struct teplo_result *result;
        enum teplo_kind kind;
        uint64_t ticket;
        size_t before = taken;

        assert_true(stand_is_readable(client));
        assert_int_equal(teplo_dispatch(client), 1);
        while (teplo_next(client, &ticket, &kind, &result) == 1) {
            assert_int_equal(ticket, ++taken);
            teplo_result_free(result);
        }
        assert_true(taken - before <= 64);
        turns++;
    }
    assert_true(turns >= COUNT / 64);
    assert_false(stand_is_readable(client));
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_ten_thousand_tickets(void **state)
{
    enum { COUNT = 10000 };
    static bool answered[COUNT + 1];
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct message message;
    uint64_t ticket = 0;

    (void)state;
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_MAX_IN_FLIGHT, COUNT), 0);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    for (int i = 0; i < COUNT; i++) {
        (void)stand_call(client, "add", NULL);
    }
    assert_int_equal(teplo_call_tool_start(client, "add", NULL, 0, NULL, &ticket), TEPLO_E_AGAIN);
    assert_string_equal(teplo_errmsg(client),
                        "10000 requests are under way, which is the handle's maximum");
    for (size_t taken = 0; taken < COUNT;) {
        struct teplo_result *result;
        enum teplo_kind kind;

        for (int i = 0; i < 50 && stand_try_message(&peer, &message); i++) {
            stand_answer(&peer, stand_id(&message), "x");
        }
        (void)teplo_dispatch(client);
        while (teplo_next(client, &ticket, &kind, &result) == 1) {
            assert_true(ticket <= COUNT && !answered[ticket]);
            assert_int_equal(teplo_result_status(result), TEPLO_OK);
            answered[ticket] = true;
            taken++;
            teplo_result_free(result);
        }
    }
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_progress_is_the_newest(void **state)
{
    INIT_OPTIONS(options);
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_result *result;
    struct message message;
    enum teplo_kind kind;
    uint64_t ticket;
    uint64_t told;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    options.flags = TEPLO_F_PROGRESS;
    ticket = stand_call(client, "add", &options);
    message = stand_message(&peer);
    assert_span(message.progress_token, "1");
    for (int i = 1; i <= 50; i++) {
        stand_say(&peer,
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                  "\"progressToken\":1,\"progress\":%d}}\n",
                  i);
    }
    assert_int_equal(teplo_wait(client, STAND_PATIENCE_MS), 1);
    result = stand_next(client, &told, &kind);
    assert_int_equal(kind, TEPLO_K_PROGRESS);
    assert_int_equal(told, ticket);
    assert_string_equal(teplo_result_json(result, NULL), "{\"progressToken\":1,\"progress\":50}");
    teplo_result_free(result);
    assert_int_equal(teplo_next(client, &told, &kind, &result), 0);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    /* Nobody asked for it, or it is over. */
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                     "\"progressToken\":1,\"progress\":51}}\n");
    assert_int_equal(teplo_wait(client, 1), 0);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_a_listen_hears(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_result *result;
    enum teplo_kind kind;
    uint64_t ticket;
    uint64_t told;
    char wanted[32];

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    assert_int_equal(
        teplo_request_start(
            client, "subscriptions/listen", "{\"notifications\":{\"toolsListChanged\":true}}",
            sizeof("{\"notifications\":{\"toolsListChanged\":true}}") - 1, NULL, &ticket),
        TEPLO_OK);
    for (int i = 0; i < 100; i++) {
        stand_say(&peer,
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\","
                  "\"params\":{\"n\":%d,\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1}}"
                  "}\n",
                  i);
    }
    stand_answer(&peer, ticket, "over");
    /* All of it is read before any of it is taken: the first 36 are gone. */
    for (int turn = 0; turn < 10; turn++) {
        assert_true(teplo_dispatch(client) >= 0);
    }
    for (int i = 36; i < 100; i++) {
        result = stand_next(client, &told, &kind);
        assert_int_equal(kind, TEPLO_K_NOTIFICATION);
        assert_int_equal(told, ticket);
        (void)snprintf(wanted, sizeof(wanted), "\"n\":%d,", i);
        assert_non_null(strstr(teplo_result_json(result, NULL), wanted));
        teplo_result_free(result);
    }
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* Sixty-four of any length would be more than a handle keeps: the oldest go. */
static void test_long_notices(void **state)
{
    enum { SIZE = 3 << 20, COUNT = 8, KEPT = 5 };
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct bytes notice;
    uint64_t ticket;
    uint64_t told;
    enum teplo_kind kind;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    assert_int_equal(teplo_request_start(client, "subscriptions/listen", NULL, 0, NULL, &ticket),
                     TEPLO_OK);
    for (int i = 0; i < COUNT; i++) {
        size_t sent = 0;

        bytes_init(&notice, SIZE + 1024);
        bytes_printf(&notice,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{\"_meta\":"
                     "{\"io.modelcontextprotocol/subscriptionId\":%llu},\"n\":%d",
                     (unsigned long long)ticket, i);
        memset(bytes_reserve(&notice, SIZE), ' ', SIZE);
        bytes_added(&notice, SIZE);
        bytes_append_text(&notice, "}}\n");
        while (sent < notice.length) {
            ssize_t n = send(peer.fd, notice.at + sent, notice.length - sent, MSG_DONTWAIT);

            sent += n > 0 ? (size_t)n : 0;
            assert_true(teplo_dispatch(client) >= 0);
        }
        bytes_done(&notice);
    }
    stand_answer(&peer, ticket, "over");
    /* All of it is read before any of it is taken. */
    for (int turn = 0; turn < 50; turn++) {
        assert_true(teplo_dispatch(client) >= 0);
    }
    for (int i = COUNT - KEPT; i < COUNT; i++) {
        struct teplo_result *result = stand_next(client, &told, &kind);
        char wanted[16];

        (void)snprintf(wanted, sizeof(wanted), "\"n\":%d ", i);
        assert_int_equal(kind, TEPLO_K_NOTIFICATION);
        assert_non_null(strstr(teplo_result_json(result, NULL), wanted));
        teplo_result_free(result);
    }
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* An answer longer than the client's maximum is lost, and only that one. */
static void test_an_answer_too_long(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    char filler[3001];
    uint64_t first;
    uint64_t second;

    (void)state;
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    stand_open(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_MAX_MESSAGE, 1024), 0);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    first = stand_call(client, "add", NULL);
    second = stand_call(client, "add", NULL);
    stand_answer(&peer, second, "short");
    stand_answer(&peer, first, filler);
    stand_ends(client, second, TEPLO_OK, TEPLO_EXECUTED, "");
    stand_ends(client, first, TEPLO_E_RESULT_LOST, TEPLO_RESULT_LOST, "answer_too_long");
    first = stand_call(client, "add", NULL);
    stand_answer(&peer, first, "again");
    stand_ends(client, first, TEPLO_OK, TEPLO_EXECUTED, "");
    /* Whose it is cannot be seen: then the connection is over. */
    first = stand_call(client, "add", NULL);
    stand_say(&peer, "{\"result\":\"%s\",\"id\":4}\n", filler);
    stand_ends(client, first, TEPLO_E_PROTO, TEPLO_UNKNOWN, "bad_answer");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_nonsense_ends_the_connection(void **state)
{
    static const char *const lines[] = {"no json\n", "[]\n", "{\"jsonrpc\":\"2.0\",\"id\":1}\n",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\"}\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct stand stand;
        struct stand_peer peer;
        struct teplo_client *client;
        uint64_t ticket;

        stand_open(&stand);
        client = stand_client(&stand);
        peer = stand_accept(&stand);
        ticket = stand_call(client, "add", NULL);
        stand_say(&peer, "%s", lines[i]);
        stand_ends(client, ticket, TEPLO_E_PROTO, TEPLO_UNKNOWN, "bad_answer");
        stand_hang_up(&peer);
        teplo_close(client);
        stand_done(&stand);
    }
}

/* Answers to nobody, questions, answers with strange ids: nothing happens. */
static void test_strays_are_ignored(void **state)
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
    stand_answer(&peer, 99, "x");
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}\n");
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{}}\n");
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32601}}\n");
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n");
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_blocking_beside_others(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_result *result;
    uint64_t other;
    pid_t child;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    other = stand_call(client, "other", NULL);
    child = fork();
    if (child == 0) {
        stand_answer(&peer, other, "other");
        (void)stand_message(&peer);
        (void)stand_message(&peer);
        stand_answer(&peer, other + 1, "mine");
        _exit(0);
    }
    assert_int_equal(teplo_call_tool(client, "mine", "{}", 2, NULL, &result), TEPLO_OK);
    assert_string_equal(teplo_result_text(result, NULL), "mine");
    teplo_result_free(result);
    assert_true(stand_is_readable(client));
    stand_ends(client, other, TEPLO_OK, TEPLO_EXECUTED, "");
    assert_false(stand_is_readable(client));
    assert_int_equal(waitpid(child, NULL, 0), child);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

static void test_nulls(void **state)
{
    struct teplo_client *client = NULL;
    struct teplo_result *result = NULL;
    struct stand stand;
    uint64_t ticket;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    assert_int_equal(teplo_open(NULL, NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_dispatch(NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_fd(NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_call_tool_start(client, "a", NULL, 0, NULL, NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_call_tool_start(client, NULL, NULL, 0, NULL, &ticket), TEPLO_E_INVAL);
    assert_int_equal(teplo_request_start(client, NULL, NULL, 0, NULL, &ticket), TEPLO_E_INVAL);
    assert_int_equal(teplo_call_tool(client, "a", "[]", 2, NULL, &result), TEPLO_E_INVAL);
    assert_null(result);
    assert_string_equal(teplo_errmsg(client), "arguments: a JSON object is needed (byte 0)");
    assert_int_equal(teplo_next(client, NULL, NULL, NULL), TEPLO_E_INVAL);
    assert_int_equal(teplo_wait(client, 0), 0);
    teplo_close(client);
    teplo_close(NULL);
    teplo_result_free(NULL);
    teplo_cancel_token_unref(NULL);
    teplo_cancel_token_fire(NULL);
    teplo_shared_free(NULL);
    stand_done(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_and_its_answer),
        cmocka_unit_test(test_frames_in_any_pieces),
        cmocka_unit_test(test_a_turn_is_short),
        cmocka_unit_test(test_ten_thousand_tickets),
        cmocka_unit_test(test_progress_is_the_newest),
        cmocka_unit_test(test_a_listen_hears),
        cmocka_unit_test(test_long_notices),
        cmocka_unit_test(test_an_answer_too_long),
        cmocka_unit_test(test_nonsense_ends_the_connection),
        cmocka_unit_test(test_strays_are_ignored),
        cmocka_unit_test(test_blocking_beside_others),
        cmocka_unit_test(test_nulls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
