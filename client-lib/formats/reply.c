/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/reply.h"

#include "client-lib/formats/tree.h"

enum { FINE_WORDS = 6, PATH_STEPS = 2 };

/* One provider's response.  A member that is NULL is a step that it has not. */
struct reply_form {
    const char *choices;   /* the response's array of which the first element is taken */
    const char *turn;      /* the choice's, or the response's */
    const char *bare[2];   /* the members by one of which a turn is known by itself */
    const char *items;     /* the turn's array in which the calls are */
    bool items_are_calls;  /* all of them, and nothing else is */
    const char *where;     /* of the items, for complaints */
    const char *call_type; /* "type" of an item that is a call */
    const char *call_body; /* the item's member with name and arguments */
    const char *odd_body;  /* the same as an SDK's own dump writes it; cannot be answered */
    const char *odd_finish;
    const char *id;               /* of the item, or else of its body */
    const char *arguments;        /* of the body */
    const char *texts;            /* the turn's string, or array of text items */
    const char *text_holder;      /* "type" of items whose "content" are the text items */
    const char *text_type;        /* "type" of a text item; NULL: it has "text" */
    const char *finish;           /* the holder's */
    const char *fine[FINE_WORDS]; /* the words that are no problem */
    const char *detail[PATH_STEPS];
    const char *detail_word; /* what a detail is where the word is fine */
    const char *blocked[PATH_STEPS];
    const char *before; /* what stands around the turn when it goes back */
    const char *behind;
    const char *sent; /* the turn's member that goes back; NULL: the turn */
};

static const struct reply_form chat = {
    .choices = "choices",
    .turn = "message",
    .bare = {"role", "tool_calls"},
    .items = "tool_calls",
    .items_are_calls = true,
    .where = "choices[0].message.tool_calls",
    .call_body = "function",
    .id = "id",
    .arguments = "arguments",
    .texts = "content",
    .text_type = "text",
    .finish = "finish_reason",
    .fine = {"stop", "tool_calls", "length", "function_call"},
    .detail = {"message", "refusal"},
    .detail_word = "refusal",
    .before = "[",
    .behind = "]",
};

static const struct reply_form responses = {
    .turn = "output",
    .where = "output",
    .call_type = "function_call",
    .id = "call_id",
    .arguments = "arguments",
    .text_holder = "message",
    .text_type = "output_text",
    .finish = "status",
    .fine = {"completed", "incomplete", "in_progress", "queued"},
    .detail = {"error", "message"},
    .detail_word = "error",
    .before = "",
    .behind = "",
};

static const struct reply_form gemini = {
    .choices = "candidates",
    .turn = "content",
    .bare = {"parts", "role"},
    .items = "parts",
    .where = "candidates[0].content.parts",
    .call_body = "functionCall",
    .odd_body = "function_call",
    .odd_finish = "finish_reason",
    .id = "id",
    .arguments = "args",
    .texts = "parts",
    .finish = "finishReason",
    .fine = {"STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED"},
    .detail = {"finishMessage"},
    .detail_word = "finishMessage",
    .blocked = {"promptFeedback", "blockReason"},
    .before = "[",
    .behind = "]",
};

static const struct reply_form anthropic = {
    .bare = {"content", "role"},
    .items = "content",
    .where = "content",
    .call_type = "tool_use",
    .id = "id",
    .arguments = "input",
    .texts = "content",
    .text_type = "text",
    .finish = "stop_reason",
    .fine = {"end_turn", "tool_use", "max_tokens", "stop_sequence", "pause_turn"},
    .before = "[{\"role\":\"assistant\",\"content\":",
    .behind = "}]",
    .sent = "content",
};

static const struct reply_form *form_of(enum teplo_provider provider)
{
    switch (provider) {
    case TEPLO_OPENAI_CHAT:
        return &chat;
    case TEPLO_OPENAI_RESPONSES:
        return &responses;
    case TEPLO_GEMINI:
    case TEPLO_GEMINI_OPENAPI:
        return &gemini;
    case TEPLO_ANTHROPIC:
        break;
    }
    return &anthropic;
}

static bool find_turn(struct span response, struct reply *reply, struct bytes *complaint);
static bool check_items(const struct reply *reply, struct bytes *complaint);

static struct span find(struct span object, const char *member)
{
    return member == NULL ? object : json_find(object, member);
}

/* A member that is null is as good as absent. */
static bool is_there(struct span value)
{
    return json_kind_of(value) != JSON_NONE && json_kind_of(value) != JSON_NULL;
}

static struct span follow(struct span object, const char *const path[PATH_STEPS])
{
    if (path[0] == NULL) {
        return SPAN_NONE;
    }
    return find(json_find(object, path[0]), path[1]);
}

/* Decoded; half a surrogate pair becomes U+FFFD. */
static void append_string(struct bytes *out, struct span token)
{
    tree_token_text(token, out);
}

static bool is_string(struct span token)
{
    return json_kind_of(token) == JSON_STRING;
}

bool reply_read(enum teplo_provider provider, struct span response, struct reply *ret_reply,
                struct bytes *complaint)
{
    *ret_reply = (struct reply){.form = form_of(provider), .choices = 1};
    return find_turn(json_trim(response), ret_reply, complaint) &&
           check_items(ret_reply, complaint);
}

static bool refuse_error(struct span error, struct bytes *complaint)
{
    struct span message = json_find(error, "message");

    bytes_append_text(complaint, "the response is an error, and no turn of the model: ");
    if (is_string(message)) {
        append_string(complaint, message);
    } else {
        bytes_append_span(complaint, error);
    }
    return false;
}

static bool is_bare(const struct reply_form *form, struct span response)
{
    for (int i = 0; i < 2; i++) {
        if (form->bare[i] != NULL && is_there(json_find(response, form->bare[i]))) {
            return true;
        }
    }
    return form->items == NULL && json_kind_of(response) == JSON_ARRAY;
}

/* The first of LIST. */
static bool take_choice(struct span list, struct reply *reply, struct bytes *complaint)
{
    struct json_walk walk = json_walk_of(list);
    struct json_item item;

    reply->choices = 0;
    while (json_walk_next(&walk, &item)) {
        if (reply->choices++ == 0) {
            reply->holder = item.value;
        }
    }
    if (json_kind_of(reply->holder) != JSON_OBJECT) {
        bytes_printf(complaint, "%s is not an array of objects, or it is empty",
                     reply->form->choices);
        return false;
    }
    reply->turn = json_find(reply->holder, reply->form->turn);
    return true;
}

static bool refuse_response(const struct reply *reply, struct bytes *complaint)
{
    const struct reply_form *form = reply->form;
    const char *wanted = form->choices != NULL ? form->choices : form->where;

    bytes_printf(complaint, "the response has no \"%s\": it is not what this provider sends",
                 wanted);
    return false;
}

static bool has_elements(struct span array)
{
    struct json_walk walk = json_walk_of(array);
    struct json_item item;

    return json_walk_next(&walk, &item);
}

static bool find_turn(struct span response, struct reply *reply, struct bytes *complaint)
{
    const struct reply_form *form = reply->form;
    struct span list = form->choices == NULL ? SPAN_NONE : json_find(response, form->choices);
    struct span error = json_find(response, "error");

    reply->blocked = follow(response, form->blocked);
    if (is_there(list) && (has_elements(list) || !is_string(reply->blocked))) {
        return take_choice(list, reply, complaint);
    }
    if (form->choices == NULL && form->turn != NULL && is_there(json_find(response, form->turn))) {
        reply->holder = response;
        reply->turn = json_find(response, form->turn);
        return true;
    }
    if (is_bare(form, response)) {
        reply->holder = form->choices == NULL ? response : SPAN_NONE;
        reply->turn = response;
        return true;
    }
    if (is_there(error)) {
        return refuse_error(error, complaint);
    }
    return is_string(reply->blocked) || refuse_response(reply, complaint);
}

static struct span items_of(const struct reply *reply)
{
    return find(reply->turn, reply->form->items);
}

/* Otherwise it would be a turn without calls, and nobody would know why. */
static bool refuse_odd(const char *member, struct bytes *complaint)
{
    bytes_printf(complaint,
                 "the response has \"%s\": it is no JSON of the provider's, but a dump of an SDK's "
                 "object in its own names: dump it with by_alias=True",
                 member);
    return false;
}

/* The turn is what it has to be, and its items are objects. */
static bool check_items(const struct reply *reply, struct bytes *complaint)
{
    const struct reply_form *form = reply->form;
    struct span items = items_of(reply);
    struct json_walk walk = json_walk_of(items);
    struct json_item item;
    size_t index = 0;

    if (is_there(reply->turn) && form->items != NULL && json_kind_of(reply->turn) != JSON_OBJECT) {
        bytes_printf(complaint, "what \"%s\" has to be in is not an object", form->where);
        return false;
    }
    if (is_string(items) && !form->items_are_calls) {
        return true;
    }
    if (is_there(items) && json_kind_of(items) != JSON_ARRAY) {
        bytes_printf(complaint, "%s is not an array", form->where);
        return false;
    }
    if (form->odd_finish != NULL && is_there(json_find(reply->holder, form->odd_finish))) {
        return refuse_odd(form->odd_finish, complaint);
    }
    for (; json_walk_next(&walk, &item); index++) {
        struct span body = find(item.value, form->call_body);

        if (form->odd_body != NULL && is_there(json_find(item.value, form->odd_body))) {
            return refuse_odd(form->odd_body, complaint);
        }

        if (json_kind_of(item.value) != JSON_OBJECT ||
            (is_there(body) && json_kind_of(body) != JSON_OBJECT)) {
            bytes_printf(complaint, "%s[%zu] is not an object, or what it calls is not",
                         form->where, index);
            return false;
        }
    }
    return true;
}

struct json_walk reply_calls(const struct reply *reply)
{
    struct span items = items_of(reply);

    return json_walk_of(json_kind_of(items) == JSON_ARRAY ? items : SPAN_NONE);
}

/* Where an array holds nothing but calls, what is no function is a call all the same. */
static bool is_call(const struct reply_form *form, struct span item)
{
    if (form->call_type != NULL) {
        return json_string_is(json_find(item, "type"), form->call_type);
    }
    return form->items_are_calls || is_there(json_find(item, form->call_body));
}

bool reply_next_call(const struct reply *reply, struct json_walk *walk, struct reply_call *ret_call)
{
    const struct reply_form *form = reply->form;
    struct json_item item;
    struct span body;

    do {
        if (!json_walk_next(walk, &item)) {
            return false;
        }
    } while (!is_call(form, item.value));
    body = find(item.value, form->call_body);
    ret_call->id = json_find(item.value, form->id);
    if (span_is_none(ret_call->id)) {
        ret_call->id = json_find(body, form->id);
    }
    ret_call->name = json_find(body, "name");
    ret_call->arguments = json_find(body, form->arguments);
    return true;
}

static void append_text_items(const struct reply_form *form, struct span items, struct bytes *out)
{
    struct json_walk walk = json_walk_of(items);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        struct span type = json_find(item.value, "type");
        bool is_text = form->text_type == NULL || json_string_is(type, form->text_type);

        if (is_text && json_kind_of(json_find(item.value, "thought")) != JSON_TRUE) {
            append_string(out, json_find(item.value, "text"));
        }
    }
}

void reply_append_text(const struct reply *reply, struct bytes *out)
{
    const struct reply_form *form = reply->form;
    struct span texts = find(reply->turn, form->texts);
    struct json_walk walk = json_walk_of(texts);
    struct json_item item;

    if (is_string(texts)) {
        append_string(out, texts);
    } else if (form->text_holder == NULL) {
        append_text_items(form, texts, out);
    } else {
        while (json_walk_next(&walk, &item)) {
            if (json_string_is(json_find(item.value, "type"), form->text_holder)) {
                append_text_items(form, json_find(item.value, "content"), out);
            }
        }
    }
}

struct span reply_finish(const struct reply *reply)
{
    struct span finish = json_find(reply->holder, reply->form->finish);

    return is_string(finish) ? finish : SPAN_NONE;
}

static bool is_fine(const struct reply_form *form, struct span finish)
{
    for (size_t i = 0; i < FINE_WORDS && form->fine[i] != NULL; i++) {
        if (json_string_is(finish, form->fine[i])) {
            return true;
        }
    }
    return span_is_none(finish);
}

void reply_append_problem(const struct reply *reply, struct bytes *out)
{
    const struct reply_form *form = reply->form;
    struct span finish = reply_finish(reply);
    struct span detail = follow(reply->holder, form->detail);

    if (is_string(reply->blocked) && span_is_none(reply->holder)) {
        bytes_append_text(out, "the prompt was blocked: ");
        append_string(out, reply->blocked);
        return;
    }
    if (!is_fine(form, finish)) {
        append_string(out, finish);
    } else if (is_string(detail)) {
        bytes_append_text(out, form->detail_word);
    }
    if (is_string(detail)) {
        bytes_append_text(out, ": ");
        append_string(out, detail);
    }
}

/* There is something in the turn; providers refuse turns in which there is nothing. */
static bool is_worth_sending(const struct reply *reply)
{
    const struct reply_form *form = reply->form;
    struct span items = items_of(reply);
    struct span words = find(reply->turn, form->texts);

    if (form->items_are_calls) {
        return has_elements(items) || is_there(words) ||
               is_string(json_find(reply->turn, "refusal"));
    }
    return is_string(items) || has_elements(items);
}

void reply_append_turn(const struct reply *reply, struct bytes *out)
{
    const struct reply_form *form = reply->form;

    if (!is_worth_sending(reply)) {
        bytes_append_text(out, "[]");
        return;
    }
    bytes_append_text(out, form->before);
    bytes_append_span(out, find(reply->turn, form->sent));
    bytes_append_text(out, form->behind);
}
