/* SPDX-License-Identifier: MIT */
/* Called by request.c, and by the session for calls that nobody waits for any more. */
#include "broker/routing/record.h"

#include <errno.h>

#include "proto/base/mem.h"
#include "proto/json_scan.h"

static void on_witness_end(struct call_witness *witness, enum failure failure);

static int read_id(struct ledger *ledger, struct span token, struct ledger_call *call)
{
    char text[CALL_ID_TEXT_SIZE];

    if (span_is_none(token)) {
        call->id = ledger_mint(ledger);
        call->is_minted = true;
        return 0;
    }
    return json_string_copy(token, text, sizeof(text)) ? call_id_parse(span_of(text), &call->id)
                                                       : -EINVAL;
}

int record_new(struct ledger *ledger, struct span id, uid_t uid, const char *pool,
               struct record **ret_record)
{
    struct record *record = MEM_NEW(struct record);
    int r = record == NULL ? -ENOMEM : read_id(ledger, id, &record->call);

    if (r == 0) {
        call_id_print(&record->call.id, record->text);
        record->witness.on_end = on_witness_end;
        r = ledger_begin(ledger, &record->call, uid, pool);
    }
    if (r < 0) {
        mem_free(record);
        return r;
    }
    *ret_record = record;
    return 0;
}

void record_sending(struct record *record)
{
    ledger_sending(&record->call);
}

static enum ledger_state state_after(enum failure failure)
{
    if (failure == FAILURE_NONE) {
        return LEDGER_RESULT;
    }
    switch (failure_outcome(failure)) {
    case OUTCOME_EXECUTED:
        return LEDGER_RESULT;
    case OUTCOME_NOT_EXECUTED:
        return LEDGER_NOT_EXECUTED;
    case OUTCOME_UNKNOWN:
        break;
    case OUTCOME_RESULT_LOST:
        return LEDGER_RESULT_LOST;
    }
    return LEDGER_UNKNOWN;
}

void record_end(struct record *record, enum failure failure)
{
    ledger_end(&record->call, state_after(failure), failure);
    mem_free(record);
}

void record_leave(struct record *record, enum record_leave why, enum failure uncertain)
{
    if (record->witness.is_waiting) {
        record->is_cancelled = why == RECORD_CLIENT_CANCELLED;
        record->uncertain = uncertain;
        return;
    }
    if (uncertain != FAILURE_NONE) {
        record_end(record, uncertain);
        return;
    }
    ledger_end(&record->call, LEDGER_NOT_EXECUTED, FAILURE_NONE);
    mem_free(record);
}

static void on_witness_end(struct call_witness *witness, enum failure failure)
{
    struct record *record = LIST_ITEM(witness, struct record, witness);
    bool did_not_run = failure != FAILURE_NONE && failure_outcome(failure) == OUTCOME_NOT_EXECUTED;

    if (did_not_run && record->uncertain != FAILURE_NONE) {
        record_end(record, record->uncertain);
    } else if (record->is_cancelled && failure == FAILURE_TIMEOUT) {
        /* It was told to stop and said no more. */
        ledger_end(&record->call, LEDGER_CANCELLED, FAILURE_NONE);
        mem_free(record);
    } else {
        record_end(record, failure);
    }
}
