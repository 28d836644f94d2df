/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/manual.h"

#include <string.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/output.h"
#include "proto/base/bytes.h"

enum { MANUAL_MAXIMUM = 65536 };

struct switch_text {
    const char *word;
    const char *argument;
    const char *help;
    int bit;
    char letter;
};

static const struct switch_text switch_texts[] = {
#define SWITCH(name, word, letter, argument, help) {word, argument, help, SWITCH_##name, letter},
#include "client-lib/cli/switches.def"
#undef SWITCH
};

static void print_switches(struct bytes *out, int which)
{
    for (size_t i = 0; i < sizeof(switch_texts) / sizeof(switch_texts[0]); i++) {
        const struct switch_text *text = &switch_texts[i];
        struct bytes word;

        if ((text->bit & which) == 0) {
            continue;
        }
        bytes_init(&word, 256);
        if (text->letter != '\0') {
            bytes_printf(&word, "-%c, ", text->letter);
        }
        bytes_printf(&word, "--%s %s", text->word, text->argument == NULL ? "" : text->argument);
        bytes_printf(out, "  %-20.*s  %s\n", (int)word.length, word.at, text->help);
        bytes_done(&word);
    }
}

static void print_statuses(struct bytes *out)
{
    static const struct {
        int number;
        const char *meaning;
    } statuses[] = {
#define STATUS(name, number, meaning) {number, meaning},
#include "client-lib/cli/exit_status.def"
#undef STATUS
    };

    bytes_append_text(out, "\nExit status:\n");
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        bytes_printf(out, "  %d  %s\n", statuses[i].number, statuses[i].meaning);
    }
}

static void print_one(struct bytes *out, const struct command *command)
{
    const char *pool = (command->switches & SWITCH_POOL) != 0 ? "[-s POOL] " : "";

    bytes_printf(out, "usage: teploctl %s%s%s%s\n\n%s\n", pool, command->name,
                 command->arguments[0] == '\0' ? "" : " ", command->arguments, command->help);
    if (command->switches != 0) {
        bytes_append_text(out, "\n");
        print_switches(out, command->switches);
    }
}

static void print_all(struct bytes *out)
{
    bytes_append_text(out, "usage: teploctl [switches] COMMAND [arguments]\n\n"
                           "Talks to teplod, the broker that keeps MCP sessions warm.\n\n");
    for (size_t i = 0; i < command_count; i++) {
        const char *help = commands[i].help;

        bytes_printf(out, "  %s%s%s\n      %.*s\n", commands[i].name,
                     commands[i].arguments[0] == '\0' ? "" : " ", commands[i].arguments,
                     (int)strcspn(help, "\n"), help);
    }
    bytes_append_text(out, "\nSwitches:\n");
    print_switches(out, ~0);
    bytes_append_text(
        out, "\nThe sockets are looked for in --runtime-dir, $TEPLO_RUNTIME_DIR, /run/teplo,\n"
             "$XDG_RUNTIME_DIR/teplo, /tmp/teplo-UID; $TEPLO_SOCKET names the client socket.\n");
    print_statuses(out);
}

enum exit_status manual_print(const struct command *command)
{
    struct bytes out;

    bytes_init(&out, MANUAL_MAXIMUM);
    if (command == NULL) {
        print_all(&out);
    } else {
        print_one(&out, command);
    }
    output_bytes(&out);
    bytes_done(&out);
    return output_end(STATUS_OK);
}

enum exit_status manual_print_version(void)
{
    output_span(SPAN("teploctl " TEPLO_VERSION "\n"));
    return output_end(STATUS_OK);
}

enum exit_status command_help(const struct invocation *invocation)
{
    const struct command *command;

    if (invocation->operand_count == 0) {
        return manual_print(NULL);
    }
    command = command_find(invocation->operands[0]);
    if (command == NULL) {
        return complaint_usage(NULL, "there is no command '%s'", invocation->operands[0]);
    }
    return manual_print(command);
}
