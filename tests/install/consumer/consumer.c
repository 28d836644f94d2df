/* SPDX-License-Identifier: MIT */
/*
 * A user's program, in C and in C++.  It has functions that are called like some inside the
 * library, and ends with 0 if neither took the other's.
 */
#include <stdio.h>
#include <string.h>
#include <teplo.h>

void bytes_init(void *bytes, size_t maximum);
void list_init(void *list);
int json_check(void);

static int calls;

void bytes_init(void *bytes, size_t maximum)
{
    (void)bytes;
    (void)maximum;
    calls++;
}

void list_init(void *list)
{
    (void)list;
    calls++;
}

int json_check(void)
{
    calls++;
    return 0;
}

/* Without a broker: what is asked certainly did not run. */
static int ask(struct teplo_client *client)
{
    struct teplo_callopts callopts = TEPLO_CALLOPTS_INIT;
    struct teplo_result *result = NULL;
    int status;

    callopts.timeout_ms = 1000;
    status = teplo_call_tool(client, "echo", "{}", 2, &callopts, &result);
    if (status != TEPLO_E_CONNECT || teplo_result_outcome(result) != TEPLO_NOT_EXECUTED ||
        teplo_result_status(result) != status || strlen(teplo_result_message(result, NULL)) == 0) {
        printf("status %d, %s\n", status, teplo_result_message(result, NULL));
        return 1;
    }
    teplo_result_free(result);
    return 0;
}

static int toolset(void)
{
    static const char listing[] =
        "{\"tools\":[{\"name\":\"add\",\"inputSchema\":{\"type\":\"object\"}}]}";
    struct teplo_toolset *tools = NULL;
    int status = teplo_toolset_new(TEPLO_ANTHROPIC, 0, &tools);

    if (status == TEPLO_OK) {
        status = teplo_toolset_add(tools, NULL, listing, strlen(listing));
    }
    if (status != TEPLO_OK || strstr(teplo_toolset_tools(tools, NULL), "\"add\"") == NULL) {
        printf("toolset: %d\n", status);
        return 1;
    }
    teplo_toolset_free(tools);
    return 0;
}

int main(void)
{
    struct teplo_options *options = teplo_options_new();
    struct teplo_client *client = NULL;
    int failed;

    if (teplo_abi() != TEPLO_ABI || teplo_version() != TEPLO_VERSION_NUMBER ||
        teplo_options_set_text(options, TEPLO_OPT_SOCKET, "/nonexistent/teplo.sock") != TEPLO_OK ||
        teplo_options_set_number(options, TEPLO_OPT_RECONNECT_MS, 0) != TEPLO_OK ||
        teplo_open(options, &client) != TEPLO_OK) {
        return 2;
    }
    failed = ask(client) + toolset();
    teplo_close(client);
    teplo_options_free(options);
    if (calls != 0) {
        puts("the library called the program's functions");
        return 3;
    }
    bytes_init(NULL, 0);
    list_init(NULL);
    return failed + json_check() + (calls == 3 ? 0 : 4);
}
