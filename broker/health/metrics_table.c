/* SPDX-License-Identifier: MIT */
#include "broker/health/metrics_table.h"

#include "broker/health/metrics.h"

#define NUMBER_OF(row, field)                                                                      \
    _Generic(((struct row *)NULL)->field, uint64_t                                                 \
             : METRICS_NUMBER_COUNT, double                                                        \
             : METRICS_NUMBER_DECIMAL)
#define VALUE(entry, row, field, divisor, l, w)                                                    \
    {.kind = METRICS_ENTRY_##entry,                                                                \
     .number = NUMBER_OF(row, field),                                                              \
     .offset = offsetof(struct row, field),                                                        \
     .per = (divisor),                                                                             \
     .label = (l),                                                                                 \
     .word = (w)},

/* NOLINTBEGIN(bugprone-macro-parentheses): names of fields and of constants */
#define METRIC(family, kind_of_it, unit_of_it, labels, text)                                       \
    {.kind = METRICS_ENTRY_FAMILY,                                                                 \
     .name = #family,                                                                              \
     .type = METRICS_TYPE_##kind_of_it,                                                            \
     .unit = (unit_of_it),                                                                         \
     .help = (text)},
#define POOL(field, divisor, l, w) VALUE(POOL, pool_row, field, divisor, l, w)
#define POOL_REST(field, taken_off, l, w)                                                          \
    {.kind = METRICS_ENTRY_POOL_REST,                                                              \
     .number = NUMBER_OF(pool_row, field),                                                         \
     .offset = offsetof(struct pool_row, field),                                                   \
     .less = offsetof(struct pool_row, taken_off),                                                 \
     .per = 1,                                                                                     \
     .label = (l),                                                                                 \
     .word = (w)},
#define POOL_IS(field, number_of_it, l, w)                                                         \
    {.kind = METRICS_ENTRY_POOL_IS,                                                                \
     .offset = offsetof(struct pool_row, field),                                                   \
     .code = (number_of_it),                                                                       \
     .label = (l),                                                                                 \
     .word = (w)},
#define METER(name_of_it) {.kind = METRICS_ENTRY_METER, .code = METER_##name_of_it},
#define OPERATIONS(side)                                                                           \
    {.kind = METRICS_ENTRY_OPERATIONS, .offset = offsetof(struct operation, side), .word = #side},
#define BROKER(field, divisor, l, w) VALUE(BROKER, instance_row, field, divisor, l, w)
#define OTHER(field, divisor, l, w) VALUE(OTHER, metrics_other, field, divisor, l, w)
#define REDIS(field, divisor) VALUE(REDIS, instance_row, field, divisor, "", "")
#define BROKER_IS(field, w, l)                                                                     \
    {.kind = METRICS_ENTRY_BROKER_IS,                                                              \
     .offset = offsetof(struct instance_row, field),                                               \
     .label = (l),                                                                                 \
     .word = (w)},
#define REDIS_IS(w)                                                                                \
    {.kind = METRICS_ENTRY_REDIS_IS,                                                               \
     .offset = offsetof(struct instance_row, redis_state),                                         \
     .label = "",                                                                                  \
     .word = (w)},
#define LAG() {.kind = METRICS_ENTRY_LAG},
#define FACT(l, field)                                                                             \
    {.kind = METRICS_ENTRY_FACT, .offset = offsetof(struct metrics_other, field), .label = (l)},
/* NOLINTEND(bugprone-macro-parentheses) */

const struct metrics_entry metrics_entries[] = {
#include "broker/health/metrics.def"
};
const size_t metrics_entry_count = sizeof(metrics_entries) / sizeof(metrics_entries[0]);
