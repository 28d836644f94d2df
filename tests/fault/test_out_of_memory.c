/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of our own fails in turn, in scripted scenarios of the whole data path: the run
 * must end, every request of a client that is still there must have got exactly one answer, and
 * an honest one; afterwards, with memory again, a new client must be served.
 *
 *   TEPLO_OOM_LONG=1           more ways of failing
 *   TEPLO_OOM_POINT=call:17:1  that one only: scenario, allocation, how many are refused
 */
#include "tests/unit/unit.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "broker/runtime/clock.h"
#include "tests/fault/house.h"
#include "tests/support/scarce.h"

struct scenario {
    const char *name;
    void (*play)(struct house *house);
};

static unsigned points;
static char point[96]; /* the one that is tried, for who looks at a crash */

/* ---- scenarios */

static void play_legacy(struct house *house)
{
    struct house_peer *peer = house_join(house);
    unsigned greeting = house_greet(peer);
    unsigned call;

    HOUSE_UNTIL(house, house_is_over(house, greeting));
    call = house_ask(peer, "tools/list", NULL);
    house_ask(peer, "ping", NULL);
    house_ask(peer, "logging/setLevel", "{\"level\":\"info\"}");
    HOUSE_UNTIL(house, house_is_over(house, call));
}

static void play_call(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_call(peer, "echo", 0);
    HOUSE_UNTIL(house, house_all_over(house));
    house_call(peer, "echo", 300);
    house_call(peer, "early", 0);
    house_call(peer, "late", 0);
    HOUSE_UNTIL(house, house_heard(house, 4));
    fake_mcp_accept(&house->fake);
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_discover(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_ask_modern(peer, "server/discover", "");
    HOUSE_UNTIL(house, house_all_over(house));
    house_ask_modern(peer, "server/discover", "");
    house_ask_modern(peer, "prompts/get", "\"name\":\"none\"");
    house_ask_modern(peer, "tasks/get", "\"taskId\":\"none\"");
    house_say(peer, "{\"id\":63,\"method\":\n");
    house_say(peer, "no json\n");
}

static void play_list(struct house *house)
{
    static const char *const lists[] = {"{\"tools\":[{\"name\":\"a\"}],\"nextCursor\":\"2\"}",
                                        "{\"tools\":[{\"name\":\"b\"}]}", NULL};

    house->fake.lists = lists;
    for (int i = 0; i < 4; i++) {
        house_ask_modern(house_join(house), "tools/list", "");
    }
    HOUSE_UNTIL(house, house_all_over(house));
    fake_mcp_tell(&house->fake,
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    house_ask_modern(&house->peers[0], "tools/list", "");
    house_ask_modern(&house->peers[1], "tools/list", "");
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_listen(struct house *house)
{
    struct house_peer *peer = house_join(house);
    struct house_peer *legacy = house_join(house);
    unsigned listen = house_ask_modern(peer, "subscriptions/listen",
                                       "\"notifications\":{\"toolsListChanged\":true}");

    house->requests[listen].is_cancelled = true; /* stays open */
    house_greet(legacy);
    HOUSE_UNTIL(house, house_all_over(house));
    fake_mcp_tell(&house->fake,
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    HOUSE_UNTIL(house, legacy->notices > 0 || legacy->is_gone);
    house_cancel(peer, listen);
}

static void play_cancel(struct house *house)
{
    struct house_peer *peer = house_join(house);
    struct house_peer *other = house_join(house);
    unsigned held = house_call(peer, "hold", 0);
    unsigned safe = house_call(other, "hold", 0);

    HOUSE_UNTIL(house, house_heard(house, 2));
    house_cancel(peer, held);
    house_cancel(peer, held);
    HOUSE_UNTIL(house, house->fake.cancels > 0 || house_all_over(house));
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house_is_over(house, safe));
}

static void play_queue(struct house *house)
{
    struct house_peer *peer = house_join(house);

    for (int i = 0; i < 12; i++) {
        house_call(peer, "hold", 0);
    }
    HOUSE_UNTIL(house, house_heard(house, 8));
    house_cancel(peer, house->last_id);
    house_leave(house_join(house));
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house_heard(house, 11));
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_progress(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_call(peer, "step", 0);
    house_call(peer, "step", 5000);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_lost(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_call(peer, "hold", 0);
    house_call(peer, "hold", 0);
    house_call(peer, "drop", 0);
    HOUSE_UNTIL(house, house_heard(house, 3));
    fake_mcp_cut_streams(&house->fake);
    HOUSE_UNTIL(house, house_all_over(house));
    house_call(peer, "cut", 0);
    HOUSE_UNTIL(house, house_all_over(house));
    house_call(peer, "echo", 0);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_forgotten(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_call(peer, "echo", 0);
    HOUSE_UNTIL(house, house_all_over(house));
    fake_mcp_forget(&house->fake);
    for (int i = 0; i < 5; i++) {
        house_call(peer, "echo", 0);
    }
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_statuses(struct house *house)
{
    static const char *const tools[] = {"http_400", "http_401", "http_404", "http_409",
                                        "http_429", "http_500", "http_503"};
    struct house_peer *peer = house_join(house);

    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        house_call(peer, tools[i], 0);
        HOUSE_UNTIL(house, house_all_over(house));
    }
}

static void play_down(struct house *house)
{
    struct house_peer *peer = house_join(house);

    fake_http_refuse(&house->fake.http);
    house_call(peer, "echo", 0);
    house_ask_modern(peer, "tools/list", "");
    house_ask_modern(peer, "server/discover", "");
    HOUSE_UNTIL(house, house_all_over(house));
    CHECK(fake_http_listen(&house->fake.http) == 0);
    house_call(peer, "echo", 0);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_reload(struct house *house)
{
    struct house_peer *peer = house_join(house);
    struct route_tool tools[] = {
        {.name = "hold", .is_repeatable = true, .call_timeout_ms = HOUSE_CALL_MS / 2},
        {.name = "echo", .call_timeout_ms = -1}};
    struct route_options options = house->options;
    struct clients_limits limits = house->clients_limits;

    house_call(peer, "hold", 0);
    HOUSE_UNTIL(house, house_heard(house, 1));
    options.tools = tools;
    options.tool_count = COUNT_OF(tools);
    options.pool.size = 1;
    (void)!route_set_options(house->route, &options);
    limits.channel.frame_max_bytes = 70000;
    clients_set_limits(&house->clients, &limits);
    house->router_limits.response_max_bytes = 1 << 16;
    router_set_limits(house->router, &house->router_limits);
    house_call(peer, "echo", 66000);
    fake_mcp_cut_streams(&house->fake);
    HOUSE_UNTIL(house, house_heard(house, 2));
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house_all_over(house));
    clients_set_limits(&house->clients, &house->clients_limits);
}

static void play_drain(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_call(peer, "hold", 0);
    HOUSE_UNTIL(house, house_heard(house, 1));
    router_drain(house->router);
    house_call(peer, "echo", 0);
    house_ask_modern(house_join(house), "tools/list", "");
    HOUSE_UNTIL(house, house_is_over(house, 3));
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house->drained > 0);
    router_resume(house->router);
    house_call(peer, "hold", 0);
    HOUSE_UNTIL(house, house_heard(house, 2));
    router_abort(house->router);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_deaf(struct house *house)
{
    struct house_peer *deaf = house_join(house);
    struct house_peer *other = house_join(house);

    house_deafen(deaf);
    for (int i = 0; i < 4; i++) {
        house_call(deaf, "echo", 200000);
    }
    house_call(other, "echo", 100000);
    HOUSE_UNTIL(house, house_is_over(house, house->last_id));
    house_listen(deaf);
    HOUSE_UNTIL(house, house_all_over(house));
}

static void play_leaving(struct house *house)
{
    struct house_peer *queued = house_join(house);
    struct house_peer *sent;
    struct house_peer *half = house_join(house);

    house_call(queued, "echo", 0);
    house_leave(queued);
    sent = house_join(house);
    house_call(sent, "hold", 0);
    HOUSE_UNTIL(house, house_heard(house, 1));
    house_ask_modern(sent, "tools/list", "");
    house_leave(sent);
    house_call(half, "echo", 0);
    (void)shutdown(half->fd, SHUT_WR);
    HOUSE_UNTIL(house, house_all_over(house));
    fake_mcp_release(&house->fake);
}

static void play_questions(struct house *house)
{
    struct house_peer *peer = house_join(house);

    house_call(peer, "hold", 0);
    HOUSE_UNTIL(house, house_heard(house, 1));
    fake_mcp_tell(&house->fake, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}");
    fake_mcp_tell(&house->fake, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\"}");
    fake_mcp_tell(&house->fake, "{\"jsonrpc\":\"2.0\",\"id\":77777,\"result\":{}}");
    fake_mcp_tell(&house->fake, "{\"jsonrpc\":\"2.0\",\"id\":");
    HOUSE_UNTIL(house, house->fake.replies == 2 || house_all_over(house));
    fake_mcp_release(&house->fake);
    HOUSE_UNTIL(house, house_all_over(house));
}

/* ---- one point */

static void complain(const struct house *house, const char *what, unsigned id)
{
    const struct house_request *request = &house->requests[id];

    print_error("%s: request %u %s: executed %u, answers %u, %s\n", point, id, what,
                request->executed, request->answers, request->text);
}

/* All is over within the deadlines, and the books are right. */
static bool is_settled_well(struct house *house)
{
    int64_t since_ms = clock_now_ms();
    const char *wrong;
    unsigned id = 0;

    while (!house_all_over(house) && house_turn(house, since_ms, HOUSE_PATIENCE_MS)) {
    }
    wrong = house_audit(house, &id);
    if (wrong != NULL) {
        complain(house, wrong, id);
    }
    return wrong == NULL;
}

/* With memory again: a new client is served, if not at once. */
static bool does_serve(struct house *house)
{
    int64_t since_ms = clock_now_ms();
    struct house_peer *peer;
    unsigned id;

    while (house->peer_count > 0 && house->clients.all.count > 0) {
        for (size_t i = 0; i < house->peer_count; i++) {
            house_leave(&house->peers[i]);
        }
        if (!house_turn(house, since_ms, HOUSE_PATIENCE_MS)) {
            print_error("%s: a client that has left is still there\n", point);
            return false;
        }
    }
    router_resume(house->router);
    fake_mcp_release(&house->fake);
    peer = house_join(house);
    do {
        /* Refused until the pool tries again. */
        (void)house_turn(house, 0, INT64_MAX);
        id = house_call(peer, "echo", 0);
        while (!house_is_over(house, id) && house_turn(house, since_ms, HOUSE_PATIENCE_MS)) {
        }
    } while (!house->requests[id].has_result && !peer->is_gone && id + 1 < HOUSE_REQUESTS);
    if (!house->requests[id].has_result) {
        complain(house, "of a new client has no result", id);
    }
    return house->requests[id].has_result;
}

/* Whether it was refused nothing: the scenario is through. */
static bool is_passed(const struct scenario *scenario, size_t number, size_t refusals)
{
    static struct house house;
    bool refused;
    bool good;

    (void)snprintf(point, sizeof(point), "TEPLO_OOM_POINT=%s:%zu:%zu", scenario->name, number,
                   refusals);
    house_open(&house);
    scarce_begin(number, refusals);
    scenario->play(&house);
    good = is_settled_well(&house);
    refused = scarce_end();
    good = good && does_serve(&house);
    house_close(&house);
    points++;
    assert_true(good);
    return !refused;
}

static const struct scenario scenarios[] = {
    {"legacy", play_legacy},       {"call", play_call},           {"discover", play_discover},
    {"list", play_list},           {"listen", play_listen},       {"cancel", play_cancel},
    {"queue", play_queue},         {"progress", play_progress},   {"lost", play_lost},
    {"forgotten", play_forgotten}, {"statuses", play_statuses},   {"down", play_down},
    {"reload", play_reload},       {"drain", play_drain},         {"deaf", play_deaf},
    {"leaving", play_leaving},     {"questions", play_questions},
};

/* ---- all of them */

/* Whether the environment asks for one point of another scenario. */
static bool is_asked_for(const struct scenario *scenario, size_t *ret_number, size_t *ret_refusals)
{
    const char *wanted = getenv("TEPLO_OOM_POINT");
    size_t length = strlen(scenario->name);

    return wanted != NULL && strncmp(wanted, scenario->name, length) == 0 &&
           sscanf(wanted + length, ":%zu:%zu", ret_number, ret_refusals) == 2;
}

static void each_allocation(const struct scenario *scenario, size_t refusals)
{
    size_t number = 0;

    while (!is_passed(scenario, number, refusals)) {
        number++;
    }
    assert_true(number > 5);
}

static void test_scenario(void **state)
{
    const struct scenario *scenario = *state;
    size_t number = 0;
    size_t refusals = 0;

    if (is_asked_for(scenario, &number, &refusals)) {
        (void)is_passed(scenario, number, refusals);
        return;
    }
    if (getenv("TEPLO_OOM_POINT") != NULL) {
        skip();
    }
    each_allocation(scenario, SCARCE_ONCE);
    each_allocation(scenario, SCARCE_SOME);
    if (getenv("TEPLO_OOM_LONG") != NULL) {
        for (refusals = SCARCE_ONCE + 1; refusals < SCARCE_SOME; refusals++) {
            each_allocation(scenario, refusals);
        }
        each_allocation(scenario, SCARCE_SOME * 4);
        each_allocation(scenario, SCARCE_SOME * 16);
    }
}

static void say_point(int number)
{
    (void)!write(STDERR_FILENO, point, strlen(point));
    (void)!write(STDERR_FILENO, "\n", 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(scenarios)];
    int failed;

    (void)signal(SIGABRT, say_point);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return 1;
    }
    for (size_t i = 0; i < COUNT_OF(scenarios); i++) {
        tests[i] = (struct CMUnitTest){.name = scenarios[i].name,
                                       .test_func = test_scenario,
                                       .initial_state = (void *)(uintptr_t)&scenarios[i]};
    }
    failed = cmocka_run_group_tests_name("out of memory", tests, NULL, NULL);
    print_message("%u allocations failed in turn\n", points);
    curl_global_cleanup();
    return failed;
}
