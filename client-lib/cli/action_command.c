/* SPDX-License-Identifier: MIT */
/* `teploctl reload`, `drain`, `resume`, `flush`, `shutdown`: one method each, of the same name. */
#include <string.h>

#include "client-lib/cli/admin_link.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/table.h"

static const char doubt[] = "it may have been done: see teploctl status";

/* What is said on a terminal when it worked; FIELD of the result, if any, follows. */
static const struct {
    const char *command;
    const char *said;
    const char *field;
} sayings[] = {
    {"reload", "reloaded; servers: ", "servers"},
    {"drain", "draining: no new calls are taken", NULL},
    {"resume", "calls are taken again", NULL},
    {"flush", "Redis: ", "redis"},
    {"shutdown", "the broker ends when its calls in flight are answered", NULL},
};

static void print_saying(const char *command, struct span result)
{
    struct bytes line;

    bytes_init(&line, SIZE_MAX / 4);
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
        if (strcmp(sayings[i].command, command) == 0) {
            bytes_append_text(&line, sayings[i].said);
            if (sayings[i].field != NULL) {
                table_cell(&line, json_find(result, sayings[i].field));
            }
        }
    }
    bytes_append_char(&line, '\n');
    output_bytes(&line);
    bytes_done(&line);
}

/* `field TAB value` for each member of the result. */
static void print_members(struct span result)
{
    struct json_walk walk = json_walk_of(result);
    struct json_item item;
    struct bytes line;

    bytes_init(&line, SIZE_MAX / 4);
    while (json_walk_next(&walk, &item)) {
        bytes_clear(&line);
        table_cell(&line, item.key);
        bytes_append_char(&line, '\t');
        table_cell(&line, item.value);
        bytes_append_char(&line, '\n');
        output_bytes(&line);
    }
    bytes_done(&line);
}

static void print(const struct invocation *invocation, struct span result)
{
    switch (invocation->form) {
    case FORM_JSON:
        output_json(result);
        break;
    case FORM_SCREEN:
        print_saying(invocation->command->name, result);
        break;
    case FORM_LINES:
        print_members(result);
        break;
    }
}

enum exit_status command_action(const struct invocation *invocation)
{
    struct broker_link link;
    struct bytes result;
    enum exit_status status = admin_link_open(&link, invocation);

    bytes_init(&result, BROKER_LINK_ANSWER_MAXIMUM);
    if (status == STATUS_OK) {
        status = admin_link_ask(&link, invocation->command->name, doubt, &result);
    }
    if (status == STATUS_OK) {
        print(invocation, bytes_span(&result));
    }
    bytes_done(&result);
    broker_link_done(&link);
    return output_end(status);
}
