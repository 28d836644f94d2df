/* SPDX-License-Identifier: MIT */
/* The id of a call: a UUID, the client's own or ours.  Sans I/O. */
#ifndef TEPLO_LEDGER_CALL_ID_H
#define TEPLO_LEDGER_CALL_ID_H

#include <stdint.h>

#include "proto/base/bytes.h"

enum { CALL_ID_SIZE = 16, CALL_ID_TEXT_SIZE = 37, CALL_ID_RANDOM_SIZE = 10 };

struct call_id {
    uint8_t at[CALL_ID_SIZE];
};

/* TEXT as in 01890a5d-ac96-774b-bcce-b302099a8057, of any version and case.  -EINVAL. */
MUST_CHECK int call_id_parse(struct span text, struct call_id *ret_id);
/* In lower case, with a NUL. */
void call_id_print(const struct call_id *id, char text[CALL_ID_TEXT_SIZE]);
/* A UUIDv7 (RFC 9562, 5.7) of this moment of the wall clock. */
struct call_id call_id_make(int64_t wall_ms, const uint8_t random[CALL_ID_RANDOM_SIZE]);

#endif
