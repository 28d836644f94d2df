/* SPDX-License-Identifier: MIT */
/* The fields of the rows in snapshot.h as tables, for who walks over them.  Pure. */
#ifndef TEPLO_HEALTH_ROW_FIELD_H
#define TEPLO_HEALTH_ROW_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/health/redis_text.h"
#include "broker/health/snapshot.h"
#include "proto/base/bytes.h"

enum row_field_kind { ROW_FIELD_TEXT, ROW_FIELD_COUNT, ROW_FIELD_DECIMAL, ROW_FIELD_MOMENT };

struct row_field {
    const char *name;
    enum row_field_kind kind;
    size_t offset; /* in its row */
    size_t size;   /* of the member; a text's with its NUL */
};

enum row_field_counts {
#define POOL_TEXT(name, size, fold) POOL_FIELD_##name,
#define POOL_COUNT(name, fold) POOL_FIELD_##name,
#define POOL_DECIMAL(name, fold) POOL_FIELD_##name,
#define POOL_MOMENT(name, fold) POOL_FIELD_##name,
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
    POOL_FIELD_COUNT
};

enum instance_field_counts {
#define INSTANCE_TEXT(name, size) INSTANCE_FIELD_##name,
#define INSTANCE_COUNT(name) INSTANCE_FIELD_##name,
#define INSTANCE_DECIMAL(name) INSTANCE_FIELD_##name,
#define INSTANCE_MOMENT(name) INSTANCE_FIELD_##name,
#include "proto/redis/instance_fields.def"
#undef INSTANCE_TEXT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
    INSTANCE_FIELD_COUNT
};

enum config_field_counts {
#define CONFIG_TEXT(name, size) CONFIG_FIELD_##name,
#define CONFIG_COUNT(name) CONFIG_FIELD_##name,
#define CONFIG_MOMENT(name) CONFIG_FIELD_##name,
#include "proto/redis/config_fields.def"
#undef CONFIG_TEXT
#undef CONFIG_COUNT
#undef CONFIG_MOMENT
    CONFIG_FIELD_COUNT
};

enum session_field_counts {
#define COLUMN(table, name, kind) SESSION_COLUMN_##table(name)
#define SESSION_COLUMN_pools(name)
#define SESSION_COLUMN_inst(name)
#define SESSION_COLUMN_sess(name) SESSION_FIELD_##name,
#include "proto/redis/table_columns.def"
#undef COLUMN
#undef SESSION_COLUMN_pools
#undef SESSION_COLUMN_inst
#undef SESSION_COLUMN_sess
    SESSION_FIELD_COUNT
};

extern const struct row_field pool_row_fields[POOL_FIELD_COUNT];
extern const struct row_field instance_row_fields[INSTANCE_FIELD_COUNT];
extern const struct row_field config_row_fields[CONFIG_FIELD_COUNT];
extern const struct row_field session_row_fields[SESSION_FIELD_COUNT];

/* The rows hold the same value in FIELD. */
bool row_field_is_equal(const struct row_field *field, const void *a, const void *b);
/* The value as it stands in Redis; EPOCH_MS is added to moments.  Its length. */
size_t row_field_text(const struct row_field *field, const void *row, int64_t epoch_ms,
                      char out[REDIS_TEXT_SIZE]);
/*
 * The field of that name among COUNT ones, or NULL.  HINT: where it may be, since rows have their
 * fields in order.
 */
const struct row_field *row_field_find(const struct row_field *fields, size_t count,
                                       struct span name, size_t hint);
/*
 * What row_field_text may have written, back into ROW; whatever else is in TEXT: absent, or 0.
 * Moments stay on the clock of Redis.
 */
void row_field_read(const struct row_field *field, void *row, struct span text);

#endif
