/* SPDX-License-Identifier: MIT */
/* The command line program: the table of commands, and main. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/command_line.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/invocation.h"

const char complaint_program[] = "teploctl";

const struct command commands[] = {
#define COMMAND(name, function, least, most, switches, arguments, help)                            \
    {name, function, least, most, switches, arguments, help},
#include "client-lib/cli/commands.def"
#undef COMMAND
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/*
 * Standard descriptors that the caller closed: otherwise the broker's socket would
 * become stdin or stdout.  Writing to the stand-in fails, as it should.
 */
static void fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        (void)close(fd);
    }
}

int main(int argc, char **argv)
{
    struct invocation invocation;
    enum exit_status status;

    fill_standard_descriptors();
    if (command_line_parse(argc, argv, &invocation, &status)) {
        status = invocation.command->run(&invocation);
    }
    return (int)status;
}
