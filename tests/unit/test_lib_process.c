/* SPDX-License-Identifier: MIT */
/* libteplo among threads, forks, and limits of the process; and a process that goes on for long. */
#include "tests/unit/stand.h"

#include <pthread.h>

enum { THREADS = 6, CALLS = 200, CYCLES = 10000 };

/* Answers every request of every client in a thread, until its listener is shut down. */
struct server {
    struct stand stand;
    pthread_t thread;
};

static void *serve_peer(void *context)
{
    struct stand_peer peer = {.fd = *(int *)context};
    struct message message;
    struct message_fault fault;
    struct span line;
    char answer[128];

    mem_free(context);
    frame_reader_init(&peer.reader, STAND_FRAME_MAXIMUM);
    while (!span_is_none(line = stand_line(&peer))) {
        if (message_parse(line, &json_limits_default, &message, &fault) < 0 ||
            message.kind != MESSAGE_REQUEST) {
            continue;
        }
        (void)snprintf(
            answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"of\":%.*s}}\n",
            (int)message.id.length, message.id.at, (int)message_param(&message, "name").length,
            message_param(&message, "name").at);
        (void)!send(peer.fd, answer, strlen(answer), MSG_NOSIGNAL);
    }
    (void)close(peer.fd);
    frame_reader_done(&peer.reader);
    return NULL;
}

static void *serve(void *context)
{
    struct server *server = context;
    pthread_attr_t detached;
    int fd;

    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while ((fd = accept4(server->stand.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        int *owned = mem_new(sizeof(*owned));
        pthread_t thread;

        *owned = fd;
        (void)pthread_create(&thread, &detached, serve_peer, owned);
    }
    (void)pthread_attr_destroy(&detached);
    return NULL;
}

static void server_open(struct server *server)
{
    stand_open(&server->stand);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_done(struct server *server)
{
    assert_return_code(shutdown(server->stand.listener, SHUT_RDWR), errno);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    stand_done(&server->stand);
}

/* ---- threads */

static void *call_shared(void *context)
{
    struct teplo_shared *shared = context;
    char name[40];
    char wanted[64];

    for (int i = 0; i < CALLS; i++) {
        struct teplo_result *result = NULL;

        (void)snprintf(name, sizeof(name), "t%lu-%d", (unsigned long)pthread_self(), i);
        (void)snprintf(wanted, sizeof(wanted), "{\"of\":\"%s\"}", name);
        if (teplo_shared_call_tool(shared, name, "{}", 2, NULL, &result) != TEPLO_OK ||
            strcmp(teplo_result_json(result, NULL), wanted) != 0) {
            return shared; /* a wrong answer */
        }
        teplo_result_free(result);
    }
    return NULL;
}

static void test_calls_from_any_thread(void **state)
{
    struct server server;
    struct teplo_shared *shared;
    pthread_t threads[THREADS];
    struct teplo_result *result;
    void *fault;

    (void)state;
    server_open(&server);
    assert_int_equal(
        teplo_options_set_number(server.stand.options, TEPLO_OPT_MAX_IDLE, THREADS / 2), 0);
    assert_int_equal(teplo_shared_new(server.stand.options, &shared), TEPLO_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_shared, shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &fault), 0);
        assert_null(fault);
    }
    assert_int_equal(teplo_shared_request(shared, "x", NULL, 0, NULL, &result), TEPLO_E_PROTO);
    teplo_result_free(result);
    assert_int_equal(teplo_shared_call_tool(shared, "x", "[]", 2, NULL, &result), TEPLO_E_INVAL);
    assert_string_equal(teplo_result_message(result, NULL),
                        "NOT EXECUTED: arguments: a JSON object is needed (byte 0)");
    teplo_result_free(result);
    assert_int_equal(teplo_shared_call_tool(NULL, "x", NULL, 0, NULL, &result), TEPLO_E_INVAL);
    assert_null(result);
    teplo_shared_free(shared);
    server_done(&server);
}

static void *read_text(void *context)
{
    return (void *)(uintptr_t)teplo_result_text(context, NULL);
}

/* Several threads ask for the text that nobody has made yet. */
static void test_a_result_of_several_threads(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;

    (void)state;
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    for (int i = 0; i < 50; i++) {
        struct teplo_result *result;
        uint64_t ticket = stand_call(client, "add", NULL);
        pthread_t threads[THREADS];
        void *first = NULL;

        stand_answer(&peer, ticket, "words");
        result = stand_result(client, ticket);
        for (int j = 0; j < THREADS; j++) {
            assert_int_equal(pthread_create(&threads[j], NULL, read_text, result), 0);
        }
        for (int j = 0; j < THREADS; j++) {
            void *text;

            assert_int_equal(pthread_join(threads[j], &text), 0);
            assert_string_equal(text, "words");
            assert_true(j == 0 || text == first);
            first = text;
        }
        teplo_result_free(result);
    }
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* ---- fork */

/* In the child: 0 if all is as it should be, else the number of what is not. */
static int in_child(struct teplo_client *client, struct teplo_shared *shared,
                    struct teplo_options *options, struct teplo_cancel_token *token)
{
    struct teplo_callopts with_token = TEPLO_CALLOPTS_INIT;
    struct teplo_result *result = NULL;
    struct teplo_client *own;
    enum teplo_kind kind;
    uint64_t ticket;

    with_token.cancel = token;
    if (teplo_dispatch(client) != TEPLO_E_FORKED || teplo_fd(client) != TEPLO_E_FORKED ||
        teplo_wait(client, 0) != TEPLO_E_FORKED ||
        teplo_next(client, &ticket, &kind, &result) != TEPLO_E_FORKED ||
        teplo_cancel(client, 1, NULL) != TEPLO_E_FORKED ||
        teplo_call_tool_start(client, "a", NULL, 0, NULL, &ticket) != TEPLO_E_FORKED ||
        teplo_call_tool(client, "a", NULL, 0, NULL, &result) != TEPLO_E_FORKED) {
        return 1;
    }
    teplo_cancel_token_fire(token);
    teplo_close(client);
    if (teplo_shared_call_tool(shared, "child", NULL, 0, &with_token, &result) != TEPLO_E_FORKED ||
        teplo_result_outcome(result) != TEPLO_NOT_EXECUTED) {
        return 4;
    }
    teplo_result_free(result);
    teplo_cancel_token_unref(token);
    if (teplo_shared_call_tool(shared, "child", NULL, 0, NULL, &result) != TEPLO_OK) {
        return 2;
    }
    teplo_result_free(result);
    if (teplo_open(options, &own) != TEPLO_OK ||
        teplo_call_tool(own, "child", NULL, 0, NULL, &result) != TEPLO_OK) {
        return 3;
    }
    teplo_result_free(result);
    teplo_close(own);
    return 0;
}

static void test_fork(void **state)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;
    struct server server;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_shared *shared;
    struct teplo_result *result;
    uint64_t ticket;
    int told[2];
    int status;
    pid_t child;

    (void)state;
    assert_return_code(pipe(told), errno);
    server_open(&server);
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    options.cancel = teplo_cancel_token_new();
    ticket = stand_call(client, "add", &options);
    assert_int_equal(teplo_shared_new(server.stand.options, &shared), TEPLO_OK);
    assert_int_equal(teplo_shared_call_tool(shared, "parent", NULL, 0, NULL, &result), TEPLO_OK);
    teplo_result_free(result);
    child = fork();
    if (child == 0) {
        status = in_child(client, shared, server.stand.options, options.cancel);
        (void)!write(told[1], &status, sizeof(status));
        /* What the server's threads have is lost in here: valgrind must not count it. */
        (void)raise(SIGKILL);
    }
    assert_int_equal(read(told[0], &status, sizeof(status)), sizeof(status));
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_return_code(close(told[0]), errno);
    assert_return_code(close(told[1]), errno);
    /* The parent's handle hears as before, and nothing was written to its broker, nor fired. */
    (void)stand_message(&peer);
    assert_true(stand_is_silent(&peer));
    assert_int_equal(teplo_wait(client, 0), 0);
    stand_answer(&peer, ticket, "x");
    assert_true(stand_is_readable(client));
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    ticket = stand_call(client, "add", &options);
    teplo_cancel_token_fire(options.cancel);
    assert_true(stand_is_readable(client));
    stand_ends(client, ticket, TEPLO_E_CANCELLED, TEPLO_UNKNOWN, "cancelled");
    teplo_cancel_token_unref(options.cancel);
    assert_int_equal(teplo_shared_call_tool(shared, "parent", NULL, 0, NULL, &result), TEPLO_OK);
    teplo_result_free(result);
    teplo_shared_free(shared);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
    server_done(&server);
}

/* A child that lives on has the sockets too: what the parent let go wakes it no more. */
static void test_a_child_that_keeps_the_sockets(void **state)
{
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    uint64_t ticket;
    int status;
    int held[2];
    pid_t child;

    (void)state;
    assert_return_code(pipe(held), errno);
    stand_open(&stand);
    client = stand_client(&stand);
    peer = stand_accept(&stand);
    ticket = stand_call(client, "add", NULL);
    (void)stand_message(&peer);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    child = fork();
    if (child == 0) {
        char byte;

        (void)close(held[1]);
        (void)close(peer.fd);
        (void)close(stand.listener);
        (void)!read(held[0], &byte, 1);
        (void)raise(SIGKILL);
    }
    stand_hang_up(&peer);
    stand_poll(teplo_fd(client));
    assert_int_equal(teplo_dispatch(client), 0);
    assert_false(stand_is_readable(client));
    assert_int_equal(teplo_dispatch(client), 0);
    ticket = stand_call(client, "add", NULL);
    peer = stand_accept(&stand);
    assert_int_equal(teplo_wait(client, 0), 0);
    stand_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n");
    assert_int_equal(teplo_wait(client, 0), 0);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    assert_return_code(close(held[0]), errno);
    assert_return_code(close(held[1]), errno);
    assert_int_equal(waitpid(child, &status, 0), child);
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* ---- limits */

/* The threads of an earlier test's server have closed what they had. */
static void wait_for_quiet(void)
{
    size_t before;

    do {
        before = stand_descriptors();
        (void)poll(NULL, 0, 20);
    } while (stand_descriptors() != before);
}

static void test_no_descriptor_left(void **state)
{
    struct rlimit before;
    struct rlimit now;
    struct stand stand;
    struct stand_peer peer;
    struct teplo_client *client;
    struct teplo_client *none = NULL;
    uint64_t ticket;
    int highest;

    (void)state;
    stand_init(&stand);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 50), 0);
    client = stand_client(&stand);
    stand_listen(&stand);
    wait_for_quiet();
    highest = dup(0);
    assert_return_code(close(highest), errno);
    assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
    now = before;
    now.rlim_cur = (rlim_t)highest;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &now), errno);
    assert_int_equal(teplo_open(stand.options, &none), TEPLO_E_NOMEM);
    assert_null(none);
    assert_null(teplo_cancel_token_new());
    ticket = stand_call(client, "add", NULL);
    stand_ends(client, ticket, TEPLO_E_NOMEM, TEPLO_NOT_EXECUTED, "no_broker");
    assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
    ticket = stand_call(client, "add", NULL);
    assert_int_equal(teplo_wait_ready(client, STAND_PATIENCE_MS), TEPLO_OK);
    peer = stand_accept(&stand);
    stand_answer(&peer, ticket, "x");
    stand_ends(client, ticket, TEPLO_OK, TEPLO_EXECUTED, "");
    teplo_close(client);
    stand_hang_up(&peer);
    stand_done(&stand);
}

/* Nobody accepts: the connections in the queue are as good as none. */
static void test_a_full_backlog(void **state)
{
    enum { CLIENTS = 8 };
    struct stand stand;
    struct teplo_client *clients[CLIENTS];
    uint64_t tickets[CLIENTS];
    size_t unable = 0;

    (void)state;
    stand_open(&stand);
    assert_return_code(listen(stand.listener, 1), errno);
    assert_int_equal(teplo_options_set_number(stand.options, TEPLO_OPT_RECONNECT_MS, 50), 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = stand_client(&stand);
        tickets[i] = stand_call(clients[i], "add", NULL);
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct teplo_result *result;

        /* Those in the queue wait on: a broker may still take them. */
        if (teplo_wait(clients[i], 100) == 1) {
            result = stand_result(clients[i], tickets[i]);
            assert_int_equal(teplo_result_status(result), TEPLO_E_CONNECT);
            assert_int_equal(teplo_result_outcome(result), TEPLO_NOT_EXECUTED);
            assert_non_null(strstr(teplo_result_message(result, NULL), "nobody accepts"));
            teplo_result_free(result);
            unable++;
        }
        teplo_close(clients[i]);
    }
    assert_true(unable > 0 && unable < CLIENTS);
    stand_done(&stand);
}

static size_t resident_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total;
    unsigned long resident = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    (void)fclose(file);
    return resident;
}

/* Some pages are the allocator's; a sanitizer's keeps what is freed. */
static bool has_grown(size_t before)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)before;
    return false;
#else
    const char *preloaded = getenv("LD_PRELOAD");

    return (preloaded == NULL || strstr(preloaded, "vgpreload") == NULL) &&
           resident_pages() > before + 64;
#endif
}

/* TEPLO_LIB_LONG=1: ten thousand handles and a hundred thousand calls. */
static void test_nothing_grows(void **state)
{
    bool is_long = getenv("TEPLO_LIB_LONG") != NULL;
    int cycles = is_long ? CYCLES : CYCLES / 20;
    struct server server;
    struct teplo_client *client;
    struct teplo_result *result;
    size_t in_use;
    size_t descriptors;
    size_t pages = 0;

    (void)state;
    server_open(&server);
    descriptors = stand_descriptors();
    in_use = mem_in_use();
    for (int i = 0; i < cycles; i++) {
        client = stand_client(&server.stand);
        assert_int_equal(teplo_call_tool(client, "add", NULL, 0, NULL, &result), TEPLO_OK);
        teplo_result_free(result);
        if (i % 3 == 0) {
            (void)stand_call(client, "left", NULL);
        }
        teplo_close(client);
    }
    client = stand_client(&server.stand);
    for (int i = 0; i < cycles * 10; i++) {
        assert_int_equal(teplo_call_tool(client, "add", NULL, 0, NULL, &result), TEPLO_OK);
        teplo_result_free(result);
        if (i == cycles) {
            pages = resident_pages();
        }
    }
    assert_false(has_grown(pages));
    teplo_close(client);
    for (int i = 0; i < 1000 && (stand_descriptors() > descriptors || mem_in_use() > in_use); i++) {
        (void)poll(NULL, 0, 1); /* the server's threads see their ends */
    }
    assert_int_equal(stand_descriptors(), descriptors);
    assert_int_equal(mem_in_use(), in_use);
    server_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_from_any_thread),
        cmocka_unit_test(test_a_result_of_several_threads),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_a_child_that_keeps_the_sockets),
        cmocka_unit_test(test_no_descriptor_left),
        cmocka_unit_test(test_a_full_backlog),
        cmocka_unit_test(test_nothing_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
