/* SPDX-License-Identifier: MIT */
/* Ids of calls, the tags of reasons, and what teplo/outcome says to whom. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/ledger/ledger_answer.h"

enum { ME = 4242 };

/* ---- ids */

static void ids_are_read_and_written(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "01890a5d-ac96-774b-bcce-b302099a805",
                                      "01890a5d-ac96-774b-bcce-b302099a80577",
                                      "01890a5dac96774bbcceb302099a8057",
                                      "01890a5d-ac96-774b-bcce_b302099a8057",
                                      "01890a5d-ac96-774b-bcce-b302099a805g",
                                      "{1890a5d-ac96-774b-bcce-b302099a8057"};
    uint8_t random[CALL_ID_RANDOM_SIZE];
    char text[CALL_ID_TEXT_SIZE];
    struct call_id id;

    (void)state;
    assert_int_equal(call_id_parse(SPAN("01890A5D-ac96-774b-BCCE-b302099a8057"), &id), 0);
    call_id_print(&id, text);
    assert_string_equal(text, "01890a5d-ac96-774b-bcce-b302099a8057");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(call_id_parse(span_of(bad[i]), &id), -EINVAL);
    }
    memset(random, 0xff, sizeof(random));
    id = call_id_make(0x01890a5dac96, random);
    call_id_print(&id, text);
    assert_string_equal(text, "01890a5d-ac96-7fff-bfff-ffffffffffff");
}

static void words_have_tags_of_their_own(void **state)
{
    (void)state;
    for (unsigned a = FAILURE_NONE + 1; a < FAILURE_COUNT; a++) {
        assert_int_not_equal(ledger_reason_tag(failure_reason((enum failure)a)), 0);
        for (unsigned b = a + 1; b < FAILURE_COUNT; b++) {
            assert_int_not_equal(ledger_reason_tag(failure_reason((enum failure)a)),
                                 ledger_reason_tag(failure_reason((enum failure)b)));
        }
    }
}

/* ---- answers */

static void assert_answer(struct ledger *ledger, const char *call, uid_t asker, const char *part)
{
    struct bytes out;

    bytes_init(&out, 4096);
    assert_int_equal(ledger_answer(ledger, span_of(call), asker, &out), 0);
    if (strstr(bytes_text(&out), part) == NULL) {
        fail_msg("%s lacks %s", bytes_text(&out), part);
    }
    bytes_done(&out);
}

static void outcomes_are_told_to_whom_they_concern(void **state)
{
    char directory[] = "/tmp/teplo-answer-XXXXXX";
    struct ledger_options options = {.directory = directory, .records = 16};
    char path[64];
    static const char quoted[] = "\"02000000-0000-0000-0000-000000000001\"";
    struct ledger *ledger;
    struct ledger_call call = {.id = {{2, [15] = 1}}};
    struct bytes out;

    (void)state;
    bytes_init(&out, 4096);
    assert_non_null(mkdtemp(directory));
    ledger = ledger_open(&options, &out);
    assert_non_null(ledger);
    assert_int_equal(ledger_answer(ledger, SPAN("\"no\""), ME, &out), -EINVAL);
    assert_int_equal(ledger_answer(ledger, SPAN("5"), ME, &out), -EINVAL);
    assert_int_equal(ledger_answer(ledger, SPAN_NONE, ME, &out), -EINVAL);
    assert_int_equal(out.length, 0);
    bytes_done(&out);
    assert_answer(ledger, quoted, ME, "\"outcome\":\"no_record\"");
    assert_answer(ledger, quoted, ME, "may have run");
    assert_int_equal(ledger_begin(ledger, &call, ME, "graph"), 0);
    assert_answer(ledger, quoted, ME, "\"outcome\":\"pending\",\"pool\":\"graph\"");
    ledger_end(&call, LEDGER_UNKNOWN, FAILURE_TIMEOUT);
    assert_answer(ledger, quoted, ME, "\"outcome\":\"unknown\",\"reason\":\"timeout\"");
    assert_answer(ledger, quoted, ME + 1, "\"outcome\":\"no_record\"");
    assert_answer(ledger, quoted, (uid_t)-1, "\"outcome\":\"no_record\"");
    assert_answer(ledger, quoted, 0, "\"outcome\":\"unknown\"");
    assert_answer(ledger, quoted, geteuid(), "\"outcome\":\"unknown\"");
    ledger_close(ledger);
    (void)snprintf(path, sizeof(path), "%s/ledger.0", directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_and_written),
        cmocka_unit_test(words_have_tags_of_their_own),
        cmocka_unit_test(outcomes_are_told_to_whom_they_concern),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
