/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/tool_list.h"

#include "client-lib/cli/complaint.h"
#include "client-lib/lib/value_text.h"

/* A server that gives one cursor after another must not keep us for ever. */
enum { PAGES_MAXIMUM = 1000, CURSOR_MAXIMUM = 1 << 20 };

/* The members of the next page's request.  False: this was the last page. */
static bool next_page(struct span result, struct bytes *members)
{
    struct span cursor = json_find(result, "nextCursor");

    bytes_clear(members);
    if (json_kind_of(cursor) != JSON_STRING) {
        return false;
    }
    bytes_append_text(members, "\"cursor\":");
    bytes_append_span(members, cursor);
    return true;
}

enum exit_status tool_list_fetch(struct broker_link *link, int64_t end_ms, const char *preface,
                                 tool_list_page_fn on_page, void *context)
{
    struct question question = {
        .method = "tools/list", .form = QUESTION_MCP, .end_ms = end_ms, .preface = preface};
    enum exit_status status = STATUS_OK;
    struct bytes members;
    bool more = true;

    bytes_init(&members, CURSOR_MAXIMUM);
    for (int page = 0; more && status == STATUS_OK; page++) {
        struct span result;

        question.members = bytes_span(&members);
        status = broker_link_ask(link, &question, &result);
        if (status == STATUS_OK) {
            more = on_page(result, context) && next_page(result, &members);
        }
        if (more && status == STATUS_OK && (page + 1 == PAGES_MAXIMUM || members.failed)) {
            complaint("%sthe server's list of tools does not end", question_preface(&question));
            status = STATUS_REFUSED;
        }
    }
    bytes_done(&members);
    return status;
}

struct span tool_list_find(struct span result, const char *name)
{
    struct json_walk walk = json_walk_of(json_find(result, "tools"));
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        if (json_string_is(json_find(item.value, "name"), name)) {
            return item.value;
        }
    }
    return SPAN_NONE;
}
