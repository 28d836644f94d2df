/* SPDX-License-Identifier: MIT */
/* teplo_toolset_answers: what the tools gave goes back to the model, one answer for each call. */
#include "client-lib/formats/mend.h"
#include "client-lib/formats/pieces.h"
#include "client-lib/formats/toolset.h"
#include "client-lib/formats/turn_limits.h"
#include "proto/base/mem.h"

enum {
    /* One result, decoded: its text may be there in several forms. */
    ARENA_MAXIMUM = 8 * TURN_READ_MAXIMUM,
    /* JSON in a text becomes a value for Gemini up to here: its own parser has limits too. */
    VALUE_DEPTH = 32,
    VALUE_NODES = 100000,
    /* The texts of a result, the line feeds between them, and what is said of those cut off. */
    RESPONSE_TEXT_MAXIMUM = 4 * RESULT_TEXT_MAXIMUM,
    /* A double holds up to 308. */
    EXPONENT_MAXIMUM = 300,
};

/* Integers up to here are the same number as a double; 2^53 itself is also what 2^53 + 1 becomes.
 */
static const int64_t exact_maximum = ((int64_t)1 << 53) - 1;

struct pair {
    struct span call;
    struct span result; /* none: there is an error, or nothing */
    struct span error;
    int64_t index;
};

struct answering {
    const struct answer_form *form;
    uint32_t flags;
    struct pair *pairs; /* owned */
    size_t count;
    struct bytes out;
    struct bytes separate; /* media that stands behind all answers */
    struct arena arena;    /* of the answer that is being written */
};

static int read_pairs(struct answering *answering, struct teplo_toolset *toolset,
                      struct span pairs);
static int write_answers(struct answering *answering);
static void write_content(struct answering *answering, const struct pieces *pieces);
static void write_response(struct answering *answering, const struct pieces *pieces);

static void answering_init(struct answering *answering, const struct teplo_toolset *toolset)
{
    *answering = (struct answering){.form = answer_form_of(format_provider(toolset)),
                                    .flags = format_flags(toolset)};
    bytes_init(&answering->out, TURN_BYTES_MAXIMUM);
    bytes_init(&answering->separate, TURN_BYTES_MAXIMUM);
    arena_init(&answering->arena, ARENA_MAXIMUM);
}

static void answering_done(struct answering *answering)
{
    arena_done(&answering->arena);
    bytes_done(&answering->out);
    bytes_done(&answering->separate);
    mem_free(answering->pairs);
}

static int answer_all(struct answering *answering, struct teplo_toolset *toolset, struct span pairs)
{
    int error = turn_check(toolset, "the array of pairs", pairs);

    if (error == 0) {
        error = read_pairs(answering, toolset, json_trim(pairs));
    }
    if (error == 0) {
        error = write_answers(answering);
        if (error < 0) {
            format_complain(toolset,
                            error == TEPLO_E_NOMEM ? "out of memory" : "a result is too large");
        }
    }
    return error;
}

int teplo_toolset_answers(struct teplo_toolset *toolset, const char *pairs, size_t length,
                          char **ret_json, size_t *ret_length)
{
    struct answering answering;
    int error;

    if (toolset == NULL || pairs == NULL || ret_json == NULL) {
        return TEPLO_E_INVAL;
    }
    answering_init(&answering, toolset);
    error = answer_all(&answering, toolset, (struct span){pairs, length});
    if (error == 0) {
        error = turn_give(&answering.out, ret_json, ret_length);
    }
    answering_done(&answering);
    return error;
}

/* ---- the pairs */

static size_t count_elements(struct span array)
{
    struct json_walk walk = json_walk_of(array);
    struct json_item item;
    size_t count = 0;

    while (json_walk_next(&walk, &item)) {
        count++;
    }
    return count;
}

static struct span find_value(struct span object, const char *member)
{
    struct span value = json_find(object, member);

    return json_kind_of(value) == JSON_NULL ? SPAN_NONE : value;
}

/* Those without an index stay where they are; providers without ids go by the order. */
static void insert_by_index(struct pair *pairs, size_t count, struct pair pair)
{
    while (count > 0 && pairs[count - 1].index > pair.index) {
        pairs[count] = pairs[count - 1];
        count--;
    }
    pairs[count] = pair;
}

static int read_pairs(struct answering *answering, struct teplo_toolset *toolset, struct span pairs)
{
    size_t count = count_elements(pairs);
    struct json_walk walk = json_walk_of(pairs);
    struct json_item item;

    if (json_kind_of(pairs) != JSON_ARRAY || count > TURN_CALLS_MAXIMUM) {
        format_complain(toolset, "the pairs of calls and results are no array, or more than %d",
                        TURN_CALLS_MAXIMUM);
        return count > TURN_CALLS_MAXIMUM ? TEPLO_E_TOOBIG : TEPLO_E_INVAL;
    }
    answering->pairs = mem_new((count + 1) * sizeof(*answering->pairs));
    if (answering->pairs == NULL) {
        format_complain(toolset, "out of memory");
        return TEPLO_E_NOMEM;
    }
    for (; json_walk_next(&walk, &item); answering->count++) {
        struct pair pair = {.call = json_find(item.value, "call"),
                            .result = find_value(item.value, "result"),
                            .error = find_value(item.value, "error"),
                            .index = (int64_t)answering->count};

        if (json_kind_of(pair.call) != JSON_OBJECT) {
            format_complain(toolset, "element %zu of the pairs has no \"call\" that is an object",
                            answering->count);
            return TEPLO_E_INVAL;
        }
        (void)!json_to_int(json_find(pair.call, "index"), &pair.index);
        insert_by_index(answering->pairs, answering->count, pair);
    }
    return 0;
}

/* ---- one answer */

static void read_pieces(const struct pair *pair, struct pieces *pieces)
{
    struct span refusal = find_value(pair->call, "error");

    if (!span_is_none(pair->result)) {
        pieces_add_result(pieces, pair->result);
    } else if (!span_is_none(pair->error)) {
        pieces_add_error(pieces, pair->error);
    } else if (!span_is_none(refusal)) {
        pieces_add_refusal(pieces, refusal);
    } else {
        pieces_add_error(pieces, SPAN_NONE);
    }
}

static bool has_id(const struct pair *pair)
{
    return json_kind_of(json_find(pair->call, "id")) == JSON_STRING;
}

/* An id of ours where the model gave none: the answer must have one. */
static void write_id(struct bytes *out, const struct pair *pair)
{
    if (has_id(pair)) {
        bytes_append_span(out, json_find(pair->call, "id"));
    } else {
        bytes_append_text(out, "\"call_");
        bytes_append_int(out, pair->index);
        bytes_append_char(out, '"');
    }
}

static void write_name(struct answering *answering, struct bytes *out, const struct pair *pair)
{
    struct span name = json_find(pair->call, "name");

    if (json_kind_of(name) == JSON_STRING) {
        bytes_append_span(out, mend_token(&answering->arena, name));
    } else {
        bytes_append_text(out, "\"\"");
    }
}

/* What is in no answer, each with a word on where it is from. */
static void write_separate(struct answering *answering, const struct pieces *pieces,
                           const struct pair *pair)
{
    struct bytes *out = &answering->separate;
    struct bytes label;

    bytes_init(&label, RESULT_TEXT_MAXIMUM);
    for (const struct piece *piece = pieces->first; piece != NULL; piece = piece->next) {
        struct answer_values values = {.base64 = piece->base64};

        if (piece->kind != PIECE_SEPARATE) {
            continue;
        }
        bytes_clear(&label);
        bytes_append_span(&label, piece->text);
        bytes_append_text(&label, ", from the result of ");
        tree_token_text(json_find(pair->call, "name"), &label);
        bytes_append_char(&label, ']');
        values.text = bytes_span(&label);
        values.media_type = media_text(piece->type);
        bytes_append_text(out, out->length == 0 ? "" : ",");
        answer_form_write(out, answering->form->separate_text, &values);
        bytes_append_char(out, ',');
        answer_form_write(out, answering->form->media[media_kind_of(piece->type)], &values);
    }
    out->failed = out->failed || label.failed;
    bytes_done(&label);
}

static void write_answer(struct answering *answering, const struct pair *pair)
{
    const struct answer_form *form = answering->form;
    struct bytes *out = &answering->out;
    struct pieces pieces;

    pieces_init(&pieces, &answering->arena, form, answering->flags);
    read_pieces(pair, &pieces);
    bytes_append_text(out, form->answer);
    if (form->is_response) {
        write_name(answering, out, pair);
        if (has_id(pair)) {
            bytes_append_text(out, ",\"id\":");
            write_id(out, pair);
        }
        write_response(answering, &pieces);
    } else {
        write_id(out, pair);
        write_content(answering, &pieces);
    }
    write_separate(answering, &pieces, pair);
}

static int write_answers(struct answering *answering)
{
    const struct answer_form *form = answering->form;
    struct bytes *out = &answering->out;

    if (answering->count == 0) {
        bytes_append_text(out, "[]");
        return out->failed ? TEPLO_E_NOMEM : 0;
    }
    bytes_append_text(out, form->open);
    for (size_t i = 0; i < answering->count; i++) {
        enum arena_fault fault;

        bytes_append_text(out, i == 0 ? "" : ",");
        write_answer(answering, &answering->pairs[i]);
        fault = answering->arena.failed;
        arena_done(&answering->arena);
        if (fault != ARENA_FINE) {
            return fault == ARENA_FULL ? TEPLO_E_TOOBIG : TEPLO_E_NOMEM;
        }
    }
    bytes_append_text(out, form->close);
    if (answering->separate.length > 0) {
        bytes_append_text(out, form->separate_open);
        bytes_append_span(out, bytes_span(&answering->separate));
        bytes_append_text(out, form->separate_close);
    }
    bytes_append_char(out, ']');
    return out->failed || answering->separate.failed ? TEPLO_E_NOMEM : 0;
}

/* ---- content that is text, or a list of blocks */

static size_t count_pieces(const struct pieces *pieces)
{
    size_t count = 0;

    for (const struct piece *piece = pieces->first; piece != NULL; piece = piece->next) {
        count += piece->kind == PIECE_SEPARATE ? 0 : 1;
    }
    return count;
}

/* Where errors have no mark of their own, the first text says it. */
static struct span with_prefix(struct answering *answering, struct span text)
{
    struct span whole;
    struct bytes out;

    bytes_init(&out, text.length + sizeof(ERROR_PREFIX));
    bytes_append_text(&out, ERROR_PREFIX);
    bytes_append_span(&out, text);
    whole = arena_take(&answering->arena, &out);
    bytes_done(&out);
    return whole;
}

static void write_piece(struct answering *answering, const struct piece *piece, bool is_prefixed)
{
    const struct answer_form *form = answering->form;
    const struct answer_values values = {
        .text = is_prefixed ? with_prefix(answering, piece->text) : piece->text,
        .uri = piece->uri,
        .base64 = piece->base64,
        .media_type = piece->kind == PIECE_MEDIA ? media_text(piece->type) : ""};

    if (piece->kind == PIECE_MEDIA) {
        answer_form_write(&answering->out, form->media[media_kind_of(piece->type)], &values);
    } else {
        answer_form_write(&answering->out,
                          piece->kind == PIECE_DOCUMENT ? form->document : form->text, &values);
    }
}

static void write_list(struct answering *answering, const struct pieces *pieces, bool is_prefixed)
{
    static const struct piece plain = {.kind = PIECE_TEXT, .text = SPAN_INIT("see below")};
    struct bytes *out = &answering->out;
    const char *before = "[";

    for (const struct piece *piece = pieces->first; piece != NULL; piece = piece->next) {
        if (piece->kind == PIECE_SEPARATE) {
            continue;
        }
        bytes_append_text(out, before);
        if (is_prefixed && piece->kind != PIECE_TEXT) {
            write_piece(answering, &plain, true);
            bytes_append_char(out, ',');
            is_prefixed = false;
        }
        write_piece(answering, piece, is_prefixed);
        is_prefixed = false;
        before = ",";
    }
    bytes_append_char(out, ']');
}

static void write_content(struct answering *answering, const struct pieces *pieces)
{
    const struct answer_form *form = answering->form;
    struct bytes *out = &answering->out;
    bool is_prefixed = pieces->is_error && form->error == NULL;
    size_t count = count_pieces(pieces);

    if (count > 0 || form->nothing != NULL) {
        bytes_append_text(out, form->content);
    }
    if (count == 1 && pieces->first->kind == PIECE_TEXT && form->one_text_is_string) {
        json_quote(out,
                   is_prefixed ? with_prefix(answering, pieces->first->text) : pieces->first->text);
    } else if (count > 0) {
        write_list(answering, pieces, is_prefixed);
    } else if (form->nothing != NULL) {
        bytes_append_text(out, form->nothing);
    }
    if (pieces->is_error && form->error != NULL) {
        bytes_append_text(out, form->error);
    }
    bytes_append_char(out, '}');
}

/* ---- Gemini's response object */

/* An integer beyond these limits becomes another one, and an id of another thing. */
static bool is_exact(struct span integer)
{
    int64_t number;

    return json_to_int(integer, &number) && number >= -exact_maximum && number <= exact_maximum;
}

/* NUMBER, with a fraction or an exponent, is far from infinity as a double: no more than its length
 * and its exponent are looked at. */
static bool is_small(struct span number)
{
    size_t digits = 0;
    int64_t exponent = 0;

    while (digits < number.length && strchr(".eE", number.at[digits]) == NULL) {
        digits++;
    }
    for (size_t i = digits; i < number.length; i++) {
        struct span rest = {number.at + i + 1, number.length - i - 1};

        if (number.at[i] != 'e' && number.at[i] != 'E') {
            continue;
        }
        if (rest.length > 0 && *rest.at == '+') {
            rest = (struct span){rest.at + 1, rest.length - 1};
        }
        /* 007 is an exponent, and no integer to json_to_int: as large as can be, then. */
        if (!json_to_int(rest, &exponent)) {
            return false;
        }
    }
    return digits < EXPONENT_MAXIMUM && exponent < EXPONENT_MAXIMUM - (int64_t)digits;
}

/* Gemini's numbers are doubles, and infinity is refused. */
static bool are_doubles(const struct tree_node *root)
{
    for (const struct tree_node *node = root; node != NULL; node = tree_next(root, node)) {
        if (node->kind == JSON_NUMBER &&
            !(json_is_integer(node->token) ? is_exact(node->token) : is_small(node->token))) {
            return false;
        }
    }
    return true;
}

/* The object or array that TEXT is the JSON of; NULL: it is something else. */
static struct tree_node *parse_value(struct answering *answering, struct span text)
{
    const struct tree_limits limits = {
        .bytes = RESULT_TEXT_MAXIMUM, .depth = VALUE_DEPTH, .nodes = VALUE_NODES};
    struct tree_parsed parsed;
    enum json_kind kind = json_kind_of(json_trim(text));

    if ((kind != JSON_OBJECT && kind != JSON_ARRAY) ||
        tree_parse(&answering->arena, text, &limits, &parsed) < 0 || !are_doubles(parsed.root)) {
        return NULL;
    }
    mend_tree(&answering->arena, parsed.root);
    return parsed.root;
}

/* `output` and `error` have a meaning of their own in a response. */
static bool is_response(const struct pieces *pieces, const struct tree_node *value)
{
    return pieces->structured != NULL && value->kind == JSON_OBJECT &&
           tree_find(value, "output") == NULL && tree_find(value, "error") == NULL;
}

static void write_value(struct answering *answering, const struct pieces *pieces, struct span text)
{
    struct bytes *out = &answering->out;
    const struct tree_node *value = parse_value(answering, text);
    const struct tree_node *given = pieces->structured;

    if (value == NULL && given != NULL && given->first == NULL && given->kind != JSON_STRING &&
        are_doubles(given)) {
        value = given;
    }
    if (value != NULL && is_response(pieces, value)) {
        tree_write(value, out);
        return;
    }
    bytes_append_text(out, "{\"output\":");
    if (value != NULL) {
        tree_write(value, out);
    } else {
        json_quote(out, text);
    }
    bytes_append_char(out, '}');
}

static void write_parts(struct answering *answering, const struct pieces *pieces)
{
    const char *before = ",\"parts\":[";

    for (const struct piece *piece = pieces->first; piece != NULL; piece = piece->next) {
        if (piece->kind == PIECE_MEDIA) {
            bytes_append_text(&answering->out, before);
            write_piece(answering, piece, false);
            before = ",";
        }
    }
    bytes_append_text(&answering->out, *before == ',' && before[1] == '\0' ? "]}}" : "}}");
}

static void write_response(struct answering *answering, const struct pieces *pieces)
{
    struct bytes *out = &answering->out;
    struct bytes text;

    bytes_init(&text, RESPONSE_TEXT_MAXIMUM);
    for (const struct piece *piece = pieces->first; piece != NULL; piece = piece->next) {
        if (piece->kind == PIECE_TEXT) {
            bytes_append_text(&text, text.length == 0 ? "" : "\n");
            bytes_append_span(&text, piece->text);
        }
    }
    bytes_append_text(out, answering->form->content);
    if (pieces->is_error) {
        bytes_append_text(out, "{\"error\":");
        json_quote(out, text.length == 0 ? SPAN("see below") : bytes_span(&text));
        bytes_append_char(out, '}');
    } else {
        write_value(answering, pieces, bytes_span(&text));
    }
    out->failed = out->failed || text.failed;
    bytes_done(&text);
    write_parts(answering, pieces);
}
