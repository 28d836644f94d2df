/* SPDX-License-Identifier: MIT */
#include "broker/health/row_field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond, a figure is none of ours. */
static const double DECIMAL_MAXIMUM = 1e15;
static const uint64_t MOMENT_MAXIMUM = 100000000000000; /* in the year 5138 */

#define FIELD(row, name, kind)                                                                     \
    {#name, kind, offsetof(struct row, name), sizeof(((struct row *)0)->name)},

#define POOL_TEXT(name, size, fold) FIELD(pool_row, name, ROW_FIELD_TEXT)
#define POOL_COUNT(name, fold) FIELD(pool_row, name, ROW_FIELD_COUNT)
#define POOL_DECIMAL(name, fold) FIELD(pool_row, name, ROW_FIELD_DECIMAL)
#define POOL_MOMENT(name, fold) FIELD(pool_row, name, ROW_FIELD_MOMENT)
const struct row_field pool_row_fields[POOL_FIELD_COUNT] = {
#include "proto/redis/pool_fields.def"
};

#define INSTANCE_TEXT(name, size) FIELD(instance_row, name, ROW_FIELD_TEXT)
#define INSTANCE_COUNT(name) FIELD(instance_row, name, ROW_FIELD_COUNT)
#define INSTANCE_DECIMAL(name) FIELD(instance_row, name, ROW_FIELD_DECIMAL)
#define INSTANCE_MOMENT(name) FIELD(instance_row, name, ROW_FIELD_MOMENT)
const struct row_field instance_row_fields[INSTANCE_FIELD_COUNT] = {
#include "proto/redis/instance_fields.def"
};

#define CONFIG_TEXT(name, size) FIELD(config_row, name, ROW_FIELD_TEXT)
#define CONFIG_COUNT(name) FIELD(config_row, name, ROW_FIELD_COUNT)
#define CONFIG_MOMENT(name) FIELD(config_row, name, ROW_FIELD_MOMENT)
const struct row_field config_row_fields[CONFIG_FIELD_COUNT] = {
#include "proto/redis/config_fields.def"
};

#define ROW_FIELD_NUMBER ROW_FIELD_COUNT
#define COLUMN(table, name, kind) SESSION_COLUMN_##table(name, ROW_FIELD_##kind)
#define SESSION_COLUMN_pools(name, kind)
#define SESSION_COLUMN_inst(name, kind)
#define SESSION_COLUMN_sess(name, kind) FIELD(session_row, name, kind)
const struct row_field session_row_fields[SESSION_FIELD_COUNT] = {
#include "proto/redis/table_columns.def"
};

/* More fields, or longer values, would cost a hash its compact encoding. */
_Static_assert(POOL_FIELD_COUNT <= 128 && INSTANCE_FIELD_COUNT <= 128, "128 fields at most");
#undef POOL_TEXT
#undef INSTANCE_TEXT
#undef CONFIG_TEXT
#undef CONFIG_COUNT
#undef CONFIG_MOMENT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
#define POOL_COUNT(name, fold)
#define POOL_DECIMAL(name, fold)
#define POOL_MOMENT(name, fold)
#define INSTANCE_COUNT(name)
#define INSTANCE_DECIMAL(name)
#define INSTANCE_MOMENT(name)
#define POOL_TEXT(name, size, fold) _Static_assert((size) <= REDIS_TEXT_SIZE, #name);
#define INSTANCE_TEXT(name, size) _Static_assert((size) <= REDIS_TEXT_SIZE, #name);
#define CONFIG_COUNT(name)
#define CONFIG_MOMENT(name)
#define CONFIG_TEXT(name, size) _Static_assert((size) <= REDIS_TEXT_SIZE, #name);
#include "proto/redis/config_fields.def"
#include "proto/redis/instance_fields.def"
#include "proto/redis/pool_fields.def"

static const void *at(const struct row_field *field, const void *row)
{
    return (const char *)row + field->offset;
}

bool row_field_is_equal(const struct row_field *field, const void *a, const void *b)
{
    switch (field->kind) {
    case ROW_FIELD_TEXT:
        return strcmp(at(field, a), at(field, b)) == 0;
    case ROW_FIELD_COUNT:
    case ROW_FIELD_DECIMAL:
    case ROW_FIELD_MOMENT:
        break;
    }
    return memcmp(at(field, a), at(field, b), sizeof(uint64_t)) == 0;
}

size_t row_field_text(const struct row_field *field, const void *row, int64_t epoch_ms,
                      char out[REDIS_TEXT_SIZE])
{
    int64_t moment;

    switch (field->kind) {
    case ROW_FIELD_TEXT:
        return redis_text_clean(out, REDIS_TEXT_SIZE, at(field, row));
    case ROW_FIELD_DECIMAL:
        return redis_text_decimal(out, REDIS_TEXT_SIZE, *(const double *)at(field, row));
    case ROW_FIELD_COUNT:
        return (size_t)snprintf(out, REDIS_TEXT_SIZE, "%" PRIu64,
                                *(const uint64_t *)at(field, row));
    case ROW_FIELD_MOMENT:
        break;
    }
    moment = *(const int64_t *)at(field, row);
    return (size_t)snprintf(out, REDIS_TEXT_SIZE, "%" PRId64, moment == 0 ? 0 : moment + epoch_ms);
}

const struct row_field *row_field_find(const struct row_field *fields, size_t count,
                                       struct span name, size_t hint)
{
    if (hint < count && span_is(name, fields[hint].name)) {
        return &fields[hint];
    }
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, fields[i].name)) {
            return &fields[i];
        }
    }
    return NULL;
}

static uint64_t read_count(const char *text)
{
    uint64_t count;

    errno = 0;
    count = strtoull(text, NULL, 10);
    return errno != 0 || text[strspn(text, "0123456789")] != '\0' ? 0 : count;
}

static double read_decimal(const char *text)
{
    double value = strtod(text, NULL);

    return text[strspn(text, "0123456789.")] != '\0' || value > DECIMAL_MAXIMUM ? 0 : value;
}

void row_field_read(const struct row_field *field, void *row, struct span text)
{
    void *to = (char *)row + field->offset;
    char copy[REDIS_TEXT_SIZE];
    size_t length = text.length < sizeof(copy) ? text.length : sizeof(copy) - 1;
    uint64_t count;

    memcpy(copy, text.at, length);
    copy[length] = '\0';
    switch (field->kind) {
    case ROW_FIELD_TEXT:
        (void)redis_text_clean(to, field->size, strcmp(copy, "-") == 0 ? "" : copy);
        if (strcmp(to, "-") == 0) {
            *(char *)to = '\0';
        }
        return;
    case ROW_FIELD_DECIMAL:
        *(double *)to = read_decimal(copy);
        return;
    case ROW_FIELD_COUNT:
        *(uint64_t *)to = read_count(copy);
        return;
    case ROW_FIELD_MOMENT:
        break;
    }
    count = read_count(copy);
    *(int64_t *)to = count > MOMENT_MAXIMUM ? 0 : (int64_t)count;
}
