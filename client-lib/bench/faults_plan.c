/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults_plan.h"

#include <stdio.h>

#include "proto/json_scan.h"

enum { PAD_MAXIMUM = 120, ARGUMENTS_MAXIMUM = 1024 };
enum touches { TOUCHES_SELF, TOUCHES_SESSION };

static const struct {
    const char *word;
    int64_t least;
    int64_t most;
    unsigned weight;
    enum touches touches;
    bool is_silent;
} kinds[] = {
#define KIND(name, word, least, most, weight, touches, silent)                                     \
    {word, least, most, weight, TOUCHES_##touches, silent},
#include "client-lib/bench/faults_kinds.def"
#undef KIND
};

uint64_t faults_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t faults_between(uint64_t *state, int64_t least, int64_t most)
{
    return least + (int64_t)(faults_random(state) % (uint64_t)(most - least + 1));
}

static bool happens(uint64_t *state, unsigned permille)
{
    return faults_random(state) % 1000 < permille;
}

static enum faults_kind choose_kind(uint64_t *state)
{
    unsigned total = 0;
    uint64_t at;

    for (size_t i = 0; i < FAULTS_KIND_COUNT; i++) {
        total += kinds[i].weight;
    }
    at = faults_random(state) % total;
    for (size_t i = 0; i < FAULTS_KIND_COUNT; i++) {
        if (at < kinds[i].weight) {
            return (enum faults_kind)i;
        }
        at -= kinds[i].weight;
    }
    return FAULTS_KIND_NONE;
}

static uint64_t state_of(const struct faults_odds *odds, int64_t number)
{
    uint64_t state = odds->seed ^ (uint64_t)number * UINT64_C(0xd1342543de82ef95);

    (void)faults_random(&state);
    return state;
}

struct faults_plan faults_plan_of(const struct faults_odds *odds, int64_t number)
{
    uint64_t state = state_of(odds, number);
    struct faults_plan plan = {.number = number, .deadline_ms = odds->deadline_ms};

    plan.server = (unsigned)(faults_random(&state) % odds->servers);
    plan.ms = happens(&state, 100) ? (int32_t)faults_between(&state, 1, 20) : 0;
    plan.bytes = happens(&state, 50) ? (int32_t)faults_between(&state, 1, 20000) : 0;
    plan.cancel_ms = -1;
    if (happens(&state, odds->cancel_permille)) {
        plan.cancel_ms = (int32_t)faults_between(&state, 0, 20);
        plan.ms = (int32_t)faults_between(&state, 0, 40);
    }
    if (happens(&state, odds->fault_permille)) {
        plan.kind = choose_kind(&state);
        plan.kind_number = faults_between(&state, kinds[plan.kind].least, kinds[plan.kind].most);
        /* What is said slowly is said shortly. */
        plan.bytes = plan.kind == FAULTS_KIND_DRIP ? 0 : plan.bytes;
        if (kinds[plan.kind].is_silent) {
            plan.deadline_ms = odds->silent_deadline_ms;
        }
    }
    return plan;
}

const char *faults_kind_word(enum faults_kind kind)
{
    return kinds[kind].word;
}

bool faults_kind_touches_session(enum faults_kind kind)
{
    return kinds[kind].touches == TOUCHES_SESSION;
}

/* ---- ids */

void faults_write_id(struct bytes *out, int64_t number)
{
    static const char *const forms[] = {"", "\"c-", "\"\\u0063-"};
    const char *form = forms[number % 3];

    bytes_append_text(out, form);
    bytes_append_int(out, number);
    bytes_append_text(out, form[0] == '\0' ? "" : "\"");
}

int64_t faults_number_of(struct span id)
{
    const char *dash = id.length < 3 ? NULL : memchr(id.at, '-', id.length);
    struct span digits = id;
    int64_t number = -1;

    if (dash != NULL) {
        digits.at = dash + 1;
        digits.length = (size_t)(id.at + id.length - digits.at) - 1;
    }
    return json_to_int(digits, &number) ? number : -1;
}

void faults_write_call(struct bytes *out, const struct faults_odds *odds, int64_t number)
{
    bytes_printf(out, "%08x-0000-7000-8000-%012llx", (unsigned)(uint32_t)odds->seed,
                 (unsigned long long)number);
}

/* ---- requests and answers */

static void write_arguments(struct bytes *out, const struct faults_odds *odds,
                            const struct faults_plan *plan)
{
    uint64_t state = ~state_of(odds, plan->number);
    size_t pad = (size_t)(faults_random(&state) % PAD_MAXIMUM);

    bytes_printf(out, "{\"u\":%lld,\"ms\":%d,\"bytes\":%d", (long long)plan->number, plan->ms,
                 plan->bytes);
    if (plan->kind != FAULTS_KIND_NONE) {
        bytes_printf(out, ",\"fault\":\"%s", kinds[plan->kind].word);
        if (kinds[plan->kind].most > 0) {
            bytes_printf(out, ":%lld", (long long)plan->kind_number);
        }
        bytes_append_text(out, "\"");
    }
    bytes_append_text(out, ",\"pad\":\"");
    for (size_t i = 0; i < pad; i++) {
        bytes_append_char(out, (char)('a' + faults_random(&state) % 26));
    }
    bytes_append_text(out, "\"}");
}

void faults_write_request(struct bytes *out, const struct faults_odds *odds,
                          const struct faults_plan *plan)
{
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    faults_write_id(out, plan->number);
    bytes_append_text(out, ",\"method\":\"tools/call\",\"params\":{\"name\":\"effect\","
                           "\"arguments\":");
    write_arguments(out, odds, plan);
    bytes_printf(out,
                 ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                 "\"io.modelcontextprotocol/clientCapabilities\":{},"
                 "\"progressToken\":%lld,\"dev.teplo/pool\":\"s%u\",\"dev.teplo/deadlineMs\":%d,"
                 "\"dev.teplo/call\":\"",
                 (long long)plan->number, plan->server, plan->deadline_ms);
    faults_write_call(out, odds, plan->number);
    bytes_append_text(out, "\"}}}\n");
}

/* As the scripted server's: FNV-1a of the arguments as they came. */
static uint64_t hash_of(struct span text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

bool faults_is_answer(struct span text, const struct faults_odds *odds,
                      const struct faults_plan *plan)
{
    struct bytes arguments;
    char mark[64];
    int length;

    bytes_init(&arguments, ARGUMENTS_MAXIMUM);
    write_arguments(&arguments, odds, plan);
    length = snprintf(mark, sizeof(mark), "\"u=%lld h=%016llx", (long long)plan->number,
                      (unsigned long long)hash_of(bytes_span(&arguments)));
    bytes_done(&arguments);
    return memmem(text.at, text.length, mark, (size_t)length) != NULL;
}
