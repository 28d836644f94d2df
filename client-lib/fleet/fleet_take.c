/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_take.h"

void fleet_refusal_note(struct fleet_refusal *refusal, struct span text)
{
    static const char *const of_all[] = {"LOADING",     "MASTERDOWN", "MOVED",
                                         "CLUSTERDOWN", "BUSY ",      "ASK "};

    if (span_starts_with(text, SPAN("NOPERM")) || span_starts_with(text, SPAN("NOAUTH"))) {
        if (refusal->denied++ == 0) {
            (void)fleet_clean(refusal->first_denied, FLEET_REFUSAL_SIZE, text);
        }
        return;
    }
    if (refusal->wrong++ == 0) {
        (void)fleet_clean(refusal->first_wrong, FLEET_REFUSAL_SIZE, text);
    }
    for (size_t i = 0; i < sizeof(of_all) / sizeof(of_all[0]); i++) {
        refusal->is_of_all = refusal->is_of_all || span_starts_with(text, span_of(of_all[i]));
    }
}

bool fleet_take_array(struct resp_walk *walk, struct fleet_refusal *refusal, size_t *ret_count)
{
    struct resp value;

    if (!resp_next(walk, &value) || value.kind != RESP_ARRAY) {
        if (value.kind == RESP_ERROR) {
            fleet_refusal_note(refusal, value.text);
        }
        return false;
    }
    *ret_count = value.count;
    return true;
}

struct span fleet_take_text(struct resp_walk *walk)
{
    struct resp value;

    if (!resp_next(walk, &value)) {
        return SPAN_NONE;
    }
    resp_skip(walk, &value);
    return value.kind == RESP_TEXT || value.kind == RESP_NUMBER ? value.text : SPAN_NONE;
}

bool fleet_take_row(struct resp_walk *walk, const struct fleet_shape *shape, struct fleet_row *row,
                    struct fleet_refusal *refusal)
{
    uint64_t known = 0;
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct span value = fleet_take_text(walk);

        if (i < shape->count && !span_is_none(value)) {
            fleet_row_set(shape, row, i, value);
        }
    }
    for (size_t i = 0; i < sizeof(row->known) / sizeof(row->known[0]); i++) {
        known |= row->known[i];
    }
    return known != 0;
}

bool fleet_take_entry(struct resp_walk *walk, const struct fleet_shape *shape,
                      struct fleet_row *row, struct span *ret_id)
{
    struct resp entry;
    struct resp fields;

    if (!resp_next(walk, &entry)) {
        return false;
    }
    if (entry.kind != RESP_ARRAY || entry.count != 2) {
        resp_skip(walk, &entry);
        return false;
    }
    *ret_id = fleet_take_text(walk);
    if (!resp_next(walk, &fields)) {
        return false;
    }
    for (size_t i = 0; i + 1 < fields.count; i += 2) {
        int field = fleet_shape_find(shape, fleet_take_text(walk));
        struct span value = fleet_take_text(walk);

        if (field >= 0 && !span_is_none(value)) {
            fleet_row_set(shape, row, (size_t)field, value);
        }
    }
    if (fields.count % 2 != 0) {
        (void)fleet_take_text(walk);
    }
    return !span_is_none(*ret_id);
}
