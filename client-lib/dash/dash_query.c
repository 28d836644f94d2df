/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_query.h"

#include "client-lib/fleet/fleet_view.h"

const char dash_whole_fleet[] = "_fleet";

static const struct range_row {
    const char *word;
    int64_t length_ms;
    int64_t step_ms;
} ranges[] = {
#define RANGE(name, word, minutes, step_ms) {word, (int64_t)(minutes)*60 * 1000, step_ms},
#include "client-lib/dash/dash_ranges.def"
#undef RANGE
};

static const struct subject_row {
    const char *path;
    enum dash_subject subject;
} subjects[] = {
    {"/", DASH_PAGE},
    {"/api/v1/fleet", DASH_FLEET},
    {"/api/v1/series", DASH_SERIES},
    {"/api/v1/sessions", DASH_SESSIONS},
    {"/healthz", DASH_HEALTH},
};

int64_t dash_range_ms(enum dash_range range)
{
    return ranges[range].length_ms;
}

int64_t dash_range_step_ms(enum dash_range range)
{
    return ranges[range].step_ms;
}

/* What was found so far. */
struct words {
    struct span pool;
    struct span range;
    struct span inst;
};

/* `name=value` out of REST, which ends behind its `&`. */
static struct span take_word(struct span *rest)
{
    const char *end = memchr(rest->at, '&', rest->length);
    struct span word = {rest->at, end == NULL ? rest->length : (size_t)(end - rest->at)};
    size_t taken = end == NULL ? word.length : word.length + 1;

    *rest = (struct span){rest->at + taken, rest->length - taken};
    return word;
}

static bool read_words(const char *query, struct words *words)
{
    struct span rest = span_of(query == NULL ? "" : query);

    while (rest.length > 0) {
        struct span word = take_word(&rest);
        const char *equals = word.length == 0 ? NULL : memchr(word.at, '=', word.length);
        struct span name;
        struct span *place;

        if (equals == NULL) {
            return false;
        }
        name = (struct span){word.at, (size_t)(equals - word.at)};
        place = span_is(name, "pool")    ? &words->pool
                : span_is(name, "range") ? &words->range
                : span_is(name, "inst")  ? &words->inst
                                         : NULL;
        if (place == NULL || !span_is_none(*place)) {
            return false;
        }
        *place = (struct span){equals + 1, word.length - name.length - 1};
    }
    return true;
}

/* Names need no percent-encoding, so it is not decoded. */
static bool copy_name(struct dash_query *query, struct span name)
{
    if (name.length >= sizeof(query->name)) {
        return false;
    }
    memcpy(query->name, name.at, name.length);
    query->name[name.length] = '\0';
    return true;
}

static bool read_range(struct dash_query *query, struct span word)
{
    query->range = DASH_RANGE_HOUR;
    if (span_is_none(word)) {
        return true;
    }
    for (int i = 0; i < DASH_RANGE_COUNT; i++) {
        if (span_is(word, ranges[i].word)) {
            query->range = (enum dash_range)i;
            return true;
        }
    }
    return false;
}

static const char *read_series(struct dash_query *query, const struct words *words)
{
    struct span pool = span_is_none(words->pool) ? span_of(dash_whole_fleet) : words->pool;

    if (!span_is_none(words->inst)) {
        return "series are of a pool: pool=NAME&range=15m|1h|6h|24h";
    }
    if ((!span_is(pool, dash_whole_fleet) && !fleet_is_pool_name(pool)) ||
        !copy_name(query, pool)) {
        return "that cannot be a pool's name";
    }
    return read_range(query, words->range) ? NULL : "range is 15m, 1h, 6h or 24h";
}

static const char *read_sessions(struct dash_query *query, const struct words *words)
{
    if (!span_is_none(words->pool) || !span_is_none(words->range) || span_is_none(words->inst)) {
        return "sessions are of a broker: inst=ID";
    }
    if (!fleet_is_instance_name(words->inst) || !copy_name(query, words->inst)) {
        return "that cannot be a broker's id";
    }
    return NULL;
}

static const char *read_subject(struct dash_query *query, const struct words *words)
{
    switch (query->subject) {
    case DASH_SERIES:
        return read_series(query, words);
    case DASH_SESSIONS:
        return read_sessions(query, words);
    case DASH_PAGE:
    case DASH_FLEET:
    case DASH_HEALTH:
        break;
    }
    return span_is_none(words->pool) && span_is_none(words->range) && span_is_none(words->inst)
               ? NULL
               : "nothing is chosen here";
}

const char *dash_query_parse(struct dash_query *ret_query, const char *path, const char *query,
                             int *ret_status)
{
    const size_t count = sizeof(subjects) / sizeof(subjects[0]);
    struct dash_query found = {.range = DASH_RANGE_HOUR};
    struct words words = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
    const char *fault;
    size_t i = 0;

    while (i < count && strcmp(path, subjects[i].path) != 0) {
        i++;
    }
    if (i == count) {
        *ret_status = 404;
        return "there is no such page";
    }
    found.subject = subjects[i].subject;
    *ret_status = 400;
    if (!read_words(query, &words)) {
        return "pool, range and inst can be given, each once";
    }
    fault = read_subject(&found, &words);
    if (fault == NULL) {
        *ret_query = found;
    }
    return fault;
}

bool dash_query_is_same(const struct dash_query *one, const struct dash_query *other)
{
    return one->subject == other->subject && one->range == other->range &&
           strcmp(one->name, other->name) == 0;
}
