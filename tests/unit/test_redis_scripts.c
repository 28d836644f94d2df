/* SPDX-License-Identifier: MIT */
/* How scripts are called, and what an error in one is about. */
#include "unit.h"

#include "broker/health/redis_scripts.h"
#include "broker/health/sha1.h"

static void test_digests(void **state)
{
    static const struct {
        const char *text;
        const char *digest;
    } rows[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrl"
         "mno"
         "pqrsmnopqrstnopqrstu",
         "a49b2446a02c645bf419f995b67091253a04a259"},
        /* The longest that ends in one block, the shortest that takes two. */
        {"0123456789012345678901234567890123456789012345678901234",
         "9f3a4ce7f66b1b74c34da2c5d732c39f81e0f8df"},
        {"01234567890123456789012345678901234567890123456789012345",
         "0a40b8fbdaafb7c29651618ac15d27e772287130"},
    };
    char digest[SHA1_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sha1_text(span_of(rows[i].text), digest);
        assert_string_equal(digest, rows[i].digest);
    }
}

static void test_both_forms(void **state)
{
    struct redis_command command;

    (void)state;
    for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        char digest[SHA1_TEXT_SIZE];

        redis_script_begin(&command, (enum redis_script)i, REDIS_SCRIPT_WHOLE);
        assert_int_equal(command.count, 3);
        assert_span(((struct span){command.words[0], command.lengths[0]}), "EVAL");
        sha1_text((struct span){command.words[1], command.lengths[1]}, digest);
        redis_script_begin(&command, (enum redis_script)i, REDIS_SCRIPT_DIGEST);
        assert_int_equal(command.count, 3);
        assert_span(((struct span){command.words[0], command.lengths[0]}), "EVALSHA");
        assert_span(((struct span){command.words[1], command.lengths[1]}), digest);
    }
}

static void test_errors(void **state)
{
    (void)state;
    assert_true(redis_script_is_unknown("NOSCRIPT No matching script. Please use EVAL."));
    assert_false(redis_script_is_unknown("ERR unknown command `EVALSHA`"));
    assert_int_equal(redis_script_fault("OOM command not allowed when used memory > 'maxmemory'."),
                     REDIS_FAULT_OOM);
    assert_int_equal(
        redis_script_fault("WRONGTYPE Operation against a key holding the wrong kind of "
                           "value script: 3c2f, on @user_script:1."),
        REDIS_FAULT_WRONGTYPE);
    assert_int_equal(
        redis_script_fault("ERR Error running script (call to f_3c2f): @user_script:1: "
                           "WRONGTYPE Operation against a key"),
        REDIS_FAULT_WRONGTYPE);
    assert_int_equal(
        redis_script_fault("ERR Error running script (call to f_3c2f): @user_script:7: "
                           "@user_script: 7: -OOM command not allowed"),
        REDIS_FAULT_OOM);
    assert_int_equal(redis_script_fault("NOPERM this user has no permissions to run the 'eval' "
                                        "command"),
                     REDIS_FAULT_NOPERM);
    assert_int_equal(redis_script_fault("ERR unknown command `EVAL`, with args beginning with: "),
                     REDIS_FAULT_OTHER);
    assert_int_equal(redis_script_fault("ERR hash value is not an integer"), REDIS_FAULT_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
