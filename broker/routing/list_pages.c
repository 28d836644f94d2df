/* SPDX-License-Identifier: MIT */
#include "broker/routing/list_pages.h"

#include "proto/json_scan.h"
#include "proto/splice.h"

void list_pages_init(struct list_pages *pages, const char *member, size_t maximum)
{
    pages->member = member;
    bytes_init(&pages->frame, maximum);
    bytes_init(&pages->items, maximum);
}

void list_pages_done(struct list_pages *pages)
{
    bytes_done(&pages->frame);
    bytes_done(&pages->items);
}

void list_pages_clear(struct list_pages *pages)
{
    bytes_trim(&pages->frame, 0);
    bytes_trim(&pages->items, 0);
}

static bool is_execution(struct span key, void *context)
{
    (void)context;
    return json_string_is(key, "execution");
}

static void add_items(struct list_pages *pages, struct span array)
{
    struct json_walk walk = json_walk_of(array);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        struct splice splice;

        if (pages->items.length > 0) {
            bytes_append_char(&pages->items, ',');
        }
        splice_init(&splice, item.value);
        if (json_kind_of(item.value) == JSON_OBJECT) {
            (void)splice_drop_members(&splice, item.value, is_execution, NULL);
        }
        splice_write(&splice, &pages->items);
    }
}

static void add_other(struct list_pages *pages, const struct json_item *item)
{
    struct splice splice;

    bytes_append_char(&pages->frame, ',');
    bytes_append_span(&pages->frame, item->key);
    bytes_append_char(&pages->frame, ':');
    splice_init(&splice, item->value);
    splice_write(&splice, &pages->frame);
}

void list_pages_add(struct list_pages *pages, struct span result)
{
    bool is_first = pages->items.length == 0 && pages->frame.length == 0;
    struct json_walk walk = json_walk_of(result);
    struct json_item item;

    if (json_kind_of(result) != JSON_OBJECT) {
        return;
    }
    while (json_walk_next(&walk, &item)) {
        if (json_string_is(item.key, pages->member)) {
            add_items(pages, item.value);
        } else if (is_first && !json_string_is(item.key, "nextCursor")) {
            add_other(pages, &item);
        }
    }
}

bool list_pages_is_full(const struct list_pages *pages)
{
    return pages->items.failed || pages->frame.failed;
}

bool list_pages_write(struct list_pages *pages, struct bytes *out)
{
    bytes_append_text(out, "{\"");
    bytes_append_text(out, pages->member);
    bytes_append_text(out, "\":[");
    bytes_append_span(out, bytes_span(&pages->items));
    bytes_append_char(out, ']');
    bytes_append_span(out, bytes_span(&pages->frame));
    bytes_append_char(out, '}');
    return !out->failed && !list_pages_is_full(pages);
}

void list_mark_stale(struct span list, struct bytes *out)
{
    static const struct span mark = SPAN_INIT("\"dev.teplo/stale\":true");
    struct span meta = json_find(list, "_meta");
    struct splice splice;

    splice_init(&splice, list);
    if (json_kind_of(meta) == JSON_OBJECT) {
        struct json_walk walk = json_walk_of(meta);
        struct json_item item;

        splice_insert(&splice, meta.at + 1, mark);
        if (json_walk_next(&walk, &item)) {
            splice_insert(&splice, meta.at + 1, SPAN(","));
        }
    } else {
        splice_insert(&splice, list.at + list.length - 1, SPAN(",\"_meta\":{"));
        splice_insert(&splice, list.at + list.length - 1, mark);
        splice_insert(&splice, list.at + list.length - 1, SPAN("}"));
    }
    splice_write(&splice, out);
}
