/* SPDX-License-Identifier: MIT */
/* List the tools, call one, wait for the answer:  blocking TOOL '{"json":"arguments"}' */
#include <stdio.h>
#include <string.h>
#include <teplo.h>

int main(int argc, char **argv)
{
    struct teplo_client *client;
    struct teplo_result *result;
    int status;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s TOOL JSON\n", argv[0]);
        return 2;
    }
    if (teplo_open(NULL, &client) < 0) {
        return 1;
    }
    status = teplo_list_tools(client, NULL, &result);
    if (status == TEPLO_OK) {
        puts(teplo_result_json(result, NULL));
        teplo_result_free(result);
        status = teplo_call_tool(client, argv[1], argv[2], strlen(argv[2]), NULL, &result);
    }

    if (status == TEPLO_OK) {
        puts(teplo_result_text(result, NULL));
    } else if (result == NULL) {
        (void)fprintf(stderr, "nothing was sent: %s\n", teplo_errmsg(client));
    } else {
        int again = teplo_result_outcome(result) == TEPLO_NOT_EXECUTED; /* it did not run */

        (void)fprintf(stderr, "%s%s\n", teplo_result_message(result, NULL),
                      again ? "; try again" : "");
    }
    teplo_result_free(result);
    teplo_close(client);
    return status == TEPLO_OK ? 0 : 1;
}
