/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/pieces.h"

#include "client-lib/formats/mend.h"
#include "client-lib/formats/turn_limits.h"

enum {
    /* Names, URIs and types in notes are cut here. */
    WORD_MAXIMUM = 500,
    /* Of a note, words and description. */
    NOTE_MAXIMUM = 16 * 1024,
    LONGEST_TEXT = TURN_READ_MAXIMUM,
};

struct media_block {
    const char *word; /* what it is called in a note */
    struct span type; /* string tokens, or none */
    struct span data;
    struct span uri;
};

static void add_text(struct pieces *pieces, enum piece_kind kind, struct span text,
                     struct span uri);
static void add_block(struct pieces *pieces, struct span block);
static void add_structured(struct pieces *pieces, struct span structured);
static void end_text(struct pieces *pieces);

void pieces_init(struct pieces *pieces, struct arena *arena, const struct answer_form *form,
                 uint32_t flags)
{
    *pieces = (struct pieces){.arena = arena, .form = form, .flags = flags};
}

static bool is_there(struct span value)
{
    return json_kind_of(value) != JSON_NONE && json_kind_of(value) != JSON_NULL;
}

/* The text of a string token, decoded, in the arena; "" if it is none. */
static struct span text_of(struct pieces *pieces, struct span token)
{
    struct span text;
    struct bytes decoded;

    bytes_init(&decoded, LONGEST_TEXT);
    tree_token_text(token, &decoded);
    text = decoded.length == 0 && !decoded.failed ? SPAN("") : arena_take(pieces->arena, &decoded);
    bytes_done(&decoded);
    return text;
}

static struct span word_of(struct pieces *pieces, struct span token)
{
    struct span word = text_of(pieces, token);

    return (struct span){word.at, turn_cut(word, WORD_MAXIMUM)};
}

/* NOTE, which is done with, as a text. */
static void add_note(struct pieces *pieces, struct bytes *note)
{
    add_text(pieces, PIECE_TEXT, arena_take(pieces->arena, note), SPAN_NONE);
    bytes_done(note);
}

/* ---- errors */

/* OUT ends in what went wrong: what is known of the execution is a sentence behind it. */
static void append_outcome(struct bytes *out, struct span outcome)
{
    static const struct {
        const char *word;
        const char *text;
    } rows[] = {
        {"executed", ""},
        {"not_executed", " It did not run."},
        {"result_lost", " It ran, but its result is lost: do not repeat it blindly."},
    };
    const char *text = " It may have run, or may still: do not repeat it blindly.";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text = json_string_is(outcome, rows[i].word) ? rows[i].text : text;
    }
    if (*text != '\0' && out->length > 0 && strchr(".!?", out->at[out->length - 1]) == NULL) {
        bytes_append_char(out, '.');
    }
    bytes_append_text(out, text);
}

static void append_error(struct pieces *pieces, struct bytes *out, struct span error)
{
    struct span class = word_of(pieces, json_find(error, "class"));
    struct span message = text_of(pieces, json_find(error, "message"));
    struct span code = json_find(error, "code");

    bytes_append_span(out, class.length == 0 ? SPAN("Failed") : class);
    bytes_append_text(out, ": ");
    bytes_append_span(out, message.length == 0 ? SPAN("no reason was given") : message);
    if (json_is_integer(code) && code.length < WORD_MAXIMUM) {
        bytes_append_text(out, " (code ");
        bytes_append_span(out, code);
        bytes_append_char(out, ')');
    }
}

void pieces_add_refusal(struct pieces *pieces, struct span error)
{
    struct bytes text;

    bytes_init(&text, LONGEST_TEXT + NOTE_MAXIMUM);
    pieces->is_error = true;
    append_error(pieces, &text, error);
    add_note(pieces, &text);
    end_text(pieces);
}

void pieces_add_error(struct pieces *pieces, struct span error)
{
    struct bytes text;

    bytes_init(&text, LONGEST_TEXT + NOTE_MAXIMUM);
    pieces->is_error = true;
    if (is_there(error)) {
        append_error(pieces, &text, error);
    } else {
        bytes_append_text(&text, "NoResult: nothing came back for this call.");
    }
    append_outcome(&text, json_find(error, "outcome"));
    add_note(pieces, &text);
    end_text(pieces);
}

/* ---- results */

static bool has_text_blocks(struct span content)
{
    struct json_walk walk = json_walk_of(content);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        if (json_string_is(json_find(item.value, "type"), "text")) {
            return true;
        }
    }
    return false;
}

/* annotations.audience names others, and not the model. */
static bool is_for_others(struct span block)
{
    struct span audience = json_find(json_find(block, "annotations"), "audience");
    struct json_walk walk = json_walk_of(audience);
    struct json_item item;
    bool names_others = false;

    while (json_kind_of(audience) == JSON_ARRAY && json_walk_next(&walk, &item)) {
        if (json_string_is(item.value, "assistant")) {
            return false;
        }
        names_others = true;
    }
    return names_others;
}

/* The text beside structuredContent says the same: one of them is told. */
static bool wants_structured(const struct pieces *pieces, struct span content,
                             struct span structured)
{
    return is_there(structured) &&
           ((pieces->flags & TEPLO_T_STRUCTURED) != 0 || !has_text_blocks(content));
}

static bool is_text_block(struct span block)
{
    return json_string_is(json_find(block, "type"), "text");
}

static void add_blocks(struct pieces *pieces, struct span content, bool with_text)
{
    struct json_walk walk = json_walk_of(content);
    struct json_item item;

    while (json_kind_of(content) == JSON_ARRAY && json_walk_next(&walk, &item)) {
        if (!is_for_others(item.value) && (with_text || !is_text_block(item.value))) {
            add_block(pieces, item.value);
        }
    }
}

/* It has what a result must have, or it is an error and says no more; other kinds need blocks. */
static bool is_result(struct span result)
{
    struct span type = json_find(result, "resultType");
    struct span content = json_find(result, "content");

    if (json_kind_of(content) == JSON_ARRAY) {
        return true;
    }
    if (json_kind_of(type) == JSON_STRING && !json_string_is(type, "complete")) {
        return false;
    }
    return is_there(json_find(result, "structuredContent")) ||
           (!is_there(content) && json_kind_of(json_find(result, "isError")) == JSON_TRUE);
}

/* What is no result at all: the server answered, so it did run. */
static bool add_no_result(struct pieces *pieces, struct span result)
{
    struct span type = json_find(result, "resultType");
    struct bytes note;

    if (is_result(result)) {
        return false;
    }
    bytes_init(&note, NOTE_MAXIMUM);
    pieces->is_error = true;
    bytes_append_text(&note, "BadResult: the server answered with ");
    if (json_kind_of(type) == JSON_STRING && !json_string_is(type, "complete")) {
        bytes_append_text(&note, "resultType ");
        bytes_append_span(&note, word_of(pieces, type));
        bytes_append_text(&note, ", which cannot be told.");
    } else {
        bytes_append_text(&note, "what is no tool's result.");
    }
    add_note(pieces, &note);
    return true;
}

void pieces_add_result(struct pieces *pieces, struct span result)
{
    struct span content = json_find(result, "content");
    struct span structured = json_find(result, "structuredContent");
    bool is_structured = wants_structured(pieces, content, structured);

    pieces->is_error = json_kind_of(json_find(result, "isError")) == JSON_TRUE;
    if (add_no_result(pieces, result)) {
        return;
    }
    add_blocks(pieces, content, !is_structured);
    if (is_structured) {
        add_structured(pieces, structured);
    }
    if (pieces->is_error && pieces->first == NULL) {
        add_text(pieces, PIECE_TEXT, SPAN("the tool reported an error, and said no more"),
                 SPAN_NONE);
    }
    end_text(pieces);
}

/* {"result": X}, which stands for a tool that returns X, is X. */
static struct tree_node *unwrap(struct tree_node *value)
{
    struct tree_node *inner = tree_find(value, "result");

    return inner != NULL && value->count == 1 ? inner : value;
}

static void add_structured(struct pieces *pieces, struct span structured)
{
    const struct tree_limits limits = {
        .bytes = SIZE_MAX, .depth = json_limits_default.depth, .nodes = json_limits_default.tokens};
    struct tree_parsed parsed = {.root = NULL};
    struct bytes text;
    bool is_alone = pieces->first == NULL;

    if (tree_parse(pieces->arena, structured, &limits, &parsed) < 0) {
        return;
    }
    parsed.root = unwrap(parsed.root);
    mend_tree(pieces->arena, parsed.root);
    bytes_init(&text, LONGEST_TEXT);
    if (parsed.root->kind == JSON_STRING) {
        tree_text(parsed.root, &text);
    } else {
        tree_write(parsed.root, &text);
    }
    if (text.length > 0 || text.failed) {
        add_text(pieces, PIECE_TEXT, arena_take(pieces->arena, &text), SPAN_NONE);
    }
    bytes_done(&text);
    if (is_alone && pieces->left_out == 0) {
        pieces->structured = parsed.root;
    }
}

/* ---- blocks */

static void add_piece(struct pieces *pieces, const struct piece *piece)
{
    struct piece *added = ARENA_NEW(pieces->arena, struct piece);

    if (added == NULL) {
        return;
    }
    *added = *piece;
    *(pieces->last == NULL ? &pieces->first : &pieces->last->next) = added;
    pieces->last = added;
    pieces->last_text =
        piece->kind == PIECE_TEXT || piece->kind == PIECE_DOCUMENT ? added : pieces->last_text;
}

static bool is_blank(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(" \t\r\n\v\f", text.at[i]) == NULL || text.at[i] == '\0') {
            return false;
        }
    }
    return true;
}

static void add_text(struct pieces *pieces, enum piece_kind kind, struct span text, struct span uri)
{
    size_t room = RESULT_TEXT_MAXIMUM - pieces->text_length;
    size_t length = pieces->left_out > 0 ? 0 : turn_cut(text, room);

    pieces->left_out += text.length - length;
    if (length == 0 || (pieces->form->blank_is_nothing && is_blank(text))) {
        return;
    }
    pieces->text_length += length;
    add_piece(pieces, &(struct piece){.kind = kind, .text = {text.at, length}, .uri = uri});
}

/* Says at the end of the text how much of it is missing. */
static void end_text(struct pieces *pieces)
{
    struct bytes text;

    if (pieces->left_out == 0 || pieces->last_text == NULL) {
        return;
    }
    bytes_init(&text, RESULT_TEXT_MAXIMUM + NOTE_MAXIMUM);
    bytes_append_span(&text, pieces->last_text->text);
    bytes_printf(&text, "\n[cut: %zu more bytes of text are left out]", pieces->left_out);
    pieces->last_text->text = arena_take(pieces->arena, &text);
    bytes_done(&text);
}

static void append_uri(struct pieces *pieces, struct bytes *out, struct span uri)
{
    if (json_kind_of(uri) == JSON_STRING) {
        bytes_append_char(out, ' ');
        bytes_append_span(out, word_of(pieces, uri));
    }
}

static void append_media_name(struct pieces *pieces, struct bytes *out,
                              const struct media_block *block)
{
    struct span type = word_of(pieces, block->type);

    bytes_append_char(out, '[');
    bytes_append_text(out, block->word);
    append_uri(pieces, out, block->uri);
    bytes_append_text(out, type.length == 0 ? "" : " ");
    bytes_append_span(out, type);
}

static enum piece_kind place_of(const struct pieces *pieces, enum media_type type)
{
    const struct answer_form *form = pieces->form;
    uint32_t bit = type == MEDIA_TYPES ? 0 : 1U << type;

    if ((pieces->flags & TEPLO_T_NO_MEDIA) != 0 || (pieces->is_error && form->errors_are_text)) {
        return PIECE_TEXT;
    }
    if ((form->within & bit) != 0) {
        return (pieces->flags & TEPLO_T_SEPARATE_MEDIA) != 0 && form->separate != 0 ? PIECE_SEPARATE
                                                                                    : PIECE_MEDIA;
    }
    return (form->separate & bit) != 0 ? PIECE_SEPARATE : PIECE_TEXT;
}

/* Base64 in the input's own bytes where it has no escapes: it may be large. */
static struct span base64_of(struct pieces *pieces, struct span token)
{
    if (json_kind_of(token) != JSON_STRING) {
        return SPAN("");
    }
    return memchr(token.at, '\\', token.length) == NULL
               ? (struct span){token.at + 1, token.length - 2}
               : text_of(pieces, token);
}

static void add_media(struct pieces *pieces, const struct media_block *block)
{
    struct piece piece = {.base64 = base64_of(pieces, block->data)};
    size_t size = 0;
    bool is_whole = media_size(piece.base64, &size);
    struct bytes note;

    piece.type = media_find(word_of(pieces, block->type));
    piece.kind = is_whole ? place_of(pieces, piece.type) : PIECE_TEXT;
    bytes_init(&note, NOTE_MAXIMUM);
    append_media_name(pieces, &note, block);
    if (is_whole) {
        bytes_printf(&note, ", %zu bytes", size);
    }
    if (piece.kind == PIECE_SEPARATE) {
        piece.text = arena_take(pieces->arena, &note);
        bytes_append_text(&note, ", see next message]");
    } else {
        bytes_append_text(&note, is_whole ? ": not shown]" : ": its data is not base64]");
    }
    if (piece.kind != PIECE_MEDIA) {
        add_text(pieces, PIECE_TEXT, arena_take(pieces->arena, &note), SPAN_NONE);
    }
    bytes_done(&note);
    if (piece.kind != PIECE_TEXT) {
        add_piece(pieces, &piece);
    }
}

/* `name <uri> (type, 12 bytes)`, and the description. */
static void add_link(struct pieces *pieces, struct span block)
{
    struct span name = word_of(pieces, json_find(block, "name"));
    struct span type = word_of(pieces, json_find(block, "mimeType"));
    struct span size = json_find(block, "size");
    struct span description = text_of(pieces, json_find(block, "description"));
    struct bytes text;

    bytes_init(&text, LONGEST_TEXT + NOTE_MAXIMUM);
    bytes_append_span(&text, name.length == 0 ? SPAN("resource") : name);
    bytes_append_text(&text, " <");
    bytes_append_span(&text, word_of(pieces, json_find(block, "uri")));
    bytes_append_char(&text, '>');
    if (type.length > 0 || json_is_integer(size)) {
        bytes_append_text(&text, " (");
        bytes_append_span(&text, type);
        bytes_append_text(&text, type.length > 0 && json_is_integer(size) ? ", " : "");
        if (json_is_integer(size)) {
            bytes_append(&text, size.at, size.length < 20 ? size.length : 20);
            bytes_append_text(&text, " bytes");
        }
        bytes_append_char(&text, ')');
    }
    if (description.length > 0) {
        bytes_append_char(&text, '\n');
        bytes_append_span(&text, description);
    }
    add_note(pieces, &text);
}

/* Where there are no documents, the URI stands above the text. */
static void add_text_resource(struct pieces *pieces, struct span resource)
{
    struct span text = text_of(pieces, json_find(resource, "text"));
    struct span uri = word_of(pieces, json_find(resource, "uri"));
    struct bytes headed;

    if (pieces->form->document != NULL && !pieces->is_error && text.length > 0) {
        add_text(pieces, PIECE_DOCUMENT, text, uri.length == 0 ? SPAN("resource") : uri);
        return;
    }
    bytes_init(&headed, LONGEST_TEXT + NOTE_MAXIMUM);
    bytes_append_text(&headed, "[resource");
    bytes_append_text(&headed, uri.length == 0 ? "" : " ");
    bytes_append_span(&headed, uri);
    bytes_append_text(&headed, "]\n");
    bytes_append_span(&headed, text);
    add_note(pieces, &headed);
}

static void add_resource(struct pieces *pieces, struct span block)
{
    struct span resource = json_find(block, "resource");
    struct media_block media = {.word = "resource",
                                .type = json_find(resource, "mimeType"),
                                .data = json_find(resource, "blob"),
                                .uri = json_find(resource, "uri")};

    if (json_kind_of(json_find(resource, "text")) == JSON_STRING) {
        add_text_resource(pieces, resource);
    } else {
        add_media(pieces, &media);
    }
}

static void add_unknown(struct pieces *pieces, struct span type)
{
    struct bytes note;

    bytes_init(&note, NOTE_MAXIMUM);
    bytes_append_text(&note, "[content of an unknown type");
    append_uri(pieces, &note, type);
    bytes_append_text(&note, ": not shown]");
    add_note(pieces, &note);
}

static void add_block(struct pieces *pieces, struct span block)
{
    struct span type = json_find(block, "type");
    struct media_block media = {.type = json_find(block, "mimeType"),
                                .data = json_find(block, "data")};

    if (json_string_is(type, "text")) {
        add_text(pieces, PIECE_TEXT, text_of(pieces, json_find(block, "text")), SPAN_NONE);
    } else if (json_string_is(type, "image")) {
        media.word = "image";
        add_media(pieces, &media);
    } else if (json_string_is(type, "audio")) {
        media.word = "audio";
        add_media(pieces, &media);
    } else if (json_string_is(type, "resource_link")) {
        add_link(pieces, block);
    } else if (json_string_is(type, "resource")) {
        add_resource(pieces, block);
    } else {
        add_unknown(pieces, type);
    }
}
