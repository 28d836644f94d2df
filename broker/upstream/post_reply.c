/* SPDX-License-Identifier: MIT */
#include "broker/upstream/post_reply.h"

#include <strings.h>

#include "broker/upstream/calls.h"

/* Who says just that says it shortly.  A longer text may quote what a client has sent. */
enum { WORDS_MAXIMUM = 256 };

static const struct span dialects[] = {
#define SESSION_GONE(text) SPAN_INIT(text),
#include "broker/upstream/session_gone.def"
#undef SESSION_GONE
};

static bool contains(struct span text, struct span words)
{
    for (size_t i = 0; i + words.length <= text.length; i++) {
        if (strncasecmp(text.at + i, words.at, words.length) == 0) {
            return true;
        }
    }
    return false;
}

static bool says_session_gone(struct span text)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        if (text.length <= WORDS_MAXIMUM && contains(text, dialects[i])) {
            return true;
        }
    }
    return false;
}

bool post_reply_is_session_gone(const struct message *error)
{
    return says_session_gone(json_find(error->error, "message"));
}

enum delivery_reply post_reply_kind(struct span body, int64_t id, struct message *ret_answer)
{
    struct message message;
    struct message_fault fault;
    int64_t found;
    bool says_gone;

    if (body.length == 0) {
        return DELIVERY_REPLY_EMPTY;
    }
    if (message_parse(body, &json_limits_default, &message, &fault) < 0) {
        return says_session_gone(body) ? DELIVERY_REPLY_SESSION_GONE : DELIVERY_REPLY_OTHER;
    }
    if (message.kind != MESSAGE_ERROR) {
        return DELIVERY_REPLY_OTHER;
    }
    says_gone = post_reply_is_session_gone(&message);
    if (id == 0 || !calls_read_id(message.id, &found) || found != id) {
        return says_gone ? DELIVERY_REPLY_SESSION_GONE : DELIVERY_REPLY_OTHER;
    }
    *ret_answer = message;
    return says_gone ? DELIVERY_REPLY_GONE_ANSWER : DELIVERY_REPLY_ANSWER;
}
