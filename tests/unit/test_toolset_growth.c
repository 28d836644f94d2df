/* SPDX-License-Identifier: MIT */
/* How the time for a schema grows with what is in it: ratios, whatever the machine. */
#include "unit.h"

#include <time.h>

#include "client-lib/formats/toolset.h"

enum { ROOM = 64 * 1024 * 1024 };

static struct teplo_toolset *new_toolset(enum teplo_provider provider, uint32_t flags)
{
    struct teplo_toolset *toolset = NULL;

    assert_int_equal(teplo_toolset_new(provider, flags, &toolset), TEPLO_OK);
    return toolset;
}

static void write_wide_listing(struct bytes *listing, int count)
{
    bytes_clear(listing);
    bytes_append_text(listing, "[{\"name\":\"t\",\"inputSchema\":{\"required\":[");
    for (int i = 0; i < count; i++) {
        bytes_printf(listing, "%s\"k%d\"", i == 0 ? "" : ",", i);
    }
    bytes_append_text(listing, "],\"properties\":{");
    for (int i = 0; i < count; i++) {
        bytes_printf(listing, "%s\"k%d\":{}", i == 0 ? "" : ",", i);
    }
    bytes_append_text(listing, "}}}]");
}

/* The processor's time for a schema of COUNT parts, at its best of three. */
static clock_t time_of(enum teplo_provider provider, void (*write)(struct bytes *, int), int count)
{
    struct bytes listing;
    clock_t best = 0;

    bytes_init(&listing, ROOM);
    write(&listing, count);
    for (int i = 0; i < 3; i++) {
        struct teplo_toolset *toolset = new_toolset(provider, 0);
        clock_t start = clock();
        clock_t took;

        assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
        took = clock() - start;
        assert_int_equal(format_count(toolset), 1);
        teplo_toolset_free(toolset);
        best = i == 0 || took < best ? took : best;
    }
    bytes_done(&listing);
    return best;
}

/* A schema of many parts does not take the square of their number, nor does looking for keys. */
static void wide_schemas_take_little_time(void **state)
{
    (void)state;
    for (int provider = TEPLO_OPENAI_CHAT; provider <= TEPLO_ANTHROPIC; provider++) {
        clock_t some = time_of((enum teplo_provider)provider, write_wide_listing, 1500);
        clock_t many = time_of((enum teplo_provider)provider, write_wide_listing, 9000);

        /* Six times as many: 36 times as long with a square, and some six without. */
        assert_true(many < some * 18);
    }
}

/* COUNT definitions, each found by its anchor, each with references to those behind it. */
static void write_anchors(struct bytes *listing, int count)
{
    bytes_clear(listing);
    bytes_append_text(listing, "[{\"name\":\"t\",\"inputSchema\":{\"$defs\":{");
    for (int i = 0; i < count; i++) {
        bytes_printf(listing, "%s\"D%d\":{\"$anchor\":\"d%d\",\"properties\":{", i == 0 ? "" : ",",
                     i, i);
        for (int j = 0; j < 8; j++) {
            bytes_printf(listing, "%s\"p%d\":{\"$ref\":\"#d%d\"}", j == 0 ? "" : ",", j,
                         (i + j) % count);
        }
        bytes_append_text(listing, "}}");
    }
    bytes_append_text(listing, "},\"properties\":{\"a\":{\"$ref\":\"#d0\"}}}}]");
}

/* References that lead nowhere, each to the same place. */
static void write_dangling(struct bytes *listing, int count)
{
    bytes_clear(listing);
    bytes_append_text(listing, "[{\"name\":\"t\",\"inputSchema\":{\"properties\":{");
    for (int i = 0; i < count * 20; i++) {
        bytes_printf(listing, "%s\"p%d\":{\"$ref\":\"#q\"}", i == 0 ? "" : ",", i);
    }
    bytes_append_text(listing, "}}}]");
}

/* Where references lead is looked for once, and not by going through the schema each time. */
static void references_take_little_time(void **state)
{
    void (*const writers[])(struct bytes *, int) = {write_anchors, write_dangling};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(writers); i++) {
        clock_t some = time_of(TEPLO_OPENAI_CHAT, writers[i], 60);
        clock_t many = time_of(TEPLO_OPENAI_CHAT, writers[i], 360);

        /* Six times as many: 36 times as long with a square, 216 with a cube. */
        assert_true(many < some * 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_schemas_take_little_time),
        cmocka_unit_test(references_take_little_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
