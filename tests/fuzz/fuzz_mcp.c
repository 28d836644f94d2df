/* SPDX-License-Identifier: MIT */
/*
 * What crosses a hop keeps nothing of the hop and all the rest; what crosses an era is
 * JSON on one line that has what the other era must find.  The first byte: the method.
 */
#include "fuzz.h"

#include "proto/mcp.h"

static bool is_hop_key(struct span key)
{
    return json_string_starts(key, "dev.teplo/") ||
           json_string_is(key, "io.modelcontextprotocol/protocolVersion") ||
           json_string_is(key, "io.modelcontextprotocol/clientInfo") ||
           json_string_is(key, "io.modelcontextprotocol/clientCapabilities") ||
           json_string_is(key, "io.modelcontextprotocol/logLevel") ||
           json_string_is(key, "io.modelcontextprotocol/subscriptionId");
}

static bool same_line(struct span a, struct span b)
{
    struct bytes one;
    struct bytes two;
    bool same;

    bytes_init(&one, FUZZ_ROOM);
    bytes_init(&two, FUZZ_ROOM);
    splice_append_line(&one, a);
    splice_append_line(&two, b);
    same = span_equal(bytes_span(&one), bytes_span(&two));
    bytes_done(&one);
    bytes_done(&two);
    return same;
}

/* What stays of FROM is in TO, in its order and with its bytes. */
static void compare_members(struct span from, struct span to, bool (*goes)(struct span key))
{
    struct json_walk walk = json_walk_of(from);
    struct json_walk walk_to = json_walk_of(to);
    struct json_item item;
    struct json_item item_to;

    while (json_walk_next(&walk, &item)) {
        if (goes(item.key)) {
            continue;
        }
        PROPERTY(json_walk_next(&walk_to, &item_to));
        PROPERTY(span_equal(item.key, item_to.key));
        PROPERTY(json_string_is(item.key, "progressToken") || same_line(item.value, item_to.value));
    }
    PROPERTY(!json_walk_next(&walk_to, &item_to));
}

static bool is_meta(struct span key)
{
    return json_string_is(key, "_meta");
}

static void strip(const struct message *message)
{
    struct message_fault fault;
    struct message stripped;
    struct splice splice;
    struct bytes out;

    splice_init(&splice, message->text);
    mcp_strip_hop_meta(message, &splice);
    if (!span_is_none(message->id)) {
        splice_replace(&splice, message->id, SPAN("1"));
    }
    if (!span_is_none(message->progress_token)) {
        splice_replace(&splice, message->progress_token, SPAN("1"));
    }
    bytes_init(&out, FUZZ_ROOM);
    splice_write(&splice, &out);
    PROPERTY(!out.failed && fuzz_is_one_line(bytes_span(&out)));
    PROPERTY(message_parse(bytes_span(&out), &json_limits_default, &stripped, &fault) == 0);
    PROPERTY(stripped.kind == message->kind);
    PROPERTY(span_is_none(stripped.progress_token) == span_is_none(message->progress_token));
    PROPERTY(span_is_none(stripped.id) || span_is(stripped.id, "1"));
    compare_members(message->meta, stripped.meta, is_hop_key);
    if (!span_is_none(message->meta) && !span_is_none(stripped.meta)) {
        PROPERTY(json_kind_of(stripped.params) == JSON_OBJECT);
    } else if (!span_is_none(message->meta)) {
        compare_members(message->params, stripped.params, is_meta);
    }
    bytes_done(&out);
}

static void read_request(const struct message *message)
{
    struct mcp_envelope envelope;
    const char *missing = NULL;
    enum mcp_envelope_status status = mcp_read_envelope(message, &envelope, &missing);

    PROPERTY((status == MCP_ENVELOPE_INCOMPLETE) == (missing != NULL));
    if (status == MCP_ENVELOPE_OK) {
        PROPERTY(json_kind_of(envelope.protocol_version) == JSON_STRING);
        PROPERTY(json_kind_of(envelope.capabilities) == JSON_OBJECT);
        (void)mcp_find_version(envelope.protocol_version, MCP_ERA_MODERN);
    }
    (void)mcp_method_route(mcp_find_method(message->method));
    (void)mcp_own_meta(message, "pool");
    strip(message);
}

static void convert_result(struct span text, enum mcp_method method)
{
    struct span result = json_trim(text);
    struct bytes out;
    struct bytes again;
    bool is_object = json_kind_of(result) == JSON_OBJECT;

    bytes_init(&out, FUZZ_ROOM);
    bytes_init(&again, FUZZ_ROOM);
    mcp_result_to_modern(text, method, &out);
    PROPERTY(!out.failed && fuzz_is_json(bytes_span(&out)) && fuzz_is_one_line(bytes_span(&out)));
    PROPERTY(!is_object || !span_is_none(json_find(bytes_span(&out), "resultType")));
    if (is_object && method == MCP_TOOLS_LIST) {
        PROPERTY(!span_is_none(json_find(bytes_span(&out), "ttlMs")));
        PROPERTY(!span_is_none(json_find(bytes_span(&out), "cacheScope")));
    }
    /* Modern already: nothing is added twice. */
    mcp_result_to_modern(bytes_span(&out), method, &again);
    PROPERTY(span_equal(bytes_span(&out), bytes_span(&again)));
    bytes_done(&out);
    bytes_done(&again);
}

static void convert_error(struct span text)
{
    struct bytes out;
    int64_t code;

    bytes_init(&out, FUZZ_ROOM);
    mcp_error_to_modern(text, &out);
    PROPERTY(!out.failed && fuzz_is_json(bytes_span(&out)) && fuzz_is_one_line(bytes_span(&out)));
    PROPERTY(!json_to_int(json_find(bytes_span(&out), "code"), &code) || code != -32002);
    bytes_done(&out);
}

static void bridge_capabilities(struct span text)
{
    struct json_item item;
    struct json_walk walk;
    struct bytes out;

    bytes_init(&out, FUZZ_ROOM);
    mcp_bridgeable_capabilities(text, &out);
    if (!out.failed) {
        PROPERTY(fuzz_is_json(bytes_span(&out)) && fuzz_is_one_line(bytes_span(&out)));
        walk = json_walk_of(bytes_span(&out));
        PROPERTY(walk.keyed);
        while (json_walk_next(&walk, &item)) {
            PROPERTY(!json_string_is(item.key, "tasks"));
            PROPERTY(!json_string_is(item.key, "resources") ||
                     span_is_none(json_find(item.value, "subscribe")));
        }
    }
    bytes_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span text = fuzz_input(at, size);
    enum mcp_method method = (enum mcp_method)(fuzz_take_byte(&text) % MCP_METHOD_COUNT);
    struct message message;
    struct message_fault fault;
    struct json_error error;

    if (json_check(text, &json_limits_default, &error) < 0) {
        return 0;
    }
    convert_result(text, method);
    convert_error(text);
    bridge_capabilities(text);
    if (message_parse(text, &json_limits_default, &message, &fault) == 0 &&
        !span_is_none(message.method)) {
        read_request(&message);
    }
    return 0;
}
