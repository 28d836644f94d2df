/* SPDX-License-Identifier: MIT */
/* How scripts are called, and what an error in one is about. */
#include "unit.h"

#include "broker/health/redis_scripts.h"

/* That the digest is the one Redis knows is seen end to end, where scripts run. */
static void test_both_forms(void **state)
{
    struct redis_command command;

    (void)state;
    for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        redis_script_begin(&command, (enum redis_script)i, REDIS_SCRIPT_WHOLE);
        assert_int_equal(command.count, 3);
        assert_span(((struct span){command.words[0], command.lengths[0]}), "EVAL");
        redis_script_begin(&command, (enum redis_script)i, REDIS_SCRIPT_DIGEST);
        assert_int_equal(command.count, 3);
        assert_span(((struct span){command.words[0], command.lengths[0]}), "EVALSHA");
        assert_int_equal(command.lengths[1], 40);
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
                     REDIS_FAULT_UNKNOWN);
    assert_int_equal(redis_script_fault("ERR The user executing the script can't run this command "
                                        "or subcommand script: 3c2f, on @user_script:1."),
                     REDIS_FAULT_NOPERM);
    assert_int_equal(redis_script_fault("ERR hash value is not an integer"), REDIS_FAULT_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
