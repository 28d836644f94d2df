/* SPDX-License-Identifier: MIT */
/* Where a name may lead, and a real libcurl that is led elsewhere. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "broker/runtime/log.h"
#include "broker/upstream/egress.h"

static bool may_reach(const char *text)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        return egress_may_reach((const struct sockaddr *)&four);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return egress_may_reach((const struct sockaddr *)&six);
}

static void test_a23_addresses(void **state)
{
    static const struct {
        const char *address;
        bool expected;
    } rows[] = {
        /* Where servers are: here, beside us, in a container's network, in the world. */
        {"127.0.0.1", true},
        {"10.1.2.3", true},
        {"172.18.0.5", true},
        {"192.168.1.1", true},
        {"93.184.216.34", true},
        {"169.253.255.255", true},
        {"169.255.0.0", true},
        {"223.255.255.255", true},
        {"::1", true},
        {"fd12::1", true},
        {"2001:db8::1", true},
        {"::ffff:10.0.0.1", true},
        /* Where none is. */
        {"0.0.0.0", false},
        {"0.1.2.3", false},
        {"169.254.169.254", false},
        {"169.254.0.1", false},
        {"224.0.0.1", false},
        {"255.255.255.255", false},
        {"::", false},
        {"fe80::1", false},
        {"ff02::1", false},
        {"fd00:ec2::254", false},
        {"::ffff:169.254.169.254", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, may_reach(rows[i].address) == rows[i].expected);
    }
    assert_false(egress_may_reach(&(struct sockaddr){.sa_family = AF_UNIX}));
}

static void test_a23_who_chose_it(void **state)
{
    static const struct {
        const char *url;
        bool expected;
    } rows[] = {
        {"http://169.254.1.2:8000/sse", true}, {"http://[fe80::1]/sse", true},
        {"http://2852039166/", true},          {"http://10.1.2.3.example.org/sse", false},
        {"http://localhost:8000/sse", false},  {"http://grynya-mcp-server:8000/sse", false},
        {"http://0xa9fea9fe/", false},         {"no url", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, egress_is_literal(rows[i].url) == rows[i].expected);
    }
}

/* A name service that says what an attacker wants. */
static CURLcode connect_to(const char *url, const char *resolve)
{
    struct curl_slist *answers = curl_slist_append(NULL, resolve);
    CURL *easy = curl_easy_init();
    CURLcode code;

    assert_non_null(easy);
    assert_int_equal(egress_apply(easy, url, 500), 0);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_RESOLVE, answers), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L), CURLE_OK);
    code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(answers);
    return code;
}

static void test_a23_a_name_that_leads_astray(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    /* At once: no socket is opened that could time out. */
    assert_int_equal(connect_to("http://flip.test:80/", "flip.test:80:169.254.169.254"),
                     CURLE_COULDNT_CONNECT);
    assert_int_equal(connect_to("http://flip.test:80/", "flip.test:80:[fe80::1]"),
                     CURLE_COULDNT_CONNECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a23_addresses),
        cmocka_unit_test(test_a23_who_chose_it),
        cmocka_unit_test(test_a23_a_name_that_leads_astray),
    };
    int failed;

    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
