/* SPDX-License-Identifier: MIT */
/*
 * The edited text of a JSON text is JSON on one line, with the members that stayed;
 * and edits of any text are what cutting and joining by hand gives.  The first eight
 * bytes choose: which members go, where the edits are.
 */
#include "fuzz.h"

#include "proto/splice.h"

enum { CHOICES = 8 };

struct choice {
    unsigned bits[CHOICES];
    size_t asked;
    size_t dropped;
};

static bool drop(struct span key, void *context)
{
    struct choice *choice = context;
    bool goes = (choice->bits[choice->asked / 8 % CHOICES] >> (choice->asked % 8) & 1) != 0;

    (void)key;
    choice->asked++;
    choice->dropped += goes ? 1 : 0;
    return goes;
}

static size_t count_members(struct span object)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;
    size_t count = 0;

    while (json_walk_next(&walk, &item)) {
        count++;
    }
    return count;
}

/* Some members go, the values of the first that stay are replaced. */
static void edit_object(struct span text, struct choice choice)
{
    struct span object = json_trim(text);
    struct json_walk walk = json_walk_of(object);
    struct choice again = choice;
    struct json_item item;
    struct splice splice;
    struct bytes out;
    bool stays;

    splice_init(&splice, text);
    stays = splice_drop_members(&splice, object, drop, &choice);
    PROPERTY(choice.asked == count_members(object));
    PROPERTY(stays == (choice.asked > choice.dropped));
    for (int replaced = 0; replaced < 3 && json_walk_next(&walk, &item);) {
        if (!drop(item.key, &again)) {
            splice_replace(&splice, item.value, SPAN("[\"new\",\r\n1]"));
            replaced++;
        }
    }
    bytes_init(&out, FUZZ_ROOM);
    splice_write(&splice, &out);
    if (splice.overflow) {
        PROPERTY(out.failed);
    } else {
        PROPERTY(!out.failed && fuzz_is_json(bytes_span(&out)) &&
                 fuzz_is_one_line(bytes_span(&out)));
        PROPERTY(count_members(bytes_span(&out)) == choice.asked - choice.dropped);
    }
    bytes_done(&out);
}

static void append_line(struct bytes *out, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] != '\n' && text.at[i] != '\r') {
            bytes_append_char(out, text.at[i]);
        }
    }
}

/* Edits side by side, given to the splice in reverse. */
static void edit_anything(struct span text, const struct choice *choice)
{
    struct edit edits[CHOICES];
    struct splice splice;
    struct bytes expected;
    struct bytes out;
    size_t at = 0;

    bytes_init(&expected, FUZZ_ROOM);
    bytes_init(&out, FUZZ_ROOM);
    for (size_t i = 0; i < CHOICES; i++) {
        size_t from = at + choice->bits[i] % 16;
        size_t length = choice->bits[i] / 16;

        from = from < text.length ? from : text.length;
        length = length < text.length - from ? length : text.length - from;
        edits[i].at = (struct span){text.at + from, length};
        /* A piece of the text, so that line ends come in this way too. */
        edits[i].with = (struct span){text.at, from / 2};
        append_line(&expected, (struct span){text.at + at, from - at});
        append_line(&expected, edits[i].with);
        /* Two edits in one place would change theirs: the tests say what happens then. */
        at = from + length < text.length ? from + length + 1 : text.length;
        append_line(&expected, (struct span){text.at + from + length, at - from - length});
    }
    append_line(&expected, (struct span){text.at + at, text.length - at});
    splice_init(&splice, text);
    for (size_t i = CHOICES; i > 0; i--) {
        if (edits[i - 1].at.length > 0 || edits[i - 1].with.length > 0) {
            splice_replace(&splice, edits[i - 1].at, edits[i - 1].with);
        }
    }
    splice_write(&splice, &out);
    /* At the end of the text several inserts meet, in reverse. */
    PROPERTY(out.length == expected.length && fuzz_is_one_line(bytes_span(&out)));
    if (at < text.length) {
        PROPERTY(span_equal(bytes_span(&out), bytes_span(&expected)));
    }
    bytes_done(&expected);
    bytes_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span text = fuzz_input(at, size);
    struct choice choice = {.asked = 0};
    struct json_error error;

    for (size_t i = 0; i < CHOICES; i++) {
        choice.bits[i] = fuzz_take_byte(&text);
    }
    if (text.length == 0) {
        return 0;
    }
    edit_anything(text, &choice);
    if (json_check(text, &json_limits_default, &error) == 0 &&
        json_kind_of(json_trim(text)) == JSON_OBJECT) {
        edit_object(text, choice);
    }
    return 0;
}
