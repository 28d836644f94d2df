/* SPDX-License-Identifier: MIT */
/* `teploctl redis purge`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/top_source.h"
#include "client-lib/fleet/fleet_purge.h"

/* What Redis said, or did not, before anything was removed. */
static enum exit_status explain(const struct fleet_purge *purge, int error)
{
    complaint("%s", purge->link.why);
    return error == -EACCES ? STATUS_REFUSED : STATUS_NO_BROKER;
}

/* "; 3 i, 12 p" ... */
static void append_kinds(struct bytes *out, const struct fleet_purge *purge)
{
    for (size_t i = 0; i < purge->kind_count; i++) {
        bytes_printf(out, "%s%zu %s", i == 0 ? ": " : ", ", purge->kinds[i].count,
                     purge->kinds[i].name);
    }
}

static void tell(const struct fleet_purge *purge, const char *what)
{
    struct bytes line;

    bytes_init(&line, 4096);
    bytes_printf(&line, "%s %zu keys of the fleet %s in %s", what, purge->count, purge->namespace,
                 purge->url.shown);
    append_kinds(&line, purge);
    bytes_append_char(&line, '\n');
    output_bytes(&line);
    bytes_done(&line);
}

static enum exit_status check_quiet(struct fleet_purge *purge, const struct invocation *invocation)
{
    char inst[FLEET_INSTANCE_SIZE] = "";
    size_t live = 0;
    int r = fleet_purge_find_live(purge, &live, inst);

    if (r < 0) {
        return explain(purge, r);
    }
    if (live > 0 && (invocation->given & SWITCH_FORCE) == 0) {
        complaint(
            "NOT EXECUTED: %zu brokers of the fleet %s are alive or were in the last %d s (%s "
            "is one): stop them first, or give --force",
            live, purge->namespace, FLEET_PURGE_QUIET_MS / 1000, inst);
        return STATUS_NOT_EXECUTED;
    }
    return STATUS_OK;
}

/* On the terminal; anything but yes is no. */
static bool has_agreed(const struct fleet_purge *purge)
{
    char answer[16] = "";

    (void)fprintf(stderr, "Remove %zu keys of the fleet %s in %s? [y/N] ", purge->count,
                  purge->namespace, purge->url.shown);
    (void)fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static enum exit_status may_remove(struct fleet_purge *purge, const struct invocation *invocation)
{
    int r;

    if ((invocation->given & SWITCH_YES) != 0) {
        return STATUS_OK;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return complaint_usage(invocation->command,
                               "nobody can be asked here: give --yes, or --dry-run to look first");
    }
    r = fleet_purge_run(purge, FLEET_PURGE_LOOK);
    if (r < 0) {
        return explain(purge, r);
    }
    if (!has_agreed(purge)) {
        complaint("NOT EXECUTED: nothing is removed");
        return STATUS_NOT_EXECUTED;
    }
    return STATUS_OK;
}

static enum exit_status look(struct fleet_purge *purge)
{
    int r = fleet_purge_run(purge, FLEET_PURGE_LOOK);

    if (r < 0) {
        return explain(purge, r);
    }
    tell(purge, "would remove");
    return STATUS_OK;
}

static enum exit_status remove_all(struct fleet_purge *purge, const struct invocation *invocation)
{
    enum exit_status status = may_remove(purge, invocation);
    int r;

    if (status != STATUS_OK) {
        return status;
    }
    r = fleet_purge_run(purge, FLEET_PURGE_REMOVE);
    if (r < 0 && purge->count == 0) {
        return explain(purge, r);
    }
    if (r < 0) {
        complaint("OUTCOME UNKNOWN: %zu keys are removed, then: %s; it can be run again",
                  purge->count, purge->link.why);
        return STATUS_UNKNOWN;
    }
    tell(purge, "removed");
    return STATUS_OK;
}

static enum exit_status purge_fleet(const struct invocation *invocation, const char *url)
{
    struct fleet_purge purge;
    enum exit_status status;
    int r = fleet_purge_init(&purge, url, invocation->namespace, invocation->timeout_ms);

    if (r < 0) {
        fleet_purge_done(&purge);
        if (r == -ENOMEM) {
            complaint("NOT EXECUTED: out of memory");
            return STATUS_NOT_EXECUTED;
        }
        return top_source_refuse_url(invocation, url);
    }
    if ((invocation->given & SWITCH_DRY_RUN) != 0) {
        /* Also for who lives: a cluster's node says only of single keys that they are elsewhere. */
        r = fleet_purge_find_live(&purge, &(size_t){0}, (char[FLEET_INSTANCE_SIZE]){""});
        status = r < 0 ? explain(&purge, r) : look(&purge);
    } else {
        status = check_quiet(&purge, invocation);
        status = status == STATUS_OK ? remove_all(&purge, invocation) : status;
    }
    fleet_purge_done(&purge);
    return output_end(status);
}

enum exit_status command_redis(const struct invocation *invocation)
{
    const char *url = top_source_url(invocation);

    if (strcmp(invocation->operands[0], "purge") != 0) {
        return complaint_usage(invocation->command, "redis has no '%s': purge",
                               invocation->operands[0]);
    }
    if (invocation->namespace == NULL) {
        return complaint_usage(invocation->command, "which fleet? --ns NAME");
    }
    if (url == NULL) {
        return complaint_usage(invocation->command,
                               "where is Redis? --redis URL, or $TEPLO_REDIS_URL");
    }
    return purge_fleet(invocation, url);
}
