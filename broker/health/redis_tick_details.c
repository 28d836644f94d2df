/* SPDX-License-Identifier: MIT */
/* What a tick writes now and then: configurations, histograms, the table of sessions. */
#include <stdio.h>
#include <string.h>

#include "broker/health/redis_publisher_priv.h"
#include "broker/health/row_field.h"

/* Three histograms with every bucket at its longest. */
enum { HISTOGRAMS_TEXT = 3 * (HISTOGRAM_BUCKETS * 15 + 100) };

_Static_assert(HISTOGRAMS_TEXT + 2 * REDIS_KEY_SIZE <= REDIS_COMMAND_TEXT, "they are one command");
_Static_assert(2 * CONFIG_FIELD_COUNT + 4 <= REDIS_COMMAND_WORDS, "so is a configuration");
_Static_assert(SNAPSHOT_SESSIONS_MAXIMUM + 2 <= TRANSACTION_STEPS, "a table is one transaction");

/* ---- configurations */

static bool is_same_config(const struct config_row *a, const struct config_row *b)
{
    for (size_t i = 0; i < CONFIG_FIELD_COUNT; i++) {
        const struct row_field *field = &config_row_fields[i];

        if (field->kind != ROW_FIELD_MOMENT && !row_field_is_equal(field, a, b)) {
            return false;
        }
    }
    return true;
}

void redis_tick_queue_config(struct redis_publisher *publisher, struct published *published,
                             struct config_row *row)
{
    int64_t now_ms = loop_now_ms(publisher->loop);
    struct redis_command command;

    (void)snprintf(row->writer, sizeof(row->writer), "%s", publisher->instance);
    row->updated_at_ms = now_ms;
    if (published->is_config_refused ||
        (now_ms < published->config_due_ms && is_same_config(&published->config, row))) {
        return;
    }
    redis_command_begin(&command, "HSET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_CONFIG, published->row.name);
    for (size_t i = 0; i < CONFIG_FIELD_COUNT; i++) {
        redis_tick_add_field(publisher, &command, &config_row_fields[i], row);
    }
    redis_tick_queue(publisher, &command,
                     (struct step){.kind = STEP_CONFIG, .published = published, .config = row});
}

void redis_tick_on_config(struct redis_publisher *publisher, const struct step *step)
{
    struct redis_command command;

    step->published->config = *step->config;
    step->published->config_due_ms =
        loop_now_ms(publisher->loop) + redis_key_row(REDIS_KEY_CONFIG)->cadence_ms;
    /* Not in the transaction: if the key were somebody else's, it must not get a TTL of ours. */
    redis_command_begin(&command, "PEXPIRE");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_CONFIG, step->published->row.name);
    redis_command_add_int(&command, redis_key_row(REDIS_KEY_CONFIG)->ttl_ms);
    redis_publisher_send(publisher, &command, REPLY_ASIDE);
}

/* ---- histograms */

static void append_histogram(struct bytes *text, const char *name,
                             const struct histogram *histogram)
{
    bytes_printf(text, ";%s ", name);
    histogram_write(histogram, text);
}

void redis_tick_queue_histograms(struct redis_publisher *publisher, size_t index)
{
    const struct pool_histograms *histograms = publisher->snapshot.histograms;
    struct bytes *text = &publisher->text;
    struct redis_command command;
    const char *value;

    if (!publisher->tick.has_histograms) {
        return;
    }
    bytes_clear(text);
    bytes_append_text(text, "s3;w=60");
    append_histogram(text, "lat", &histograms[index].latency);
    append_histogram(text, "wait", &histograms[index].wait);
    append_histogram(text, "create", &histograms[index].create);
    value = bytes_text(text);
    if (value == NULL) {
        publisher->tick.is_partial = true;
        return;
    }
    redis_command_begin(&command, "SET");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_HISTOGRAMS,
                                publisher->snapshot.pools[index].name);
    redis_command_add(&command, value);
    redis_command_add(&command, "PX");
    redis_command_add_int(&command, redis_key_row(REDIS_KEY_HISTOGRAMS)->ttl_ms);
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_OTHER});
}

void redis_tick_init_text(struct bytes *text)
{
    bytes_init(text, HISTOGRAMS_TEXT);
}

/* ---- the table of sessions */

static uint64_t digest(uint64_t sum, const void *data, size_t length)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < length; i++) {
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return sum;
}

/* Of all that does not change by itself; 0 of no sessions. */
static uint64_t digest_of(const struct snapshot *snapshot)
{
    uint64_t sum = snapshot->session_count == 0 ? 0 : UINT64_C(14695981039346656037);

    for (size_t i = 0; i < snapshot->session_count; i++) {
        const struct session_row *row = &snapshot->sessions[i];

        sum = digest(sum, row->sess, strlen(row->sess) + 1);
        sum = digest(sum, row->state, strlen(row->state) + 1);
        sum = digest(sum, row->proto, strlen(row->proto) + 1);
        sum = digest(sum, &row->inflight, sizeof(row->inflight));
        sum = digest(sum, &row->calls_total, sizeof(row->calls_total));
    }
    return sum;
}

void redis_tick_plan_table(struct redis_publisher *publisher)
{
    struct tick *tick = &publisher->tick;
    bool is_due = loop_now_ms(publisher->loop) >= publisher->write_due_ms[REDIS_KEY_TABLE_SESS];

    if ((publisher->snapshot.wishes & SNAPSHOT_SESSIONS) == 0) {
        return;
    }
    tick->table_digest = digest_of(&publisher->snapshot);
    /* The same rows grow older, and so does their key; none need not be written twice. */
    tick->has_table = tick->table_digest != publisher->table_digest ||
                      (is_due && publisher->snapshot.session_count > 0);
}

size_t redis_tick_table_steps(const struct redis_publisher *publisher)
{
    return publisher->tick.has_table ? publisher->snapshot.session_count + 2 : 0;
}

void redis_tick_queue_table(struct redis_publisher *publisher)
{
    const struct snapshot *snapshot = &publisher->snapshot;
    struct redis_command command;

    publisher->tick.is_table_sent = true;
    redis_command_begin(&command, "UNLINK");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_TABLE_SESS, NULL);
    redis_tick_queue(publisher, &command, (struct step){.kind = STEP_OTHER});
    for (size_t i = 0; i < snapshot->session_count; i++) {
        redis_command_begin(&command, "XADD");
        redis_publisher_add_own_key(publisher, &command, REDIS_KEY_TABLE_SESS, NULL);
        redis_command_add(&command, "*");
        for (size_t j = 0; j < SESSION_FIELD_COUNT; j++) {
            redis_tick_add_field(publisher, &command, &session_row_fields[j],
                                 &snapshot->sessions[i]);
        }
        redis_tick_queue(publisher, &command, (struct step){.kind = STEP_OTHER});
    }
    if (snapshot->session_count > 0) {
        redis_tick_queue_expire(publisher, REDIS_KEY_TABLE_SESS, NULL);
    }
}
