/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/result.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "client-lib/lib/value_text.h"
#include "proto/base/mem.h"
#include "proto/failure.h"
#include "proto/json_scan.h"

struct teplo_result *result_new(uint64_t ticket, enum teplo_kind kind)
{
    struct teplo_result *result = MEM_NEW(struct teplo_result);

    if (result != NULL) {
        result->ticket = ticket;
        result->kind = kind;
        result->retry_after_ms = -1;
        result->fallback = "";
    }
    return result;
}

int result_keep(struct span *ret_kept, struct span from)
{
    char *copy = mem_copy_text(from.at, from.length);

    if (copy == NULL) {
        return -ENOMEM;
    }
    *ret_kept = (struct span){copy, from.length};
    return 0;
}

void result_drop(struct span *kept)
{
    mem_free((void *)(uintptr_t)kept->at);
    *kept = SPAN_NONE;
}

void result_replace_json(struct teplo_result *result, struct span json)
{
    result_drop(&result->json);
    result->json = json;
}

/* What a model must know before it reads on, as the broker says it. */
static const char *preface(enum teplo_outcome outcome)
{
    switch (outcome) {
    case TEPLO_NOT_EXECUTED:
        return "NOT EXECUTED: ";
    case TEPLO_UNKNOWN:
        return "OUTCOME UNKNOWN, do not retry blindly: ";
    case TEPLO_RESULT_LOST:
        return "RESULT LOST: ";
    case TEPLO_EXECUTED:
        break;
    }
    return "";
}

void result_fail(struct teplo_result *result, const struct result_end *end, const char *format, ...)
{
    const char *before = preface(end->outcome);
    char words[1024];
    struct bytes text;
    va_list arguments;
    size_t length;

    result->status = end->status;
    result->outcome = end->outcome;
    result->fallback = teplo_strerror(end->status);
    (void)snprintf(result->reason, sizeof(result->reason), "%s", end->reason);
    result_drop(&result->json);
    result_drop(&result->message);
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    bytes_init(&text, sizeof(words) + 64);
    bytes_append_text(&text, before);
    bytes_append_text(&text, words);
    if (bytes_text(&text) != NULL) {
        result->message.at = bytes_take(&text, &length);
        result->message.length = length;
    }
    bytes_done(&text);
}

void teplo_result_free(struct teplo_result *result)
{
    if (result == NULL) {
        return;
    }
    result_drop(&result->json);
    result_drop(&result->message);
    result_drop(&result->rpc_data);
    mem_free(atomic_load(&result->text));
    mem_free(result);
}

int teplo_result_status(const struct teplo_result *result)
{
    return result->status;
}

int teplo_result_is_error(const struct teplo_result *result)
{
    return result->is_error;
}

enum teplo_outcome teplo_result_outcome(const struct teplo_result *result)
{
    return result->outcome;
}

static const char *show(struct span span, size_t *ret_length)
{
    if (ret_length != NULL) {
        *ret_length = span.length;
    }
    return span.at;
}

const char *teplo_result_json(const struct teplo_result *result, size_t *ret_length)
{
    return show(result->json, ret_length);
}

const char *teplo_result_message(const struct teplo_result *result, size_t *ret_length)
{
    return show(span_is_none(result->message) ? span_of(result->fallback) : result->message,
                ret_length);
}

const char *teplo_result_reason(const struct teplo_result *result)
{
    return result->reason;
}

const char *teplo_result_call(const struct teplo_result *result)
{
    return result->call;
}

int64_t teplo_result_rpc_code(const struct teplo_result *result)
{
    return result->rpc_code;
}

const char *teplo_result_rpc_data(const struct teplo_result *result, size_t *ret_length)
{
    return show(result->rpc_data, ret_length);
}

int64_t teplo_result_retry_after_ms(const struct teplo_result *result)
{
    return result->retry_after_ms;
}

/* ---- the text */

static void append_blocks(struct span content, struct bytes *out)
{
    struct json_walk walk = json_walk_of(content);
    struct json_item item;
    const char *between = "";

    while (json_walk_next(&walk, &item)) {
        struct span text = json_find(item.value, "text");

        if (json_string_is(json_find(item.value, "type"), "text") &&
            json_kind_of(text) == JSON_STRING) {
            bytes_append_text(out, between);
            value_text_append(out, text);
            between = "\n";
        }
    }
}

static struct result_text *make_text(const struct teplo_result *result)
{
    struct result_text *text = NULL;
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    append_blocks(json_find(result->json, "content"), &out);
    if (!out.failed) {
        text = (struct result_text *)mem_new(sizeof(*text) + out.length + 1);
    }
    if (text != NULL) {
        text->length = out.length;
        if (out.length > 0) {
            memcpy(text->at, out.at, out.length);
        }
    }
    bytes_done(&out);
    return text;
}

const char *teplo_result_text(const struct teplo_result *result, size_t *ret_length)
{
    /* Several threads may ask at once: one of them wins, and what the others made goes. */
    _Atomic(struct result_text *) *place =
        (_Atomic(struct result_text *) *)(uintptr_t)&result->text;
    struct result_text *text = atomic_load(place);
    struct result_text *made;

    if (span_is_none(result->json)) {
        return show(SPAN(""), ret_length);
    }
    if (text == NULL) {
        made = make_text(result);
        if (made == NULL) {
            return show(SPAN_NONE, ret_length);
        }
        if (atomic_compare_exchange_strong(place, &text, made)) {
            text = made;
        } else {
            mem_free(made);
        }
    }
    return show((struct span){text->at, text->length}, ret_length);
}
