/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/stream_fault.h"

#define SHOWN "http://server.example:8000/mcp/sse"

static struct server *server;
static struct loop *loop;
static struct curl_driver *driver;

static int open_server(void **state)
{
    static const struct server_header headers[] = {{"Authorization", "Bearer hush-header"}};
    static const struct server_options options = {
        .name = "demo", .url = SHOWN "?token=hush-query", .headers = headers, .header_count = 1};

    (void)state;
    loop = loop_new();
    driver = loop == NULL ? NULL : curl_driver_new(loop, 0);
    server = driver == NULL ? NULL : server_new(loop, driver, driver, &options);
    return server == NULL ? -1 : 0;
}

static int close_server(void **state)
{
    (void)state;
    server_unref(server);
    loop_settle(loop);
    curl_driver_free(driver);
    loop_free(loop);
    return 0;
}

/* What each fault says: the url, what to do (REMEDY), and nothing secret. */
static void assert_fault(size_t row, const struct transport_end *end, const char *error_class,
                         bool is_settled, const char *remedy)
{
    if (remedy != NULL && strstr(end->detail, remedy) == NULL) {
        print_error("got: %s\n", end->detail);
    }
    assert_row(row, strstr(end->detail, SHOWN) != NULL);
    assert_row(row, remedy == NULL || strstr(end->detail, remedy) != NULL);
    assert_row(row, strstr(end->detail, "hush") == NULL);
    assert_row(row, strcmp(end->error_class, error_class) == 0);
    assert_row(row, end->is_settled == is_settled);
    assert_row(row, failure_outcome(end->failure) != OUTCOME_EXECUTED);
    /* Whole: not cut in the middle of the remedy. */
    assert_row(row, strlen(end->detail) < sizeof(end->detail) - 1);
}

static void test_codes(void **state)
{
    static const struct {
        CURLcode code;
        const char *error_class;
        bool is_settled;
        const char *remedy;
    } rows[] = {
        /* The server ended the stream: nothing to mend, it is opened again. */
        {CURLE_OK, "reset", false, NULL},
        {CURLE_RECV_ERROR, "reset", false, NULL},
        {CURLE_PARTIAL_FILE, "reset", false, NULL},
        {CURLE_GOT_NOTHING, "reset", false, NULL},
        /* No way there. */
        {CURLE_COULDNT_RESOLVE_HOST, "dns", false, "check the url"},
        {CURLE_COULDNT_CONNECT, "connect", false, "check that the server runs"},
        {CURLE_OPERATION_TIMEDOUT, "timeout", false, "check host, port and firewall"},
        /* A certificate does not mend itself; a handshake may have been cut. */
        {CURLE_SSL_CONNECT_ERROR, "tls", false, "check the certificate"},
        {CURLE_PEER_FAILED_VERIFICATION, "tls", true, "check the certificate"},
        /* Our own callback refused more. */
        {CURLE_WRITE_ERROR, "oversize", false, "raise it"},
        /* Everything else: in libcurl's words. */
        {CURLE_OUT_OF_MEMORY, "proto", false, "emory"},
        {CURLE_BAD_CONTENT_ENCODING, "proto", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transport_end end;

        stream_fault_of_code(&end, rows[i].code, server);
        assert_fault(i, &end, rows[i].error_class, rows[i].is_settled, rows[i].remedy);
        assert_row(i, end.failure == (rows[i].code == CURLE_WRITE_ERROR ? FAILURE_TOO_LARGE
                                                                        : FAILURE_UNAVAILABLE));
    }
}

static void test_statuses(void **state)
{
    static const struct {
        int status;
        const char *type;
        const char *error_class;
        bool is_settled;
        const char *remedy;
    } rows[] = {
        /* A page, or nothing, instead of a stream. */
        {200, "text/html; charset=utf-8", "proto", true, "check the url"},
        {200, NULL, "proto", true, "no content type"},
        /* Somebody must mend the configuration. */
        {401, NULL, "auth", true, "Authorization"},
        {403, NULL, "auth", true, "Authorization"},
        {404, NULL, "http4xx", true, "check the url"},
        {405, NULL, "http4xx", true, "use the server's /sse"},
        {406, NULL, "http4xx", true, "use the server's /sse"},
        {421, NULL, "http4xx", true, "\"Host\""},
        {400, NULL, "http4xx", true, "check the url"},
        {418, NULL, "http4xx", true, "check the url"},
        {204, NULL, "http4xx", true, "check the url"},
        /* Redirects are not followed. */
        {301, NULL, "proto", true, "put the final address into url"},
        {308, NULL, "proto", true, "put the final address into url"},
        /* It passes by itself, perhaps. */
        {429, NULL, "ratelimit", false, "429"},
        {500, NULL, "http5xx", false, "500"},
        {503, NULL, "http5xx", false, "503"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transport_end end;

        stream_fault_of_status(&end, rows[i].status, rows[i].type, server);
        assert_fault(i, &end, rows[i].error_class, rows[i].is_settled, rows[i].remedy);
    }
}

static void test_long_content_type(void **state)
{
    char type[400];
    struct transport_end end;

    (void)state;
    memset(type, 'x', sizeof(type) - 1);
    type[sizeof(type) - 1] = '\0';
    stream_fault_of_status(&end, 200, type, server);
    /* A peer's words are cut before they push out ours. */
    assert_non_null(strstr(end.detail, "check the url"));
}

static void test_protocol(void **state)
{
    struct transport_end end;

    (void)state;
    stream_fault_protocol(&end, "it named an endpoint twice", server);
    assert_fault(0, &end, "proto", true, "check the url");
    assert_non_null(strstr(end.detail, "it named an endpoint twice"));
    stream_fault_oversize(&end, server);
    assert_fault(1, &end, "oversize", false, "max_response");
    assert_int_equal(end.failure, FAILURE_TOO_LARGE);
    stream_fault_encoded(&end, server);
    assert_fault(2, &end, "proto", true, "turn Content-Encoding off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_long_content_type),
        cmocka_unit_test(test_protocol),
    };

    return cmocka_run_group_tests(tests, open_server, close_server);
}
