/* SPDX-License-Identifier: MIT */
/*
 * The rows of the schema (proto/redis) as structs, and their fields as tables for who walks over
 * them.  A row knows which of its fields it has: what Redis does not say, or says in a way that
 * cannot be (a text where a number belongs, a number beyond its type), is absent and stays zero.
 * Pure; knows nothing of Redis' protocol.
 */
#ifndef TEPLO_FLEET_FLEET_SHAPE_H
#define TEPLO_FLEET_FLEET_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum fleet_kind { FLEET_KIND_TEXT, FLEET_KIND_COUNT, FLEET_KIND_DECIMAL, FLEET_KIND_MOMENT };

struct fleet_field {
    const char *name;
    enum fleet_kind kind;
    size_t offset; /* in its row */
    size_t size;   /* of a text, with its NUL */
};

enum { FLEET_FIELDS_MAXIMUM = 128 };

struct fleet_shape {
    const struct fleet_field *fields;
    size_t count; /* at most FLEET_FIELDS_MAXIMUM */
};

/* The first member of every row. */
struct fleet_row {
    uint64_t known[FLEET_FIELDS_MAXIMUM / 64]; /* a bit for each field */
};

/* The rows: a member for each line of the table, and FLEET_xxx_name, its place in the shape. */

struct fleet_pool_row {
    struct fleet_row row;
#define POOL_TEXT(name, size, fold) char name[size];
#define POOL_COUNT(name, fold) uint64_t name;
#define POOL_DECIMAL(name, fold) double name;
#define POOL_MOMENT(name, fold) int64_t name;
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
};

enum fleet_pool_field {
#define POOL_TEXT(name, size, fold) FLEET_POOL_##name,
#define POOL_COUNT(name, fold) FLEET_POOL_##name,
#define POOL_DECIMAL(name, fold) FLEET_POOL_##name,
#define POOL_MOMENT(name, fold) FLEET_POOL_##name,
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
    FLEET_POOL_FIELD_COUNT
};

struct fleet_instance_row {
    struct fleet_row row;
#define INSTANCE_TEXT(name, size) char name[size];
#define INSTANCE_COUNT(name) uint64_t name;
#define INSTANCE_DECIMAL(name) double name;
#define INSTANCE_MOMENT(name) int64_t name;
#include "proto/redis/instance_fields.def"
#undef INSTANCE_TEXT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
};

enum fleet_instance_field {
#define INSTANCE_TEXT(name, size) FLEET_INSTANCE_##name,
#define INSTANCE_COUNT(name) FLEET_INSTANCE_##name,
#define INSTANCE_DECIMAL(name) FLEET_INSTANCE_##name,
#define INSTANCE_MOMENT(name) FLEET_INSTANCE_##name,
#include "proto/redis/instance_fields.def"
#undef INSTANCE_TEXT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
    FLEET_INSTANCE_FIELD_COUNT
};

struct fleet_whole_row {
    struct fleet_row row;
#define FLEET_TEXT(name, size) char name[size];
#define FLEET_COUNT(name) uint64_t name;
#define FLEET_DECIMAL(name) double name;
#define FLEET_MOMENT(name) int64_t name;
#include "proto/redis/fleet_fields.def"
#undef FLEET_TEXT
#undef FLEET_COUNT
#undef FLEET_DECIMAL
#undef FLEET_MOMENT
};

enum fleet_whole_field {
#define FLEET_TEXT(name, size) FLEET_WHOLE_##name,
#define FLEET_COUNT(name) FLEET_WHOLE_##name,
#define FLEET_DECIMAL(name) FLEET_WHOLE_##name,
#define FLEET_MOMENT(name) FLEET_WHOLE_##name,
#include "proto/redis/fleet_fields.def"
#undef FLEET_TEXT
#undef FLEET_COUNT
#undef FLEET_DECIMAL
#undef FLEET_MOMENT
    FLEET_WHOLE_FIELD_COUNT
};

enum fleet_event_field {
#define FLEET_EVENT_TEXT(name, size) FLEET_EVENT_##name,
#define FLEET_EVENT_COUNT(name) FLEET_EVENT_##name,
#include "client-lib/fleet/event_fields.def"
#undef FLEET_EVENT_TEXT
#undef FLEET_EVENT_COUNT
};

struct fleet_event_row {
    struct fleet_row row;
#define FLEET_EVENT_TEXT(name, size) char name[size];
#define FLEET_EVENT_COUNT(name) uint64_t name;
#include "client-lib/fleet/event_fields.def"
#undef FLEET_EVENT_TEXT
#undef FLEET_EVENT_COUNT
};

enum fleet_client_field {
#define FLEET_CLIENT_TEXT(name, size) FLEET_CLIENT_##name,
#define FLEET_CLIENT_COUNT(name) FLEET_CLIENT_##name,
#include "client-lib/fleet/client_fields.def"
#undef FLEET_CLIENT_TEXT
#undef FLEET_CLIENT_COUNT
};

struct fleet_client_row {
    struct fleet_row row;
#define FLEET_CLIENT_TEXT(name, size) char name[size];
#define FLEET_CLIENT_COUNT(name) uint64_t name;
#include "client-lib/fleet/client_fields.def"
#undef FLEET_CLIENT_TEXT
#undef FLEET_CLIENT_COUNT
};

enum fleet_session_field {
#define FLEET_SELECT_pools(name, kind)
#define FLEET_SELECT_inst(name, kind)
#define FLEET_SELECT_sess(name, kind) FLEET_SESSION_##name,
#define COLUMN(table, name, kind) FLEET_SELECT_##table(name, kind)
#include "proto/redis/table_columns.def"
#undef COLUMN
#undef FLEET_SELECT_sess
#undef FLEET_SELECT_pools
#undef FLEET_SELECT_inst
};

/* A session, as tbl:sess:<iid> has it: each number a double, each text of 64 bytes at most. */
struct fleet_session_row {
    struct fleet_row row;
#define FLEET_SESSION_TEXT(name) char name[65];
#define FLEET_SESSION_NUMBER(name) double name;
#define FLEET_SELECT_pools(name, kind)
#define FLEET_SELECT_inst(name, kind)
#define FLEET_SELECT_sess(name, kind) FLEET_SESSION_##kind(name)
#define COLUMN(table, name, kind) FLEET_SELECT_##table(name, kind)
#include "proto/redis/table_columns.def"
#undef COLUMN
#undef FLEET_SELECT_sess
#undef FLEET_SESSION_TEXT
#undef FLEET_SESSION_NUMBER
#undef FLEET_SELECT_pools
#undef FLEET_SELECT_inst
};

extern const struct fleet_shape fleet_pool_shape;
extern const struct fleet_shape fleet_instance_shape;
extern const struct fleet_shape fleet_whole_shape;
extern const struct fleet_shape fleet_event_shape;
extern const struct fleet_shape fleet_session_shape;
extern const struct fleet_shape fleet_client_shape;

/* The place of the field NAME in SHAPE, or -1. */
int fleet_shape_find(const struct fleet_shape *shape, struct span name);

static inline bool fleet_knows(const struct fleet_row *row, size_t field)
{
    return (row->known[field / 64] >> field % 64 & 1) != 0;
}

static inline void fleet_set_known(struct fleet_row *row, size_t field)
{
    row->known[field / 64] |= UINT64_C(1) << field % 64;
}

/* VALUE, whoever wrote it, into ROW; "-", "" and what cannot be leave the field absent. */
void fleet_row_set(const struct fleet_shape *shape, struct fleet_row *row, size_t field,
                   struct span value);
/* The field, "" if it is absent or no text. */
const char *fleet_row_text(const struct fleet_shape *shape, const struct fleet_row *row,
                           size_t field);
/* The field as a number; 0 for a text and for what is absent. */
double fleet_row_number(const struct fleet_shape *shape, const struct fleet_row *row, size_t field);

/*
 * At most SIZE - 1 bytes of TEXT, whole code points, fit for a terminal and for JSON: what is no
 * UTF-8, and control characters, become U+FFFD.  Its length.
 */
size_t fleet_clean(char *out, size_t size, struct span text);

/* Plain decimals only; the whole of TEXT must be one. */
MUST_CHECK bool fleet_read_count(struct span text, uint64_t *ret_count);
MUST_CHECK bool fleet_read_moment(struct span text, int64_t *ret_moment);
MUST_CHECK bool fleet_read_decimal(struct span text, double *ret_decimal);
/* At most three places, no exponent, whatever the locale is. */
void fleet_write_decimal(struct bytes *out, double value);

#endif
