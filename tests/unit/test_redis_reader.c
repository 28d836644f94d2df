/* SPDX-License-Identifier: MIT */
/* What Redis sends, whole, in pieces, and as nonsense; what its errors mean; what its clock says.
 */
#include "unit.h"

#include <errno.h>

#include "broker/health/redis_clock.h"
#include "broker/health/redis_fault.h"
#include "broker/health/redis_reader.h"

/* Feeds TEXT in pieces of STEP bytes; the number of replies, or a negative errno. */
static int read_all(const char *text, size_t length, size_t step)
{
    struct redis_reader reader;
    int count = 0;
    int r = redis_reader_init(&reader);

    for (size_t at = 0; at < length && r == 0; at += step) {
        redisReply *reply = NULL;

        r = redis_reader_feed(&reader, text + at, length - at < step ? length - at : step);
        while (r == 0 && (r = redis_reader_next(&reader, &reply)) == 0 && reply != NULL) {
            freeReplyObject(reply);
            count++;
        }
    }
    if (r < 0) {
        assert_true(strlen(redis_reader_error(&reader)) > 0);
    }
    redis_reader_done(&reader);
    return r < 0 ? r : count;
}

static void test_replies(void **state)
{
    static const char text[] = "+OK\r\n+QUEUED\r\n*4\r\n:1\r\n:0\r\n$-1\r\n-WRONGTYPE no\r\n"
                               "*2\r\n$10\r\n1795489644\r\n$6\r\n678123\r\n$-1\r\n*-1\r\n*0\r\n";

    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        assert_row(step, read_all(text, sizeof(text) - 1, step) == 7);
    }
}

static void test_nonsense(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "%1\r\n+a\r\n+b\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        ">2\r\n+a\r\n+b\r\n",
        "$x\r\n",
        "*x\r\n",
        "$-2\r\n",
        "*-2\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        "*2\r\n*256\r\n:1\r\n*256\r\n",
        "*2\r\n*511\r\n",
        "*513\r\n",
        "*2147483647\r\n",
        "*99999999999999999999\r\n",
        "\r\n",
        ":12x\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, read_all(rows[i], strlen(rows[i]), 3) == -EPROTO);
    }
}

/* A reply that never ends costs no more than its maximum. */
static void test_without_end(void **state)
{
    static const char *const heads[] = {"$1000000000\r\n", "+", "-ERR ", "*500\r\n$400\r\n"};
    char text[4096];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        struct redis_reader reader;
        redisReply *reply = NULL;
        size_t fed = 0;
        int r;

        assert_int_equal(redis_reader_init(&reader), 0);
        assert_int_equal(redis_reader_feed(&reader, heads[i], strlen(heads[i])), 0);
        do {
            assert_int_equal(redis_reader_feed(&reader, text, sizeof(text)), 0);
            fed += sizeof(text);
            r = redis_reader_next(&reader, &reply);
            assert_null(reply);
        } while (r == 0);
        assert_int_equal(r, -EPROTO);
        assert_in_range(fed, 1, REDIS_READER_MAXIMUM + sizeof(text));
        redis_reader_done(&reader);
    }
}

static void test_any_bytes(void **state)
{
    static const char letters[] = "*$+-:\r\n0123456789x";
    uint64_t seed = 11;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[64];

        for (size_t i = 0; i < sizeof(text); i++) {
            text[i] = letters[unit_random(&seed) % (sizeof(letters) - 1)];
        }
        (void)read_all(text, sizeof(text), 1 + unit_random(&seed) % 16);
    }
}

/* Every error reply that Redis is known to give a client like this one. */
static const struct {
    const char *reply;
    enum redis_fault fault;
    enum redis_state state;
    enum redis_act act;
} faults[] = {
    {"OOM command not allowed when used memory > 'maxmemory'.", REDIS_FAULT_OOM, REDIS_STATE_OOM,
     REDIS_ACT_KEEP},
    {"MISCONF Redis is configured to save RDB snapshots", REDIS_FAULT_MISCONF, REDIS_STATE_READONLY,
     REDIS_ACT_KEEP},
    {"NOREPLICAS Not enough good replicas to write.", REDIS_FAULT_NOREPLICAS, REDIS_STATE_READONLY,
     REDIS_ACT_KEEP},
    {"READONLY You can't write against a read only replica.", REDIS_FAULT_READONLY,
     REDIS_STATE_READONLY, REDIS_ACT_CLOSE},
    {"LOADING Redis is loading the dataset in memory", REDIS_FAULT_LOADING, REDIS_STATE_DOWN,
     REDIS_ACT_GROW},
    {"BUSY Redis is busy running a script.", REDIS_FAULT_BUSY, REDIS_STATE_DOWN, REDIS_ACT_TIRE},
    {"MASTERDOWN Link with MASTER is down", REDIS_FAULT_MASTERDOWN, REDIS_STATE_DOWN,
     REDIS_ACT_GROW},
    {"CLUSTERDOWN Hash slot not served", REDIS_FAULT_CLUSTERDOWN, REDIS_STATE_DOWN, REDIS_ACT_GROW},
    {"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_FAULT_TRYAGAIN,
     REDIS_STATE_DOWN, REDIS_ACT_GROW},
    {"MOVED 3999 127.0.0.1:6381", REDIS_FAULT_MOVED, REDIS_STATE_DOWN, REDIS_ACT_MOVE},
    {"ASK 3999 127.0.0.1:6381", REDIS_FAULT_ASK, REDIS_STATE_DOWN, REDIS_ACT_MOVE},
    {"NOAUTH Authentication required.", REDIS_FAULT_NOAUTH, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"WRONGPASS invalid username-password pair", REDIS_FAULT_WRONGPASS, REDIS_STATE_DOWN,
     REDIS_ACT_CLOSE},
    {"ERR invalid password", REDIS_FAULT_BADPASS, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"ERR AUTH <password> called without any password configured", REDIS_FAULT_NOPASS,
     REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"ERR Client sent AUTH, but no password is set", REDIS_FAULT_NOPASS_OLD, REDIS_STATE_DOWN,
     REDIS_ACT_CLOSE},
    {"NOPERM this user has no permissions", REDIS_FAULT_NOPERM, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"ERR SELECT is not allowed in cluster mode", REDIS_FAULT_ONE_DATABASE, REDIS_STATE_DOWN,
     REDIS_ACT_CLOSE},
    {"ERR max number of clients reached", REDIS_FAULT_CLIENTS, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"DENIED Redis is running in protected mode", REDIS_FAULT_DENIED, REDIS_STATE_DOWN,
     REDIS_ACT_CLOSE},
    {"WRONGTYPE Operation against a key", REDIS_FAULT_WRONGTYPE, REDIS_STATE_UP, REDIS_ACT_REFUSE},
    {"EXECABORT Transaction discarded because of previous errors.", REDIS_FAULT_EXECABORT,
     REDIS_STATE_DOWN, REDIS_ACT_GROW},
    {"ERR unknown command 'XADD'", REDIS_FAULT_UNKNOWN, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"ERR wrong number of arguments", REDIS_FAULT_OTHER, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
    {"", REDIS_FAULT_OTHER, REDIS_STATE_DOWN, REDIS_ACT_CLOSE},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        enum redis_fault fault = redis_fault_of(faults[i].reply);

        assert_row(i, fault == faults[i].fault);
        assert_row(i, redis_fault_row(fault)->state == faults[i].state);
        assert_row(i, redis_fault_row(fault)->act == faults[i].act);
    }
}

static void test_pauses(void **state)
{
    (void)state;
    assert_int_equal(redis_fault_pause_ms(REDIS_FAULT_OOM, 1), 3000);
    assert_int_equal(redis_fault_pause_ms(REDIS_FAULT_OOM, 9), 3000);
    assert_int_equal(redis_fault_pause_ms(REDIS_FAULT_LOADING, 1), 1000);
    assert_int_equal(redis_fault_pause_ms(REDIS_FAULT_LOADING, 3), 4000);
    assert_int_equal(redis_fault_pause_ms(REDIS_FAULT_LOADING, 1000000), 4000);
    assert_int_equal(redis_fault_pause_ms(REDIS_FAULT_NOAUTH, 1), 30000);
}

static void test_the_clock(void **state)
{
    struct redis_clock clock = {0};

    (void)state;
    assert_int_equal(redis_clock_epoch_ms(&clock), 0);
    assert_int_equal(redis_clock_update(&clock, 1000000500, 0, 1000), REDIS_CLOCK_STEADY);
    assert_int_equal(redis_clock_epoch_ms(&clock), 1000000);
    assert_true(clock.rtt_ms > 0.999 && clock.rtt_ms < 1.001);
    /* A small drift is followed slowly. */
    assert_int_equal(redis_clock_update(&clock, 1000080500, 0, 1000), REDIS_CLOCK_STEADY);
    assert_int_equal(redis_clock_epoch_ms(&clock), 1000010);
    /* An answer that took long says nothing, whatever it says. */
    assert_int_equal(redis_clock_update(&clock, 9000000000, 0, 2500000), REDIS_CLOCK_STEADY);
    assert_int_equal(redis_clock_epoch_ms(&clock), 1000010);
    assert_int_equal(redis_clock_update(&clock, 1003000500, 0, 1000), REDIS_CLOCK_JUMPED);
    assert_int_equal(redis_clock_epoch_ms(&clock), 1003000);
    assert_int_equal(redis_clock_update(&clock, 1000000500, 0, 1000), REDIS_CLOCK_JUMPED);
    assert_int_equal(redis_clock_epoch_ms(&clock), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),     cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_without_end), cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
