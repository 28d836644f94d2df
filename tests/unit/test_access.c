/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/routing/access.h"
#include "proto/json_scan.h"

enum { WORDS = 4 };

/* ALLOWED and DENIED: patterns, ended by NULL. */
static struct access_rules rules_of(const char *const *allowed, const char *const *denied)
{
    struct access_rules rules = {0};

    for (int i = 0; i < WORDS && allowed[i] != NULL; i++) {
        assert_int_equal(access_add_pattern(&rules.allowed_tools, allowed[i]), 0);
    }
    for (int i = 0; i < WORDS && denied[i] != NULL; i++) {
        assert_int_equal(access_add_pattern(&rules.denied_tools, denied[i]), 0);
    }
    return rules;
}

static void test_users_and_groups(void **state)
{
    static const gid_t groups[] = {7, 30, 40};
    static const struct {
        uid_t uid;
        gid_t gid;
        size_t group_count;
        bool may;
    } rows[] = {
        {1000, 5, 0, true},               /* an allowed user */
        {1001, 5, 0, false},              /* another one */
        {1001, 30, 0, true},              /* with an allowed group as its own */
        {1001, 5, 1, false},              /* in other groups */
        {1001, 5, 2, true},               /* in an allowed one among others */
        {0, 0, 0, false},                 /* the superuser is no exception */
        {(uid_t)-1, (gid_t)-1, 0, false}, /* the kernel did not say */
    };
    struct access_rules rules = {0};
    struct peer anybody = {.uid = (uid_t)-1, .gid = (gid_t)-1};

    (void)state;
    assert_true(access_may_use(&rules, &anybody));
    assert_int_equal(access_add_id(&rules.users, 1000), 0);
    assert_int_equal(access_add_id(&rules.users, 4294967294), 0);
    assert_int_equal(access_add_id(&rules.groups, 30), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer peer = {rows[i].uid, rows[i].gid, groups, rows[i].group_count};

        assert_row(i, access_may_use(&rules, &peer) == rows[i].may);
    }
    access_rules_done(&rules);
    /* A group alone denies everybody else too. */
    assert_int_equal(access_add_id(&rules.groups, 30), 0);
    assert_false(access_may_use(&rules, &anybody));
    access_rules_done(&rules);
}

static void test_tools(void **state)
{
    static const struct {
        const char *allowed[WORDS];
        const char *denied[WORDS];
        const char *name; /* a JSON token */
        bool may;
    } rows[] = {
        {{NULL}, {NULL}, "\"any\"", true},
        {{NULL}, {NULL}, "", true}, /* no name: the server's to refuse */
        {{"a"}, {NULL}, "\"a\"", true},
        {{"a"}, {NULL}, "\"b\"", false},
        {{"a"}, {NULL}, "\"A\"", false},
        {{"a"}, {NULL}, "\"aa\"", false},
        {{"a"}, {NULL}, "\"\"", false},
        {{"a"}, {NULL}, "", false},
        {{"a"}, {NULL}, "7", false},
        {{"a"}, {NULL}, "[\"a\"]", false},
        {{"a", "b"}, {"b"}, "\"b\"", false}, /* denied is stronger */
        {{NULL}, {"drop"}, "\"drop\"", false},
        {{NULL}, {"drop"}, "\"drop_all\"", true},
        {{NULL}, {"drop"}, "\"\\u0064rop\"", false}, /* the decoded name counts */
        {{NULL}, {"drop"}, "\"dr\\u006F\\u0070\"", false},
        {{NULL}, {"a/b"}, "\"a\\/b\"", false},
        {{NULL}, {"drop"}, "\"drop\\u0000\"", false}, /* what some readers cut there */
        {{NULL}, {"drop"}, "\"x\\u0000\"", false},
        {{NULL}, {"drop"}, "\"x\\n\"", false},
        {{NULL}, {"drop"}, "\"x\\u007f\"", false},
        {{NULL}, {"drop"}, "\"\\ud800\"", false},
        {{NULL}, {"\xd0\xb4"}, "\"\\u0434\"", false},
        {{NULL}, {"\xf0\x9f\x94\xa5"}, "\"\\ud83d\\udd25\"", false},
        /* Patterns. */
        {{"*"}, {NULL}, "\"anything\"", true},
        {{"*"}, {NULL}, "\"\"", true},
        {{"query_*"}, {NULL}, "\"query_\"", true},
        {{"query_*"}, {NULL}, "\"query_x\"", true},
        {{"query_*"}, {NULL}, "\"query\"", false},
        {{"*_x"}, {NULL}, "\"a_x_x\"", true},
        {{"*_x"}, {NULL}, "\"a_x_y\"", false},
        {{"a*b*c"}, {NULL}, "\"abc\"", true},
        {{"a*b*c"}, {NULL}, "\"aXbYbZc\"", true},
        {{"a*b*c"}, {NULL}, "\"acb\"", false},
        {{"**a**"}, {NULL}, "\"xay\"", true},
        {{"**a**"}, {NULL}, "\"xy\"", false},
        {{NULL}, {"*admin*"}, "\"superadmin2\"", false},
        {{"a?"}, {NULL}, "\"ab\"", false}, /* '*' is the only sign */
        {{"[a]"}, {NULL}, "\"a\"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access_rules rules = rules_of(rows[i].allowed, rows[i].denied);
        struct span name = rows[i].name[0] == '\0' ? SPAN_NONE : span_of(rows[i].name);

        assert_row(i, access_may_call(&rules, name) == rows[i].may);
        access_rules_done(&rules);
    }
}

/* A name of the greatest length that is looked at, and one byte more. */
static void test_long_names(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const every[] = {"*", NULL};
    struct access_rules rules = rules_of(every, none);
    struct bytes name;

    (void)state;
    bytes_init(&name, 10000);
    bytes_append_char(&name, '"');
    for (int i = 0; i < 1024; i++) {
        bytes_append_char(&name, 'a');
    }
    bytes_append_char(&name, '"');
    assert_true(access_may_call(&rules, bytes_span(&name)));
    name.at[name.length - 1] = 'a';
    bytes_append_char(&name, '"');
    assert_false(access_may_call(&rules, bytes_span(&name)));
    bytes_done(&name);
    access_rules_done(&rules);
}

static void test_filter(void **state)
{
    static const struct {
        const char *list;
        const char *expected;
    } rows[] = {
        {"{\"tools\":[]}", "{\"tools\":[]}"},
        {"{\"tools\":[{\"name\":\"a\"},{\"name\":\"no\"},{\"name\":\"b\"}]}",
         "{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}]}"},
        {"{\"tools\":[{\"name\":\"no\"},{\"name\":\"a\"}],\"ttlMs\":5,\"_meta\":{\"x\":[1]}}",
         "{\"tools\":[{\"name\":\"a\"}],\"ttlMs\":5,\"_meta\":{\"x\":[1]}}"},
        {"{\"tools\":[{\"name\":\"a\"},{\"name\":\"no\"}]}", "{\"tools\":[{\"name\":\"a\"}]}"},
        {"{\"tools\":[{\"name\":\"\\u006eo\"}]}", "{\"tools\":[]}"},
        /* A name that one reader sees and another does not; none; not a tool at all. */
        {"{\"tools\":[{\"name\":\"a\",\"name\":\"no\"},{\"name\":\"no\",\"name\":\"a\"}]}",
         "{\"tools\":[]}"},
        {"{\"tools\":[{\"title\":\"x\"},7,[],{\"name\":7},{\"name\":\"a\\u0000\"}]}",
         "{\"tools\":[]}"},
        /* The bytes of what stays are the server's. */
        {"{\"tools\":[{\"n\":9007199254740993,\"name\":\"a\",\"d\":\"no \\u00e9\"}]}",
         "{\"tools\":[{\"n\":9007199254740993,\"name\":\"a\",\"d\":\"no \\u00e9\"}]}"},
        {"{\"tools\":null}", "{\"tools\":null}"},
    };
    static const char *const none[] = {NULL};
    static const char *const no[] = {"no", NULL};
    struct access_rules rules = rules_of(none, no);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes out;

        bytes_init(&out, 1000);
        access_filter_tools(&rules, span_of(rows[i].list), &out);
        assert_bytes(out, rows[i].expected);
        bytes_done(&out);
    }
    access_rules_done(&rules);
}

static void test_equal(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const a[] = {"a", NULL};
    static const char *const b[] = {"b", NULL};
    struct access_rules rules[4] = {rules_of(none, none), rules_of(a, none), rules_of(none, a),
                                    rules_of(b, none)};
    struct access_rules same = rules_of(a, none);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        for (size_t j = 0; j < COUNT_OF(rules); j++) {
            assert_row(i, access_rules_equal(&rules[i], &rules[j]) == (i == j));
        }
    }
    assert_true(access_rules_equal(&rules[1], &same));
    assert_int_equal(access_add_id(&same.users, 1), 0);
    assert_false(access_rules_equal(&rules[1], &same));
    access_rules_done(&same);
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        access_rules_done(&rules[i]);
    }
}

static bool build(void)
{
    struct access_rules rules = {0};
    bool built = access_add_id(&rules.users, 1) == 0 && access_add_id(&rules.groups, 1) == 0 &&
                 access_add_pattern(&rules.allowed_tools, "a") == 0 &&
                 access_add_pattern(&rules.denied_tools, "b") == 0;

    access_rules_done(&rules);
    return built;
}

static void test_no_memory(void **state)
{
    (void)state;
    each_allocation_fails(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users_and_groups),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
