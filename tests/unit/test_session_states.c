/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/session.h"

/* Written out once more, in the words of session.h's drawing. */
static const char *const successors[SESSION_STATE_COUNT] = {
    [SESSION_NEW] = "connecting closed",
    [SESSION_CONNECTING] = "initializing closed",
    [SESSION_INITIALIZING] = "ready closed",
    [SESSION_READY] = "checking draining closed",
    [SESSION_CHECKING] = "ready draining closed",
    [SESSION_DRAINING] = "closed",
    [SESSION_CLOSED] = "",
};

static bool is_listed(const char *list, const char *name)
{
    const char *found = strstr(list, name);
    size_t length = strlen(name);

    return found != NULL && (found == list || found[-1] == ' ') &&
           (found[length] == '\0' || found[length] == ' ');
}

static void test_all_pairs(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SESSION_STATE_COUNT; from++) {
        for (unsigned to = 0; to < SESSION_STATE_COUNT; to++) {
            const char *name = session_state_name((enum session_state)to);

            assert_row(from * 10 + to,
                       session_may_become((enum session_state)from, (enum session_state)to) ==
                           is_listed(successors[from], name));
        }
    }
}

static void test_closed_is_the_end(void **state)
{
    (void)state;
    for (unsigned to = 0; to < SESSION_STATE_COUNT; to++) {
        assert_row(to, !session_may_become(SESSION_CLOSED, (enum session_state)to));
    }
}

static void test_every_state_may_close(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SESSION_STATE_COUNT; from++) {
        assert_row(from, from == SESSION_CLOSED ||
                             session_may_become((enum session_state)from, SESSION_CLOSED));
    }
}

static void test_every_state_is_reached(void **state)
{
    bool is_reached[SESSION_STATE_COUNT] = {[SESSION_NEW] = true};

    (void)state;
    for (unsigned round = 0; round < SESSION_STATE_COUNT; round++) {
        for (unsigned from = 0; from < SESSION_STATE_COUNT; from++) {
            for (unsigned to = 0; is_reached[from] && to < SESSION_STATE_COUNT; to++) {
                is_reached[to] = is_reached[to] || session_may_become((enum session_state)from,
                                                                      (enum session_state)to);
            }
        }
    }
    for (unsigned each = 0; each < SESSION_STATE_COUNT; each++) {
        assert_row(each, is_reached[each]);
    }
}

static void test_names_differ(void **state)
{
    (void)state;
    for (unsigned a = 0; a < SESSION_STATE_COUNT; a++) {
        for (unsigned b = 0; b < a; b++) {
            assert_string_not_equal(session_state_name((enum session_state)a),
                                    session_state_name((enum session_state)b));
        }
    }
}

static void test_which_are_open(void **state)
{
    (void)state;
    for (unsigned each = 0; each < SESSION_STATE_COUNT; each++) {
        struct session session = {.state = (enum session_state)each};
        bool expected =
            each == SESSION_READY || each == SESSION_CHECKING || each == SESSION_DRAINING;

        assert_row(each, session_is_open(&session) == expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_closed_is_the_end),
        cmocka_unit_test(test_every_state_may_close),
        cmocka_unit_test(test_every_state_is_reached),
        cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_which_are_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
