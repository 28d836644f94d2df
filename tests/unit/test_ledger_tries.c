/* SPDX-License-Identifier: MIT */
/* Several tries under one id, by one user or by two, in one file or in both. */
#include "ledger_unit.h"

#include <errno.h>
#include <fcntl.h>

static void a_second_try_does_not_hide_the_first(void **state)
{
    static const enum ledger_state may_have_run[] = {LEDGER_RESULT, LEDGER_UNKNOWN,
                                                     LEDGER_RESULT_LOST, LEDGER_CANCELLED};
    struct ledger *ledger = must_open();
    struct ledger_entry entry;
    struct call_id id = id_of(1);

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(may_have_run); i++) {
        make_call(ledger, i, ME, LEDGER_NOT_EXECUTED);
        assert_int_equal(state_of(ledger, i), LEDGER_NOT_EXECUTED);
        make_call(ledger, i, ME, may_have_run[i]);
        make_call(ledger, i, ME, LEDGER_NOT_EXECUTED);
        assert_int_equal(state_of(ledger, i), may_have_run[i]);
    }
    assert_true(ledger_find(ledger, &id, ME, &entry));
    assert_int_equal(entry.reason, ledger_reason_tag("timeout"));
    /* Nor once the first one's own record has made room. */
    make_call(ledger, 1, ME, LEDGER_NOT_EXECUTED);
    for (unsigned i = 0; i < RECORDS - 1; i++) {
        make_call(ledger, 100 + i, ME, LEDGER_RESULT);
    }
    assert_int_equal(state_of(ledger, 1), LEDGER_UNKNOWN);
    ledger_close(ledger);
}

static void tries_of_one_id_take_one_record(void **state)
{
    unsigned char content[(RECORDS + 1) * LEDGER_RECORD_SIZE];
    struct ledger *ledger = must_open();
    size_t found = 0;
    int fd;

    (void)state;
    for (unsigned i = 0; i < RECORDS / 2; i++) {
        make_call(ledger, 1, ME, LEDGER_NOT_EXECUTED);
    }
    fd = open(path_of(0), O_RDONLY);
    assert_true(fd >= 0 && read(fd, content, sizeof(content)) == (ssize_t)sizeof(content));
    assert_int_equal(close(fd), 0);
    for (size_t i = 0; i < RECORDS; i++) {
        found += !ledger_record_is_free(ledger_ring_record(content, i));
    }
    assert_int_equal(found, 1);
    ledger_close(ledger);
}

static void another_users_call_is_another_call(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger_call mine = {.id = id_of(1)};
    struct ledger_call theirs = {.id = id_of(1)};
    struct ledger_entry entry;

    (void)state;
    assert_int_equal(ledger_begin(ledger, &mine, ME, "pool"), 0);
    assert_int_equal(ledger_begin(ledger, &theirs, ME + 1, "pool"), 0);
    ledger_end(&mine, LEDGER_UNKNOWN, FAILURE_TIMEOUT);
    ledger_end(&theirs, LEDGER_NOT_EXECUTED, FAILURE_NONE);
    assert_int_equal(state_of(ledger, 1), LEDGER_UNKNOWN);
    assert_true(ledger_find(ledger, &mine.id, ME + 1, &entry));
    assert_int_equal(entry.state, LEDGER_NOT_EXECUTED);
    assert_false(ledger_find(ledger, &mine.id, ME + 2, &entry));
    assert_true(ledger_find_anybodys(ledger, &mine.id, &entry));
    assert_int_equal(entry.state, LEDGER_UNKNOWN);
    ledger_close(ledger);
}

static void die_in_a_second_try(struct ledger *ledger)
{
    struct ledger_call first = {.id = id_of(1)};
    struct ledger_call second = {.id = id_of(1)};

    if (ledger_begin(ledger, &first, ME, "pool") < 0) {
        _exit(1);
    }
    ledger_end(&first, LEDGER_UNKNOWN, FAILURE_TIMEOUT);
    if (ledger_begin(ledger, &second, ME, "pool") < 0) {
        _exit(1);
    }
}

static void a_kill_while_the_second_try_waits_does_not_hide_the_first(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger *later;

    (void)state;
    in_killed_process(die_in_a_second_try); /* in ledger.1 */
    assert_int_equal(state_of(ledger, 1), LEDGER_UNKNOWN);
    ledger_close(ledger);
    in_killed_process(die_in_a_second_try);
    later = must_open();
    assert_int_equal(state_of(later, 1), LEDGER_UNKNOWN);
    ledger_close(later);
}

static void a_call_that_is_live_elsewhere_is_not_entered(void **state)
{
    struct ledger *old = must_open();
    struct ledger *new = must_open();
    struct ledger_call live = {.id = id_of(1)};
    struct ledger_call again = {.id = id_of(1)};
    struct ledger_call theirs = {.id = id_of(1)};

    (void)state;
    assert_int_equal(ledger_begin(old, &live, ME, "pool"), 0);
    assert_int_equal(ledger_begin(new, &again, ME, "pool"), -EEXIST);
    assert_int_equal(ledger_live(new), 0);
    assert_int_equal(ledger_begin(new, &theirs, ME + 1, "pool"), 0);
    ledger_end(&theirs, LEDGER_NOT_EXECUTED, FAILURE_NONE);
    ledger_end(&live, LEDGER_UNKNOWN, FAILURE_TIMEOUT);
    assert_int_equal(ledger_begin(new, &again, ME, "pool"), 0);
    assert_int_equal(state_of(old, 1), LEDGER_AGAIN);
    ledger_end(&again, LEDGER_NOT_EXECUTED, FAILURE_NONE);
    assert_int_equal(state_of(new, 1), LEDGER_UNKNOWN);
    ledger_close(old);
    ledger_close(new);
}

/* The one writes, the other reads after each call: also past records that were live. */
static void what_is_written_elsewhere_is_found(void **state)
{
    struct ledger *writer = must_open();
    struct ledger *reader = must_open();
    struct ledger_call held[RECORDS / 2];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(held); i++) {
        held[i] = (struct ledger_call){.id = id_of(900 + i)};
        assert_int_equal(ledger_begin(writer, &held[i], ME, "pool"), 0);
    }
    for (unsigned i = 0; i < 5 * RECORDS; i++) {
        make_call(writer, i, ME, LEDGER_RESULT);
        assert_int_equal(state_of(reader, i), LEDGER_RESULT);
    }
    for (unsigned i = 0; i < COUNT_OF(held); i++) {
        assert_int_equal(state_of(reader, 900 + i), LEDGER_QUEUED);
        ledger_end(&held[i], LEDGER_CANCELLED, FAILURE_NONE);
        assert_int_equal(state_of(reader, 900 + i), LEDGER_CANCELLED);
    }
    for (unsigned i = 1000; i < 1000 + 5 * RECORDS; i++) {
        make_call(writer, i, ME, LEDGER_RESULT);
        if (i % 7 == 3) {
            assert_int_equal(state_of(reader, i - 3), LEDGER_RESULT);
        }
    }
    assert_int_equal(state_of(reader, 1), LEDGER_FREE);
    ledger_close(writer);
    ledger_close(reader);
}

static void whoever_owns_the_other_file_next_is_read(void **state)
{
    struct ledger *first = must_open();
    struct ledger *reader = must_open();

    (void)state;
    make_call(first, 1, ME, LEDGER_RESULT);
    assert_int_equal(state_of(reader, 1), LEDGER_RESULT);
    ledger_close(first);
    assert_int_equal(state_of(reader, 1), LEDGER_RESULT);
    in_killed_process(die_with_calls); /* the same file, taken over, and left again */
    assert_settled(reader);
    first = must_open_sized(2 * RECORDS);
    assert_settled(reader);
    make_call(first, 7, ME, LEDGER_RESULT);
    assert_int_equal(state_of(reader, 7), LEDGER_RESULT);
    ledger_close(first);
    assert_int_equal(truncate(path_of(0), 1000), 0);
    assert_int_equal(state_of(reader, 7), LEDGER_FREE);
    assert_int_equal(unlink(path_of(0)), 0);
    assert_int_equal(state_of(reader, 7), LEDGER_FREE);
    ledger_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(a_second_try_does_not_hide_the_first),
        LEDGER_TEST(tries_of_one_id_take_one_record),
        LEDGER_TEST(another_users_call_is_another_call),
        LEDGER_TEST(a_kill_while_the_second_try_waits_does_not_hide_the_first),
        LEDGER_TEST(a_call_that_is_live_elsewhere_is_not_entered),
        LEDGER_TEST(what_is_written_elsewhere_is_found),
        LEDGER_TEST(whoever_owns_the_other_file_next_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
