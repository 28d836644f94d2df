/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "client-lib/dash/dash_page.h"
#include "client-lib/dash/dash_query.h"
#include "client-lib/dash/sheet.h"

#define LONGEST_POOL "abcdefghijklmnopqrstuvwxyz-_0123"

static void test_good_queries(void **state)
{
    static const struct {
        const char *path;
        const char *query;
        enum dash_subject subject;
        enum dash_range range;
        const char *name;
    } rows[] = {
        {"/", NULL, DASH_PAGE, DASH_RANGE_HOUR, ""},
        {"/", "", DASH_PAGE, DASH_RANGE_HOUR, ""},
        {"/healthz", NULL, DASH_HEALTH, DASH_RANGE_HOUR, ""},
        {"/api/v1/fleet", NULL, DASH_FLEET, DASH_RANGE_HOUR, ""},
        {"/api/v1/series", NULL, DASH_SERIES, DASH_RANGE_HOUR, "_fleet"},
        {"/api/v1/series", "pool=_fleet", DASH_SERIES, DASH_RANGE_HOUR, "_fleet"},
        {"/api/v1/series", "pool=a&range=15m", DASH_SERIES, DASH_RANGE_QUARTER, "a"},
        {"/api/v1/series", "range=6h&pool=a-b_9", DASH_SERIES, DASH_RANGE_SIX_HOURS, "a-b_9"},
        {"/api/v1/series", "range=24h&", DASH_SERIES, DASH_RANGE_DAY, "_fleet"},
        {"/api/v1/series", "pool=" LONGEST_POOL, DASH_SERIES, DASH_RANGE_HOUR, LONGEST_POOL},
        {"/api/v1/sessions", "inst=i-web1-00000001", DASH_SESSIONS, DASH_RANGE_HOUR,
         "i-web1-00000001"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dash_query query;
        int status;

        assert_row(i, dash_query_parse(&query, rows[i].path, rows[i].query, &status) == NULL);
        assert_row(i, query.subject == rows[i].subject && query.range == rows[i].range);
        assert_string_equal(query.name, rows[i].name);
    }
}

static void test_bad_queries(void **state)
{
    static const struct {
        const char *path;
        const char *query;
        int status;
    } rows[] = {
        {"", NULL, 404},
        {"/x", NULL, 404},
        {"/api/v1/fleet/", NULL, 404},
        {"/api/v1/Fleet", NULL, 404},
        {"/x", "pool=&", 404},
        {"/", "x", 400},
        {"/", "pool=a", 400},
        {"/healthz", "range=1h", 400},
        {"/api/v1/fleet", "inst=i-a-00000001", 400},
        {"/api/v1/series", "pool", 400},
        {"/api/v1/series", "=", 400},
        {"/api/v1/series", "&pool=a", 400},
        {"/api/v1/series", "pool=a&&range=1h", 400},
        {"/api/v1/series", "pool=", 400},
        {"/api/v1/series", "pool=A", 400},
        {"/api/v1/series", "pool=a&pool=b", 400},
        {"/api/v1/series", "pool=a=b", 400},
        {"/api/v1/series", "pool=%61", 400},
        {"/api/v1/series", "pool=a:b", 400},
        {"/api/v1/series", "pool=_fleets", 400},
        {"/api/v1/series", "pool=a" LONGEST_POOL, 400},
        {"/api/v1/series", "range=", 400},
        {"/api/v1/series", "range=2h", 400},
        {"/api/v1/series", "range=1H", 400},
        {"/api/v1/series", "inst=i-a-00000001", 400},
        {"/api/v1/sessions", NULL, 400},
        {"/api/v1/sessions", "inst=", 400},
        {"/api/v1/sessions", "inst=*", 400},
        {"/api/v1/sessions", "inst=i-a-00000001&range=1h", 400},
        {"/api/v1/sessions", "inst=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 400},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dash_query query = {.name = "unchanged"};
        int status = 0;

        assert_row(i, dash_query_parse(&query, rows[i].path, rows[i].query, &status) != NULL);
        assert_row(i, status == rows[i].status);
        assert_string_equal(query.name, "unchanged");
    }
}

static void test_ranges(void **state)
{
    (void)state;
    assert_int_equal(dash_range_ms(DASH_RANGE_QUARTER), 15 * 60 * 1000);
    assert_int_equal(dash_range_ms(DASH_RANGE_DAY), 24 * 60 * 60 * 1000);
    assert_int_equal(dash_range_step_ms(DASH_RANGE_HOUR), 10000);
    assert_int_equal(dash_range_step_ms(DASH_RANGE_SIX_HOURS), 60000);
}

static void test_sheets(void **state)
{
    struct sheet *one = sheet_new(200, SPAN("{\"at_ms\":1}"), 5);
    struct sheet *same = sheet_new(200, SPAN("{\"at_ms\":1}"), 6);
    struct sheet *other = sheet_new(200, SPAN("{\"at_ms\":2}"), 6);
    struct sheet *empty = sheet_new(503, SPAN_NONE, 7);

    (void)state;
    assert_string_equal(one->etag, same->etag);
    assert_string_not_equal(one->etag, other->etag);
    assert_int_equal(strlen(one->etag), 18);
    assert_int_equal(empty->length, 0);
    assert_ptr_equal(sheet_hold(one), one);
    sheet_drop(one);
    assert_int_equal(one->length, 11);
    sheet_drop(one);
    sheet_drop(same);
    sheet_drop(other);
    sheet_drop(empty);
    sheet_drop(NULL);
}

static size_t count(const struct bytes *html, const char *word)
{
    size_t found = 0;
    size_t length = strlen(word);

    for (size_t i = 0; i + length <= html->length; i++) {
        found += memcmp(html->at + i, word, length) == 0;
    }
    return found;
}

static void test_page(void **state)
{
    struct dash_page page;

    (void)state;
    assert_true(dash_page_init(&page, "<b>\"&@SCRIPT@</b>"));
    assert_int_equal(count(&page.html, "<script>"), 1);
    assert_int_equal(count(&page.html, "<style>"), 1);
    assert_int_equal(count(&page.html, "</html>"), 1);
    assert_int_equal(count(&page.html, "@TITLE@"), 0);
    assert_int_equal(count(&page.html, "&lt;b&gt;&quot;&amp;@SCRIPT@&lt;/b&gt;"), 2);
    /* Nothing of it is looked for elsewhere. */
    assert_int_equal(count(&page.html, "src="), 0);
    assert_int_equal(count(&page.html, "@import"), 0);
    assert_int_equal(count(&page.html, "innerHTML"), 0);
    assert_non_null(strstr(page.policy.at, "script-src 'sha256-"));
    assert_null(strstr(page.policy.at, "unsafe"));
    dash_page_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_queries), cmocka_unit_test(test_bad_queries),
        cmocka_unit_test(test_ranges),       cmocka_unit_test(test_sheets),
        cmocka_unit_test(test_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
