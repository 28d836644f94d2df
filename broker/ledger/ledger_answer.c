/* SPDX-License-Identifier: MIT */
#include "broker/ledger/ledger_answer.h"

#include <errno.h>
#include <unistd.h>

#include "proto/json_scan.h"

const char ledger_answer_usage[] =
    "params.call is not the id of a call: a UUID, as _meta[\"dev.teplo/call\"] had it";

static const char *word_of(enum ledger_state state)
{
    switch (state) {
    case LEDGER_FREE:
        break;
#define STATE(name, number, outcome, text)                                                         \
    case LEDGER_##name:                                                                            \
        return (outcome);
#include "broker/ledger/ledger_states.def"
#undef STATE
    }
    return "no_record";
}

static const char *text_of(enum ledger_state state)
{
    switch (state) {
    case LEDGER_FREE:
        break;
#define STATE(name, number, outcome, text)                                                         \
    case LEDGER_##name:                                                                            \
        return (text);
#include "broker/ledger/ledger_states.def"
#undef STATE
    }
    return "";
}

/* The failure whose word has this tag, or FAILURE_NONE. */
static enum failure failure_of(uint16_t tag)
{
    for (unsigned i = FAILURE_NONE + 1; tag != 0 && i < FAILURE_COUNT; i++) {
        if (ledger_reason_tag(failure_reason((enum failure)i)) == tag) {
            return (enum failure)i;
        }
    }
    return FAILURE_NONE;
}

/* What ASKER did under this id; root and who runs us may see what others did, too. */
static bool find_for(struct ledger *ledger, const struct call_id *call, uid_t asker,
                     struct ledger_entry *ret_entry)
{
    if (asker != (uid_t)-1 && ledger_find(ledger, call, asker, ret_entry)) {
        return true;
    }
    return (asker == 0 || asker == geteuid()) && ledger_find_anybodys(ledger, call, ret_entry);
}

static void append_member(struct bytes *out, const char *key, const char *text)
{
    bytes_printf(out, ",\"%s\":", key);
    json_quote(out, span_of(text));
}

static void write_entry(const struct ledger_entry *entry, struct bytes *out)
{
    enum failure failure = failure_of(entry->reason);

    append_member(out, "outcome", word_of(entry->state));
    if (failure != FAILURE_NONE) {
        append_member(out, "reason", failure_reason(failure));
    }
    append_member(out, "pool", entry->pool);
    append_member(out, "text", text_of(entry->state));
}

static void write_nothing(const struct ledger *ledger, struct bytes *out)
{
    append_member(out, "outcome", "no_record");
    bytes_printf(
        out,
        ",\"text\":\"this ledger knows nothing of it, so it may have run: it keeps the "
        "last %zu calls that may write, and a broker that was killed before it read a call "
        "never had it\"",
        ledger_records(ledger));
}

int ledger_answer(struct ledger *ledger, struct span call, uid_t asker, struct bytes *out)
{
    char text[CALL_ID_TEXT_SIZE];
    struct ledger_entry entry;
    struct call_id id;

    if (!json_string_copy(call, text, sizeof(text)) || call_id_parse(span_of(text), &id) < 0) {
        return -EINVAL;
    }
    call_id_print(&id, text);
    bytes_printf(out, "{\"call\":\"%s\"", text);
    if (find_for(ledger, &id, asker, &entry)) {
        write_entry(&entry, out);
    } else {
        write_nothing(ledger, out);
    }
    bytes_append_char(out, '}');
    return 0;
}
