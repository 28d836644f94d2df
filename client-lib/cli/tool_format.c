/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/tool_format.h"

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/output.h"
#include "client-lib/include/teplo.h"
#include "client-lib/lib/value_text.h"
#include "proto/json_scan.h"

enum { LINE_MAXIMUM = 64 * 1024 };

static const struct {
    const char *word;
    enum teplo_provider provider;
} formats[] = {
#define PROVIDER(name, text) {text, TEPLO_##name},
#include "client-lib/formats/providers.def"
#undef PROVIDER
};

int tool_format_find(const char *word)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].word, word) == 0) {
            return (int)formats[i].provider;
        }
    }
    return 0;
}

void tool_format_append_words(struct bytes *out)
{
    bytes_append_text(out, "mcp");
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        bytes_append_text(out, ", ");
        bytes_append_text(out, formats[i].word);
    }
}

struct teplo_toolset *tool_format_new(const struct invocation *invocation)
{
    struct teplo_toolset *toolset = NULL;
    int error = teplo_toolset_new((enum teplo_provider)invocation->provider,
                                  invocation->strict ? TEPLO_T_STRICT : 0, &toolset);

    if (error < 0) {
        complaint("the tools cannot be converted: %s",
                  error == TEPLO_E_NOMEM ? "out of memory" : "no such provider");
        return NULL;
    }
    return toolset;
}

bool tool_format_add(struct teplo_toolset *toolset, const struct invocation *invocation,
                     struct span result)
{
    if (teplo_toolset_add(toolset, invocation->pool, result.at, result.length) < 0) {
        complaint("the tools cannot be converted: %s", teplo_toolset_error(toolset));
        return false;
    }
    return true;
}

static void append_member(struct bytes *out, const char *before, struct span item,
                          const char *member)
{
    struct span value = json_find(item, member);

    if (json_kind_of(value) == JSON_STRING && value.length > 2) {
        bytes_append_text(out, before);
        value_text_append(out, value);
    }
}

/* `query_graph: noted at /graphs/items: ...` */
static void print_diagnostic(struct span item)
{
    struct bytes line;
    const char *text;

    bytes_init(&line, LINE_MAXIMUM);
    append_member(&line, "", item, "tool");
    append_member(&line, line.length == 0 ? "" : ": ", item, "kind");
    append_member(&line, " at ", item, "at");
    append_member(&line, ": ", item, "reason");
    text = bytes_text(&line);
    complaint("%s", text == NULL ? "a diagnostic is lost: out of memory" : text);
    bytes_done(&line);
}

void tool_format_print(const struct teplo_toolset *toolset)
{
    size_t length;
    const char *tools = teplo_toolset_tools(toolset, &length);
    const char *diagnostics;
    struct json_walk walk;
    struct json_item item;

    output_json((struct span){tools, length});
    diagnostics = teplo_toolset_diagnostics(toolset, &length);
    walk = json_walk_of((struct span){diagnostics, length});
    while (json_walk_next(&walk, &item)) {
        print_diagnostic(item.value);
    }
}
