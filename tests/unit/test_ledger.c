/* SPDX-License-Identifier: MIT */
/* The crash ledger: the ring in memory, its file, and what an owner's death leaves behind. */
#include "ledger_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/scarce.h"

enum { FLIPS = 10000 };

/* ---- the ring */

static void a_call_is_followed(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger_call call = {.id = id_of(1)};
    struct ledger_call same = {.id = id_of(1)};

    (void)state;
    assert_int_equal(state_of(ledger, 1), LEDGER_FREE);
    assert_int_equal(ledger_begin(ledger, &call, ME, "a-name-that-is-rather-long"), 0);
    assert_int_equal(ledger_begin(ledger, &same, ME, "pool"), -EEXIST);
    assert_int_equal(state_of(ledger, 1), LEDGER_QUEUED);
    ledger_sending(&call);
    assert_int_equal(state_of(ledger, 1), LEDGER_SENT);
    assert_int_equal(ledger_live(ledger), 1);
    ledger_end(&call, LEDGER_RESULT, FAILURE_NONE);
    assert_int_equal(state_of(ledger, 1), LEDGER_RESULT);
    assert_int_equal(ledger_live(ledger), 0);
    /* The id may be used again now, and the newest counts. */
    assert_int_equal(ledger_begin(ledger, &same, ME, "pool"), 0);
    assert_int_equal(state_of(ledger, 1), LEDGER_AGAIN);
    ledger_end(&same, LEDGER_UNKNOWN, FAILURE_TIMEOUT);
    assert_int_equal(state_of(ledger, 1), LEDGER_UNKNOWN);
    assert_int_equal(ledger_total(ledger), 2);
    ledger_close(ledger);
}

static void a_ring_full_of_live_calls_takes_none(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger_call calls[RECORDS];
    struct ledger_call more = {.id = id_of(RECORDS)};

    (void)state;
    for (unsigned i = 0; i < RECORDS; i++) {
        calls[i] = (struct ledger_call){.id = id_of(i)};
        assert_int_equal(ledger_begin(ledger, &calls[i], ME, "pool"), 0);
    }
    assert_int_equal(ledger_begin(ledger, &more, ME, "pool"), -ENOSPC);
    assert_int_equal(ledger_live(ledger), RECORDS);
    ledger_end(&calls[7], LEDGER_RESULT, FAILURE_NONE);
    assert_int_equal(ledger_begin(ledger, &more, ME, "pool"), 0);
    assert_int_equal(more.slot, calls[7].slot);
    for (unsigned i = 0; i < RECORDS; i++) {
        if (i != 7) {
            ledger_end(&calls[i], LEDGER_UNKNOWN, FAILURE_TIMEOUT);
        }
    }
    ledger_end(&more, LEDGER_RESULT, FAILURE_NONE);
    ledger_close(ledger);
}

static void the_oldest_make_room(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger_call held = {.id = id_of(900)};

    (void)state;
    assert_int_equal(ledger_begin(ledger, &held, ME, "pool"), 0);
    for (unsigned i = 0; i < 3 * RECORDS; i++) {
        struct ledger_call call = {.id = id_of(i)};

        assert_int_equal(ledger_begin(ledger, &call, ME, "pool"), 0);
        ledger_end(&call, LEDGER_RESULT, FAILURE_NONE);
    }
    assert_int_equal(state_of(ledger, 900), LEDGER_QUEUED);
    assert_int_equal(state_of(ledger, 3 * RECORDS - (RECORDS - 1)), LEDGER_RESULT);
    assert_int_equal(state_of(ledger, 3 * RECORDS - RECORDS), LEDGER_FREE);
    ledger_end(&held, LEDGER_RESULT, FAILURE_NONE);
    ledger_close(ledger);
}

/* ---- death */

static void a_kill_leaves_honest_outcomes(void **state)
{
    struct ledger *ledger;

    (void)state;
    in_killed_process(die_with_calls);
    ledger = must_open();
    assert_settled(ledger);
    assert_int_equal(ledger_live(ledger), 0);
    ledger_close(ledger);
    ledger = must_open(); /* and once more: nothing changes any more */
    assert_settled(ledger);
    ledger_close(ledger);
}

static void another_number_of_records_keeps_what_fits(void **state)
{
    struct ledger *ledger;

    (void)state;
    in_killed_process(die_with_calls);
    ledger = must_open_sized(4 * RECORDS);
    assert_settled(ledger);
    ledger_close(ledger);
    ledger = must_open_sized(RECORDS + 1);
    assert_settled(ledger);
    ledger_close(ledger);
}

static void two_brokers_have_two_files(void **state)
{
    struct ledger *old = must_open();
    struct ledger_call queued = {.id = id_of(0)};
    struct ledger_call sent = {.id = id_of(1)};
    struct ledger *new;

    (void)state;
    assert_int_equal(ledger_begin(old, &queued, ME, "pool"), 0);
    assert_int_equal(ledger_begin(old, &sent, ME, "pool"), 0);
    ledger_sending(&sent);
    new = must_open();
    /* The owner lives: as they stand. */
    assert_int_equal(state_of(new, 0), LEDGER_QUEUED);
    assert_int_equal(state_of(new, 1), LEDGER_SENT);
    assert_no_ledger("still draining");
    ledger_end(&sent, LEDGER_RESULT, FAILURE_NONE);
    assert_int_equal(state_of(new, 1), LEDGER_RESULT);
    ledger_end(&queued, LEDGER_CANCELLED, FAILURE_NONE);
    ledger_close(old);
    ledger_close(new);
}

static void the_other_file_of_the_dead_is_final(void **state)
{
    struct ledger *holder = must_open();
    struct ledger *ledger;

    (void)state;
    in_killed_process(die_with_calls); /* in ledger.1, since 0 is owned */
    assert_settled(holder);
    ledger_close(holder);
    ledger = must_open();
    assert_settled(ledger);
    ledger_close(ledger);
}

static void what_a_living_broker_owns_is_not_replaced(void **state)
{
    struct ledger *owner = must_open();
    struct ledger *other;
    struct stat before;
    struct stat after;
    char second[128];

    (void)state;
    (void)snprintf(second, sizeof(second), "%s/second", directory);
    assert_int_equal(link(path_of(0), second), 0);
    assert_int_equal(stat(path_of(0), &before), 0);
    other = must_open();
    assert_int_equal(stat(path_of(0), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    ledger_close(other);
    ledger_close(owner);
    assert_int_equal(unlink(second), 0);
}

/* ---- files */

static void write_file(int slot, const void *content, size_t length)
{
    int fd = open(path_of(slot), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), length);
    assert_int_equal(close(fd), 0);
}

static size_t read_file(int slot, void *content, size_t size)
{
    int fd = open(path_of(slot), O_RDONLY);
    ssize_t length = read(fd, content, size);

    assert_true(fd >= 0 && length >= 0);
    (void)close(fd);
    return (size_t)length;
}

static void assert_usable(void)
{
    struct ledger *ledger = must_open();
    struct ledger_call call = {.id = id_of(77)};
    struct stat status;

    assert_int_equal(ledger_begin(ledger, &call, ME, "pool"), 0);
    ledger_end(&call, LEDGER_RESULT, FAILURE_NONE);
    assert_int_equal(state_of(ledger, 77), LEDGER_RESULT);
    ledger_close(ledger);
    assert_int_equal(lstat(path_of(0), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, ledger_ring_size(RECORDS));
}

static void whatever_is_there_is_replaced(void **state)
{
    static const char text[] = "something else altogether, and rather longer than a header is, too";
    char elsewhere[128];

    (void)state;
    write_file(0, "", 0);
    assert_usable();
    write_file(0, text, sizeof(text));
    assert_usable();
    assert_int_equal(chmod(path_of(0), 0444), 0);
    assert_usable();
    assert_int_equal(unlink(path_of(0)), 0);
    assert_int_equal(mkfifo(path_of(0), 0600), 0);
    assert_usable();
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", directory);
    assert_int_equal(rename(path_of(0), elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path_of(0)), 0);
    assert_usable();
    assert_int_equal(unlink(path_of(0)), 0);
    assert_int_equal(link(elsewhere, path_of(0)), 0); /* a second name: who else has it open? */
    assert_usable();
    assert_int_equal(unlink(elsewhere), 0);
    assert_int_equal(unlink(path_of(0)), 0);
    assert_int_equal(mkdir(path_of(0), 0700), 0);
    assert_no_ledger("cannot be removed");
}

static void a_version_or_size_of_somebody_else_is_replaced(void **state)
{
    unsigned char content[(RECORDS + 1) * LEDGER_RECORD_SIZE];
    size_t count;

    (void)state;
    assert_usable();
    assert_int_equal(read_file(0, content, sizeof(content)), sizeof(content));
    assert_int_equal(ledger_ring_check(content, sizeof(content), &count), 0);
    assert_int_equal(ledger_ring_check(content, sizeof(content) - 1, &count), -EBADMSG);
    assert_int_equal(ledger_ring_check(content, 63, &count), -EBADMSG);
    assert_int_equal(ledger_ring_check(content, 0, &count), -EBADMSG);
    for (size_t length = 0; length < sizeof(content); length += 61) {
        write_file(0, content, length);
        assert_usable();
    }
    content[8]++; /* the version */
    write_file(0, content, sizeof(content));
    assert_usable();
}

static void a_removed_file_is_made_again(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger_call call = {.id = id_of(5)};

    (void)state;
    assert_int_equal(ledger_begin(ledger, &call, ME, "pool"), 0);
    assert_int_equal(unlink(path_of(0)), 0);
    ledger_look(ledger);
    ledger_sending(&call);
    ledger_end(&call, LEDGER_RESULT, FAILURE_NONE);
    ledger_close(ledger);
    ledger = must_open();
    assert_int_equal(state_of(ledger, 5), LEDGER_RESULT);
    ledger_close(ledger);
}

static void a_file_cut_short_stops_the_taking_of_calls(void **state)
{
    struct ledger *ledger = must_open();
    struct ledger_call call = {.id = id_of(5)};
    struct ledger_call late = {.id = id_of(6)};

    (void)state;
    assert_int_equal(ledger_begin(ledger, &call, ME, "pool"), 0);
    assert_int_equal(truncate(path_of(0), 100), 0);
    ledger_look(ledger);
    assert_int_equal(ledger_begin(ledger, &late, ME, "pool"), -EIO);
    ledger_sending(&call); /* does not touch what is not there */
    ledger_end(&call, LEDGER_RESULT, FAILURE_NONE);
    ledger_close(ledger);
}

static void a_full_disk_is_told(void **state)
{
    struct rlimit before;
    struct rlimit none = {0, 0};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_no_ledger("cannot have");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_usable();
}

static void without_memory_nothing_is_lost(void **state)
{
    bool refused = true;

    (void)state;
    for (size_t number = 0; refused; number++) {
        struct bytes message;
        struct ledger *ledger;
        struct ledger_call call = {.id = id_of(3)};
        int r = -ENOMEM;

        bytes_init(&message, 512);
        scarce_begin(number, SCARCE_ONCE);
        ledger = try_open(RECORDS, &message);
        if (ledger != NULL) {
            r = ledger_begin(ledger, &call, ME, "pool");
        }
        refused = scarce_end();
        if (r == 0) {
            ledger_end(&call, LEDGER_RESULT, FAILURE_NONE);
        }
        ledger_close(ledger);
        bytes_done(&message);
    }
}

/* As whoever looks at each record finds it. */
static bool find_in(const void *block, size_t count, struct call_id call,
                    struct ledger_entry *ret_entry)
{
    for (size_t i = 0; i < count; i++) {
        if (ledger_record_read(ledger_ring_record(block, i), ret_entry) &&
            memcmp(ret_entry->call.at, call.at, CALL_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* C20: a byte changed anywhere is a record lost at most, and never another outcome. */
static void c20_flipped_bytes_are_noticed(void **state)
{
    unsigned char whole[(RECORDS + 1) * LEDGER_RECORD_SIZE];
    unsigned char content[sizeof(whole)];
    uint32_t seed = 20;
    size_t lost = 0;

    (void)state;
    in_killed_process(die_with_calls);
    assert_int_equal(read_file(0, whole, sizeof(whole)), sizeof(whole));
    for (int i = 0; i < FLIPS; i++) {
        static const enum ledger_state expected[] = {LEDGER_NOT_EXECUTED, LEDGER_UNKNOWN,
                                                     LEDGER_RESULT, LEDGER_RESULT_LOST};
        struct ledger_recovery recovery;
        struct ledger_ring ring;
        size_t count;

        memcpy(content, whole, sizeof(whole));
        seed = seed * 1664525U + 1013904223U;
        content[(seed >> 8) % sizeof(content)] ^= (unsigned char)((seed >> 24) % 255 + 1);
        if (ledger_ring_check(content, sizeof(content), &count) < 0) {
            lost++;
            continue;
        }
        ledger_ring_adopt(&ring, content, count, 0, &recovery);
        for (unsigned n = 0; n < COUNT_OF(expected); n++) {
            struct ledger_entry entry;

            if (find_in(content, count, id_of(n), &entry)) {
                assert_int_equal(entry.state, expected[n]);
            } else {
                lost++;
            }
        }
    }
    assert_true(lost > FLIPS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(a_call_is_followed),
        LEDGER_TEST(a_ring_full_of_live_calls_takes_none),
        LEDGER_TEST(the_oldest_make_room),
        LEDGER_TEST(a_kill_leaves_honest_outcomes),
        LEDGER_TEST(another_number_of_records_keeps_what_fits),
        LEDGER_TEST(two_brokers_have_two_files),
        LEDGER_TEST(the_other_file_of_the_dead_is_final),
        LEDGER_TEST(what_a_living_broker_owns_is_not_replaced),
        LEDGER_TEST(whatever_is_there_is_replaced),
        LEDGER_TEST(a_version_or_size_of_somebody_else_is_replaced),
        LEDGER_TEST(a_removed_file_is_made_again),
        LEDGER_TEST(a_file_cut_short_stops_the_taking_of_calls),
        LEDGER_TEST(a_full_disk_is_told),
        LEDGER_TEST(without_memory_nothing_is_lost),
        LEDGER_TEST(c20_flipped_bytes_are_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
