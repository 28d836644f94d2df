/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/server.h"

static void test_local(void **state)
{
    static const struct {
        const char *url;
        bool is_local;
        unsigned port;
    } rows[] = {
        {"http://127.0.0.1:8000/sse", true, 8000},
        {"http://127.0.0.1/sse", true, 80},
        {"https://127.200.3.4/", true, 443},
        {"http://localhost:65535/sse", true, 65535},
        {"https://LOCALHOST/sse", true, 443},
        {"http://[::1]:8000/sse", true, 8000},
        /* By every other name it is asked over the network, wherever that leads. */
        {"http://localhost.example:8000/", false, 8000},
        {"http://128.0.0.1:8000/", false, 8000},
        {"http://10.0.0.127:8000/", false, 8000},
        {"http://[::2]:8000/", false, 8000},
        {"http://[2001:db8:1:2:3:4:5:6]:8000/", false, 8000},
        {"http://server.example/127.0.0.1:99/", false, 80},
        {"http://a-host-name-that-is-longer-than-an-address.example:1/", false, 1},
    };
    struct loop *loop = loop_new();
    struct curl_driver *driver = curl_driver_new(loop, 0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct server_options options = {.name = "a", .url = rows[i].url};
        struct server *server = server_new(loop, driver, driver, &options);

        assert_non_null(server);
        assert_row(i, server_is_local(server) == rows[i].is_local);
        assert_row(i, server_port(server) == rows[i].port);
        server_unref(server);
    }
    loop_settle(loop);
    curl_driver_free(driver);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_local)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
