/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format 0.0.4, or OpenMetrics 1.0.0.  They differ in the families' heads
 * (OpenMetrics names a counter's family without _total, and an info's without _info), in the
 * escaping of help, and in the last line.  States are gauges in both: OpenMetrics would have a
 * stateset's label named as the family.
 */
#include <inttypes.h>
#include <stdio.h>

#include "broker/health/metrics.h"
#include "broker/health/metrics_table.h"
#include "proto/mcp.h"
#include "proto/utf8.h"

enum { PIECE = 256 << 10, LABELS_MAXIMUM = 4096, MILLION = 1000000 };

static const double lag_bounds_s[METRICS_LAG_BUCKETS - 1] = {0.001, 0.005, 0.01, 0.05, 0.1,
                                                             0.5,   1,     5,    10};

/* What is written now. */
struct line {
    struct metrics_writer *writer;
    const struct metrics_entry *family;
    struct bytes *out;
};

static void write_entry(struct line *line, const struct metrics_entry *entry, size_t pool);

const char *metrics_content_type(enum metrics_format format)
{
    switch (format) {
    case METRICS_TEXT:
        return "text/plain; version=0.0.4; charset=utf-8";
    case METRICS_OPENMETRICS:
        break;
    }
    return "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

/* ---- texts and numbers */

/* Without what would end it or the line.  A name that was cut has perhaps no whole last letter. */
static void write_escaped(struct bytes *out, const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        size_t length = utf8_length(text, end);

        if (length == 0) {
            bytes_printf(out, "\\\\x%02x", (unsigned)(unsigned char)*text);
            length = 1;
        } else if (*text == '\n') {
            bytes_append_text(out, "\\n");
        } else {
            if (*text == '\\' || *text == '"') {
                bytes_append_char(out, '\\');
            }
            bytes_append(out, text, length);
        }
        text += length;
    }
}

static void write_count(struct bytes *out, uint64_t number)
{
    char text[24];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    bytes_append(out, text + at, sizeof(text) - at);
}

/* In millionths, rounded: what grows never seems to fall, and no reader needs an exponent. */
static void write_decimal(struct bytes *out, double number)
{
    double magnitude = number < 0 ? -number : number;
    /* More than anything lasts is as good as that. */
    uint64_t millionths = (uint64_t)((magnitude < 1e12 ? magnitude : 1e12) * MILLION + 0.5);
    char fraction[8];
    size_t length = 6;

    if (number < 0 && millionths > 0) {
        bytes_append_char(out, '-');
    }
    write_count(out, millionths / MILLION);
    (void)snprintf(fraction, sizeof(fraction), "%06u", (unsigned)(millionths % MILLION));
    while (length > 0 && fraction[length - 1] == '0') {
        length--;
    }
    if (length > 0) {
        bytes_append_char(out, '.');
        bytes_append(out, fraction, length);
    }
}

static void add_label(struct bytes *labels, const char *name, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    bytes_append_text(labels, labels->length == 0 ? "" : ",");
    bytes_append_text(labels, name);
    bytes_append_text(labels, "=\"");
    write_escaped(labels, value);
    bytes_append_char(labels, '"');
}

/* ---- lines */

static struct span family_name(const struct line *line)
{
    static const char *const suffixes[] = {[METRICS_TYPE_COUNTER] = "_total",
                                           [METRICS_TYPE_GAUGE] = "",
                                           [METRICS_TYPE_HISTOGRAM] = "",
                                           [METRICS_TYPE_INFO] = "_info"};
    struct span name = span_of(line->family->name);

    if (line->writer->format == METRICS_OPENMETRICS) {
        name.length -= strlen(suffixes[line->family->type]);
    }
    return name;
}

static const char *type_name(const struct line *line)
{
    switch (line->family->type) {
    case METRICS_TYPE_COUNTER:
        return "counter";
    case METRICS_TYPE_GAUGE:
        return "gauge";
    case METRICS_TYPE_HISTOGRAM:
        return "histogram";
    case METRICS_TYPE_INFO:
        break;
    }
    return line->writer->format == METRICS_OPENMETRICS ? "info" : "gauge";
}

/* Before the family's first sample. */
static void write_head(struct line *line)
{
    struct span name = family_name(line);
    bool is_openmetrics = line->writer->format == METRICS_OPENMETRICS;

    if (line->writer->is_headed) {
        return;
    }
    line->writer->is_headed = true;
    bytes_append_text(line->out, "# HELP ");
    bytes_append_span(line->out, name);
    bytes_printf(line->out, " %s\n# TYPE ", line->family->help);
    bytes_append_span(line->out, name);
    bytes_printf(line->out, " %s\n", type_name(line));
    if (is_openmetrics && line->family->unit[0] != '\0') {
        bytes_append_text(line->out, "# UNIT ");
        bytes_append_span(line->out, name);
        bytes_printf(line->out, " %s\n", line->family->unit);
    }
}

/* A sample with half of its labels would be another one's: nothing is better. */
static void end_labels(struct line *line, struct bytes *labels)
{
    line->out->failed = line->out->failed || labels->failed;
    bytes_done(labels);
}

/* The name and its labels; the value follows. */
static void begin_sample(struct line *line, const char *suffix, struct span labels)
{
    write_head(line);
    bytes_append_text(line->out, line->family->name);
    bytes_append_text(line->out, suffix);
    if (labels.length > 0) {
        bytes_append_char(line->out, '{');
        bytes_append_span(line->out, labels);
        bytes_append_char(line->out, '}');
    }
    bytes_append_char(line->out, ' ');
}

static void write_count_sample(struct line *line, const char *suffix, struct span labels,
                               uint64_t number)
{
    begin_sample(line, suffix, labels);
    write_count(line->out, number);
    bytes_append_char(line->out, '\n');
}

static void write_bucket(struct line *line, struct span labels, const char *bound, uint64_t count)
{
    bytes_append_text(line->out, line->family->name);
    bytes_append_text(line->out, "_bucket{");
    bytes_append_span(line->out, labels);
    bytes_append_text(line->out, labels.length == 0 ? "le=\"" : ",le=\"");
    bytes_append_text(line->out, bound);
    bytes_append_text(line->out, "\"} ");
    write_count(line->out, count);
    bytes_append_char(line->out, '\n');
}

struct buckets {
    const uint64_t *counts; /* not cumulative; one more than bounds */
    const struct metrics_bound *bounds;
    size_t bound_count;
    double sum_s;
};

/* The last bucket is the count, whatever was counted in the meantime. */
static void write_histogram(struct line *line, struct span labels, const struct buckets *buckets)
{
    uint64_t count = 0;

    write_head(line);
    for (size_t i = 0; i < buckets->bound_count; i++) {
        count += buckets->counts[i];
        write_bucket(line, labels, buckets->bounds[i].text, count);
    }
    count += buckets->counts[buckets->bound_count];
    write_bucket(line, labels, "+Inf", count);
    begin_sample(line, "_sum", labels);
    write_decimal(line->out, buckets->sum_s);
    bytes_append_char(line->out, '\n');
    write_count_sample(line, "_count", labels, count);
}

/* ---- what the samples come from */

static const void *field_of(const void *row, size_t offset)
{
    return (const char *)row + offset;
}

static void write_value(struct line *line, const struct metrics_entry *entry, const void *row,
                        struct span labels)
{
    uint64_t count;

    begin_sample(line, "", labels);
    switch (entry->number) {
    case METRICS_NUMBER_COUNT:
        count = *(const uint64_t *)field_of(row, entry->offset);
        if (entry->less != 0) {
            count -= *(const uint64_t *)field_of(row, entry->less);
        }
        write_count(line->out, count);
        break;
    case METRICS_NUMBER_DECIMAL:
        write_decimal(line->out, *(const double *)field_of(row, entry->offset) / entry->per);
        break;
    }
    bytes_append_char(line->out, '\n');
}

static void write_meter(struct line *line, const struct metrics_entry *entry, size_t pool,
                        struct span labels)
{
    const struct meter_buckets *meter = &line->writer->metrics->pools[pool].meters[entry->code];
    struct buckets buckets = {.counts = meter->buckets,
                              .bounds = line->writer->meter_bounds,
                              .bound_count = METER_BUCKETS - 1,
                              .sum_s = meter->sum_s};

    write_histogram(line, labels, &buckets);
}

static void write_lag(struct line *line)
{
    const struct metrics_lag *lag = &line->writer->metrics->lag;
    struct buckets buckets = {.counts = lag->buckets,
                              .bounds = line->writer->lag_bounds,
                              .bound_count = METRICS_LAG_BUCKETS - 1,
                              .sum_s = (double)lag->sum_ms / 1000};

    write_histogram(line, SPAN_NONE, &buckets);
}

static bool is_client(const struct metrics_entry *entry)
{
    return entry->offset == offsetof(struct operation, client);
}

/* A JSON-RPC error of the server: its code is the type of the error. */
static bool is_code(const char *error_type)
{
    return error_type[0] == '-' || (error_type[0] >= '0' && error_type[0] <= '9');
}

static void label_operation(struct bytes *labels, const struct metrics *metrics, size_t pool,
                            const struct metrics_entry *entry, const struct operation *operation)
{
    const struct metrics_pool *more = &metrics->pools[pool];
    const struct pool_row *row = &metrics->snapshot.pools[pool];
    const char *method = mcp_method_name(operation->method);
    bool is_code_told = is_code(operation->error_type);

    add_label(labels, "pool", row->name);
    add_label(labels, "mcp_method_name", method == NULL ? "_other" : method);
    add_label(labels, "gen_ai_tool_name", operation->tool);
    add_label(labels, "error_type", operation->error_type);
    add_label(labels, "rpc_response_status_code", is_code_told ? operation->error_type : "");
    if (is_client(entry)) {
        add_label(labels, "mcp_protocol_version", row->proto);
        add_label(labels, "network_transport", "tcp");
        add_label(labels, "server_address", more->server_address);
        add_label(labels, "server_port", more->server_port);
    } else {
        add_label(labels, "network_transport", "unix");
        add_label(labels, "server_address", metrics->snapshot.instance.sock);
    }
}

static void write_operations(struct line *line, const struct metrics_entry *entry, size_t pool)
{
    const struct metrics *metrics = line->writer->metrics;
    const struct metrics_pool *more = &metrics->pools[pool];
    struct bytes labels;

    bytes_init(&labels, LABELS_MAXIMUM);
    for (size_t i = 0; i < more->operation_count; i++) {
        const struct operation *operation = &more->operations[i];
        const struct operation_buckets *side = field_of(operation, entry->offset);
        struct buckets buckets = {.counts = side->buckets,
                                  .bounds = line->writer->operation_bounds,
                                  .bound_count = OPERATION_BUCKETS - 1,
                                  .sum_s = side->sum_s};

        if (side->count == 0) {
            continue;
        }
        bytes_clear(&labels);
        label_operation(&labels, metrics, pool, entry, operation);
        write_histogram(line, bytes_span(&labels), &buckets);
        line->out->failed = line->out->failed || labels.failed;
    }
    end_labels(line, &labels);
}

/* All facts of the family are labels of one sample, which is written with the first. */
static void write_info(struct line *line, const struct metrics_entry *first)
{
    const struct metrics_other *other = &line->writer->metrics->other;
    struct bytes labels;

    if (first[-1].kind == METRICS_ENTRY_FACT) {
        return;
    }
    bytes_init(&labels, LABELS_MAXIMUM);
    for (const struct metrics_entry *fact = first;
         fact < metrics_entries + metrics_entry_count && fact->kind == METRICS_ENTRY_FACT; fact++) {
        add_label(&labels, fact->label, *(const char *const *)field_of(other, fact->offset));
    }
    write_count_sample(line, "", bytes_span(&labels), 1);
    end_labels(line, &labels);
}

static bool has_redis(const struct metrics *metrics)
{
    const char *state = metrics->snapshot.instance.redis_state;

    return state[0] != '\0' && strcmp(state, "off") != 0;
}

/* Of the process as a whole. */
static void write_broker_entry(struct line *line, const struct metrics_entry *entry)
{
    const struct metrics *metrics = line->writer->metrics;
    const void *instance = &metrics->snapshot.instance;
    struct bytes labels;

    bytes_init(&labels, LABELS_MAXIMUM);
    add_label(&labels, entry->label == NULL ? "" : entry->label,
              entry->label == NULL || entry->label[0] == '\0' ? "" : entry->word);
    if (entry->kind == METRICS_ENTRY_OTHER) {
        write_value(line, entry, &metrics->other, bytes_span(&labels));
    } else if (entry->kind == METRICS_ENTRY_BROKER ||
               (entry->kind == METRICS_ENTRY_REDIS && has_redis(metrics))) {
        write_value(line, entry, instance, bytes_span(&labels));
    } else if (entry->kind == METRICS_ENTRY_BROKER_IS ||
               (entry->kind == METRICS_ENTRY_REDIS_IS && has_redis(metrics))) {
        write_count_sample(line, "", bytes_span(&labels),
                           strcmp(field_of(instance, entry->offset), entry->word) == 0);
    }
    end_labels(line, &labels);
}

static void write_pool_entry(struct line *line, const struct metrics_entry *entry, size_t pool)
{
    const struct pool_row *row = &line->writer->metrics->snapshot.pools[pool];
    struct bytes labels;

    bytes_init(&labels, LABELS_MAXIMUM);
    add_label(&labels, "pool", row->name);
    if (entry->kind == METRICS_ENTRY_METER) {
        write_meter(line, entry, pool, bytes_span(&labels));
    } else {
        add_label(&labels, entry->label, entry->label[0] == '\0' ? "" : entry->word);
        if (entry->kind == METRICS_ENTRY_POOL_IS) {
            write_count_sample(line, "", bytes_span(&labels),
                               *(const uint64_t *)field_of(row, entry->offset) == entry->code);
        } else {
            write_value(line, entry, row, bytes_span(&labels));
        }
    }
    end_labels(line, &labels);
}

static bool is_of_pools(const struct metrics_entry *entry)
{
    switch (entry->kind) {
    case METRICS_ENTRY_POOL:
    case METRICS_ENTRY_POOL_REST:
    case METRICS_ENTRY_POOL_IS:
    case METRICS_ENTRY_METER:
    case METRICS_ENTRY_OPERATIONS:
        return true;
    case METRICS_ENTRY_FAMILY:
    case METRICS_ENTRY_BROKER:
    case METRICS_ENTRY_OTHER:
    case METRICS_ENTRY_REDIS:
    case METRICS_ENTRY_BROKER_IS:
    case METRICS_ENTRY_REDIS_IS:
    case METRICS_ENTRY_LAG:
    case METRICS_ENTRY_FACT:
        break;
    }
    return false;
}

static void write_entry(struct line *line, const struct metrics_entry *entry, size_t pool)
{
    if (entry->kind == METRICS_ENTRY_OPERATIONS) {
        write_operations(line, entry, pool);
    } else if (is_of_pools(entry)) {
        write_pool_entry(line, entry, pool);
    } else if (entry->kind == METRICS_ENTRY_LAG) {
        write_lag(line);
    } else if (entry->kind == METRICS_ENTRY_FACT) {
        write_info(line, entry);
    } else {
        write_broker_entry(line, entry);
    }
}

/* ---- piece by piece */

/* `0.05`, `1.0`: one spelling in both formats, so that the series are the same. */
static void write_bounds(struct metrics_bound *bounds, const double *bounds_s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = bounds[i].text;

        (void)snprintf(text, sizeof(bounds[i].text), "%.6g", bounds_s[i]);
        if (strchr(text, '.') == NULL) {
            (void)snprintf(text, sizeof(bounds[i].text), "%.1f", bounds_s[i]);
        }
    }
}

void metrics_writer_init(struct metrics_writer *writer, const struct metrics *metrics,
                         enum metrics_format format)
{
    *writer = (struct metrics_writer){.metrics = metrics, .format = format};
    write_bounds(writer->operation_bounds, metrics->operation_bounds_s, OPERATION_BUCKETS - 1);
    write_bounds(writer->meter_bounds, metrics->meter_bounds_s, METER_BUCKETS - 1);
    write_bounds(writer->lag_bounds, lag_bounds_s, METRICS_LAG_BUCKETS - 1);
}

static size_t end_of_family(size_t family)
{
    size_t end = family + 1;

    while (end < metrics_entry_count && metrics_entries[end].kind != METRICS_ENTRY_FAMILY) {
        end++;
    }
    return end;
}

/* The family's samples of one pool, or of the process; then the writer stands behind them. */
static void write_step(struct metrics_writer *writer, struct bytes *out)
{
    struct line line = {writer, &metrics_entries[writer->family], out};
    size_t end = end_of_family(writer->family);
    bool is_pools = is_of_pools(&metrics_entries[writer->family + 1]);
    size_t times = is_pools ? writer->metrics->snapshot.pool_count : 1;

    for (size_t i = writer->family + 1; i < end && writer->pool < times; i++) {
        write_entry(&line, &metrics_entries[i], writer->pool);
    }
    if (++writer->pool >= times) {
        writer->family = end;
        writer->pool = 0;
        writer->is_headed = false;
    }
}

bool metrics_write(struct metrics_writer *writer, struct bytes *out)
{
    size_t before = out->length;

    while (writer->family < metrics_entry_count && out->length - before < PIECE && !out->failed) {
        write_step(writer, out);
    }
    if (writer->family < metrics_entry_count) {
        return !out->failed;
    }
    if (writer->format == METRICS_OPENMETRICS) {
        bytes_append_text(out, "# EOF\n");
    }
    return false;
}
