/* SPDX-License-Identifier: MIT */
/* The text of /metrics: both formats by the letter, hostile names, sums, pieces, scarce memory. */
#include "unit.h"

#include "broker/health/metrics.h"

static const double operation_bounds[OPERATION_BUCKETS - 1] = {
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300};
static const double meter_bounds[METER_BUCKETS - 1] = {0.001, 0.005, 0.01, 0.05, 0.1,
                                                       0.5,   1,     5,    10,   30};

static void begin(struct metrics *metrics)
{
    metrics_init(metrics);
    metrics->operation_bounds_s = operation_bounds;
    metrics->meter_bounds_s = meter_bounds;
    metrics->other = (struct metrics_other){.version = "1.2.3",
                                            .curl = "7.88.1",
                                            .libevent = "2.1.12-stable",
                                            .hiredis = "0.14.1",
                                            .config_hash = "0123456789ab"};
}

static struct pool_row *add_pool(struct metrics *metrics, const char *name)
{
    struct pool_row *row = snapshot_add_pool(&metrics->snapshot, name);

    assert_non_null(row);
    return row;
}

/* All of it, however many pieces it took; *RET_PIECES how many. */
static void write_all(const struct metrics *metrics, enum metrics_format format, struct bytes *out,
                      size_t *ret_pieces)
{
    struct metrics_writer writer;

    bytes_init(out, 64 << 20);
    metrics_writer_init(&writer, metrics, format);
    for (*ret_pieces = 1; metrics_write(&writer, out); ++*ret_pieces) {
    }
    assert_false(out->failed);
}

static char *text_of(const struct metrics *metrics, enum metrics_format format)
{
    struct bytes out;
    size_t pieces;
    size_t length;
    char *text;

    write_all(metrics, format, &out, &pieces);
    bytes_append_char(&out, '\0');
    text = bytes_take(&out, &length);
    assert_non_null(text);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("lacks: %s\n%s\n", part, text);
        fail();
    }
}

static void fill_buckets(struct operation_buckets *buckets, size_t bucket, uint64_t count, double s)
{
    buckets->buckets[bucket] += count;
    buckets->count += count;
    buckets->sum_s += s;
}

/* ---- by the letter */

static void make_example(struct metrics *metrics)
{
    struct operation operation = {.method = MCP_TOOLS_CALL, .tool = "say \"hi\"\\\n"};
    struct pool_row *row;

    begin(metrics);
    row = add_pool(metrics, "main");
    row->s_idle = 3;
    row->maxwait_ms = 1234.5;
    row->sess_closed_total = 7;
    row->sess_lost_total = 3;
    row->breaker_code = 2;
    row->health_code = 1;
    (void)snprintf(row->proto, sizeof(row->proto), "2025-11-25");
    (void)snprintf(metrics->snapshot.instance.sock, 65, "/run/teplo/teplo.sock");
    (void)snprintf(metrics->snapshot.instance.state, 16, "serving");
    metrics->snapshot.instance.redis_offset_ms = -2.5;
    assert_int_equal(metrics_make_pools(metrics), 0);
    (void)snprintf(metrics->pools[0].server_address, 256, "::1");
    (void)snprintf(metrics->pools[0].server_port, 6, "8000");
    fill_buckets(&operation.client, 0, 2, 0.0123456);
    fill_buckets(&operation.client, OPERATION_BUCKETS - 1, 1, 301);
    assert_int_equal(metrics_add_operation(&metrics->pools[0], &operation, METRICS_TOOLS_NAMED), 0);
    operation = (struct operation){.method = MCP_TOOLS_LIST, .error_type = "-32601"};
    fill_buckets(&operation.server, 3, 4, 0.4);
    assert_int_equal(metrics_add_operation(&metrics->pools[0], &operation, METRICS_TOOLS_NAMED), 0);
    operation = (struct operation){.method = MCP_OTHER, .error_type = "timeout"};
    fill_buckets(&operation.server, 3, 4, 0.4);
    assert_int_equal(metrics_add_operation(&metrics->pools[0], &operation, METRICS_TOOLS_NAMED), 0);
}

#define CLIENT                                                                                     \
    "{pool=\"main\",mcp_method_name=\"tools/call\",gen_ai_tool_name=\"say \\\"hi\\\"\\\\\\n\","    \
    "mcp_protocol_version=\"2025-11-25\",network_transport=\"tcp\",server_address=\"::1\","        \
    "server_port=\"8000\""
#define BUCKET(bound, count)                                                                       \
    "mcp_client_operation_duration_seconds_bucket" CLIENT ",le=\"" bound "\"} " count "\n"

static const char client_samples[] = BUCKET("0.01", "2") BUCKET("0.02", "2") BUCKET("0.05", "2")
    BUCKET("0.1", "2") BUCKET("0.2", "2") BUCKET("0.5", "2") BUCKET("1.0", "2") BUCKET("2.0", "2")
        BUCKET("5.0", "2") BUCKET("10.0", "2") BUCKET("30.0", "2") BUCKET("60.0", "2")
            BUCKET("120.0", "2") BUCKET("300.0", "2")
                BUCKET("+Inf", "3") "mcp_client_operation_duration_seconds_sum" CLIENT
                                    "} 301.012346\n"
                                    "mcp_client_operation_duration_seconds_count" CLIENT "} 3\n";

static void test_plain_text(void **state)
{
    static const char *const parts[] = {
        "\n# TYPE mcp_client_operation_duration_seconds histogram\n",
        "mcp_server_operation_duration_seconds_count{pool=\"main\",mcp_method_name=\"tools/list\","
        "error_type=\"-32601\",rpc_response_status_code=\"-32601\",network_transport=\"unix\","
        "server_address=\"/run/teplo/teplo.sock\"} 4\n",
        "{pool=\"main\",mcp_method_name=\"_other\",error_type=\"timeout\",network_transport=",
        "# TYPE teplo_sessions gauge\nteplo_sessions{pool=\"main\",state=\"connecting\"} 0\n"
        "teplo_sessions{pool=\"main\",state=\"idle\"} 3\n",
        "teplo_pending_oldest_seconds{pool=\"main\"} 1.2345\n",
        "# TYPE teplo_sessions_closed_total counter\n"
        "teplo_sessions_closed_total{pool=\"main\",reason=\"closed\"} 4\n"
        "teplo_sessions_closed_total{pool=\"main\",reason=\"lost\"} 3\n",
        "teplo_breaker_state{pool=\"main\",state=\"open\"} 0\n"
        "teplo_breaker_state{pool=\"main\",state=\"half_open\"} 1\n",
        "teplo_health_status{pool=\"main\",status=\"healthy\"} 0\n"
        "teplo_health_status{pool=\"main\",status=\"degraded\"} 1\n",
        "teplo_errors_total{pool=\"main\",class=\"dns\"} 0\n", /* rate() wants a first sample */
        "teplo_broker_state{state=\"serving\"} 1\nteplo_broker_state{state=\"draining\"} 0\n",
        "# TYPE teplo_build_info gauge\nteplo_build_info{version=\"1.2.3\",curl=\"7.88.1\","
        "libevent=\"2.1.12-stable\",hiredis=\"0.14.1\"} 1\n",
        "teplo_config_hash_info{hash=\"0123456789ab\"} 1\n",
    };
    struct metrics metrics;
    char *text;

    (void)state;
    make_example(&metrics);
    text = text_of(&metrics, METRICS_TEXT);
    assert_has(text, client_samples);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_has(text, parts[i]);
    }
    assert_null(strstr(text, "# EOF"));
    assert_null(strstr(text, "# UNIT"));
    assert_null(strstr(text, "teplo_redis_")); /* there is none */
    assert_string_equal(metrics_content_type(METRICS_TEXT),
                        "text/plain; version=0.0.4; charset=utf-8");
    mem_free(text);
    metrics_done(&metrics);
}

static void test_openmetrics(void **state)
{
    static const char *const parts[] = {
        "# HELP teplo_calls Calls that have ended, by how;",
        "# TYPE teplo_calls counter\nteplo_calls_total{pool=\"main\",outcome=\"ok\"} 0\n",
        "# TYPE teplo_bytes counter\n# UNIT teplo_bytes bytes\nteplo_bytes_total{",
        "# TYPE teplo_loop_lag_seconds histogram\n# UNIT teplo_loop_lag_seconds seconds\n",
        "# TYPE teplo_build info\nteplo_build_info{",
        "# TYPE teplo_breaker_state gauge\n",
    };
    struct metrics metrics;
    char *text;

    (void)state;
    make_example(&metrics);
    text = text_of(&metrics, METRICS_OPENMETRICS);
    assert_has(text, client_samples);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_has(text, parts[i]);
    }
    assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
    assert_null(strstr(text, "\n\n"));
    mem_free(text);
    metrics_done(&metrics);
}

static void test_redis_when_there_is_one(void **state)
{
    struct metrics metrics;
    char *text;

    (void)state;
    begin(&metrics);
    (void)snprintf(metrics.snapshot.instance.redis_state, 12, "slow");
    metrics.snapshot.instance.redis_offset_ms = -2.5;
    metrics.snapshot.instance.redis_skipped_total = 9;
    assert_int_equal(metrics_make_pools(&metrics), 0);
    text = text_of(&metrics, METRICS_TEXT);
    assert_has(text, "teplo_redis_up 0\n");
    assert_has(text, "teplo_redis_clock_offset_seconds -0.0025\n");
    assert_has(text, "teplo_redis_skipped_flushes_total 9\n");
    assert_null(strstr(text, "teplo_sessions")); /* no pool: no family, not an empty one */
    mem_free(text);
    (void)snprintf(metrics.snapshot.instance.redis_state, 12, "up");
    text = text_of(&metrics, METRICS_TEXT);
    assert_has(text, "teplo_redis_up 1\n");
    mem_free(text);
    metrics_done(&metrics);
}

/* A tool's name is cut by bytes, perhaps within a letter: a label must be UTF-8 all the same. */
static void test_half_a_letter(void **state)
{
    struct operation operation = {.method = MCP_TOOLS_CALL, .tool = "до\xd0"};
    struct metrics metrics;
    char *text;

    (void)state;
    begin(&metrics);
    (void)add_pool(&metrics, "a");
    assert_int_equal(metrics_make_pools(&metrics), 0);
    fill_buckets(&operation.client, 0, 1, 0);
    assert_int_equal(metrics_add_operation(&metrics.pools[0], &operation, METRICS_TOOLS_NAMED), 0);
    text = text_of(&metrics, METRICS_TEXT);
    assert_has(text, "gen_ai_tool_name=\"до\\\\xd0\"");
    mem_free(text);
    metrics_done(&metrics);
}

/* ---- numbers */

static void test_lag(void **state)
{
    static const int64_t late_ms[] = {-1, 0, 1, 2, 10, 11, 10000, 10001, 100000};
    struct metrics metrics;
    char *text;

    (void)state;
    begin(&metrics);
    for (size_t i = 0; i < COUNT_OF(late_ms); i++) {
        metrics_lag_add(&metrics.lag, late_ms[i]);
    }
    assert_int_equal(metrics_make_pools(&metrics), 0);
    text = text_of(&metrics, METRICS_TEXT);
    assert_has(text, "teplo_loop_lag_seconds_bucket{le=\"0.001\"} 3\n"
                     "teplo_loop_lag_seconds_bucket{le=\"0.005\"} 4\n"
                     "teplo_loop_lag_seconds_bucket{le=\"0.01\"} 5\n"
                     "teplo_loop_lag_seconds_bucket{le=\"0.05\"} 6\n");
    assert_has(text, "teplo_loop_lag_seconds_bucket{le=\"10.0\"} 7\n"
                     "teplo_loop_lag_seconds_bucket{le=\"+Inf\"} 9\n"
                     "teplo_loop_lag_seconds_sum 120.025\nteplo_loop_lag_seconds_count 9\n");
    mem_free(text);
    metrics_done(&metrics);
}

static void test_meters(void **state)
{
    struct metrics metrics;
    char *text;

    (void)state;
    begin(&metrics);
    (void)add_pool(&metrics, "a");
    assert_int_equal(metrics_make_pools(&metrics), 0);
    metrics.pools[0].meters[METER_CREATE].buckets[0] = 1;
    metrics.pools[0].meters[METER_CREATE].buckets[9] = 2;
    metrics.pools[0].meters[METER_CREATE].buckets[10] = 4;
    metrics.pools[0].meters[METER_CREATE].sum_s = 1e15; /* no exponent, whatever comes */
    text = text_of(&metrics, METRICS_TEXT);
    assert_has(text, "teplo_session_create_seconds_bucket{pool=\"a\",le=\"10.0\"} 1\n"
                     "teplo_session_create_seconds_bucket{pool=\"a\",le=\"30.0\"} 3\n"
                     "teplo_session_create_seconds_bucket{pool=\"a\",le=\"+Inf\"} 7\n"
                     "teplo_session_create_seconds_sum{pool=\"a\"} 1000000000000\n"
                     "teplo_session_create_seconds_count{pool=\"a\"} 7\n");
    assert_has(text, "teplo_session_use_seconds_count{pool=\"a\"} 0\n");
    mem_free(text);
    metrics_done(&metrics);
}

/* ---- tools told apart, or not */

static void add_tools(struct metrics *metrics, size_t count, enum metrics_tools tools)
{
    for (size_t i = 0; i < count; i++) {
        struct operation operation = {.method = MCP_TOOLS_CALL};

        (void)snprintf(operation.tool, sizeof(operation.tool), "tool_%zu", i);
        fill_buckets(&operation.client, i % OPERATION_BUCKETS, 1, 0.5);
        fill_buckets(&operation.server, 0, 2, 0.25);
        assert_int_equal(metrics_add_operation(&metrics->pools[0], &operation, tools), 0);
    }
}

static void test_tools_merged_keep_the_sums(void **state)
{
    static const struct {
        enum metrics_tools tools;
        size_t operations;
        const char *client;
    } rows[] = {{METRICS_TOOLS_NAMED, 100, "tool_name=\"tool_99\",network"},
                {METRICS_TOOLS_MERGED, 1, "tool_name=\"_other\",network"},
                {METRICS_TOOLS_UNTOLD, 1, "name=\"tools/call\",network"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct metrics metrics;
        uint64_t client = 0;
        double sum_s = 0;
        char *text;

        begin(&metrics);
        (void)add_pool(&metrics, "a");
        assert_int_equal(metrics_make_pools(&metrics), 0);
        add_tools(&metrics, 100, rows[i].tools);
        assert_row(i, metrics.pools[0].operation_count == rows[i].operations);
        for (size_t j = 0; j < metrics.pools[0].operation_count; j++) {
            const struct operation *operation = &metrics.pools[0].operations[j];

            client += operation->client.count;
            sum_s += operation->client.sum_s;
            assert_row(i, operation->server.count == 2 * operation->client.count);
        }
        assert_row(i, client == 100 && sum_s == 50);
        text = text_of(&metrics, METRICS_TEXT);
        assert_has(text, rows[i].client);
        mem_free(text);
        metrics_done(&metrics);
    }
}

/* What has no tool, or failed in another way, stays apart. */
static void test_only_what_is_alike_is_merged(void **state)
{
    static const struct operation operations[] = {
        {.method = MCP_TOOLS_CALL, .tool = "a"},
        {.method = MCP_TOOLS_CALL, .tool = "b"},
        {.method = MCP_TOOLS_CALL},
        {.method = MCP_TOOLS_LIST},
        {.method = MCP_TOOLS_CALL, .tool = "a", .error_type = "tool_error"},
        {.method = MCP_TOOLS_LIST}};
    struct metrics metrics;

    (void)state;
    begin(&metrics);
    (void)add_pool(&metrics, "a");
    assert_int_equal(metrics_make_pools(&metrics), 0);
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        assert_int_equal(
            metrics_add_operation(&metrics.pools[0], &operations[i], METRICS_TOOLS_MERGED), 0);
    }
    assert_int_equal(metrics.pools[0].operation_count, 4);
    metrics_done(&metrics);
}

static size_t count_samples(const char *text)
{
    size_t count = 0;

    for (const char *line = text; line != NULL && *line != '\0';) {
        count += *line != '#';
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return count;
}

/* metrics_series says beforehand what will be written, but for the process's own few. */
static void test_series_are_counted_beforehand(void **state)
{
    enum { POOLS = 3, TOOLS = 40 };
    struct metrics metrics;
    size_t of_process;
    char *text;

    (void)state;
    begin(&metrics);
    assert_int_equal(metrics_make_pools(&metrics), 0);
    text = text_of(&metrics, METRICS_TEXT);
    of_process = count_samples(text);
    mem_free(text);
    metrics_done(&metrics);
    begin(&metrics);
    for (int i = 0; i < POOLS; i++) {
        (void)add_pool(&metrics, i == 0 ? "a" : i == 1 ? "b" : "c");
    }
    assert_int_equal(metrics_make_pools(&metrics), 0);
    add_tools(&metrics, TOOLS, METRICS_TOOLS_NAMED);
    text = text_of(&metrics, METRICS_TEXT);
    assert_int_equal(count_samples(text), of_process + metrics_series(POOLS, TOOLS));
    mem_free(text);
    metrics_done(&metrics);
}

/* ---- pieces, and scarcity */

static void test_much_is_written_in_pieces(void **state)
{
    enum { POOLS = 200 };
    struct metrics metrics;
    struct bytes out;
    size_t pieces;
    char name[16];

    (void)state;
    begin(&metrics);
    for (int i = 0; i < POOLS; i++) {
        (void)snprintf(name, sizeof(name), "pool-%d", i);
        (void)add_pool(&metrics, name);
    }
    assert_int_equal(metrics_make_pools(&metrics), 0);
    add_tools(&metrics, 20, METRICS_TOOLS_NAMED);
    write_all(&metrics, METRICS_OPENMETRICS, &out, &pieces);
    assert_true(out.length > 1 << 20);
    assert_in_range(pieces, out.length / (512 << 10), 1 + out.length / (256 << 10));
    bytes_done(&out);
    metrics_done(&metrics);
}

static void test_a_maximum_is_kept(void **state)
{
    struct metrics metrics;
    struct metrics_writer writer;
    struct bytes out;

    (void)state;
    make_example(&metrics);
    bytes_init(&out, 1000);
    metrics_writer_init(&writer, &metrics, METRICS_TEXT);
    assert_false(metrics_write(&writer, &out));
    assert_true(out.failed);
    bytes_done(&out);
    metrics_done(&metrics);
}

static bool scrape(void)
{
    struct operation operation = {.method = MCP_TOOLS_CALL, .tool = "a"};
    struct metrics_writer writer;
    struct metrics metrics;
    struct bytes out;
    bool is_good;

    begin(&metrics);
    bytes_init(&out, 1 << 20);
    is_good = snapshot_add_pool(&metrics.snapshot, "a") != NULL &&
              metrics_make_pools(&metrics) == 0 &&
              metrics_add_operation(&metrics.pools[0], &operation, METRICS_TOOLS_NAMED) == 0;
    if (is_good) {
        fill_buckets(&metrics.pools[0].operations[0].client, 0, 1, 1);
        metrics_writer_init(&writer, &metrics, METRICS_TEXT);
        while (metrics_write(&writer, &out)) {
        }
        is_good = !out.failed;
    }
    bytes_done(&out);
    metrics_done(&metrics);
    return is_good;
}

/* Half a page would be taken for a whole one. */
static void test_without_memory_it_fails_whole(void **state)
{
    (void)state;
    each_allocation_fails(scrape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_redis_when_there_is_one),
        cmocka_unit_test(test_half_a_letter),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_meters),
        cmocka_unit_test(test_tools_merged_keep_the_sums),
        cmocka_unit_test(test_only_what_is_alike_is_merged),
        cmocka_unit_test(test_series_are_counted_beforehand),
        cmocka_unit_test(test_much_is_written_in_pieces),
        cmocka_unit_test(test_a_maximum_is_kept),
        cmocka_unit_test(test_without_memory_it_fails_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
