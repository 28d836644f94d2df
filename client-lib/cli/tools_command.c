/* SPDX-License-Identifier: MIT */
/* `teploctl tools`. */
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/schema.h"
#include "client-lib/cli/tool_format.h"
#include "client-lib/cli/tool_list.h"
#include "client-lib/include/teplo.h"
#include "client-lib/lib/value_text.h"
#include "proto/printable.h"

/* Time enough for the broker to open the pool's first session. */
enum { LIST_MS = 60000 };

/* What the pages of the list are for. */
struct listing {
    const struct invocation *invocation;
    struct teplo_toolset *toolset; /* owned; NULL: the tools are printed as they come */
    bool failed;                   /* a page could not be added to it */
};

static void append_field(struct bytes *out, struct span value)
{
    struct bytes text;

    bytes_init(&text, SIZE_MAX / 4);
    value_text_append(&text, value);
    printable_line(out, bytes_span(&text));
    out->failed = out->failed || text.failed;
    bytes_done(&text);
}

/* The first line of the description that is not empty. */
static void append_summary(struct bytes *out, struct span description)
{
    struct bytes text;
    size_t start = 0;
    size_t end;

    bytes_init(&text, SIZE_MAX / 4);
    if (json_kind_of(description) == JSON_STRING) {
        value_text_append(&text, description);
    }
    while (start < text.length && strchr(" \t\r\n", text.at[start]) != NULL) {
        start++;
    }
    for (end = start; end < text.length && text.at[end] != '\n';) {
        end++;
    }
    while (end > start && strchr(" \t\r", text.at[end - 1]) != NULL) {
        end--;
    }
    if (end > start) {
        printable_line(out, (struct span){text.at + start, end - start});
    }
    out->failed = out->failed || text.failed;
    bytes_done(&text);
}

static void print_tool(enum form form, struct span tool)
{
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    append_field(&out, json_find(tool, "name"));
    bytes_append_text(&out, form == FORM_LINES ? "\t" : "");
    schema_signature(&out, json_find(tool, "inputSchema"));
    bytes_append_text(&out, form == FORM_LINES ? "\t" : "\n    ");
    append_summary(&out, json_find(tool, "description"));
    bytes_append_char(&out, '\n');
    output_bytes(&out);
    bytes_done(&out);
}

static bool take_page(struct span result, void *context)
{
    struct listing *listing = context;
    struct json_walk walk = json_walk_of(json_find(result, "tools"));
    struct span stale = json_find(json_find(result, "_meta"), "dev.teplo/stale");
    struct json_item item;

    if (json_kind_of(stale) == JSON_TRUE) {
        complaint("the server is down: this list is the last one known");
    }
    if (listing->toolset != NULL) {
        listing->failed = !tool_format_add(listing->toolset, listing->invocation, result);
        return !listing->failed;
    }
    if (listing->invocation->form == FORM_JSON) {
        output_json(result);
        return true;
    }
    while (json_walk_next(&walk, &item)) {
        print_tool(listing->invocation->form, item.value);
    }
    return true;
}

static enum exit_status fetch(struct listing *listing, int64_t end_ms)
{
    struct broker_link link;
    enum exit_status status = broker_link_open(&link, listing->invocation, SOCKET_CLIENT, end_ms);

    if (status == STATUS_OK) {
        status = tool_list_fetch(&link, end_ms, NULL, take_page, listing);
    }
    broker_link_done(&link);
    return status == STATUS_OK && listing->failed ? STATUS_REFUSED : status;
}

enum exit_status command_tools(const struct invocation *invocation)
{
    int64_t end_ms =
        duration_from_now_ms(invocation->timeout_ms < 0 ? LIST_MS : invocation->timeout_ms);
    struct listing listing = {.invocation = invocation};
    enum exit_status status;

    if (invocation->provider != 0) {
        listing.toolset = tool_format_new(invocation);
        if (listing.toolset == NULL) {
            return STATUS_REFUSED;
        }
    }
    status = fetch(&listing, end_ms);
    if (status == STATUS_OK && listing.toolset != NULL) {
        tool_format_print(listing.toolset);
    }
    teplo_toolset_free(listing.toolset);
    return output_end(status);
}
