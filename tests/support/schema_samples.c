/* SPDX-License-Identifier: MIT */
/* schema_samples COUNT [SEED]: a line {"schema":...,"arguments":...} for each; for tests in Python.
 */
#include <stdio.h>
#include <stdlib.h>

#include "schema_maker.h"

enum { ROOM = 16 * 1024 * 1024 };

static int print_sample(uint64_t seed)
{
    static const struct tree_limits wide = {.bytes = ROOM, .depth = 1000, .nodes = 1000000};
    struct schema_maker maker = schema_maker_of(seed);
    struct tree_parsed parsed;
    struct bytes schema;
    struct bytes arguments;
    struct arena arena;
    int result = 1;

    bytes_init(&schema, ROOM);
    bytes_init(&arguments, ROOM);
    arena_init(&arena, ROOM);
    schema_maker_schema(&maker, &schema);
    if (tree_parse(&arena, bytes_span(&schema), &wide, &parsed) == 0) {
        schema_maker_arguments(&maker, parsed.root, &arguments);
        printf("{\"schema\":%s,\"arguments\":%s}\n", bytes_text(&schema), bytes_text(&arguments));
        result = 0;
    }
    arena_done(&arena);
    bytes_done(&arguments);
    bytes_done(&schema);
    return result;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    int result = 0;

    for (uint64_t i = 0; i < count && result == 0; i++) {
        result = print_sample(seed + i);
    }
    return result;
}
