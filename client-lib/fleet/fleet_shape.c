/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_shape.h"

#include <inttypes.h>
#include <math.h>

#include "proto/printable.h"

/* ---- the tables */

#define FIELD(type, kind, name, size) {#name, FLEET_KIND_##kind, offsetof(struct type, name), size},

static const struct fleet_field pool_fields[] = {
#define POOL_TEXT(name, size, fold) FIELD(fleet_pool_row, TEXT, name, size)
#define POOL_COUNT(name, fold) FIELD(fleet_pool_row, COUNT, name, 0)
#define POOL_DECIMAL(name, fold) FIELD(fleet_pool_row, DECIMAL, name, 0)
#define POOL_MOMENT(name, fold) FIELD(fleet_pool_row, MOMENT, name, 0)
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
};

static const struct fleet_field instance_fields[] = {
#define INSTANCE_TEXT(name, size) FIELD(fleet_instance_row, TEXT, name, size)
#define INSTANCE_COUNT(name) FIELD(fleet_instance_row, COUNT, name, 0)
#define INSTANCE_DECIMAL(name) FIELD(fleet_instance_row, DECIMAL, name, 0)
#define INSTANCE_MOMENT(name) FIELD(fleet_instance_row, MOMENT, name, 0)
#include "proto/redis/instance_fields.def"
#undef INSTANCE_TEXT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
};

static const struct fleet_field whole_fields[] = {
#define FLEET_TEXT(name, size) FIELD(fleet_whole_row, TEXT, name, size)
#define FLEET_COUNT(name) FIELD(fleet_whole_row, COUNT, name, 0)
#define FLEET_DECIMAL(name) FIELD(fleet_whole_row, DECIMAL, name, 0)
#define FLEET_MOMENT(name) FIELD(fleet_whole_row, MOMENT, name, 0)
#include "proto/redis/fleet_fields.def"
#undef FLEET_TEXT
#undef FLEET_COUNT
#undef FLEET_DECIMAL
#undef FLEET_MOMENT
};

static const struct fleet_field event_fields[] = {
#define FLEET_EVENT_TEXT(name, size) FIELD(fleet_event_row, TEXT, name, size)
#define FLEET_EVENT_COUNT(name) FIELD(fleet_event_row, COUNT, name, 0)
#include "client-lib/fleet/event_fields.def"
#undef FLEET_EVENT_TEXT
#undef FLEET_EVENT_COUNT
};

static const struct fleet_field client_fields[] = {
#define FLEET_CLIENT_TEXT(name, size) FIELD(fleet_client_row, TEXT, name, size)
#define FLEET_CLIENT_COUNT(name) FIELD(fleet_client_row, COUNT, name, 0)
#include "client-lib/fleet/client_fields.def"
#undef FLEET_CLIENT_TEXT
#undef FLEET_CLIENT_COUNT
};

static const struct fleet_field session_fields[] = {
#define FLEET_SESSION_TEXT(name) FIELD(fleet_session_row, TEXT, name, 65)
#define FLEET_SESSION_NUMBER(name) FIELD(fleet_session_row, DECIMAL, name, 0)
#define FLEET_SELECT_pools(name, kind)
#define FLEET_SELECT_inst(name, kind)
#define FLEET_SELECT_sess(name, kind) FLEET_SESSION_##kind(name)
#define COLUMN(table, name, kind) FLEET_SELECT_##table(name, kind)
#include "proto/redis/table_columns.def"
#undef COLUMN
};

#define SHAPE(fields)                                                                              \
    {                                                                                              \
        fields, sizeof(fields) / sizeof((fields)[0])                                               \
    }

const struct fleet_shape fleet_pool_shape = SHAPE(pool_fields);
const struct fleet_shape fleet_instance_shape = SHAPE(instance_fields);
const struct fleet_shape fleet_whole_shape = SHAPE(whole_fields);
const struct fleet_shape fleet_event_shape = SHAPE(event_fields);
const struct fleet_shape fleet_session_shape = SHAPE(session_fields);
const struct fleet_shape fleet_client_shape = SHAPE(client_fields);

_Static_assert((int)FLEET_POOL_FIELD_COUNT <= (int)FLEET_FIELDS_MAXIMUM, "a bit for each field");

int fleet_shape_find(const struct fleet_shape *shape, struct span name)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (span_is(name, shape->fields[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- one field */

void fleet_row_set(const struct fleet_shape *shape, struct fleet_row *row, size_t field,
                   struct span value)
{
    const struct fleet_field *what = &shape->fields[field];
    char *place = (char *)row + what->offset;
    bool is_known = false;

    /* The members are of these types: fleet_shape.h. */
    switch (what->kind) {
    case FLEET_KIND_TEXT:
        is_known = !span_is(value, "-") && fleet_clean(place, what->size, value) > 0;
        break;
    case FLEET_KIND_COUNT:
        is_known = fleet_read_count(value, (uint64_t *)(void *)place);
        break;
    case FLEET_KIND_DECIMAL:
        is_known = fleet_read_decimal(value, (double *)(void *)place);
        break;
    case FLEET_KIND_MOMENT:
        is_known = fleet_read_moment(value, (int64_t *)(void *)place);
        break;
    }
    if (is_known) {
        fleet_set_known(row, field);
    }
}

const char *fleet_row_text(const struct fleet_shape *shape, const struct fleet_row *row,
                           size_t field)
{
    const struct fleet_field *what = &shape->fields[field];

    return what->kind == FLEET_KIND_TEXT ? (const char *)row + what->offset : "";
}

double fleet_row_number(const struct fleet_shape *shape, const struct fleet_row *row, size_t field)
{
    const struct fleet_field *what = &shape->fields[field];
    const char *place = (const char *)row + what->offset;

    switch (what->kind) {
    case FLEET_KIND_TEXT:
        return 0;
    case FLEET_KIND_COUNT:
        return (double)*(const uint64_t *)(const void *)place;
    case FLEET_KIND_DECIMAL:
        return *(const double *)(const void *)place;
    case FLEET_KIND_MOMENT:
        return (double)*(const int64_t *)(const void *)place;
    }
    return 0;
}

/* ---- texts and numbers */

size_t fleet_clean(char *out, size_t size, struct span text)
{
    struct bytes clean;
    size_t length;

    /* What is cut off need not be cleaned; each byte becomes three at most. */
    text.length = text.length < size ? text.length : size;
    bytes_init(&clean, 3 * size);
    printable_line(&clean, text);
    length = clean.failed ? 0 : clean.length;
    if (length > size - 1) {
        length = size - 1;
        /* Back to the beginning of a code point. */
        while (length > 0 && ((unsigned char)clean.at[length] & 0xc0U) == 0x80) {
            length--;
        }
    }
    if (length > 0) {
        memcpy(out, clean.at, length);
    }
    out[length] = '\0';
    bytes_done(&clean);
    return length;
}

bool fleet_read_count(struct span text, uint64_t *ret_count)
{
    uint64_t count = 0;

    if (text.length < 1 || text.length > 20) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)text.at[i] - '0';

        if (digit > 9 || count > (UINT64_MAX - digit) / 10) {
            return false;
        }
        count = count * 10 + digit;
    }
    *ret_count = count;
    return true;
}

bool fleet_read_moment(struct span text, int64_t *ret_moment)
{
    bool is_negative = text.length > 1 && text.at[0] == '-';
    uint64_t count;

    if (is_negative) {
        text = (struct span){text.at + 1, text.length - 1};
    }
    if (!fleet_read_count(text, &count) || count > INT64_MAX) {
        return false;
    }
    *ret_moment = is_negative ? -(int64_t)count : (int64_t)count;
    return true;
}

bool fleet_read_decimal(struct span text, double *ret_decimal)
{
    const char *dot = text.length > 0 ? memchr(text.at, '.', text.length) : NULL;
    struct span whole = dot == NULL ? text : (struct span){text.at, (size_t)(dot - text.at)};
    bool is_negative = whole.length > 1 && whole.at[0] == '-';
    double value;
    uint64_t count;

    if (is_negative) {
        whole = (struct span){whole.at + 1, whole.length - 1};
    }
    if (!fleet_read_count(whole, &count)) {
        return false;
    }
    value = (double)count;
    if (dot != NULL) {
        struct span places = {dot + 1, text.length - (size_t)(dot - text.at) - 1};

        if (!fleet_read_count(places, &count)) {
            return false;
        }
        value += (double)count / pow(10, (double)places.length);
    }
    *ret_decimal = is_negative ? -value : value;
    return true;
}

void fleet_write_decimal(struct bytes *out, double value)
{
    /* Nobody asks for thousandths of what is beyond; `%.0f` has no point for a locale to change. */
    const double most = 1e12;
    int64_t thousandths;
    size_t places = 3;

    if (!isfinite(value)) {
        bytes_append_char(out, '0');
        return;
    }
    if (fabs(value) >= most) {
        bytes_printf(out, "%.0f", value);
        return;
    }
    thousandths = llround(fabs(value) * 1000);
    bytes_printf(out, "%s%" PRId64, value < 0 && thousandths > 0 ? "-" : "", thousandths / 1000);
    thousandths %= 1000;
    for (int64_t rest = thousandths; places > 0 && rest % 10 == 0; rest /= 10) {
        places--;
    }
    if (places > 0) {
        bytes_printf(out, ".%03" PRId64, thousandths);
        out->length -= out->failed ? 0 : 3 - places;
    }
}
