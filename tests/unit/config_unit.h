/* SPDX-License-Identifier: MIT */
/* What the tests of the configuration share: a file with something of everything. */
#ifndef TEPLO_TESTS_CONFIG_UNIT_H
#define TEPLO_TESTS_CONFIG_UNIT_H

#include "unit.h"

#include "broker/control/config_file.h"

/* ${TOKEN} is to be set. */
static const char config_full_text[] =
    "// A comment with \"quotes\" and /* another */\n"
    "{\n"
    "  \"mcpServers\": {\n"
    "    /* a block\n"
    "       of two lines // */\n"
    "    \"grynya\": {\n"
    "      \"type\": \"sse\", \"description\": [1, {}], \"timeout\": 60, \"alwaysAllow\": [],\n"
    "      \"autoApprove\": null, \"disabled\": false,\n"
    "      \"url\": \"http://grynya-mcp-server:8000/sse?key=${TOKEN}\", // not /* a comment\n"
    "      \"headers\": {\"Host\": \"localhost\", \"Authorization\": \"Bearer ${TOKEN}\",\n"
    "                  \"X-Url\": \"http://x/*y*/ \\\"//\\\"\"},\n"
    "      \"teplo\": {\n"
    "        \"pool_size\": 4, \"min_pool_size\": 4, \"call_timeout\": \"1.5s\",\n"
    "        \"session_lifetime\": \"2h\", \"check_delay\": \"0s\", \"queue_max\": 0,\n"
    "        \"pool_mode\": \"session\", \"conn_reuse\": \"always\",\n"
    "        \"session_lost_status\": [400, 599, 400], \"not_executed_status\": [503],\n"
    "        \"tools\": {\"query_graph\": {\"retry\": \"idempotent\", \"call_timeout\": \"10m\",\n"
    "                                  \"on_client_gone\": \"cancel\"},\n"
    "                  \"додати\": {\"retry\": \"never\"}},\n"
    "        \"allow\": {\"users\": [\"root\", 1000, \"4294967294\"], \"groups\": [\"root\"],\n"
    "                  \"tools\": [\"query_*\", \"додати\"]},\n"
    "        \"deny\": {\"tools\": [\"*_admin\"]}\n"
    "      }\n"
    "    },\n"
    "    \"GitHub\": {\"disabled\": true, \"command\": \"npx\", \"what\": 1},\n"
    "    \"b-2_c\": {\"url\": \"HTTPS://[::1]:8443\", \"transport\": \"sse\"}\n"
    "  },\n"
    "  \"teplo\": {\n"
    "    \"redis\": {\"url\": \"redis://user:${TOKEN}@redis:6379/1\", \"namespace\": \"prod-1\",\n"
    "              \"tick\": \"500ms\"},\n"
    "    \"max_clients\": 7, \"max_frame\": \"64KiB\", \"max_response\": 2048,\n"
    "    \"outbuf_max\": \"1.5MiB\", \"socket_mode\": \"660\", \"log_level\": \"debug\"\n"
    "  }\n"
    "}\n"
    "// the end";

/* Fails the test unless TEXT is good. */
static inline struct config *config_parse(const char *text)
{
    struct bytes message;
    struct config *config;

    bytes_init(&message, 1000);
    config = config_parse_text("t", span_of(text), &message);
    if (config == NULL) {
        print_error("%.*s\n", (int)message.length, message.at);
    }
    assert_non_null(config);
    assert_int_equal(message.length, 0);
    bytes_done(&message);
    return config;
}

/* Fails the test unless they are good. */
static inline struct config *config_loaded(const struct config_arguments *arguments)
{
    struct bytes message;
    struct config *config;

    bytes_init(&message, 1000);
    config = config_load(arguments, &message);
    if (config == NULL) {
        print_error("%.*s\n", (int)message.length, message.at);
    }
    assert_non_null(config);
    bytes_done(&message);
    return config;
}

#endif
