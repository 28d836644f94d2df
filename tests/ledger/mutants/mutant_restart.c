/* SPDX-License-Identifier: MIT */
/* A broker that does not note what it sends, so that its successor says: not executed. */
#include "broker/ledger/ledger.h"

void __wrap_ledger_sending(struct ledger_call *call);

void __wrap_ledger_sending(struct ledger_call *call)
{
    (void)call;
}
