/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_series.h"

#include "client-lib/fleet/fleet_plan.h"
#include "proto/json_scan.h"

struct sample {
    struct fleet_row row;
#define SAMPLE_DELTA(name, total) double name;
#define SAMPLE_PEAK(name, field) double name;
#define SAMPLE_LEVEL(name, field) double name;
#include "proto/redis/sample_fields.def"
#undef SAMPLE_DELTA
#undef SAMPLE_PEAK
#undef SAMPLE_LEVEL
};

static const struct fleet_field fields[] = {
#define SAMPLE(name) {#name, FLEET_KIND_DECIMAL, offsetof(struct sample, name), 0},
#define SAMPLE_DELTA(name, total) SAMPLE(name)
#define SAMPLE_PEAK(name, field) SAMPLE(name)
#define SAMPLE_LEVEL(name, field) SAMPLE(name)
#include "proto/redis/sample_fields.def"
#undef SAMPLE_DELTA
#undef SAMPLE_PEAK
#undef SAMPLE_LEVEL
};

static const struct fleet_shape shape = {fields, sizeof(fields) / sizeof(fields[0])};

int64_t fleet_series_step_ms(enum fleet_resolution resolution)
{
    return resolution == FLEET_TEN_SECONDS ? 10000 : 60000;
}

bool fleet_series_is_name(struct span pool)
{
    return span_is(pool, "_fleet") || fleet_is_pool_name(pool);
}

void fleet_series_ask(struct bytes *out, const char *namespace, const char *pool,
                      enum fleet_resolution resolution, int64_t from_ms)
{
    struct bytes key;

    bytes_init(&key, 256);
    fleet_plan_append_key(&key, namespace, resolution == FLEET_TEN_SECONDS ? "ts10s" : "ts1m", pool,
                          "");
    resp_command(out, 6);
    resp_word(out, SPAN("XRANGE"));
    resp_word(out, bytes_span(&key));
    resp_int(out, from_ms > 0 ? from_ms : 0);
    resp_word(out, SPAN("+"));
    resp_word(out, SPAN("COUNT"));
    resp_int(out, FLEET_SAMPLES_MAXIMUM);
    out->failed = out->failed || key.failed;
    bytes_done(&key);
}

static void write_sample(struct bytes *out, const struct sample *sample, int64_t at_ms)
{
    bytes_append_char(out, '[');
    bytes_append_int(out, at_ms);
    for (size_t i = 0; i < shape.count; i++) {
        bytes_append_char(out, ',');
        if (fleet_knows(&sample->row, i)) {
            fleet_write_decimal(out, fleet_row_number(&shape, &sample->row, i));
        } else {
            bytes_append_text(out, "null");
        }
    }
    bytes_append_char(out, ']');
}

static void write_samples(struct bytes *out, size_t count, struct resp_walk *walk)
{
    bool is_first = true;

    for (size_t i = 0; i < count; i++) {
        struct sample sample = {0};
        struct span id;
        int64_t at_ms;

        if (!fleet_take_entry(walk, &shape, &sample.row, &id)) {
            continue;
        }
        for (size_t j = 0; j < id.length; j++) {
            id.length = id.at[j] == '-' ? j : id.length;
        }
        if (fleet_read_moment(id, &at_ms)) {
            bytes_append_text(out, is_first ? "" : ",");
            write_sample(out, &sample, at_ms);
            is_first = false;
        }
    }
}

void fleet_series_write_json(struct bytes *out, const char *pool, enum fleet_resolution resolution,
                             struct resp_walk *walk, struct fleet_refusal *refusal)
{
    size_t count = 0;

    bytes_append_text(out, "{\"pool\":");
    json_quote(out, span_of(pool));
    bytes_append_text(out, ",\"step_ms\":");
    bytes_append_int(out, fleet_series_step_ms(resolution));
    bytes_append_text(out, ",\"fields\":[\"at_ms\"");
    for (size_t i = 0; i < shape.count; i++) {
        bytes_printf(out, ",\"%s\"", shape.fields[i].name);
    }
    bytes_append_text(out, "],\"rows\":[");
    if (fleet_take_array(walk, refusal, &count)) {
        write_samples(out, count, walk);
    }
    bytes_append_text(out, "]}");
}
