/* SPDX-License-Identifier: MIT */
#include "fleet_unit.h"

#include "client-lib/fleet/fleet_broker.h"
#include "client-lib/fleet/fleet_series.h"

/* ---- values */

static void test_numbers(void **state)
{
    uint64_t count;
    int64_t moment;
    double decimal;

    (void)state;
    assert_true(fleet_read_count(SPAN("18446744073709551615"), &count) && count == UINT64_MAX);
    assert_false(fleet_read_count(SPAN("18446744073709551616"), &count));
    assert_false(fleet_read_count(SPAN(""), &count));
    assert_false(fleet_read_count(SPAN("1 "), &count));
    assert_true(fleet_read_moment(SPAN("-5"), &moment) && moment == -5);
    assert_false(fleet_read_moment(SPAN("9223372036854775808"), &moment));
    assert_true(fleet_read_decimal(SPAN("-12.125"), &decimal) && decimal == -12.125);
    assert_true(fleet_read_decimal(SPAN("0.5"), &decimal) && decimal == 0.5);
    assert_false(fleet_read_decimal(SPAN("1e5"), &decimal));
    assert_false(fleet_read_decimal(SPAN("nan"), &decimal));
    assert_false(fleet_read_decimal(SPAN("."), &decimal));
    assert_false(fleet_read_decimal(SPAN("0x10"), &decimal));
}

static void test_decimals_are_written_plainly(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"},
                {12, "12"},
                {0.1, "0.1"},
                {210.25, "210.25"},
                {-0.0004, "0"},
                {-1.5, "-1.5"},
                {1e15, "1000000000000000"},
                {0.9996, "1"},
                {1.0004, "1"},
                {12.0625, "12.063"}};
    struct bytes out;

    (void)state;
    bytes_init(&out, 1024);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bytes_clear(&out);
        fleet_write_decimal(&out, rows[i].value);
        assert_bytes(out, rows[i].text);
    }
    bytes_clear(&out);
    fleet_write_decimal(&out, 1 / (rows[0].value + 0.0));
    assert_bytes(out, "0");
    bytes_done(&out);
}

static void test_texts_are_clean_and_cut(void **state)
{
    char out[9];

    (void)state;
    assert_int_equal(fleet_clean(out, sizeof(out), SPAN("a\tb\x1b[2")), 8);
    assert_string_equal(out, "a b\xef\xbf\xbd[2");
    assert_int_equal(fleet_clean(out, sizeof(out), SPAN("1234567\xc3\xa9")), 7);
    assert_string_equal(out, "1234567");
    assert_int_equal(fleet_clean(out, sizeof(out), SPAN("123456\xc3\xa9zz")), 8);
    assert_string_equal(out, "123456\xc3\xa9");
    assert_int_equal(fleet_clean(out, sizeof(out), SPAN("\xff\xff\xff\xff")), 6);
    assert_int_equal(fleet_clean(out, sizeof(out), SPAN("123456789012")), 8);
}

/* ---- a view */

static void test_order_and_ages(void **state)
{
    struct fleet_view view;

    (void)state;
    fleet_unit_view(&view);
    assert_int_equal(view.at_ms, FLEET_UNIT_NOW);
    assert_int_equal(view.pool_count, 3);
    assert_string_equal(view.pools[0].pool, "search");
    assert_string_equal(view.pools[1].pool, "jira");
    assert_string_equal(view.pools[2].pool, "github");
    assert_int_equal(view.broker_count, 3);
    assert_string_equal(view.brokers[0].inst, "i-web1-00000001");
    assert_string_equal(view.brokers[2].inst, "i-web3-00000003");
    assert_true(view.brokers[0].is_live && !view.brokers[0].is_stale);
    assert_true(!view.brokers[2].is_live && view.brokers[2].is_stale);
    assert_int_equal(view.brokers[2].hb_age_ms, 20000);
    assert_int_equal(view.pools[0].inst_live, 2);
    assert_int_equal(view.pools[0].inst_bad, 2);
    assert_int_equal(view.pools[0].inst_dead, 1);
    assert_int_equal(view.rollup, FLEET_ROLLUP_REPORTER);
    assert_false(view.is_stale);
    /* Members still name their brokers after these were put in order. */
    for (size_t i = 0; i < view.member_count; i++) {
        assert_true(view.members[i].broker < view.broker_count);
    }
    assert_string_equal(view.brokers[view.members[0].broker].inst, "i-web1-00000001");
    fleet_view_done(&view);
}

static void test_json_has_every_field(void **state)
{
    struct fleet_view view;
    struct bytes json;
    struct span pool = SPAN_NONE;
    struct json_walk walk;
    struct json_item item;

    (void)state;
    fleet_unit_view(&view);
    json = json_of(&view);
    assert_span(json_find(bytes_span(&json), "v"), "1");
    walk = json_walk_of(json_find(bytes_span(&json), "pools"));
    while (json_walk_next(&walk, &item)) {
        pool = item.value;
        for (size_t i = 0; i < fleet_pool_shape.count; i++) {
            assert_false(span_is_none(json_find(pool, fleet_pool_shape.fields[i].name)));
        }
    }
    assert_true(json_string_is(json_find(pool, "pool"), "github"));
    assert_span(json_find(pool, "lat_p95_ms"), "210.25");
    assert_span(json_find(pool, "seq"), "null");
    assert_span(json_find(json_find(pool, "cfg"), "cap"), "10");
    assert_span(json_find(pool, "stale"), "false");
    bytes_done(&json);
    fleet_view_done(&view);
}

/* ---- no reporter */

static void init_replies(struct bytes *names, struct bytes *rows, const char *pools)
{
    bytes_init(names, 1 << 20);
    bytes_init(rows, 1 << 20);
    reply_list(names, "1790000000 0");
    reply_list(names, "-nil- -nil-");
    reply_list(names, "a 1789999999000 b 1789999999000 c 1789999990000");
    reply_list(names, pools);
    reply_row(names, &fleet_whole_shape, "");
    reply_list(names, "");
    for (int i = 0; i < 3; i++) {
        reply_row(rows, &fleet_instance_shape, "providers=2 health=healthy health_code=0");
    }
}

static void test_without_a_reporter_rows_are_added_up(void **state)
{
    struct fleet_view view;
    struct bytes names;
    struct bytes rows;
    const struct fleet_pool_row *row;

    (void)state;
    init_replies(&names, &rows, "p 1");
    /* f:p is there, but old. */
    reply_row(&rows, &fleet_pool_shape, "updated_at_ms=1789999993999 cap=99 health_code=0");
    reply_list(&rows, "");
    reply_row(&rows, &fleet_pool_shape,
              FRESH "cap=10 rps=3 err_pct=4 calls_total=5 waiting=1 maxwait_ms=7 lat_p95_ms=9 "
                    "health=healthy health_code=0 breaker=closed last_ok_at_ms=5");
    reply_row(&rows, &fleet_pool_shape,
              "updated_at_ms=1789999999900 cap=20 rps=1 err_pct=8 calls_total=6 waiting=2 "
              "maxwait_ms=3 lat_p95_ms=8 health=degraded health_code=1 breaker=half_open "
              "transport=sse last_ok_at_ms=4");
    reply_row(&rows, &fleet_pool_shape, FRESH "cap=400 health_code=3"); /* of the dead one */
    fleet_view_init(&view, "main", FLEET_SOURCE_REDIS);
    take_all(&view, &names, &rows);
    fleet_view_settle(&view);
    assert_int_equal(view.pools[0].rollup, FLEET_ROLLUP_READER);
    assert_true(view.pools[0].is_stale && view.is_stale);
    row = &view.pools[0].figures;
    assert_int_equal(row->cap, 30);
    assert_int_equal(row->calls_total, 11);
    assert_int_equal(row->waiting, 3);
    assert_true(row->maxwait_ms == 7 && row->rps == 4 && row->err_pct == 5);
    assert_string_equal(row->health, "degraded");
    assert_string_equal(row->breaker, "half_open");
    assert_string_equal(row->transport, "sse");
    assert_int_equal(row->last_ok_at_ms, 5);
    /* No quantile of several brokers. */
    assert_false(fleet_knows(&row->row, FLEET_POOL_lat_p95_ms));
    assert_int_equal(view.rollup, FLEET_ROLLUP_READER);
    assert_int_equal(view.figures.inst_live, 2);
    assert_int_equal(view.figures.inst_dead, 1);
    assert_int_equal(view.figures.waiting, 3);
    assert_string_equal(view.figures.health_reason, "p");
    fleet_view_done(&view);
}

/* ---- hostile content */

static void test_what_cannot_be_is_absent(void **state)
{
    struct fleet_refusal refusal = {0};
    struct fleet_view view;
    struct bytes names;
    struct bytes rows;
    struct bytes json;

    (void)state;
    bytes_init(&names, 1 << 20);
    bytes_init(&rows, 1 << 20);
    reply_list(&names, "x y z");
    reply_list(&names, "99999999999999 -5 7");
    reply_list(&names, "i:1 5 ok 12e9 i-1 99999999999999999999 i-2");
    reply_list(&names, "UPPER 1 a:b 2 _fleet 3 good 4 good2");
    bytes_append_text(&names, "-WRONGTYPE Operation against a key\r\n");
    bytes_append_text(&names, "*3\r\n+no\r\n*2\r\n$3\r\n1-1\r\n*3\r\n+type\r\n*1\r\n:1\r\n+x\r\n"
                              "*2\r\n*0\r\n*0\r\n");
    fleet_view_init(&view, "main", FLEET_SOURCE_REDIS);
    fleet_plan_take_names(&view, bytes_span(&names), &refusal);
    assert_int_equal(refusal.wrong, 1);
    assert_int_equal(view.at_ms, 0);
    assert_int_equal(view.tick_ms, FLEET_TICK_MS);
    assert_int_equal(view.broker_count, 3);
    assert_int_equal(view.pool_count, 2);
    assert_false(view.brokers[0].has_heartbeat || view.brokers[1].has_heartbeat ||
                 view.brokers[2].has_heartbeat);
    assert_int_equal(view.event_count, 1);
    assert_string_equal(view.events[0].figures.type, "");

    bytes_append_text(&rows, "+OK\r\n:5\r\n$-1\r\n");
    for (int i = 0; i < 2; i++) {
        reply_row(&rows, &fleet_pool_shape,
                  "waiting=-1 cap=1.5 rps=inf health_code=17 upstream=\x1b[2J\xff "
                  "updated_at_ms=1e9 s_total=99999999999999999999");
        reply_list(&rows, "a b c");
    }
    reply_row(&rows, &fleet_pool_shape, "calls_total=18446744073709551615");
    bytes_append_text(&rows, "*2\r\n*2\r\n+a\r\n+b\r\n-x\r\n");
    fleet_plan_take_rows(&view, bytes_span(&rows), &refusal);
    fleet_view_settle(&view);
    assert_false(fleet_knows(&view.pools[0].figures.row, FLEET_POOL_waiting));
    assert_false(fleet_knows(&view.pools[0].figures.row, FLEET_POOL_cap));
    assert_false(fleet_knows(&view.pools[0].figures.row, FLEET_POOL_rps));
    assert_false(fleet_knows(&view.pools[0].figures.row, FLEET_POOL_s_total));
    assert_string_equal(view.pools[0].figures.upstream, "\xef\xbf\xbd[2J\xef\xbf\xbd");
    json = json_of(&view);
    bytes_done(&json);
    bytes_done(&names);
    bytes_done(&rows);
    fleet_view_done(&view);
}

static void test_more_than_fits_is_said(void **state)
{
    struct fleet_refusal refusal = {0};
    struct fleet_view view;
    struct bytes names;
    char words[8192] = "";

    (void)state;
    bytes_init(&names, 1 << 20);
    reply_list(&names, "1790000000 0");
    reply_list(&names, "1000 2500");
    reply_list(&names, "");
    for (int i = 0; i <= FLEET_POOLS_MAXIMUM; i++) {
        size_t length = strlen(words);

        (void)snprintf(words + length, sizeof(words) - length, "%sp%d 1", i == 0 ? "" : " ", i);
    }
    reply_list(&names, words);
    reply_row(&names, &fleet_whole_shape, "");
    reply_list(&names, "");
    fleet_view_init(&view, "main", FLEET_SOURCE_REDIS);
    fleet_plan_take_names(&view, bytes_span(&names), &refusal);
    assert_int_equal(view.pool_count, FLEET_POOLS_MAXIMUM);
    assert_true(view.is_truncated);
    bytes_done(&names);
    fleet_view_done(&view);
}

static void test_a_view_that_could_not_be_read_keeps_its_rows(void **state)
{
    struct fleet_view view;
    struct fleet_view newer;

    (void)state;
    fleet_unit_view(&view);
    fleet_view_init(&newer, "main", FLEET_SOURCE_REDIS);
    newer.redis_state = FLEET_REDIS_DOWN;
    newer.age_ms = 12000;
    (void)snprintf(newer.why, sizeof(newer.why), "gone");
    fleet_view_follow(&view, &newer);
    assert_int_equal(view.pool_count, 3);
    assert_int_equal(view.redis_state, FLEET_REDIS_DOWN);
    assert_string_equal(view.why, "gone");
    assert_int_equal(view.age_ms, 12000);
    fleet_unit_view(&newer);
    fleet_view_follow(&view, &newer);
    assert_int_equal(view.redis_state, FLEET_REDIS_UP);
    assert_int_equal(newer.pool_count, 0);
    fleet_view_done(&view);
}

/* ---- memory */

static bool make_and_tell(void)
{
    struct fleet_refusal refusal = {0};
    struct fleet_view view;
    struct bytes names;
    struct bytes json;
    bool succeeded;

    bytes_init(&names, 1 << 20);
    bytes_init(&json, 1 << 20);
    reply_list(&names, "1790000000 0");
    reply_list(&names, "1000 2500");
    reply_list(&names, "a 1789999999000");
    reply_list(&names, "p 1");
    reply_row(&names, &fleet_whole_shape, "pools=1 health=healthy " FRESH);
    bytes_append_text(&names, "*1\r\n");
    reply_entry(&names, "1-1", "type start");
    fleet_view_init(&view, "main", FLEET_SOURCE_REDIS);
    fleet_plan_take_names(&view, bytes_span(&names), &refusal);
    fleet_view_settle(&view);
    fleet_json_write(&json, &view);
    succeeded = !names.failed && !json.failed && !view.is_truncated && view.event_count == 1 &&
                view.namespace[0] != '\0' && view.figures.health[0] != '\0' &&
                view.events[0].figures.type[0] != '\0' && view.events[0].id[0] != '\0' &&
                view.brokers[0].inst[0] != '\0' && view.pools[0].pool[0] != '\0';
    bytes_done(&names);
    bytes_done(&json);
    fleet_view_done(&view);
    return succeeded;
}

static void test_without_memory_it_is_less(void **state)
{
    (void)state;
    each_allocation_fails(make_and_tell);
}

/* ---- the others */

static void test_samples(void **state)
{
    struct fleet_refusal refusal = {0};
    struct resp_walk walk;
    struct json_error error;
    struct bytes reply;
    struct bytes json;

    (void)state;
    bytes_init(&reply, 4096);
    bytes_init(&json, 4096);
    bytes_append_text(&reply, "*2\r\n");
    reply_entry(&reply, "1789999990000-0", "calls 12 rps 1.25 health 1 odd x");
    reply_entry(&reply, "no", "calls 12");
    walk = resp_walk_of(bytes_span(&reply));
    fleet_series_write_json(&json, "_fleet", FLEET_TEN_SECONDS, &walk, &refusal);
    assert_int_equal(json_check(bytes_span(&json), &json_limits_default, &error), 0);
    assert_true(span_starts_with(bytes_span(&json),
                                 SPAN("{\"pool\":\"_fleet\",\"step_ms\":10000,\"fields\":"
                                      "[\"at_ms\",\"calls\",\"ok\",")));
    assert_non_null(
        strstr(bytes_text(&json), "\"rows\":[[1789999990000,12,null,null,null,null,null,1.25,"));
    bytes_done(&reply);
    bytes_done(&json);
    assert_true(fleet_series_is_name(SPAN("_fleet")) && fleet_series_is_name(SPAN("p-1")));
    assert_false(fleet_series_is_name(SPAN("_other")) || fleet_series_is_name(SPAN("a:b")) ||
                 fleet_series_is_name(SPAN("")));
}

static void test_a_broker_speaks_for_itself(void **state)
{
    const struct fleet_answers answers = {
        .stats = SPAN("{\"host\":\"web1\",\"pid\":12,\"state\":\"serving\",\"health_code\":0,"
                      "\"providers\":3,\"redis_state\":\"off\"}"),
        .pools = SPAN("{\"pools\":[{\"name\":\"p\",\"cap\":8,\"rps\":0.25,\"breaker\":\"\","
                      "\"lat_p95_ms\":12.5,\"health\":\"healthy\",\"health_code\":0}]}"),
        .sessions =
            SPAN("{\"sessions\":[{\"pool\":\"p\",\"session\":\"p/1\",\"state\":\"ready\"}]}"),
        .clients = SPAN("{\"clients\":[{\"client\":7,\"name\":\"\\u001b[2J\",\"pool\":\"p\"}]}"),
        .errors =
            SPAN("{\"errors\":[{\"at_ms\":1789999999000,\"pool\":\"p\",\"what\":\"conn_lost\","
                 "\"detail\":\"EOF\",\"n\":2,\"class\":\"reset\"}]}")};
    struct fleet_view view;
    struct bytes json;

    (void)state;
    fleet_view_init(&view, "", FLEET_SOURCE_BROKER);
    fleet_broker_fill(&view, &answers, FLEET_UNIT_NOW);
    assert_string_equal(view.brokers[0].inst, "web1:12");
    assert_true(view.brokers[0].is_live && !view.brokers[0].is_stale);
    assert_int_equal(view.pools[0].rollup, FLEET_ROLLUP_BROKER);
    assert_false(view.pools[0].is_stale || view.is_stale);
    assert_true(view.pools[0].figures.lat_p95_ms == 12.5);
    assert_false(fleet_knows(&view.pools[0].figures.row, FLEET_POOL_breaker));
    assert_string_equal(view.sessions[0].figures.sess, "p/1");
    assert_string_equal(view.clients[0].figures.name, "\xef\xbf\xbd[2J");
    assert_string_equal(view.events[0].figures.type, "conn_lost");
    assert_string_equal(view.events[0].figures.msg, "EOF");
    assert_int_equal(view.events[0].at_ms, 1789999999000);
    json = json_of(&view);
    bytes_done(&json);
    fleet_view_done(&view);
    /* An answer that is none of these things. */
    fleet_view_init(&view, "", FLEET_SOURCE_BROKER);
    fleet_broker_fill(&view,
                      &(struct fleet_answers){.stats = SPAN("[]"),
                                              .pools = SPAN("{\"pools\":[1,null,{}]}"),
                                              .errors = SPAN("{\"errors\":{\"a\":1}}")},
                      FLEET_UNIT_NOW);
    json = json_of(&view);
    bytes_done(&json);
    fleet_view_done(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_decimals_are_written_plainly),
        cmocka_unit_test(test_texts_are_clean_and_cut),
        cmocka_unit_test(test_order_and_ages),
        cmocka_unit_test(test_json_has_every_field),
        cmocka_unit_test(test_without_a_reporter_rows_are_added_up),
        cmocka_unit_test(test_what_cannot_be_is_absent),
        cmocka_unit_test(test_more_than_fits_is_said),
        cmocka_unit_test(test_a_view_that_could_not_be_read_keeps_its_rows),
        cmocka_unit_test(test_without_memory_it_is_less),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_a_broker_speaks_for_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
