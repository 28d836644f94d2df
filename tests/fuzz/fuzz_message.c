/* SPDX-License-Identifier: MIT */
/*
 * A message is taken apart into values of its own text, and stays the same message
 * when its id is replaced; a fault can be sent back as it is.
 */
#include "fuzz.h"

#include "proto/base/mem.h"
#include "proto/failure.h"
#include "proto/message.h"
#include "proto/splice.h"

static void look_at_part(struct span part, struct span text)
{
    if (!span_is_none(part)) {
        PROPERTY(fuzz_is_inside(part, text) && fuzz_is_json(part));
    }
}

static bool is_id(struct span token)
{
    return json_kind_of(token) == JSON_STRING || json_is_integer(token);
}

static void look_at_kind(const struct message *message)
{
    bool has_method = message->kind == MESSAGE_REQUEST || message->kind == MESSAGE_NOTIFICATION;

    PROPERTY(has_method == !span_is_none(message->method));
    PROPERTY((message->kind == MESSAGE_RESULT) == !span_is_none(message->result));
    PROPERTY((message->kind == MESSAGE_ERROR) == !span_is_none(message->error));
    PROPERTY(message->kind != MESSAGE_NOTIFICATION || span_is_none(message->id));
    PROPERTY(message->kind == MESSAGE_NOTIFICATION || message->kind == MESSAGE_ERROR ||
             is_id(message->id));
    PROPERTY(span_is_none(message->id) || message->id.length <= MESSAGE_ID_MAXIMUM + 2);
    PROPERTY(span_is_none(message->progress_token) || is_id(message->progress_token));
    PROPERTY(!json_has_duplicates(message->text, MESSAGE_MEMBERS_MAXIMUM));
    PROPERTY(!has_method || !json_has_duplicates(message->params, MESSAGE_MEMBERS_MAXIMUM));
    PROPERTY(!has_method || !json_has_duplicates(message->meta, MESSAGE_MEMBERS_MAXIMUM));
}

static void look_at_copy(const struct message *message)
{
    char *copy = mem_copy_text(message->text.at, message->text.length);
    struct message moved = *message;

    PROPERTY(copy != NULL);
    message_move(&moved, copy);
    look_at_part(moved.params, moved.text);
    PROPERTY(span_equal(moved.id, message->id) && span_equal(moved.method, message->method));
    PROPERTY(span_equal(moved.error, message->error) && span_equal(moved.result, message->result));
    PROPERTY(span_is_none(moved.meta) == span_is_none(message->meta));
    mem_free(copy);
}

static void replace_id(const struct message *message)
{
    struct message again;
    struct message_fault fault;
    struct splice splice;
    struct bytes out;

    bytes_init(&out, FUZZ_ROOM);
    splice_init(&splice, message->text);
    splice_replace(&splice, message->id, SPAN("12345"));
    splice_write(&splice, &out);
    PROPERTY(!out.failed && fuzz_is_one_line(bytes_span(&out)));
    PROPERTY(message_parse(bytes_span(&out), &json_limits_default, &again, &fault) == 0);
    PROPERTY(again.kind == message->kind && span_is(again.id, "12345"));
    PROPERTY(span_equal(again.method, message->method));
    PROPERTY(span_equal(again.progress_token, message->progress_token));
    bytes_done(&out);
}

static void send_fault(const struct message_fault *fault, struct span text)
{
    struct message reply;
    struct message_fault none;
    struct bytes out;

    PROPERTY(fault->code == RPC_PARSE_ERROR || fault->code == RPC_INVALID_REQUEST);
    PROPERTY(memchr(fault->text, '\0', sizeof(fault->text)) != NULL && fault->text[0] != '\0');
    PROPERTY(span_is_none(fault->id) || (fuzz_is_inside(fault->id, text) && is_id(fault->id)));
    bytes_init(&out, FUZZ_ROOM);
    reply_error(&out, fault->id, fault->code, span_of(fault->text), SPAN_NONE);
    PROPERTY(!out.failed && fuzz_is_one_line(bytes_span(&out)));
    PROPERTY(message_parse(bytes_span(&out), &json_limits_default, &reply, &none) == 0);
    PROPERTY(reply.kind == MESSAGE_ERROR && span_equal(reply.id, fault->id));
    bytes_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span text = fuzz_input(at, size);
    struct message message;
    struct message_fault fault;

    if (message_parse(text, &json_limits_default, &message, &fault) < 0) {
        send_fault(&fault, text);
        return 0;
    }
    PROPERTY(message.text.at == text.at && message.text.length == text.length);
    look_at_part(message.id, text);
    look_at_part(message.method, text);
    look_at_part(message.params, text);
    look_at_part(message.result, text);
    look_at_part(message.error, text);
    look_at_part(message.meta, message.params);
    look_at_part(message.progress_token, message.meta);
    look_at_part(message_param(&message, "name"), text);
    look_at_kind(&message);
    look_at_copy(&message);
    if (!span_is_none(message.id)) {
        replace_id(&message);
    }
    return 0;
}
