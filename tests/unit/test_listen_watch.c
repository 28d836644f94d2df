/* SPDX-License-Identifier: MIT */
/* The kernel asked about real sockets. */
#include "unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/socket.h>

#include "broker/upstream/listen_watch.h"

enum { SHARERS = 400 };

static struct listen_watch *watch;

static int open_watch(void **state)
{
    (void)state;
    watch = listen_watch_new();
    return watch == NULL ? -1 : 0;
}

static int close_watch(void **state)
{
    (void)state;
    listen_watch_free(watch);
    return 0;
}

/* A socket bound to ADDRESS (v4 or v6) and *PORT, 0 for a free one; -1: no such address here. */
static int bind_to(const char *address, unsigned *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    struct sockaddr *name = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t length = is_v4 ? sizeof(v4) : sizeof(v6);
    int on = 1;
    int fd;

    assert_true(is_v4 || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1);
    fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (fd < 0 || bind(fd, name, length) < 0 || getsockname(fd, name, &length) < 0) {
        (void)close(fd);
        return -1;
    }
    *port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
    return fd;
}

static void test_addresses(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        unsigned port = 0;
        int fd = bind_to(addresses[i], &port);

        if (fd < 0) {
            print_message("[  NOTE  ] no %s here\n", addresses[i]);
            continue;
        }
        /* Bound alone is not enough. */
        assert_row(i, listen_watch_is_listening(watch, port) == LISTENING_NO);
        assert_int_equal(listen(fd, 1), 0);
        assert_row(i, listen_watch_is_listening(watch, port) == LISTENING_YES);
        (void)close(fd);
        assert_row(i, listen_watch_is_listening(watch, port) == LISTENING_NO);
    }
}

/* More listeners than one part of the reply holds. */
static void test_many_share_a_port(void **state)
{
    int fds[SHARERS];
    unsigned port = 0;

    (void)state;
    for (size_t i = 0; i < SHARERS; i++) {
        fds[i] = bind_to("127.0.0.1", &port);
        assert_true(fds[i] >= 0);
        assert_int_equal(listen(fds[i], 1), 0);
    }
    assert_int_equal(listen_watch_is_listening(watch, port), LISTENING_YES);
    for (size_t i = 0; i < SHARERS; i++) {
        (void)close(fds[i]);
    }
    /* Nothing of the long reply is left over. */
    assert_int_equal(listen_watch_is_listening(watch, port), LISTENING_NO);
}

static size_t open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static void test_one_socket_for_all_questions(void **state)
{
    unsigned port = 0;
    int fd = bind_to("127.0.0.1", &port);
    size_t before;

    (void)state;
    before = open_files();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(listen_watch_is_listening(watch, port), LISTENING_NO);
    }
    assert_int_equal(open_files(), before + 1);
    (void)close(fd);
}

static void test_no_such_port(void **state)
{
    (void)state;
    assert_int_equal(listen_watch_is_listening(watch, 0), LISTENING_UNKNOWN);
    assert_int_equal(listen_watch_is_listening(watch, 65536), LISTENING_UNKNOWN);
}

/* Once it could not be asked, it is not asked again. */
static void test_the_kernel_cannot_be_asked(void **state)
{
    struct rlimit limit;
    struct rlimit none;
    unsigned port = 0;
    int fd = bind_to("127.0.0.1", &port);

    (void)state;
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){0, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(listen_watch_is_listening(watch, port), LISTENING_UNKNOWN);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(listen_watch_is_listening(watch, port), LISTENING_UNKNOWN);
    (void)close(fd);
}

static bool make_one(void)
{
    struct listen_watch *made = listen_watch_new();

    listen_watch_free(made);
    return made != NULL;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(make_one);
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, open_watch, close_watch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(test_addresses),
        WATCH_TEST(test_many_share_a_port),
        WATCH_TEST(test_one_socket_for_all_questions),
        WATCH_TEST(test_no_such_port),
        WATCH_TEST(test_the_kernel_cannot_be_asked),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
