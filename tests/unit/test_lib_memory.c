/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of libteplo fails in turn: a start may fail, a request may fail, but no ticket is
 * lost and none is answered twice; and with memory again, the handle works.
 */
#include "tests/unit/stand.h"

#include "tests/support/scarce.h"

enum { TICKETS = 8 };

/* Both sides, and what is known of the tickets. */
struct play {
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_cancel_token *token;
    uint64_t started[TICKETS];
    size_t count;
    size_t answered;
};

/* The client's turn: its memory is scarce, the stand-in's never is. */
static void scarce(bool is_scarce)
{
    mem_set_hook(is_scarce ? scarce_may_allocate : NULL);
}

/* Once for each ticket that was started. */
static void count_answer(struct play *play, uint64_t ticket)
{
    for (size_t i = 0; i < play->count; i++) {
        if (play->started[i] == ticket) {
            play->started[i] = 0;
            play->answered++;
            return;
        }
    }
    fail_msg("an answer to nothing");
}

static void look_at(struct teplo_result *result)
{
    assert_non_null(teplo_result_message(result, NULL));
    if (teplo_result_status(result) == TEPLO_E_NOMEM) {
        assert_string_equal(teplo_result_reason(result), "out_of_memory");
        assert_true(teplo_result_outcome(result) != TEPLO_EXECUTED);
    }
}

static void take_all(struct play *play)
{
    struct teplo_result *result;
    enum teplo_kind kind;
    uint64_t ticket;

    while (teplo_next(play->client, &ticket, &kind, &result) == 1) {
        if (kind == TEPLO_K_ANSWER) {
            count_answer(play, ticket);
            look_at(result);
        }
        (void)teplo_result_text(result, NULL);
        teplo_result_free(result);
    }
}

static void start(struct play *play, const char *method, uint32_t flags)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    uint64_t ticket = 0;
    int r;

    options.flags = flags;
    options.cancel = play->token;
    r = teplo_request_start(play->client, method, "{\"name\":\"x\"}", 12, &options, &ticket);
    assert_true(r == TEPLO_OK || r == TEPLO_E_NOMEM);
    if (r == TEPLO_OK) {
        play->started[play->count++] = ticket;
    }
}

/* The stand-in answers all it has read so far. */
static void answer_all(struct play *play)
{
    struct message message;

    scarce(false);
    while (play->peer.fd >= 0 && stand_try_message(&play->peer, &message)) {
        if (span_equal(message.id, SPAN("\"probe\""))) {
            stand_say(&play->peer, "{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n");
        } else if (message.kind == MESSAGE_REQUEST) {
            stand_say(&play->peer,
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                      "\"progressToken\":%llu}}\n",
                      (unsigned long long)stand_id(&message));
            stand_answer(&play->peer, stand_id(&message), "words");
        }
    }
    scarce(true);
}

static void accept_one(struct play *play)
{
    struct pollfd poller = {.fd = play->stand.listener, .events = POLLIN};

    scarce(false);
    if (poll(&poller, 1, 0) == 1) {
        if (play->peer.fd >= 0) {
            stand_hang_up(&play->peer);
        }
        play->peer = stand_accept(&play->stand);
    }
    scarce(true);
}

static void turns(struct play *play, int count)
{
    for (int i = 0; i < count; i++) {
        assert_true(teplo_wait(play->client, 2) >= 0);
        accept_one(play);
        answer_all(play);
        take_all(play);
    }
}

static void act(struct play *play)
{
    struct teplo_cancel_token *token = play->token;

    accept_one(play);
    play->token = NULL;
    start(play, "tools/call", TEPLO_F_PROGRESS);
    start(play, "tools/list", 0);
    play->token = token;
    start(play, "tools/call", 0);
    start(play, "tools/call", 0);
    if (play->count > 0) {
        (void)teplo_cancel(play->client, play->started[play->count - 1], "why");
    }
    if (token != NULL) {
        teplo_cancel_token_fire(token);
    }
    play->token = NULL;
    turns(play, 3);
    /* The connection is lost with a call at the broker. */
    start(play, "tools/call", 0);
    start(play, "tools/list", 0);
    scarce(false);
    if (play->peer.fd >= 0) {
        stand_hang_up(&play->peer);
    }
    scarce(true);
    turns(play, 6);
    play->token = token;
}

/* With memory again, nothing is left open, and a new call is answered. */
static void finish(struct play *play)
{
    scarce(false);
    start(play, "tools/call", 0);
    for (int i = 0; i < 2000 && play->answered < play->count; i++) {
        turns(play, 1);
        scarce(false);
    }
    assert_int_equal(play->answered, play->count);
    for (size_t i = 0; i < play->count; i++) {
        assert_int_equal(play->started[i], 0);
    }
}

/* True: an allocation was refused. */
static bool run(size_t number, size_t refusals)
{
    struct play play = {.peer.fd = -1};
    size_t before;
    bool was_refused;
    int r;

    stand_open(&play.stand);
    before = mem_in_use();
    scarce_begin(number, refusals);
    play.token = teplo_cancel_token_new();
    r = teplo_open(play.stand.options, &play.client);
    assert_true(r == TEPLO_OK || r == TEPLO_E_NOMEM);
    if (r == TEPLO_OK) {
        act(&play);
    }
    was_refused = scarce_end();
    if (r == TEPLO_OK) {
        teplo_cancel_token_unref(play.token);
        play.token = NULL;
        finish(&play);
        teplo_close(play.client);
    }
    teplo_cancel_token_unref(play.token);
    if (play.peer.fd >= 0) {
        stand_hang_up(&play.peer);
    }
    assert_int_equal(mem_in_use(), before);
    stand_done(&play.stand);
    return was_refused;
}

static void try_each(size_t refusals)
{
    size_t number = 0;

    while (run(number, refusals)) {
        number++;
    }
    assert_true(number > 20);
}

static void test_one_allocation_fails(void **state)
{
    (void)state;
    try_each(SCARCE_ONCE);
}

static void test_some_allocations_fail(void **state)
{
    (void)state;
    try_each(SCARCE_SOME);
}

static void test_no_memory_for_a_while(void **state)
{
    (void)state;
    try_each(SCARCE_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_allocation_fails),
        cmocka_unit_test(test_some_allocations_fail),
        cmocka_unit_test(test_no_memory_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
