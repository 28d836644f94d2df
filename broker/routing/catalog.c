/* SPDX-License-Identifier: MIT */
/*
 * Called by request.c; sends errands.  Knows no client.  One entry per list:
 *   EMPTY     nothing is known
 *   FETCHING  an errand is out, page by page; who asks waits for it
 *   FRESH     served as it is
 *   OLD       served only if the server cannot be asked
 */
#include "broker/routing/catalog.h"

#include "broker/routing/list_pages.h"
#include "broker/runtime/clock.h"
#include "proto/base/mem.h"

enum { PAGES_MAXIMUM = 1000 };

enum entry_state { ENTRY_EMPTY, ENTRY_FETCHING, ENTRY_FRESH, ENTRY_OLD };

struct entry {
    struct catalog *catalog;
    enum entry_state state;
    enum catalog_kind kind;
    struct bytes list; /* the last list fetched whole; empty: none */
    int64_t fetched_ms;
    bool changed_meanwhile; /* a notice came while FETCHING: what arrives is old at once */
    struct list waiters;    /* struct catalog_waiter, borrowed */
    struct list late;       /* the same, asked after the change: the next fetch is theirs */
    struct list_pages pages;
    unsigned page_count;
    struct bytes request_text;
    struct message request;
    struct errand errand;
    int64_t begun_us; /* the errand */
    struct deferred serve;
};

struct catalog {
    struct loop *loop;
    struct pool *pool; /* borrowed: closed after us */
    struct catalog_limits limits;
    struct entry entries[CATALOG_KINDS];
    struct catalog_totals totals;
    const struct catalog_events *events;
    void *owner;
    struct reapable reapable;
    bool closing;
};

static const struct {
    enum mcp_method method;
    const char *member; /* of the result: the array */
} kinds[CATALOG_KINDS] = {
    [CATALOG_TOOLS] = {MCP_TOOLS_LIST, "tools"},
    [CATALOG_PROMPTS] = {MCP_PROMPTS_LIST, "prompts"},
    [CATALOG_RESOURCES] = {MCP_RESOURCES_LIST, "resources"},
    [CATALOG_TEMPLATES] = {MCP_TEMPLATES_LIST, "resourceTemplates"},
};

static void on_serve(void *owner);
static void on_page(void *owner, const struct message *answer);
static void on_page_progress(void *owner, const struct message *notice);
static void on_page_failed(void *owner, const struct failure_report *report);
static void fail_fetch(struct entry *entry, const struct failure_report *report);

static const struct errand_events errand_events = {on_page, on_page_progress, on_page_failed, NULL};

struct catalog *catalog_new(struct loop *loop, struct pool *pool,
                            const struct catalog_limits *limits,
                            const struct catalog_events *events, void *owner)
{
    struct catalog *catalog = MEM_NEW(struct catalog);

    if (catalog == NULL) {
        return NULL;
    }
    catalog->loop = loop;
    catalog->pool = pool;
    catalog->limits = *limits;
    catalog->events = events;
    catalog->owner = owner;
    for (int i = 0; i < CATALOG_KINDS; i++) {
        struct entry *entry = &catalog->entries[i];

        entry->catalog = catalog;
        entry->kind = (enum catalog_kind)i;
        entry->errand.state = ERRAND_OVER;
        bytes_init(&entry->list, limits->list_max_bytes);
        bytes_init(&entry->request_text, limits->list_max_bytes);
        list_pages_init(&entry->pages, kinds[i].member, limits->list_max_bytes);
        list_init(&entry->waiters);
        list_init(&entry->late);
        deferred_init(&entry->serve, loop, on_serve, entry);
    }
    return catalog;
}

static void reap(void *owner)
{
    struct catalog *catalog = owner;

    for (int i = 0; i < CATALOG_KINDS; i++) {
        bytes_done(&catalog->entries[i].list);
        bytes_done(&catalog->entries[i].request_text);
        list_pages_done(&catalog->entries[i].pages);
    }
    mem_free(catalog);
}

void catalog_close(struct catalog *catalog)
{
    if (catalog == NULL || catalog->closing) {
        return;
    }
    catalog->closing = true;
    for (int i = 0; i < CATALOG_KINDS; i++) {
        errand_abandon(&catalog->entries[i].errand, ABANDON_SILENTLY);
        deferred_cancel(&catalog->entries[i].serve);
        CHECK(list_is_empty(&catalog->entries[i].waiters) &&
              list_is_empty(&catalog->entries[i].late));
    }
    loop_reap(catalog->loop, &catalog->reapable, reap, catalog);
}

static void set_maximum(struct bytes *bytes, size_t maximum)
{
    bytes->maximum = maximum > bytes->length ? maximum : bytes->length;
}

void catalog_set_limits(struct catalog *catalog, const struct catalog_limits *limits)
{
    catalog->limits = *limits;
    for (int i = 0; i < CATALOG_KINDS; i++) {
        struct entry *entry = &catalog->entries[i];

        set_maximum(&entry->list, limits->list_max_bytes);
        set_maximum(&entry->request_text, limits->list_max_bytes);
        set_maximum(&entry->pages.frame, limits->list_max_bytes);
        set_maximum(&entry->pages.items, limits->list_max_bytes);
    }
}

enum catalog_kind catalog_kind_of(enum mcp_method method)
{
    for (int i = 0; i < CATALOG_KINDS; i++) {
        if (kinds[i].method == method) {
            return (enum catalog_kind)i;
        }
    }
    check_failed("METHOD has the route LIST", __FILE__, __LINE__);
}

const struct catalog_totals *catalog_totals(const struct catalog *catalog)
{
    return &catalog->totals;
}

static bool is_fresh(const struct entry *entry)
{
    return entry->state == ENTRY_FRESH &&
           loop_now_ms(entry->catalog->loop) - entry->fetched_ms < entry->catalog->limits.ttl_ms;
}

void catalog_invalidate(struct catalog *catalog, enum catalog_kind kind)
{
    struct entry *entry = &catalog->entries[kind];

    switch (entry->state) {
    case ENTRY_EMPTY:
    case ENTRY_OLD:
        return;
    case ENTRY_FETCHING:
        entry->changed_meanwhile = true;
        return;
    case ENTRY_FRESH:
        entry->state = ENTRY_OLD;
        return;
    }
}

/* ---- fetching */

static void fetch_page(struct entry *entry, struct span cursor)
{
    struct bytes *text = &entry->request_text;
    struct catalog *catalog = entry->catalog;
    struct message_fault fault;

    /* The cursor lives in the answer that goes away with the errand: written out first. */
    bytes_clear(text);
    bytes_printf(text, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"%s\"",
                 mcp_method_name(kinds[entry->kind].method));
    if (!span_is_none(cursor)) {
        bytes_append_text(text, ",\"params\":{\"cursor\":");
        bytes_append_span(text, cursor);
        bytes_append_char(text, '}');
    }
    bytes_append_char(text, '}');
    if (text->failed ||
        message_parse(bytes_span(text), &json_limits_default, &entry->request, &fault) < 0) {
        struct failure_report report = failure_report_of(FAILURE_OUT_OF_MEMORY, NULL);

        fail_fetch(entry, &report);
        return;
    }
    entry->begun_us = clock_now_us();
    errand_start(&entry->errand, catalog->pool, &entry->request, &catalog->limits.errand,
                 &errand_events, entry);
}

static void start_fetch(struct entry *entry)
{
    entry->state = ENTRY_FETCHING;
    entry->changed_meanwhile = false;
    entry->page_count = 0;
    list_pages_clear(&entry->pages);
    fetch_page(entry, SPAN_NONE);
}

void catalog_ask(struct catalog *catalog, enum catalog_kind kind, struct catalog_waiter *waiter)
{
    struct entry *entry = &catalog->entries[kind];

    CHECK(!catalog->closing);
    list_append(entry->state == ENTRY_FETCHING && entry->changed_meanwhile ? &entry->late
                                                                           : &entry->waiters,
                &waiter->in_entry);
    if (entry->state == ENTRY_FETCHING) {
        catalog->totals.coalesced_total++;
    } else if (is_fresh(entry)) {
        catalog->totals.cache_hit_total++;
        deferred_schedule(&entry->serve);
    } else {
        catalog->totals.cache_miss_total++;
        /* Deferred too, so that nothing is told before we return. */
        deferred_schedule(&entry->serve);
    }
}

void catalog_withdraw(struct catalog_waiter *waiter)
{
    if (waiter->in_entry.on != NULL) {
        list_remove(waiter->in_entry.on, &waiter->in_entry);
    }
}

static void tell_list(struct entry *entry, struct span result)
{
    struct list_node *node;

    while ((node = list_take_first(&entry->waiters)) != NULL) {
        struct catalog_waiter *waiter = LIST_ITEM(node, struct catalog_waiter, in_entry);

        waiter->on_list(waiter, result);
    }
}

static void on_serve(void *owner)
{
    struct entry *entry = owner;

    if (is_fresh(entry)) {
        tell_list(entry, bytes_span(&entry->list));
    } else if (entry->state != ENTRY_FETCHING && !list_is_empty(&entry->waiters)) {
        start_fetch(entry);
    }
}

/* A fetch is over, and told: those who came after a change have the next one. */
static void serve_late(struct entry *entry)
{
    struct list_node *node;

    while ((node = list_take_first(&entry->late)) != NULL) {
        list_append(&entry->waiters, node);
        deferred_schedule(&entry->serve);
    }
}

static void fail_too_large(struct entry *entry)
{
    struct failure_report report =
        failure_report_of(FAILURE_TOO_LARGE, "the list is longer than max_response");

    fail_fetch(entry, &report);
}

static void on_fetched(struct entry *entry)
{
    bytes_clear(&entry->list);
    if (!list_pages_write(&entry->pages, &entry->list)) {
        bytes_clear(&entry->list);
        fail_too_large(entry);
        return;
    }
    list_pages_clear(&entry->pages);
    entry->state = entry->changed_meanwhile ? ENTRY_OLD : ENTRY_FRESH;
    entry->fetched_ms = loop_now_ms(entry->catalog->loop);
    tell_list(entry, bytes_span(&entry->list));
    serve_late(entry);
}

/* ERROR is the server's, or none. */
static void tell_fetch(struct entry *entry, struct span error, enum failure failure)
{
    struct timeline timeline = {.kind = TIMELINE_FETCH,
                                .begun_us = entry->begun_us,
                                .done_us = clock_now_us(),
                                .failure = failure};

    timeline_describe(&timeline, &entry->request, kinds[entry->kind].method);
    if (failure != FAILURE_NONE) {
        timeline.result = call_result_of(failure);
    } else if (!span_is_none(error)) {
        timeline.result = CALL_RESULT_RPC_ERROR;
        (void)!json_to_int(json_find(error, "code"), &timeline.rpc_code);
    }
    errand_fill(&entry->errand, &timeline);
    entry->catalog->events->on_fetch(entry->catalog->owner, &timeline);
}

static void on_page(void *owner, const struct message *answer)
{
    struct entry *entry = owner;
    struct span cursor;
    struct list_node *node;

    tell_fetch(entry, answer->error, FAILURE_NONE);
    if (answer->kind == MESSAGE_ERROR) {
        entry->state = entry->list.length > 0 ? ENTRY_OLD : ENTRY_EMPTY;
        while ((node = list_take_first(&entry->waiters)) != NULL) {
            struct catalog_waiter *waiter = LIST_ITEM(node, struct catalog_waiter, in_entry);

            waiter->on_error(waiter, answer->error);
        }
        serve_late(entry);
        return;
    }
    list_pages_add(&entry->pages, answer->result);
    cursor = json_find(answer->result, "nextCursor");
    /* An empty cursor is a cursor: only its absence ends the list. */
    if (json_kind_of(cursor) != JSON_STRING) {
        on_fetched(entry);
    } else if (list_pages_is_full(&entry->pages) || ++entry->page_count == PAGES_MAXIMUM) {
        /* Half a list would look like a whole one. */
        fail_too_large(entry);
    } else {
        fetch_page(entry, cursor);
    }
}

static void on_page_progress(void *owner, const struct message *notice)
{
    (void)owner;
    (void)notice;
}

static void serve_stale(struct entry *entry)
{
    struct bytes marked;

    bytes_init(&marked, entry->list.maximum + 256);
    list_mark_stale(bytes_span(&entry->list), &marked);
    tell_list(entry, marked.failed ? bytes_span(&entry->list) : bytes_span(&marked));
    bytes_done(&marked);
}

static void on_page_failed(void *owner, const struct failure_report *report)
{
    tell_fetch(owner, SPAN_NONE, report->failure);
    fail_fetch(owner, report);
}

static void fail_fetch(struct entry *entry, const struct failure_report *report)
{
    struct list_node *node;

    list_pages_clear(&entry->pages);
    if (entry->list.length > 0) {
        entry->state = ENTRY_OLD;
        serve_stale(entry);
        serve_late(entry);
        return;
    }
    entry->state = ENTRY_EMPTY;
    while ((node = list_take_first(&entry->waiters)) != NULL) {
        struct catalog_waiter *waiter = LIST_ITEM(node, struct catalog_waiter, in_entry);

        waiter->on_failed(waiter, report);
    }
    serve_late(entry);
}
