/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/routing/catalog.h"
#include "tests/support/await.h"
#include "tests/support/scarce.h"
#include "tests/support/stage.h"

enum { READERS = 8, SHORT_MS = 60 };

#define ONE "{\"tools\":[{\"name\":\"echo\"}]}"

/* Who asks for a list, and what came. */
struct reader {
    struct catalog_waiter waiter;
    unsigned lists;
    unsigned errors;
    unsigned failures;
    enum failure failure;
    char text[512];
};

static struct stage stage;
static struct catalog_limits limits;
static struct catalog *catalog;
static unsigned fetches; /* told */
static struct timeline fetched;
static struct reader readers[READERS];

static void keep(struct reader *reader, struct span text)
{
    (void)snprintf(reader->text, sizeof(reader->text), "%.*s", (int)text.length, text.at);
}

static void on_list(struct catalog_waiter *waiter, struct span result)
{
    struct reader *reader = LIST_ITEM(waiter, struct reader, waiter);

    reader->lists++;
    keep(reader, result);
}

static void on_error(struct catalog_waiter *waiter, struct span error)
{
    struct reader *reader = LIST_ITEM(waiter, struct reader, waiter);

    reader->errors++;
    keep(reader, error);
}

static void on_failed(struct catalog_waiter *waiter, const struct failure_report *report)
{
    struct reader *reader = LIST_ITEM(waiter, struct reader, waiter);

    reader->failures++;
    reader->failure = report->failure;
}

static void on_fetch(void *owner, const struct timeline *timeline)
{
    (void)owner;
    fetches++;
    fetched = *timeline;
}

static const struct catalog_events catalog_events = {on_fetch};

static int open_all(void **state)
{
    (void)state;
    fetches = 0;
    memset(readers, 0, sizeof(readers));
    limits = (struct catalog_limits){.errand = {.queue_timeout_ms = STAGE_LONG_MS,
                                                .call_timeout_ms = STAGE_LONG_MS,
                                                .call_timeout_max_ms = STAGE_LONG_MS,
                                                .is_repeatable = true},
                                     .ttl_ms = STAGE_LONG_MS,
                                     .list_max_bytes = 4096};
    stage_init(&stage);
    if (stage_open(&stage) < 0) {
        return -1;
    }
    catalog = catalog_new(stage.loop, stage.pool, &limits, &catalog_events, NULL);
    return catalog == NULL ? -1 : 0;
}

static int close_all(void **state)
{
    (void)state;
    catalog_close(catalog);
    stage_close(&stage);
    return 0;
}

static unsigned told(size_t i)
{
    return readers[i].lists + readers[i].errors + readers[i].failures;
}

static void ask(size_t i)
{
    memset(&readers[i], 0, sizeof(readers[i]));
    readers[i].waiter.on_list = on_list;
    readers[i].waiter.on_error = on_error;
    readers[i].waiter.on_failed = on_failed;
    catalog_ask(catalog, CATALOG_TOOLS, &readers[i].waiter);
    assert_int_equal(told(i), 0);
}

static void ask_and_await(size_t i)
{
    ask(i);
    AWAIT(stage.loop, told(i) > 0);
    assert_int_equal(told(i), 1);
}

static void assert_listed(size_t i, const char *text)
{
    assert_int_equal(readers[i].lists, 1);
    assert_string_equal(readers[i].text, text);
}

/* ---- fetched once */

static void test_fetched_once_for_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < READERS; i++) {
        ask(i);
    }
    for (size_t i = 0; i < READERS; i++) {
        AWAIT(stage.loop, told(i) > 0);
        assert_listed(i, ONE);
    }
    assert_int_equal(stage.fake.list_requests, 1);
    assert_int_equal(fetches, 1);
    assert_int_equal(fetched.kind, TIMELINE_FETCH);
    assert_int_equal(fetched.method, MCP_TOOLS_LIST);
    assert_int_equal(fetched.result, CALL_RESULT_OK);
    assert_true(fetched.begun_us <= fetched.session_us && fetched.session_us <= fetched.sent_us);
    assert_true(fetched.sent_us <= fetched.first_us && fetched.first_us <= fetched.done_us);
    /* And kept. */
    ask_and_await(0);
    assert_listed(0, ONE);
    assert_int_equal(stage.fake.list_requests, 1);
    assert_int_equal(catalog_totals(catalog)->cache_hit_total, 1);
}

static void test_asked_while_it_is_fetched(void **state)
{
    (void)state;
    stage.fake.is_silent = true;
    ask(0);
    AWAIT(stage.loop, stage.fake.streams == 1);
    ask(1);
    assert_int_equal(catalog_totals(catalog)->coalesced_total, 1);
    stage.fake.is_silent = false;
    fake_http_cut(fake_http_first(&stage.fake.http));
    AWAIT(stage.loop, told(0) == 1 && told(1) == 1);
    assert_int_equal(stage.fake.list_requests, 1);
}

static void test_all_pages(void **state)
{
    static const char *const pages[] = {"{\"tools\":[1],\"nextCursor\":\"a\\n\",\"k\":\"v\"}",
                                        "{\"tools\":[],\"nextCursor\":\"\"}", "{\"tools\":[2]}",
                                        NULL};

    (void)state;
    stage.fake.lists = pages;
    ask_and_await(0);
    /* An empty cursor is a cursor. */
    assert_listed(0, "{\"tools\":[1,2],\"k\":\"v\"}");
    assert_int_equal(stage.fake.list_requests, 3);
    assert_int_equal(fetches, 3);
}

/* ---- old lists */

static void test_fetched_anew_when_it_is_old(void **state)
{
    static const char *const lists[] = {"{\"tools\":[1]}", "{\"tools\":[2]}", "{\"tools\":[3]}",
                                        NULL};

    (void)state;
    stage.fake.lists = lists;
    ask_and_await(0);
    assert_listed(0, "{\"tools\":[1]}");
    /* By a notice. */
    catalog_invalidate(catalog, CATALOG_TOOLS);
    ask_and_await(0);
    assert_listed(0, "{\"tools\":[2]}");
    /* Of another list: no matter. */
    catalog_invalidate(catalog, CATALOG_PROMPTS);
    ask_and_await(0);
    assert_listed(0, "{\"tools\":[2]}");
    /* By its age. */
    limits.ttl_ms = 0;
    catalog_set_limits(catalog, &limits);
    ask_and_await(0);
    assert_listed(0, "{\"tools\":[3]}");
}

static void test_changed_while_it_is_fetched(void **state)
{
    static const char *const lists[] = {"{\"tools\":[1]}", "{\"tools\":[2]}", NULL};

    (void)state;
    stage.fake.lists = lists;
    ask(0);
    loop_settle(stage.loop);
    catalog_invalidate(catalog, CATALOG_TOOLS);
    AWAIT(stage.loop, told(0) == 1);
    /* What arrives may be from before the change: good for who waits, not to be kept. */
    assert_listed(0, "{\"tools\":[1]}");
    ask_and_await(0);
    assert_listed(0, "{\"tools\":[2]}");
}

static void test_an_old_list_while_the_server_is_down(void **state)
{
    (void)state;
    limits.errand.queue_timeout_ms = SHORT_MS;
    catalog_set_limits(catalog, &limits);
    ask_and_await(0);
    fake_http_refuse(&stage.fake.http);
    fake_mcp_cut_streams(&stage.fake);
    AWAIT(stage.loop, stage.lost == 1);
    catalog_invalidate(catalog, CATALOG_TOOLS);
    ask_and_await(0);
    assert_listed(0, "{\"tools\":[{\"name\":\"echo\"}],\"_meta\":{\"dev.teplo/stale\":true}}");
    /* And a fresh one when it is back. */
    assert_int_equal(fake_http_listen(&stage.fake.http), 0);
    limits.errand.queue_timeout_ms = STAGE_LONG_MS;
    catalog_set_limits(catalog, &limits);
    ask_and_await(0);
    assert_listed(0, ONE);
}

static void test_no_list_and_the_server_is_down(void **state)
{
    (void)state;
    limits.errand.queue_timeout_ms = SHORT_MS;
    catalog_set_limits(catalog, &limits);
    fake_http_refuse(&stage.fake.http);
    ask(0);
    ask(1);
    AWAIT(stage.loop, told(0) == 1 && told(1) == 1);
    assert_int_equal(readers[0].failure, FAILURE_UNAVAILABLE);
    assert_int_equal(readers[1].failure, FAILURE_UNAVAILABLE);
    /* One fetch was in vain, however many asked. */
    assert_int_equal(fetches, 1);
    assert_int_equal(fetched.result, CALL_RESULT_NOT_EXECUTED);
    assert_int_equal(fetched.failure, FAILURE_UNAVAILABLE);
    assert_int_equal(fetched.session_us + fetched.sent_us + fetched.first_us, 0);
    assert_true(fetched.done_us > fetched.begun_us);
}

/* ---- refusals */

static void test_the_servers_own_error(void **state)
{
    (void)state;
    stage.fake.refuses_lists = true;
    ask_and_await(0);
    assert_int_equal(readers[0].errors, 1);
    assert_string_equal(readers[0].text, "{\"code\":-32603,\"message\":\"no\"}");
    assert_int_equal(fetched.result, CALL_RESULT_RPC_ERROR);
    assert_int_equal(fetched.rpc_code, -32603);
    /* Not kept. */
    stage.fake.refuses_lists = false;
    ask_and_await(0);
    assert_listed(0, ONE);
}

static void test_too_large(void **state)
{
    static const char *const lists[] = {"{\"tools\":[\"0123456789\"],\"nextCursor\":\"more\"}",
                                        NULL};

    (void)state;
    /* Pages without end: the maximum ends them. */
    stage.fake.lists = lists;
    ask_and_await(0);
    assert_int_equal(readers[0].failure, FAILURE_TOO_LARGE);
    stage.fake.lists = NULL;
    ask_and_await(0);
    assert_listed(0, ONE);
}

static void test_withdrawn(void **state)
{
    (void)state;
    ask(0);
    ask(1);
    catalog_withdraw(&readers[0].waiter);
    catalog_withdraw(&readers[0].waiter);
    AWAIT(stage.loop, told(1) == 1);
    assert_int_equal(told(0), 0);
    /* Nobody is left: what arrives is kept all the same. */
    catalog_invalidate(catalog, CATALOG_TOOLS);
    ask(0);
    loop_settle(stage.loop);
    catalog_withdraw(&readers[0].waiter);
    AWAIT(stage.loop, stage.fake.list_requests == 2);
    ask_and_await(2);
    assert_int_equal(stage.fake.list_requests, 2);
    assert_int_equal(told(0), 0);
}

static void test_closed_while_it_is_fetched(void **state)
{
    (void)state;
    ask(0);
    loop_settle(stage.loop);
    catalog_withdraw(&readers[0].waiter);
    catalog_close(catalog);
    catalog_close(catalog);
    catalog = NULL;
    AWAIT(stage.loop, stage.fake.initialized == 1);
    assert_int_equal(told(0), 0);
}

/* ---- too little memory */

static bool ask_without(size_t number)
{
    scarce_begin(number, SCARCE_ONCE);
    catalog_close(catalog);
    loop_settle(stage.loop);
    catalog = catalog_new(stage.loop, stage.pool, &limits, &catalog_events, NULL);
    if (catalog != NULL) {
        ask_and_await(0);
    }
    return scarce_end();
}

static void test_out_of_memory(void **state)
{
    size_t n = 0;

    (void)state;
    while (ask_without(n)) {
        n++;
    }
    assert_listed(0, ONE);
    assert_true(n > 5);
}

#define CATALOG_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CATALOG_TEST(test_fetched_once_for_all),
        CATALOG_TEST(test_asked_while_it_is_fetched),
        CATALOG_TEST(test_all_pages),
        CATALOG_TEST(test_fetched_anew_when_it_is_old),
        CATALOG_TEST(test_changed_while_it_is_fetched),
        CATALOG_TEST(test_an_old_list_while_the_server_is_down),
        CATALOG_TEST(test_no_list_and_the_server_is_down),
        CATALOG_TEST(test_the_servers_own_error),
        CATALOG_TEST(test_too_large),
        CATALOG_TEST(test_withdrawn),
        CATALOG_TEST(test_closed_while_it_is_fetched),
        CATALOG_TEST(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
