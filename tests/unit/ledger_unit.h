/* SPDX-License-Identifier: MIT */
/* Ledgers in a directory of their own, and processes that die with one. */
#ifndef TEPLO_TESTS_LEDGER_UNIT_H
#define TEPLO_TESTS_LEDGER_UNIT_H

#include "unit.h"

#include <stdlib.h>

#include "broker/ledger/ledger.h"

enum { RECORDS = 16, ME = 4242 };

static char directory[64];

static inline int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/teplo-ledger-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static inline const char *path_of(int slot)
{
    static char paths[2][128];

    (void)snprintf(paths[slot], sizeof(paths[slot]), "%s/ledger.%d", directory, slot);
    return paths[slot];
}

static inline int remove_directory(void **state)
{
    (void)state;
    for (int slot = 0; slot < 2; slot++) {
        (void)unlink(path_of(slot));
        (void)rmdir(path_of(slot));
    }
    return rmdir(directory);
}

static inline struct ledger *try_open(size_t records, struct bytes *message)
{
    struct ledger_options options = {.directory = directory, .records = records};

    return ledger_open(&options, message);
}

static inline struct ledger *must_open_sized(size_t records)
{
    struct bytes message;
    struct ledger *ledger;

    bytes_init(&message, 512);
    ledger = try_open(records, &message);
    assert_bytes(message, NULL);
    assert_non_null(ledger);
    bytes_done(&message);
    return ledger;
}

static inline struct ledger *must_open(void)
{
    return must_open_sized(RECORDS);
}

static inline void assert_no_ledger(const char *part)
{
    struct bytes message;

    bytes_init(&message, 512);
    assert_null(try_open(RECORDS, &message));
    assert_non_null(strstr(bytes_text(&message), part));
    bytes_done(&message);
}

static inline struct call_id id_of(unsigned number)
{
    struct call_id id = {{0}};

    memcpy(id.at, &number, sizeof(number));
    id.at[15] = 1;
    return id;
}

static inline enum ledger_state state_of(struct ledger *ledger, unsigned number)
{
    struct ledger_entry entry = {.state = LEDGER_FREE};
    struct call_id id = id_of(number);

    return ledger_find(ledger, &id, ME, &entry) ? entry.state : LEDGER_FREE;
}

/* Run BODY in a process of its own that is killed right after, as by kill -9. */
static inline void in_killed_process(void (*body)(struct ledger *ledger))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct bytes message;
        struct ledger *ledger;

        bytes_init(&message, 512);
        ledger = try_open(RECORDS, &message);
        if (ledger == NULL) {
            _exit(1);
        }
        body(ledger);
        (void)raise(SIGKILL);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Over before it returns. */
static inline void make_call(struct ledger *ledger, unsigned number, uid_t uid,
                             enum ledger_state state)
{
    struct ledger_call call = {.id = id_of(number)};

    assert_int_equal(ledger_begin(ledger, &call, uid, "pool"), 0);
    ledger_end(&call, state, state == LEDGER_UNKNOWN ? FAILURE_TIMEOUT : FAILURE_NONE);
}

static inline void die_with_calls(struct ledger *ledger)
{
    struct ledger_call calls[4];

    for (unsigned i = 0; i < COUNT_OF(calls); i++) {
        calls[i] = (struct ledger_call){.id = id_of(i)};
        if (ledger_begin(ledger, &calls[i], ME, "pool") < 0) {
            _exit(1);
        }
    }
    ledger_sending(&calls[1]);
    ledger_sending(&calls[2]);
    ledger_end(&calls[2], LEDGER_RESULT, FAILURE_NONE);
    ledger_end(&calls[3], LEDGER_RESULT_LOST, FAILURE_TOO_LARGE);
}

static inline void assert_settled(struct ledger *ledger)
{
    struct ledger_entry entry;
    struct call_id id = id_of(1);

    assert_int_equal(state_of(ledger, 0), LEDGER_NOT_EXECUTED);
    assert_int_equal(state_of(ledger, 1), LEDGER_UNKNOWN);
    assert_int_equal(state_of(ledger, 2), LEDGER_RESULT);
    assert_int_equal(state_of(ledger, 3), LEDGER_RESULT_LOST);
    assert_true(ledger_find(ledger, &id, ME, &entry));
    assert_int_equal(entry.reason, ledger_reason_tag("broker_restart"));
    assert_int_equal(entry.uid, ME);
    assert_string_equal(entry.pool, "pool");
}

#define LEDGER_TEST(function)                                                                      \
    cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

#endif
