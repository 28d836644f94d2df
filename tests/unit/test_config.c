/* SPDX-License-Identifier: MIT */
/* What the configuration accepts, from files and arguments, and how it runs out of memory. */
#include "config_unit.h"

#include <fcntl.h>
#include <stdlib.h>

static char folder[] = "/tmp/test_config.XXXXXX";

/* The path of FILE in this test's folder.  One buffer for each of the last four. */
static const char *path_of(const char *file)
{
    static char paths[4][100];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, file);
    return path;
}

static void write_file(const char *file, const char *text, size_t length)
{
    int fd = open(path_of(file), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
    assert_int_equal(close(fd), 0);
}

/* Nothing is said but EXPECTED, of which it may be a part. */
static void assert_refused(const struct config_arguments *arguments, const char *expected)
{
    struct bytes message;
    const char *text;

    bytes_init(&message, 10000);
    bytes_append_text(&message, "an earlier word");
    assert_null(config_load(arguments, &message));
    text = bytes_text(&message);
    assert_non_null(text);
    if (strstr(text, expected) == NULL || strstr(text, "earlier") != NULL) {
        print_error("says     %s\nexpected %s\n", text, expected);
        fail();
    }
    assert_null(strstr(text, "hunter2"));
    bytes_done(&message);
}

static void test_full(void **state)
{
    struct config *config = config_parse(config_full_text);
    const struct config_server *server = &config->servers[0];

    (void)state;
    assert_int_equal(config->server_count, 2);
    assert_string_equal(server->name, "grynya");
    assert_string_equal(server->url, "http://grynya-mcp-server:8000/sse?key=hunter2");
    assert_int_equal(server->transport, CONFIG_TRANSPORT_SSE);
    assert_int_equal(server->header_count, 3);
    assert_string_equal(server->headers[0].name, "Host");
    assert_string_equal(server->headers[0].value, "localhost");
    assert_string_equal(server->headers[1].name, "Authorization");
    assert_string_equal(server->headers[1].value, "Bearer hunter2");
    assert_string_equal(server->headers[2].value, "http://x/*y*/ \"//\"");
    assert_int_equal(server->pool_size, 4);
    assert_int_equal(server->min_pool_size, 4);
    assert_int_equal(server->call_timeout_ms, 1500);
    assert_int_equal(server->session_lifetime_ms, 7200000);
    assert_int_equal(server->check_delay_ms, 0);
    assert_int_equal(server->queue_max, 0);
    assert_int_equal(server->tool_count, 2);
    assert_string_equal(server->tools[0].name, "query_graph");
    assert_int_equal(server->tools[0].retry, TOOL_RETRY_IDEMPOTENT);
    assert_int_equal(server->tools[0].call_timeout_ms, 600000);
    assert_string_equal(server->tools[1].name, "додати");
    assert_int_equal(server->tools[1].retry, TOOL_RETRY_NEVER);
    assert_int_equal(server->tools[1].call_timeout_ms, -1);
    assert_int_equal(server->tools[0].on_client_gone, CONFIG_ON_CLIENT_GONE_CANCEL);
    assert_int_equal(server->tools[1].on_client_gone, -1);
    assert_string_equal(config->servers[1].name, "b-2_c");
    assert_string_equal(config->servers[1].url, "HTTPS://[::1]:8443");
    assert_string_equal(config->redis.url, "redis://user:hunter2@redis:6379/1");
    assert_string_equal(config->redis.namespace, "prod-1");
    assert_int_equal(config->redis.tick_ms, 500);
    assert_int_equal(config->max_clients, 7);
    assert_int_equal(config->max_frame_bytes, 65536);
    assert_int_equal(config->max_response_bytes, 2048);
    assert_int_equal(config->outbuf_max_bytes, 3 << 19);
    assert_int_equal(config->socket_mode, 0660);
    assert_int_equal(config->log_level, 3);
    config_free(config);
}

static void test_full_choices(void **state)
{
    struct config *config = config_parse(config_full_text);
    const struct config_server *server = &config->servers[0];

    (void)state;
    assert_int_equal(server->pool_mode, CONFIG_POOL_MODE_SESSION);
    assert_int_equal(server->conn_reuse, CONFIG_CONN_REUSE_ALWAYS);
    for (int64_t status = 0; status < 1000; status++) {
        assert_int_equal(status_set_has(&server->session_lost_status, status),
                         status == 400 || status == 599);
        assert_int_equal(status_set_has(&server->not_executed_status, status), status == 503);
        assert_false(status_set_has(&config->servers[1].not_executed_status, status));
    }
    config_free(config);
}

static void test_full_access(void **state)
{
    struct config *config = config_parse(config_full_text);
    const struct config_access *access = &config->servers[0].access;

    (void)state;
    assert_int_equal(access->user_count, 3);
    assert_string_equal(access->users[0].name, "root");
    assert_int_equal(access->users[0].id, 0);
    assert_string_equal(access->users[1].name, "1000");
    assert_int_equal(access->users[1].id, 1000);
    assert_int_equal(access->users[2].id, 4294967294);
    assert_int_equal(access->group_count, 1);
    assert_int_equal(access->groups[0].id, 0);
    assert_int_equal(access->allowed_tool_count, 2);
    assert_string_equal(access->allowed_tools[0], "query_*");
    assert_string_equal(access->allowed_tools[1], "додати");
    assert_int_equal(access->denied_tool_count, 1);
    assert_string_equal(access->denied_tools[0], "*_admin");
    access = &config->servers[1].access;
    assert_int_equal(access->user_count + access->group_count + access->allowed_tool_count +
                         access->denied_tool_count,
                     0);
    config_free(config);
}

static void test_defaults(void **state)
{
    struct config *config = config_parse("{\"mcpServers\":{\"a\":{\"url\":\"http://h\"}}}");
    const struct config_server *server = &config->servers[0];

    (void)state;
    assert_int_equal(server->transport, CONFIG_TRANSPORT_AUTO);
    assert_int_equal(server->pool_size, 8);
    assert_int_equal(server->min_pool_size, 0);
    assert_int_equal(server->connect_timeout_ms, 5000);
    assert_int_equal(server->session_lifetime_ms, 3600000);
    assert_int_equal(server->session_idle_timeout_ms, 240000);
    assert_int_equal(server->backoff_min_ms, 100);
    assert_int_equal(server->pool_mode, CONFIG_POOL_MODE_CALL);
    assert_int_equal(server->conn_reuse, CONFIG_CONN_REUSE_PROBE);
    assert_int_equal(server->on_client_gone, CONFIG_ON_CLIENT_GONE_DETACH);
    assert_int_equal(server->unknown_as, CONFIG_UNKNOWN_AS_ERROR);
    assert_int_equal(server->aimd, CONFIG_AIMD_OFF);
    assert_int_equal(config->max_inflight_per_client, 32);
    assert_int_equal(config->max_queued_per_client, 256);
    assert_int_equal(config->mem_limit_bytes, 256 << 20);
    assert_int_equal(config->max_frame_bytes, 4 << 20);
    assert_int_equal(config->socket_mode, 0660);
    assert_int_equal(config->log_level, 2);
    assert_string_equal(config->redis.url, "");
    assert_string_equal(config->redis.namespace, "main");
    assert_int_equal(config->redis.tick_ms, 1000);
    config_free(config);
    /* Redis as a text. */
    config = config_parse("{\"mcpServers\":{\"a\":{\"url\":\"http://h\"}},"
                          "\"teplo\":{\"redis\":\"unix:///run/redis.sock?db=2\"}}");
    assert_string_equal(config->redis.url, "unix:///run/redis.sock?db=2");
    config_free(config);
}

static void test_good_urls(void **state)
{
    static const char *const good[] = {
        "http://a",
        "http://localhost:8000/sse",
        "https://h.example.org/a/b?c=d@e",
        "http://10.0.0.1:1/?x=/",
        "http://[fe80::1%25eth0]:65535/sse",
        "http://grynya_mcp.server-1/",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char text[200];
        struct config *config;

        (void)snprintf(text, sizeof(text), "{\"mcpServers\":{\"a\":{\"url\":\"%s\"}}}", good[i]);
        config = config_parse(text);
        assert_string_equal(config->servers[0].url, good[i]);
        config_free(config);
    }
}

/* The value of a header that is written as VALUE in the file. */
static void assert_expands(const char *value, const char *expected)
{
    char text[500];
    struct config *config;

    (void)snprintf(text, sizeof(text),
                   "{\"mcpServers\":{\"a\":{\"url\":\"http://h\",\"headers\":{\"X\":\"%s\"}}}}",
                   value);
    config = config_parse(text);
    assert_string_equal(config->servers[0].headers[0].value, expected);
    config_free(config);
}

static void test_expansion(void **state)
{
    char reference[200];

    (void)state;
    assert_expands("$", "$");
    assert_expands("a$b$$c{d}", "a$b$$c{d}");
    assert_expands("${TOKEN}", "hunter2");
    assert_expands("${TOKEN}${TOKEN}}", "hunter2hunter2}");
    assert_expands("\\u0024{TOKEN}", "hunter2");
    assert_expands("$${TOKEN}", "${TOKEN}");
    assert_expands("$$${TOKEN}", "$${TOKEN}");
    assert_expands("$${", "${");
    assert_expands("x${EMPTY}y", "xy");
    /* What comes in is not expanded again. */
    assert_expands("${NESTED}", "${TOKEN}");
    (void)snprintf(reference, sizeof(reference), "<${file:%s}>", path_of("secret"));
    write_file("secret", "s3cret\n", 7);
    assert_expands(reference, "<s3cret>");
    write_file("secret", "s3cret\r\n", 8);
    assert_expands(reference, "<s3cret>");
    write_file("secret", "s3cret", 6);
    assert_expands(reference, "<s3cret>");
    write_file("secret", "", 0);
    assert_expands(reference, "<>");
}

static void test_files(void **state)
{
    struct config_arguments arguments = {.file = path_of("teplo.jsonc")};
    char expected[200];
    struct config *config;
    char *large = calloc(1, (1 << 20) + 1);

    (void)state;
    assert_non_null(large);
    memset(large, ' ', (1 << 20) + 1);
    (void)snprintf(expected, sizeof(expected),
                   "%s: the file cannot be read (No such file or "
                   "directory); check the path",
                   arguments.file);
    assert_refused(&arguments, expected);
    arguments.file = folder;
    (void)snprintf(expected, sizeof(expected), "%s: the file cannot be read (Is a directory)",
                   folder);
    assert_refused(&arguments, expected);
    arguments.file = path_of("teplo.jsonc");
    write_file("teplo.jsonc", large, (1 << 20) + 1);
    (void)snprintf(expected, sizeof(expected), "%s: the file is larger than 1 MiB; give",
                   arguments.file);
    assert_refused(&arguments, expected);
    memcpy(large, config_full_text, strlen(config_full_text));
    memcpy(large + strlen(config_full_text), "\n", 1);
    write_file("teplo.jsonc", large, 1 << 20);
    config = config_loaded(&arguments);
    assert_int_equal(config->server_count, 2);
    config_free(config);
    write_file("teplo.jsonc", "{\n\"mcp\": 1}", 11);
    (void)snprintf(expected, sizeof(expected), "%s:2: unknown key \"mcp\"", arguments.file);
    assert_refused(&arguments, expected);
    free(large);
}

static void test_arguments(void **state)
{
    struct config_arguments arguments = {
        .servers = {"grynya=http://grynya:8000/sse?a=b", " b = https://${TOKEN}.example/ "},
        .server_count = 2,
        .headers = {"grynya: Host: localhost", "grynya:X-Key:  ${TOKEN}: a ", "b: Host: x:1"},
        .header_count = 3,
        .redis = "rediss://u:${TOKEN}@h"};
    struct config *config = config_loaded(&arguments);

    (void)state;
    assert_int_equal(config->server_count, 2);
    assert_string_equal(config->servers[0].name, "grynya");
    assert_string_equal(config->servers[0].url, "http://grynya:8000/sse?a=b");
    assert_int_equal(config->servers[0].header_count, 2);
    assert_string_equal(config->servers[0].headers[0].value, "localhost");
    assert_string_equal(config->servers[0].headers[1].name, "X-Key");
    assert_string_equal(config->servers[0].headers[1].value, "hunter2: a");
    assert_string_equal(config->servers[1].name, "b");
    assert_string_equal(config->servers[1].url, "https://hunter2.example/");
    assert_string_equal(config->servers[1].headers[0].value, "x:1");
    assert_string_equal(config->redis.url, "rediss://u:hunter2@h");
    config_free(config);
}

/* On top of a file: servers, headers, another Redis; and the file needs no server of its own. */
static void test_arguments_on_file(void **state)
{
    struct config_arguments arguments = {.file = path_of("teplo.jsonc"),
                                         .servers = {"more=http://h/"},
                                         .server_count = 1,
                                         .headers = {"grynya: X-More: 1"},
                                         .header_count = 1,
                                         .redis = ""};
    struct config *config;

    (void)state;
    write_file("teplo.jsonc", config_full_text, strlen(config_full_text));
    config = config_loaded(&arguments);
    assert_int_equal(config->server_count, 3);
    assert_string_equal(config->servers[2].name, "more");
    assert_int_equal(config->servers[0].header_count, 4);
    assert_string_equal(config->redis.url, "");
    assert_string_equal(config->redis.namespace, "prod-1");
    config_free(config);
    arguments.servers[0] = "grynya=http://h/";
    assert_refused(&arguments, "--server: there is a server \"grynya\" already; choose another");
    arguments.servers[0] = "more=http://h/";
    arguments.headers[0] = "grynya: host: x";
    assert_refused(&arguments, "--header: server \"grynya\" has a header \"host\" already; remove");
    write_file("teplo.jsonc", "{\"teplo\":{}}", 12);
    arguments.header_count = 0;
    config = config_loaded(&arguments);
    assert_int_equal(config->server_count, 1);
    config_free(config);
    arguments.server_count = 0;
    assert_refused(&arguments, "teplo.jsonc:1: no server; add one");
}

static void assert_server_refused(const char *server, const char *expected)
{
    struct config_arguments arguments = {.servers = {server}, .server_count = 1};

    assert_refused(&arguments, expected);
}

static void assert_header_refused(const char *header, const char *expected)
{
    struct config_arguments arguments = {
        .servers = {"a=http://h/"}, .server_count = 1, .headers = {header}, .header_count = 1};

    assert_refused(&arguments, expected);
}

static void test_bad_arguments(void **state)
{
    struct config_arguments arguments = {0};
    const char *expected = "--server: a server without its name or its url; write NAME=URL, as in "
                           "grynya=http://host:8000/sse";

    (void)state;
    assert_refused(&arguments, "--server: no server; give --server NAME=URL, or --config FILE");
    assert_server_refused("", expected);
    assert_server_refused("http://hunter2@h/", expected);
    assert_server_refused("http://hunter2@h/?a=b", expected);
    assert_server_refused("=http://h/", "--server: server \"\" is no usable name");
    assert_server_refused("A=http://h/", "--server: server \"A\" is no usable name");
    assert_server_refused("teplo=http://h/", "--server: server \"teplo\" is the name of one of");
    assert_server_refused("a=http://hunter2@h/", "--server: the url of server \"a\" has a user or");
    assert_server_refused("a=${UNSET_1}", "--server: ${UNSET_1} is not set in the environment");
    expected = "--header: a header without its server or its value; write 'NAME: Header: value'";
    assert_header_refused("", expected);
    assert_header_refused("hunter2", expected);
    assert_header_refused("Authorization: hunter2", expected);
    assert_header_refused("b: Authorization: hunter2",
                          "--header: no server is called \"b\"; write");
    assert_header_refused("a: Accept: hunter2", "--header: header \"Accept\" is prescribed by MCP");
    assert_header_refused("a: hunter2 x: y",
                          "--header: a header of server \"a\" is no header name");
    assert_header_refused("a: X: ", "--header: header \"X\" has an empty value");
    assert_header_refused("a: X: hunter2\x01", "--header: header \"X\" has a control byte");
    assert_header_refused("a: X: ${", "--header: a \"${\" without its \"}\"");
    arguments = (struct config_arguments){
        .servers = {"a=http://h/"}, .server_count = 1, .redis = "redis://hunter2@h/x"};
    assert_refused(&arguments, "--redis: the redis url has something else than a database number");
    arguments.redis = "redis://u:hunter2@h";
    assert_refused(&arguments, "--redis: the redis url has a password, which everybody can see");
    arguments.redis = "sentinel://:${TOKEN}hunter2@h/m";
    assert_refused(&arguments, "--redis: the redis url has a password, which everybody can see");
}

/* ---- memory */

/* It loaded; or it says why not, unless memory was out for that too. */
static bool is_loaded(const struct config_arguments *arguments)
{
    struct bytes message;
    struct config *config;
    bool loaded;

    bytes_init(&message, 1000);
    config = config_load(arguments, &message);
    loaded = config != NULL;
    assert_true(loaded || message.failed);
    config_free(config);
    bytes_done(&message);
    return loaded;
}

static bool load_from_file(void)
{
    struct config_arguments arguments = {.file = path_of("teplo.jsonc")};

    return is_loaded(&arguments);
}

static bool load_from_arguments(void)
{
    struct config_arguments arguments = {.servers = {"a=http://${TOKEN}/"},
                                         .server_count = 1,
                                         .headers = {"a: X: ${TOKEN}"},
                                         .header_count = 1,
                                         .redis = "redis://:${TOKEN}@h"};

    return is_loaded(&arguments);
}

/* The message in full. */
static bool refuse_file(void)
{
    struct bytes message;
    bool said;

    bytes_init(&message, 1000);
    assert_null(config_parse_text("t",
                                  SPAN("{\"mcpServers\":{\"a\":{\"url\":\"http://h/\",\"teplo\":{"
                                       "\"min_pool_size\":9}}}}"),
                                  &message));
    said = !message.failed && message.length > 0;
    bytes_done(&message);
    return said;
}

static bool describe_it(void)
{
    struct config_arguments arguments = {.file = path_of("teplo.jsonc")};
    struct bytes message;
    struct bytes out;
    struct config *config;
    bool described;

    bytes_init(&message, 1000);
    bytes_init(&out, 100000);
    config = config_load(&arguments, &message);
    if (config != NULL) {
        config_describe(config, &out);
        config_print_options(&out);
    }
    described = config != NULL && !out.failed;
    config_free(config);
    bytes_done(&out);
    bytes_done(&message);
    return described;
}

static void test_no_memory(void **state)
{
    char text[2000];

    (void)state;
    write_file("secret", "s3cret\n", 7);
    (void)snprintf(
        text, sizeof(text),
        "{\"mcpServers\":{\"a\":{\"url\":\"http://h/\",\"headers\":{\"X\":\"${file:%s}\"},"
        "\"teplo\":{\"tools\":{\"t\":{\"call_timeout\":\"1s\"}},"
        "\"allow\":{\"users\":[\"root\",7],\"groups\":[\"root\"],\"tools\":[\"a\"]},"
        "\"deny\":{\"tools\":[\"b\",\"c\"]}}},"
        "\"b\":{\"url\":\"http://${TOKEN}/\"}},"
        "\"teplo\":{\"redis\":{\"url\":\"redis://h\",\"namespace\":\"x\"}}}",
        path_of("secret"));
    write_file("teplo.jsonc", text, strlen(text));
    each_allocation_fails(load_from_file);
    each_allocation_fails(load_from_arguments);
    each_allocation_fails(refuse_file);
    each_allocation_fails(describe_it);
}

static bool fail_next;

static bool may_allocate_but_once(size_t size)
{
    bool may = !fail_next;

    (void)size;
    fail_next = false;
    return may;
}

/* With memory back for the message, it says that memory was out. */
static void test_no_memory_is_said(void **state)
{
    struct config_arguments arguments = {.file = path_of("teplo.jsonc")};
    struct bytes message;

    (void)state;
    write_file("teplo.jsonc", config_full_text, strlen(config_full_text));
    bytes_init(&message, 1000);
    fail_next = true;
    mem_set_hook(may_allocate_but_once);
    assert_null(config_load(&arguments, &message));
    mem_set_hook(NULL);
    assert_bytes(message, "out of memory while reading the configuration; free some");
    bytes_done(&message);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || setenv("TOKEN", "hunter2", 1) < 0 ||
                   setenv("EMPTY", "", 1) < 0 || setenv("NESTED", "${TOKEN}", 1) < 0 ||
                   unsetenv("UNSET_1") < 0
               ? -1
               : 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path_of("secret"));
    (void)unlink(path_of("teplo.jsonc"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_choices),
        cmocka_unit_test(test_full_access),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_good_urls),
        cmocka_unit_test(test_expansion),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_arguments_on_file),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_is_said),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
