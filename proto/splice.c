/* SPDX-License-Identifier: MIT */
/* Edits are kept sorted as they come: they are few, and most arrive in order. */
#include "proto/splice.h"

#include "proto/json_scan.h"
#include "proto/word.h"

static bool goes_before(const struct edit *earlier, struct span at);
static size_t length_after(const struct splice *splice);

void splice_init(struct splice *splice, struct span text)
{
    splice->text = text;
    splice->count = 0;
    splice->overflow = false;
}

void splice_replace(struct splice *splice, struct span at, struct span with)
{
    const char *text_end = splice->text.at + splice->text.length;
    unsigned place = splice->count;

    CHECK(at.at >= splice->text.at && at.at <= text_end && at.length <= (size_t)(text_end - at.at));
    if (splice->count == SPLICE_EDITS_MAXIMUM) {
        splice->overflow = true;
        return;
    }
    while (place > 0 && !goes_before(&splice->edits[place - 1], at)) {
        splice->edits[place] = splice->edits[place - 1];
        place--;
    }
    if (place > 0) {
        CHECK(splice->edits[place - 1].at.at + splice->edits[place - 1].at.length <= at.at);
    }
    if (place < splice->count) {
        CHECK(at.at + at.length <= splice->edits[place + 1].at.at);
    }
    splice->edits[place] = (struct edit){at, with};
    splice->count++;
}

void splice_insert(struct splice *splice, const char *at, struct span with)
{
    splice_replace(splice, (struct span){at, 0}, with);
}

bool splice_drop_members(struct splice *splice, struct span object, splice_drop_fn drop,
                         void *context)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;
    const char *kept_end = NULL;     /* of the last member that stays */
    struct span dropped = SPAN_NONE; /* a run of members to remove, not yet an edit */

    while (walk.keyed && json_walk_next(&walk, &item)) {
        const char *item_end = item.value.at + item.value.length;

        if (drop(item.key, context)) {
            if (span_is_none(dropped)) {
                /* The comma that goes is the one before, where there is one. */
                dropped.at = kept_end == NULL ? item.key.at : kept_end;
            }
            dropped.length = (size_t)(item_end - dropped.at);
            continue;
        }
        if (!span_is_none(dropped)) {
            if (kept_end == NULL) {
                dropped.length = (size_t)(item.key.at - dropped.at);
            }
            splice_replace(splice, dropped, SPAN_NONE);
            dropped = SPAN_NONE;
        }
        kept_end = item_end;
    }
    if (!span_is_none(dropped)) {
        splice_replace(splice, dropped, SPAN_NONE);
    }
    return kept_end != NULL;
}

void splice_write(const struct splice *splice, struct bytes *out)
{
    const char *at = splice->text.at;
    size_t length = length_after(splice);

    if (splice->overflow) {
        out->failed = true;
        return;
    }
    /* Only to grow once: what line ends take up in LENGTH may not be needed. */
    if (length > out->maximum - out->length) {
        length = out->maximum - out->length;
    }
    if (bytes_reserve(out, length) == NULL) {
        return;
    }
    for (unsigned i = 0; i < splice->count; i++) {
        const struct edit *edit = &splice->edits[i];

        splice_append_line(out, (struct span){at, (size_t)(edit->at.at - at)});
        splice_append_line(out, edit->with);
        at = edit->at.at + edit->at.length;
    }
    splice_append_line(out,
                       (struct span){at, splice->text.length - (size_t)(at - splice->text.at)});
}

void splice_append_line(struct bytes *out, struct span json)
{
    while (json.length > 0) {
        const char *end = word_find_line_end(json.at, json.at + json.length);
        size_t length = (size_t)(end - json.at);

        bytes_append(out, json.at, length);
        if (length == json.length) {
            return;
        }
        json.at = end + 1;
        json.length -= length + 1;
    }
}

/* EARLIER was added before an edit of AT: does it also come before it in the text? */
static bool goes_before(const struct edit *earlier, struct span at)
{
    if (earlier->at.at != at.at) {
        return earlier->at.at < at.at;
    }
    return earlier->at.length == 0 || at.length > 0;
}

/* At most. */
static size_t length_after(const struct splice *splice)
{
    size_t length = splice->text.length;

    for (unsigned i = 0; i < splice->count; i++) {
        length = length - splice->edits[i].at.length + splice->edits[i].with.length;
    }
    return length;
}
