/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/mcp.h"

#define KEY "io.modelcontextprotocol/"

static struct message parsed(const char *text)
{
    struct message message;
    struct message_fault fault;

    assert_int_equal(message_parse(span_of(text), &json_limits_default, &message, &fault), 0);
    return message;
}

/* A request with these params. */
#define REQUEST(params)                                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":" params "}"

/* ---- tables */

static void test_methods(void **state)
{
    static const struct {
        struct span method;
        enum mcp_method expected;
    } rows[] = {
        {SPAN_INIT("\"initialize\""), MCP_INITIALIZE},
        {SPAN_INIT("\"tools/call\""), MCP_TOOLS_CALL},
        /* The same in other words. */
        {SPAN_INIT("\"tools\\/call\""), MCP_TOOLS_CALL},
        {SPAN_INIT("\"tool\\u0073\\u002flist\""), MCP_TOOLS_LIST},
        /* Nearly. */
        {SPAN_INIT("\"Tools/call\""), MCP_OTHER},
        {SPAN_INIT("\"tools/cal\""), MCP_OTHER},
        {SPAN_INIT("\"tools/call \""), MCP_OTHER},
        {SPAN_INIT("\"tools/call\\u0000\""), MCP_OTHER},
        {SPAN_INIT("\"\""), MCP_OTHER},
        {SPAN_INIT("\"notifications/initialized\""), MCP_OTHER},
        {{NULL, 0}, MCP_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, mcp_find_method(rows[i].method) == rows[i].expected);
    }
    for (unsigned i = MCP_OTHER + 1; i < MCP_METHOD_COUNT; i++) {
        struct bytes string;

        bytes_init(&string, 100);
        bytes_printf(&string, "\"%s\"", mcp_method_name((enum mcp_method)i));
        assert_row(i, (unsigned)mcp_find_method(bytes_span(&string)) == i);
        bytes_done(&string);
    }
}

static void test_method_rows(void **state)
{
    (void)state;
    assert_null(mcp_method_name(MCP_OTHER));
    assert_string_equal(mcp_method_name(MCP_DISCOVER), "server/discover");
    assert_int_equal(mcp_method_route(MCP_OTHER), MCP_ROUTE_PASS);
    assert_int_equal(mcp_method_route(MCP_TOOLS_CALL), MCP_ROUTE_PASS);
    assert_int_equal(mcp_method_route(MCP_TOOLS_LIST), MCP_ROUTE_LIST);
    assert_int_equal(mcp_method_route(MCP_PING), MCP_ROUTE_LOCAL);
    assert_int_equal(mcp_method_route(MCP_RESOURCES_READ), MCP_ROUTE_PASS_SAFE);
    assert_int_equal(mcp_method_route(MCP_SUBSCRIBE), MCP_ROUTE_SHARED);
    assert_true(mcp_method_in_era(MCP_INITIALIZE, MCP_ERA_LEGACY));
    assert_false(mcp_method_in_era(MCP_INITIALIZE, MCP_ERA_MODERN));
    assert_false(mcp_method_in_era(MCP_DISCOVER, MCP_ERA_LEGACY));
    assert_true(mcp_method_in_era(MCP_DISCOVER, MCP_ERA_MODERN));
    assert_true(mcp_method_in_era(MCP_TOOLS_CALL, MCP_ERA_LEGACY));
    assert_true(mcp_method_in_era(MCP_TOOLS_CALL, MCP_ERA_MODERN));
    assert_true(mcp_method_in_era(MCP_OTHER, MCP_ERA_LEGACY));
    assert_true(mcp_method_in_era(MCP_OTHER, MCP_ERA_MODERN));
}

static void test_versions(void **state)
{
    (void)state;
    assert_string_equal(mcp_find_version(SPAN("\"2025-06-18\""), MCP_ERA_LEGACY), "2025-06-18");
    assert_string_equal(mcp_find_version(SPAN("\"2025\\u002d06-18\""), MCP_ERA_LEGACY),
                        "2025-06-18");
    assert_null(mcp_find_version(SPAN("\"2025-06-18\""), MCP_ERA_MODERN));
    assert_string_equal(mcp_find_version(SPAN("\"" MCP_MODERN "\""), MCP_ERA_MODERN), MCP_MODERN);
    assert_null(mcp_find_version(SPAN("\"" MCP_MODERN "\""), MCP_ERA_LEGACY));
    assert_string_equal(mcp_find_version(SPAN("\"" MCP_LATEST_LEGACY "\""), MCP_ERA_LEGACY),
                        MCP_LATEST_LEGACY);
    assert_null(mcp_find_version(SPAN("\"1.0\""), MCP_ERA_LEGACY));
    assert_null(mcp_find_version(SPAN("20250618"), MCP_ERA_LEGACY));
    assert_null(mcp_find_version(SPAN_NONE, MCP_ERA_LEGACY));
}

/* ---- _meta */

static void test_envelope(void **state)
{
    static const struct {
        const char *text;
        enum mcp_envelope_status status;
        const char *missing;
    } rows[] = {
        {REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":\"2026-07-28\",\"" KEY
                 "clientCapabilities\":{\"roots\":{}},\"" KEY "clientInfo\":{\"name\":\"x\"},\"" KEY
                 "logLevel\":\"info\"}}"),
         MCP_ENVELOPE_OK, NULL},
        /* Only the two are required. */
        {REQUEST("{\"_meta\":{\"" KEY "clientCapabilities\":{},\"" KEY "protocolVersion\":\"1\"}}"),
         MCP_ENVELOPE_OK, NULL},
        {REQUEST("{}"), MCP_ENVELOPE_NONE, NULL},
        {REQUEST("[]"), MCP_ENVELOPE_NONE, NULL},
        {REQUEST("{\"_meta\":{\"progressToken\":1}}"), MCP_ENVELOPE_NONE, NULL},
        /* Without a version the rest makes no modern request. */
        {REQUEST("{\"_meta\":{\"" KEY "clientCapabilities\":{}}}"), MCP_ENVELOPE_NONE, NULL},
        {REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":\"2026-07-28\"}}"),
         MCP_ENVELOPE_INCOMPLETE, KEY "clientCapabilities"},
        {REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":\"2026-07-28\",\"" KEY
                 "clientCapabilities\":[]}}"),
         MCP_ENVELOPE_INCOMPLETE, KEY "clientCapabilities"},
        {REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":20260728,\"" KEY
                 "clientCapabilities\":{}}}"),
         MCP_ENVELOPE_INCOMPLETE, KEY "protocolVersion"},
        {REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":null}}"), MCP_ENVELOPE_INCOMPLETE,
         KEY "protocolVersion"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message message = parsed(rows[i].text);
        struct mcp_envelope envelope;
        const char *missing = NULL;

        assert_row(i, mcp_read_envelope(&message, &envelope, &missing) == rows[i].status);
        assert_span(span_of(missing), rows[i].missing);
        if (i == 0) {
            assert_span(envelope.protocol_version, "\"2026-07-28\"");
            assert_span(envelope.capabilities, "{\"roots\":{}}");
            assert_span(envelope.client_info, "{\"name\":\"x\"}");
            assert_span(envelope.log_level, "\"info\"");
        }
    }
}

/* Told apart: which version an incomplete request asked for. */
static void test_envelope_of_wrong_types(void **state)
{
    struct message message = parsed(REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":\"1999\",\"" KEY
                                            "clientInfo\":\"x\",\"" KEY "logLevel\":3}}"));
    struct mcp_envelope envelope;
    const char *missing;

    (void)state;
    assert_int_equal(mcp_read_envelope(&message, &envelope, &missing), MCP_ENVELOPE_INCOMPLETE);
    assert_span(envelope.protocol_version, "\"1999\"");
    assert_span(envelope.capabilities, NULL);
    assert_span(envelope.client_info, NULL);
    assert_span(envelope.log_level, NULL);
}

static void test_own_meta(void **state)
{
    struct message message = parsed(
        REQUEST("{\"_meta\":{\"dev.teplo/pool\":\"a\",\"dev\\u002eteplo/affinity\":\"b\"}}"));

    (void)state;
    assert_span(mcp_own_meta(&message, "pool"), "\"a\"");
    assert_span(mcp_own_meta(&message, "affinity"), "\"b\"");
    assert_span(mcp_own_meta(&message, "other"), NULL);
    message = parsed("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}");
    assert_span(mcp_own_meta(&message, "pool"), NULL);
}

static const struct {
    const char *params;
    const char *expected; /* with the token replaced by 77 */
} strip_rows[] = {
    {REQUEST("{\"name\":\"x\"}"), REQUEST("{\"name\":\"x\"}")},
    {REQUEST("[1]"), REQUEST("[1]")},
    /* Nothing to drop: not a byte is touched, and an empty _meta is the client's own. */
    {REQUEST("{ \"_meta\" : { \"a\" : 1 } }"), REQUEST("{ \"_meta\" : { \"a\" : 1 } }")},
    {REQUEST("{\"_meta\":{}}"), REQUEST("{\"_meta\":{}}")},
    {REQUEST("{\"_meta\":[\"dev.teplo/x\"]}"), REQUEST("{\"_meta\":[\"dev.teplo/x\"]}")},
    /* All five, and all of ours; also in other words. */
    {REQUEST("{\"_meta\":{\"" KEY "protocolVersion\":\"v\",\"" KEY "clientInfo\":{},\"" KEY
             "clientCapabilities\":{},\"" KEY "logLevel\":\"x\",\"" KEY
             "subscriptionId\":1,\"dev.teplo/a\":1,\"dev.teplo/\":2,"
             "\"dev\\u002eteplo\\/b\":3,\"keep\":4}}"),
     REQUEST("{\"_meta\":{\"keep\":4}}")},
    /* Of their neighbours none. */
    {REQUEST("{\"_meta\":{\"" KEY "related-task\":1,\"dev.teplo\":2,\"dev.teplox/\":3,\"" KEY
             "loglevel\":4,\"xdev.teplo/\":5}}"),
     REQUEST("{\"_meta\":{\"" KEY "related-task\":1,\"dev.teplo\":2,\"dev.teplox/\":3,\"" KEY
             "loglevel\":4,\"xdev.teplo/\":5}}")},
    /* Nothing left: the member goes, wherever it stands, with one comma. */
    {REQUEST("{\"_meta\":{\"dev.teplo/a\":1}}"), REQUEST("{}")},
    {REQUEST("{\"_meta\":{\"dev.teplo/a\":1,\"dev.teplo/call\":\"x\"}}"),
     REQUEST("{\"_meta\":{\"dev.teplo/call\":\"x\"}}")},
    {REQUEST("{\"_meta\":{\"dev.teplo/a\":1},\"name\":\"x\"}"), REQUEST("{\"name\":\"x\"}")},
    {REQUEST("{\"name\":\"x\",\"_meta\":{\"dev.teplo/a\":1,\"" KEY "clientInfo\":{}}}"),
     REQUEST("{\"name\":\"x\"}")},
    {REQUEST("{\"a\":1,\"_\\u006deta\":{\"dev.teplo/a\":1},\"b\":2}"),
     REQUEST("{\"a\":1,\"b\":2}")},
    /* Only at this level. */
    {REQUEST("{\"arguments\":{\"_meta\":{\"dev.teplo/a\":1}},\"_meta\":{\"dev.teplo/a\":{}}}"),
     REQUEST("{\"arguments\":{\"_meta\":{\"dev.teplo/a\":1}}}")},
    /* The token stays between, before, after what goes; alone, too. */
    {REQUEST("{\"_meta\":{\"progressToken\":1}}"), REQUEST("{\"_meta\":{\"progressToken\":77}}")},
    {REQUEST("{\"_meta\":{\"dev.teplo/a\":1,\"progressToken\":\"t\",\"dev.teplo/b\":1}}"),
     REQUEST("{\"_meta\":{\"progressToken\":77}}")},
    {REQUEST("{\"_meta\":{\"progressToken\":1,\"dev.teplo/b\":1}}"),
     REQUEST("{\"_meta\":{\"progressToken\":77}}")},
    {REQUEST("{\"_meta\":{\"dev.teplo/b\":1,\"progressToken\":1}}"),
     REQUEST("{\"_meta\":{\"progressToken\":77}}")},
    {REQUEST("{\"_meta\":{\"a\":1 , \"dev.teplo/b\":1\n,\"progressToken\" : 1 , \"dev.teplo/c\":2 ,"
             "\"z\":1}}"),
     REQUEST("{\"_meta\":{\"a\":1,\"progressToken\" : 77 ,\"z\":1}}")},
};

static void test_strip(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(strip_rows); i++) {
        struct message message = parsed(strip_rows[i].params);
        struct splice splice;
        struct bytes out;

        splice_init(&splice, message.text);
        mcp_strip_hop_meta(&message, &splice);
        if (!span_is_none(message.progress_token)) {
            splice_replace(&splice, message.progress_token, SPAN("77"));
        }
        bytes_init(&out, 10000);
        splice_write(&splice, &out);
        assert_row(i, !out.failed);
        assert_bytes(out, strip_rows[i].expected);
        bytes_done(&out);
    }
}

/* As many edits as a peer can cause, and those of the caller: they fit. */
static void test_strip_the_most(void **state)
{
    struct message message;
    struct message_fault fault;
    struct splice splice;
    struct bytes text;
    struct bytes out;

    (void)state;
    bytes_init(&text, 100000);
    bytes_append_text(&text,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"_meta\":{"
                      "\"progressToken\":1,\"dev.teplo/x\":1");
    for (int i = 0; i < 31; i++) {
        bytes_printf(&text, ",\"k%d\":1,\"dev.teplo/%d\":1", i, i);
    }
    bytes_append_text(&text, "}}}");
    assert_int_equal(message_parse(bytes_span(&text), &json_limits_default, &message, &fault), 0);
    splice_init(&splice, message.text);
    splice_replace(&splice, message.id, SPAN("2"));
    mcp_strip_hop_meta(&message, &splice);
    splice_replace(&splice, message.progress_token, SPAN("2"));
    bytes_init(&out, 100000);
    splice_write(&splice, &out);
    assert_false(out.failed);
    assert_int_equal(message_parse(bytes_span(&out), &json_limits_default, &message, &fault), 0);
    assert_span(mcp_own_meta(&message, "x"), NULL);
    assert_span(message.progress_token, "2");
    assert_span(json_find(message.meta, "k30"), "1");
    bytes_done(&text);
    bytes_done(&out);
}

/* ---- conversions */

static void test_result_to_modern(void **state)
{
    static const struct {
        struct span result;
        enum mcp_method method;
        const char *expected;
    } rows[] = {
        {SPAN_INIT("{\"content\":[]}"), MCP_TOOLS_CALL,
         "{\"resultType\":\"complete\",\"content\":[]}"},
        {SPAN_INIT("{}"), MCP_TOOLS_CALL, "{\"resultType\":\"complete\"}"},
        {SPAN_INIT("{}"), MCP_OTHER, "{\"resultType\":\"complete\"}"},
        {SPAN_INIT("{}"), MCP_TOOLS_LIST,
         "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\"}"},
        {SPAN_INIT("{\"tools\":[]}"), MCP_TOOLS_LIST,
         "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"tools\":[]}"},
        {SPAN_INIT("{\"prompts\":[]}"), MCP_PROMPTS_LIST,
         "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"prompts\":[]}"},
        {SPAN_INIT("{\"a\":1}"), MCP_RESOURCES_LIST,
         "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"a\":1}"},
        {SPAN_INIT("{\"a\":1}"), MCP_TEMPLATES_LIST,
         "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"a\":1}"},
        {SPAN_INIT("{\"a\":1}"), MCP_RESOURCES_READ,
         "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"a\":1}"},
        {SPAN_INIT("{\"a\":1}"), MCP_PROMPTS_GET, "{\"resultType\":\"complete\",\"a\":1}"},
        /* What is there stays. */
        {SPAN_INIT("{\"resultType\":\"x\",\"a\":1}"), MCP_TOOLS_CALL,
         "{\"resultType\":\"x\",\"a\":1}"},
        {SPAN_INIT("{\"result\\u0054ype\":\"x\"}"), MCP_TOOLS_CALL, "{\"result\\u0054ype\":\"x\"}"},
        {SPAN_INIT("{\"ttlMs\":5}"), MCP_TOOLS_LIST,
         "{\"resultType\":\"complete\",\"cacheScope\":\"private\",\"ttlMs\":5}"},
        {SPAN_INIT("{\"resultType\":\"complete\",\"cacheScope\":\"public\"}"), MCP_TOOLS_LIST,
         "{\"ttlMs\":0,\"resultType\":\"complete\",\"cacheScope\":\"public\"}"},
        {SPAN_INIT("{\"resultType\":\"c\",\"ttlMs\":1,\"cacheScope\":\"public\"}"), MCP_TOOLS_LIST,
         "{\"resultType\":\"c\",\"ttlMs\":1,\"cacheScope\":\"public\"}"},
        /* Deeper members of those names do not count. */
        {SPAN_INIT("{\"a\":{\"resultType\":1}}"), MCP_TOOLS_CALL,
         "{\"resultType\":\"complete\",\"a\":{\"resultType\":1}}"},
        /* Pretty-printed: one line comes out. */
        {SPAN_INIT("{\r\n  \"a\": [\r\n    1\r\n  ]\r\n}"), MCP_TOOLS_CALL,
         "{\"resultType\":\"complete\",  \"a\": [    1  ]}"},
        {SPAN_INIT("{\n}"), MCP_TOOLS_CALL, "{\"resultType\":\"complete\"}"},
        /* No object: as it is. */
        {SPAN_INIT("[\n1]"), MCP_TOOLS_CALL, "[1]"},
        {SPAN_INIT("null"), MCP_TOOLS_LIST, "null"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes out;

        bytes_init(&out, 1000);
        mcp_result_to_modern(rows[i].result, rows[i].method, &out);
        assert_row(i, !out.failed);
        assert_bytes(out, rows[i].expected);
        bytes_done(&out);
    }
}

static void test_error_to_modern(void **state)
{
    static const struct {
        struct span error;
        const char *expected;
    } rows[] = {
        {SPAN_INIT("{\"code\":-32002,\"message\":\"x\"}"), "{\"code\":-32602,\"message\":\"x\"}"},
        {SPAN_INIT("{\"message\":\"-32002\",\n \"c\\u006fde\" : -32002}"),
         "{\"message\":\"-32002\", \"c\\u006fde\" : -32602}"},
        {SPAN_INIT("{\"code\":-32001,\"message\":\"x\"}"), "{\"code\":-32001,\"message\":\"x\"}"},
        /* At the top level alone. */
        {SPAN_INIT("{\"code\":0,\"data\":{\"code\":-32002}}"),
         "{\"code\":0,\"data\":{\"code\":-32002}}"},
        {SPAN_INIT("{\"code\":\"-32002\"}"), "{\"code\":\"-32002\"}"},
        {SPAN_INIT("{}"), "{}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes out;

        bytes_init(&out, 1000);
        mcp_error_to_modern(rows[i].error, &out);
        assert_row(i, !out.failed);
        assert_bytes(out, rows[i].expected);
        bytes_done(&out);
    }
}

static void test_capabilities(void **state)
{
    static const struct {
        struct span capabilities;
        const char *expected;
    } rows[] = {
        {SPAN_INIT("{}"), "{}"},
        {SPAN_INIT("{\"tools\":{\"listChanged\":true},\"logging\":{}}"),
         "{\"tools\":{\"listChanged\":true},\"logging\":{}}"},
        {SPAN_INIT("{\"tasks\":{\"list\":{}}}"), "{}"},
        {SPAN_INIT(
             "{\"tools\":{},\"tasks\":{},\"resources\":{\"subscribe\":true,\"listChanged\":true}}"),
         "{\"tools\":{},\"resources\":{\"listChanged\":true}}"},
        {SPAN_INIT("{\"resources\":{\"subscribe\":true},\"t\\u0061sks\":{}}"),
         "{\"resources\":{}}"},
        {SPAN_INIT("{\"resources\":true}"), "{\"resources\":true}"},
        /* Not of those names elsewhere. */
        {SPAN_INIT("{\"tools\":{\"tasks\":1,\"subscribe\":2},\"subscribe\":3}"),
         "{\"tools\":{\"tasks\":1,\"subscribe\":2},\"subscribe\":3}"},
        /* Twice: some readers take the first, some the last. */
        {SPAN_INIT("{\"tasks\":1,\"resources\":{\"subscribe\":true},\"tasks\":2,\"resources\":{"
                   "\"subscribe\":true,\"subscribe\":true}}"),
         "{\"resources\":{},\"resources\":{}}"},
        {SPAN_INIT("{\r\n  \"tasks\" : {} ,\r\n  \"tools\" : {}\r\n}"), "{  \"tools\" : {}}"},
        /* A server that says nothing about itself can do nothing. */
        {{NULL, 0}, "{}"},
        {SPAN_INIT("[]"), "{}"},
        {SPAN_INIT("null"), "{}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes out;

        bytes_init(&out, 1000);
        mcp_bridgeable_capabilities(rows[i].capabilities, &out);
        assert_row(i, !out.failed);
        assert_bytes(out, rows[i].expected);
        bytes_done(&out);
    }
}

static bool convert(void)
{
    struct bytes out;
    bool succeeded;

    bytes_init(&out, 10000);
    for (int i = 0; i < 10; i++) {
        mcp_result_to_modern(SPAN("{\"tools\":[]}"), MCP_TOOLS_LIST, &out);
        mcp_error_to_modern(SPAN("{\"code\":-32002,\"message\":\"x\"}"), &out);
        mcp_bridgeable_capabilities(SPAN("{\"tasks\":{},\"tools\":{}}"), &out);
    }
    succeeded = !out.failed;
    bytes_done(&out);
    return succeeded;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    each_allocation_fails(convert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_method_rows),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_envelope_of_wrong_types),
        cmocka_unit_test(test_own_meta),
        cmocka_unit_test(test_strip),
        cmocka_unit_test(test_strip_the_most),
        cmocka_unit_test(test_result_to_modern),
        cmocka_unit_test(test_error_to_modern),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
