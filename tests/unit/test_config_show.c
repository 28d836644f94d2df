/* SPDX-License-Identifier: MIT */
/* What the configuration shows of itself, here and in the documents; its words and texts. */
#include "config_unit.h"

#include <stdlib.h>

#include "broker/control/config_choice.h"
#include "broker/control/config_option.h"
#include "broker/control/config_text.h"
#include "proto/json_scan.h"

static char *described(const struct config *config)
{
    struct bytes out;
    struct json_error error;
    size_t length;

    bytes_init(&out, 100000);
    config_describe(config, &out);
    assert_int_equal(json_check(bytes_span(&out), &json_limits_default, &error), 0);
    bytes_append_char(&out, '\0');
    assert_false(out.failed);
    return bytes_take(&out, &length);
}

static void test_describe(void **state)
{
    static const char *const parts[] = {
        "{\"mcpServers\":{\"grynya\":{\"url\":\"http://grynya-mcp-server:8000/sse?(secret)\","
        "\"type\":\"sse\",\"headers\":{\"Host\":\"(secret)\",\"Authorization\":\"(secret)\","
        "\"X-Url\":\"(secret)\"},\"teplo\":{\"pool_mode\":\"session\",\"pool_size\":4,"
        "\"min_pool_size\":4,",
        "\"conn_reuse\":\"always\",\"session_lost_status\":[400,599],"
        "\"not_executed_status\":[503],\"unknown_as\":\"error\"",
        "\"call_timeout\":\"1500ms\"",
        "\"session_lifetime\":\"2h\"",
        "\"tools\":{\"query_graph\":{\"retry\":\"idempotent\",\"call_timeout\":\"10m\","
        "\"on_client_gone\":\"cancel\"},\"додати\":{\"retry\":\"never\"}},"
        "\"allow\":{\"users\":[\"root\",\"1000\",\"4294967294\"],\"groups\":[\"root\"],"
        "\"tools\":[\"query_*\",\"додати\"]},\"deny\":{\"tools\":[\"*_admin\"]}}},\"b-2_c\":{",
        "\"teplo\":{\"max_clients\":7,",
        "\"max_frame\":\"64KiB\",\"max_response\":\"2KiB\",\"max_depth\":128,"
        "\"max_tokens\":1000000,\"outbuf_soft\":\"256KiB\",\"outbuf_max\":\"1536KiB\"",
        "\"socket_mode\":\"0660\",\"metrics_listen\":\"\",\"metrics_tools\":\"off\","
        "\"ready_require\":\"none\",\"log_level\":\"debug\","
        "\"redis\":{",
        "\"redis\":{\"url\":\"redis://(secret)@redis:6379/1\",\"username\":\"\",\"password\":\"\",",
        "\"namespace\":\"prod-1\",\"tick\":\"500ms\",\"forget_after\":\"1m\",\"max_bytes\":"
        "\"32MiB\",\"ts_max_pools\":32}}}",
    };
    struct config *config = config_parse(config_full_text);
    char *text = described(config);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_row(i, strstr(text, parts[i]) != NULL);
    }
    assert_null(strstr(text, "hunter2"));
    assert_null(strstr(text, "localhost"));
    config_free(config);
    mem_free(text);
    config = config_parse("{\"mcpServers\":{\"a\":{\"url\":\"http://h/${TOKEN}/sse\"}}}");
    text = described(config);
    assert_non_null(strstr(text, "\"url\":\"http://h/${TOKEN}/sse\""));
    mem_free(text);
    config_free(config);
    config = config_parse("{\"mcpServers\":{\"a\":{\"url\":\"http://h/\"}},\"teplo\":{\"redis\":{"
                          "\"url\":\"sentinels://u:${TOKEN}@h,i/m\",\"tls_ca\":\"/${TOKEN}/ca\","
                          "\"sentinel_password\":\"p ${TOKEN}\"}}}");
    assert_string_equal(config->redis.sentinel_password, "p hunter2");
    assert_string_equal(config->redis.tls_ca, "/hunter2/ca");
    text = described(config);
    assert_non_null(strstr(text, "\"url\":\"sentinels://(secret)@h,i/m\",\"username\":\"\","
                                 "\"password\":\"\",\"sentinel_username\":\"\","
                                 "\"sentinel_password\":\"(secret)\","));
    mem_free(text);
    config_free(config);
}

/* Described, the options read back as the same: one notation. */
static void test_describe_reads_back(void **state)
{
    struct config *config = config_parse("{\"mcpServers\":{\"a\":{\"url\":\"http://h/\",\"teplo\":{"
                                         "\"queue_timeout\":\"61s\",\"tools\":{\"t\":{"
                                         "\"on_client_gone\":\"cancel\"}},\"aimd\":\"on\","
                                         "\"session_lost_status\":[401,400],"
                                         "\"allow\":{\"users\":[5,\"root\"],\"tools\":[\"a*\"]},"
                                         "\"deny\":{\"tools\":[\"b\"]}}}}}");
    char *text = described(config);
    struct config *again = config_parse(text);
    char hex[13];
    char hex_again[13];

    (void)state;
    assert_true(config_server_equal(&config->servers[0], &again->servers[0]));
    assert_true(config_option_equal_all(OPTION_SCOPE_BROKER, config, again));
    assert_true(config_option_equal_all(OPTION_SCOPE_REDIS, &config->redis, &again->redis));
    config_digest(config, hex);
    config_digest(again, hex_again);
    assert_string_equal(hex, hex_again);
    mem_free(text);
    config_free(config);
    config_free(again);
}

static void digest_of(const char *server, const char *broker, char ret_hex[13])
{
    char text[500];
    struct config *config;

    (void)snprintf(text, sizeof(text),
                   "{\"mcpServers\":{\"a\":{\"url\":\"http://h/%s}},\"teplo\":{%s}}", server,
                   broker);
    config = config_parse(text);
    config_digest(config, ret_hex);
    config_free(config);
}

static void test_digest(void **state)
{
    /* Each differs from all others; and then what must not make a difference. */
    static const char *const different[][2] = {
        {"\"", ""},
        {"x\"", ""},
        {"?\"", ""},
        {"\",\"type\":\"sse\"", ""},
        {"\",\"headers\":{\"X\":\"1\"}", ""},
        {"\",\"headers\":{\"Y\":\"1\"}", ""},
        {"\",\"teplo\":{\"pool_size\":9}", ""},
        {"\",\"teplo\":{\"tools\":{\"t\":{}}}", ""},
        {"\",\"teplo\":{\"tools\":{\"t\":{\"retry\":\"idempotent\"}}}", ""},
        {"\",\"teplo\":{\"tools\":{\"t\":{\"call_timeout\":\"1s\"}}}", ""},
        {"\"", "\"max_clients\":9"},
        {"\"", "\"redis\":\"redis://h\""},
        {"\"", "\"redis\":\"redis://:1@h/1\""},
        {"\"", "\"redis\":{\"namespace\":\"x\"}"},
        {"\"", "\"redis\":{\"password\":\"1\"}"},
        {"\"", "\"redis\":{\"tls_ca\":\"/1\"}"},
        {"\",\"teplo\":{\"pool_mode\":\"session\"}", ""},
        {"\",\"teplo\":{\"session_lost_status\":[400]}", ""},
        {"\",\"teplo\":{\"session_lost_status\":[599]}", ""},
        {"\",\"teplo\":{\"not_executed_status\":[400]}", ""},
        {"\",\"teplo\":{\"tools\":{\"t\":{\"on_client_gone\":\"detach\"}}}", ""},
        {"\",\"teplo\":{\"allow\":{\"users\":[1]}}", ""},
        {"\",\"teplo\":{\"allow\":{\"groups\":[1]}}", ""},
        {"\",\"teplo\":{\"allow\":{\"tools\":[\"1\"]}}", ""},
        {"\",\"teplo\":{\"deny\":{\"tools\":[\"1\"]}}", ""},
    };
    char digests[COUNT_OF(different)][13];
    char hex[13];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(different); i++) {
        digest_of(different[i][0], different[i][1], digests[i]);
        assert_row(i, strlen(digests[i]) == 12);
        assert_row(i, strspn(digests[i], "0123456789abcdef") == 12);
        for (size_t j = 0; j < i; j++) {
            assert_row(i, strcmp(digests[i], digests[j]) != 0);
        }
    }
    digest_of("\",\"headers\":{\"X\":\"2\"}", "", hex);
    assert_string_equal(hex, digests[4]);
    digest_of("\"", "\"redis\":\"redis://:2@h/1\"", hex);
    assert_string_equal(hex, digests[12]);
    digest_of("\"", "\"redis\":{\"password\":\"2\"}", hex);
    assert_string_equal(hex, digests[14]);
    digest_of("?x\"", "", hex);
    assert_string_equal(hex, digests[2]);
    digest_of("\",\"teplo\":{\"pool_size\":8,\"call_timeout\":\"300s\"}", "", hex);
    assert_string_equal(hex, digests[0]);
}

static bool is_equal(const char *first, const char *second)
{
    char text[500];
    struct config *config;
    bool equal;

    (void)snprintf(text, sizeof(text), "{\"mcpServers\":{\"a\":{\"url\":\"http://h/%s}}}", first);
    config = config_parse(text);
    (void)snprintf(text, sizeof(text), "{\"mcpServers\":{\"a\":{\"url\":\"http://h/%s}}}", second);
    {
        struct config *other = config_parse(text);

        equal = config_server_equal(&config->servers[0], &other->servers[0]);
        assert_int_equal(equal, config_server_equal(&other->servers[0], &config->servers[0]));
        config_free(other);
    }
    config_free(config);
    return equal;
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(is_equal("\"", "\",\"description\":\"x\",\"teplo\":{\"pool_size\":8}"));
    assert_true(is_equal("${TOKEN}\"", "hunter2\""));
    assert_false(is_equal("\"", "x\""));
    assert_false(is_equal("\"", "\",\"type\":\"sse\""));
    assert_false(is_equal("\"", "\",\"headers\":{\"X\":\"1\"}"));
    assert_false(is_equal("\",\"headers\":{\"X\":\"2\"}", "\",\"headers\":{\"X\":\"1\"}"));
    assert_false(is_equal("\",\"headers\":{\"Y\":\"1\"}", "\",\"headers\":{\"X\":\"1\"}"));
    assert_false(is_equal("\"", "\",\"teplo\":{\"check_delay\":\"1s\"}"));
    assert_false(is_equal("\"", "\",\"teplo\":{\"tools\":{\"t\":{}}}"));
    assert_false(
        is_equal("\",\"teplo\":{\"tools\":{\"s\":{}}}", "\",\"teplo\":{\"tools\":{\"t\":{}}}"));
    assert_false(is_equal("\",\"teplo\":{\"tools\":{\"t\":{\"retry\":\"idempotent\"}}}",
                          "\",\"teplo\":{\"tools\":{\"t\":{}}}"));
    assert_true(
        is_equal("\",\"teplo\":{\"allow\":{\"users\":[]},\"session_lost_status\":[]}", "\""));
    assert_false(is_equal("\"", "\",\"teplo\":{\"pool_mode\":\"session\"}"));
    assert_false(is_equal("\"", "\",\"teplo\":{\"session_lost_status\":[400]}"));
    assert_false(is_equal("\"", "\",\"teplo\":{\"allow\":{\"users\":[7]}}"));
    assert_false(is_equal("\",\"teplo\":{\"allow\":{\"users\":[8]}}",
                          "\",\"teplo\":{\"allow\":{\"users\":[7]}}"));
    assert_false(is_equal("\",\"teplo\":{\"allow\":{\"groups\":[8]}}",
                          "\",\"teplo\":{\"allow\":{\"groups\":[7]}}"));
    assert_false(is_equal("\",\"teplo\":{\"deny\":{\"tools\":[\"a\"]}}",
                          "\",\"teplo\":{\"deny\":{\"tools\":[\"a\",\"b\"]}}"));
    assert_false(is_equal("\",\"teplo\":{\"tools\":{\"t\":{\"on_client_gone\":\"cancel\"}}}",
                          "\",\"teplo\":{\"tools\":{\"t\":{}}}"));
}

/* What changes the use of sessions replaces the pool; what changes their limits does not. */
static void test_same_endpoint(void **state)
{
    struct config *config = config_parse(
        "{\"mcpServers\":{\"a\":{\"url\":\"http://h/\"},"
        "\"b\":{\"url\":\"http://h/\",\"teplo\":{\"pool_mode\":\"session\"}},"
        "\"c\":{\"url\":\"http://h/\",\"teplo\":{\"aimd\":\"on\",\"deny\":{\"tools\":[\"x\"]}}}}}");

    (void)state;
    assert_false(config_server_same_endpoint(&config->servers[0], &config->servers[1]));
    assert_true(config_server_same_endpoint(&config->servers[0], &config->servers[2]));
    config_free(config);
}

/* Every option with its default, in the listing and in the example file. */
static void test_listing(void **state)
{
    struct bytes out;
    const char *text;

    (void)state;
    bytes_init(&out, 100000);
    config_print_options(&out);
    text = bytes_text(&out);
    assert_non_null(text);
    for (enum option_scope scope = OPTION_SCOPE_SERVER; scope < OPTION_SCOPE_NONE; scope++) {
        for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
             option = config_option_next(scope, option)) {
            char line[200];

            (void)snprintf(line, sizeof(line), "\n    %s = %s\n", option->name,
                           *option->fallback == '\0' ? "\"\"" : option->fallback);
            assert_non_null(strstr(text, line));
        }
    }
    assert_non_null(strstr(text, "duration, 10ms to 10m; a reload applies it to new sessions\n"));
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        assert_true(strchr(at, '\n') - at <= 80);
    }
    bytes_done(&out);
}

static void test_example(void **state)
{
    struct config_arguments arguments = {.file = TEPLO_DEPLOY "/etc/teplo.jsonc.example"};
    struct config *config = config_loaded(&arguments);
    struct config *plain = config_parse("{\"mcpServers\":{\"a\":{\"url\":\"http://h\"}}}");

    (void)state;
    assert_true(config->server_count > 0);
    assert_true(
        config_option_equal_all(OPTION_SCOPE_SERVER, &config->servers[0], &plain->servers[0]));
    assert_true(config_option_equal_all(OPTION_SCOPE_BROKER, config, plain));
    assert_true(config_option_equal_all(OPTION_SCOPE_REDIS, &config->redis, &plain->redis));
    config_free(config);
    config_free(plain);
}

/* The entry of an option in the manual page, as far as it repeats the table. */
static void print_entry(const struct config_option *option, struct bytes *out)
{
    static const char *const reloads[] = {[OPTION_RELOAD_LIVE] = "live",
                                          [OPTION_RELOAD_NEW] = "new",
                                          [OPTION_RELOAD_RESTART] = "restart"};
    const char *noun = config_value_noun(option->type);

    bytes_printf(out, ".It Ic %s\n%c%s", option->name, noun[0] - 'a' + 'A', noun + 1);
    if (config_value_is_text(option->type)) {
        bytes_printf(out, ", %d to %d bytes", (int)option->least, (int)option->most);
    } else if (option->type == OPTION_TYPE_CHOICE) {
        bytes_append_text(out, ", ");
        config_choice_list(option->name, "", out);
    } else if (option->type != OPTION_TYPE_LEVEL) {
        bytes_append_text(out, ", ");
        config_value_print(option->type, option->least, out);
        bytes_append_text(out, " to ");
        config_value_print(option->type, option->most, out);
    }
    bytes_printf(out, "; default %s; %s.\n%.20s",
                 *option->fallback == '\0' ? "empty" : option->fallback, reloads[option->reload],
                 option->help);
}

static void test_manual(void **state)
{
    struct bytes manual;
    const char *text;

    (void)state;
    assert_int_equal(config_text_read_file(TEPLO_DEPLOY "/man/teplo.jsonc.5", 1 << 20, &manual), 0);
    text = bytes_text(&manual);
    assert_non_null(text);
    for (enum option_scope scope = OPTION_SCOPE_SERVER; scope < OPTION_SCOPE_NONE; scope++) {
        for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
             option = config_option_next(scope, option)) {
            struct bytes entry;
            const char *expected;

            bytes_init(&entry, 1000);
            print_entry(option, &entry);
            expected = bytes_text(&entry);
            assert_non_null(expected);
            if (strstr(text, expected) == NULL) {
                print_error("teplo.jsonc.5 lacks:\n%s\n", expected);
                fail();
            }
            bytes_done(&entry);
        }
    }
    bytes_done(&manual);
}

/* ---- small parts */

static void test_nearest(void **state)
{
    static const struct {
        const char *word;
        const char *best;
        size_t distance;
    } rows[] = {
        {"pool_size", "pool_size", 0},
        {"pol_size", "pool_size", 1},
        {"pool_sizee", "pool_size", 1},
        {"pool-size", "pool_size", 1},
        {"opol_size", "pool_size", 1},
        {"poolsize", "pool_size", 1},
        {"pl_sze", "pool_size", 3},
        {"POOL_SIZE", "pool_size", 0},
        {"ul", "url", 1},
        {"x", NULL, 4},
        {"", NULL, 4},
        {"pool_size_xxxx", NULL, 4},
        {"rul", "url", 1},
        {"abcdefghijklmnopqrstuvwxyz0123456789", NULL, 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config_nearest nearest = config_nearest_to(span_of(rows[i].word));

        config_nearest_try(&nearest, "pool_size");
        config_nearest_try(&nearest, "url");
        assert_row(i, (nearest.best == NULL) == (rows[i].best == NULL));
        assert_row(i, nearest.best == NULL || strcmp(nearest.best, rows[i].best) == 0);
        assert_row(i, nearest.distance == rows[i].distance);
    }
}

static void test_show(void **state)
{
    char buffer[CONFIG_TEXT_SHOWN];
    char text[CONFIG_TEXT_SHOWN + 10];

    (void)state;
    assert_string_equal(config_text_show(SPAN(""), buffer), "");
    assert_string_equal(config_text_show(SPAN_NONE, buffer), "");
    assert_string_equal(config_text_show(SPAN("a\n\x7f\x1b[1m"), buffer), "a???[1m");
    /* The longest that fits, one more, and a cut inside of a character. */
    memset(text, 'a', sizeof(text));
    assert_int_equal(strlen(config_text_show((struct span){text, CONFIG_TEXT_SHOWN - 4}, buffer)),
                     CONFIG_TEXT_SHOWN - 4);
    config_text_show((struct span){text, CONFIG_TEXT_SHOWN - 3}, buffer);
    assert_string_equal(buffer + CONFIG_TEXT_SHOWN - 5, "a...");
    memcpy(text + CONFIG_TEXT_SHOWN - 5, "\xd1\x97", 2);
    config_text_show((struct span){text, sizeof(text)}, buffer);
    assert_string_equal(buffer + CONFIG_TEXT_SHOWN - 6, "a...");
}

static int set_up(void **state)
{
    (void)state;
    return setenv("TOKEN", "hunter2", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe),      cmocka_unit_test(test_describe_reads_back),
        cmocka_unit_test(test_same_endpoint), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_equal),         cmocka_unit_test(test_listing),
        cmocka_unit_test(test_example),       cmocka_unit_test(test_manual),
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_show),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
