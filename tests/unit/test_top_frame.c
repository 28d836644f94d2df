/* SPDX-License-Identifier: MIT */
/* Frames against files (tests/vectors/top): TEPLO_GOLDEN=write writes them anew. */
#include "fleet_unit.h"

#include <stdlib.h>

#include "client-lib/top/top_frame.h"
#include "client-lib/top/top_rows.h"
#include "proto/utf8.h"

enum { FRAME_ROOM = 1 << 20 };

/* ---- what holds of every frame */

/* The text without the colours that are ours; any other escape fails. */
static void strip(const char *text, size_t length, struct bytes *out)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\033') {
            assert_int_equal(text[i + 1], '[');
            i += 2;
            while (text[i] == ';' || (text[i] >= '0' && text[i] <= '9')) {
                i++;
            }
            assert_int_equal(text[i], 'm');
            continue;
        }
        assert_true((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
        bytes_append_char(out, text[i]);
    }
}

static void check_frame(const struct bytes *frame, const struct top_look *look)
{
    size_t lines = 0;

    assert_false(frame->failed);
    for (size_t at = 0; at < frame->length; lines++) {
        const char *end = memchr(frame->at + at, '\n', frame->length - at);
        struct bytes line;

        assert_non_null(end);
        bytes_init(&line, FRAME_ROOM);
        strip(frame->at + at, (size_t)(end - frame->at) - at, &line);
        assert_true(top_pen_width(look, bytes_span(&line)) <= look->width);
        for (size_t i = 0; i < line.length;) {
            size_t length = utf8_length(line.at + i, line.at + line.length);

            assert_true(length == 1 || (length > 1 && look->letters == TOP_UTF8));
            i += length;
        }
        bytes_done(&line);
        at = (size_t)(end - frame->at) + 1;
    }
    if (look->height > 0) {
        assert_true(lines <= look->height);
    }
}

static struct bytes frame_of(const struct fleet_view *view, struct top_state *state,
                             const struct top_look *look)
{
    struct bytes frame;

    bytes_init(&frame, FRAME_ROOM);
    top_frame_write(&frame, view, state, look, "redis://h:6379/0");
    check_frame(&frame, look);
    return frame;
}

/* ---- golden frames */

static void compare(const char *name, const struct bytes *frame)
{
    char path[512];
    char *held;
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof(path), TEPLO_VECTORS "/top/%s.frame", name);
    if (getenv("TEPLO_GOLDEN") != NULL) {
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(frame->at, 1, frame->length, file), frame->length);
        (void)fclose(file);
        return;
    }
    file = fopen(path, "r");
    assert_non_null(file);
    held = mem_new(FRAME_ROOM);
    length = fread(held, 1, FRAME_ROOM, file);
    (void)fclose(file);
    if (length != frame->length || memcmp(held, frame->at, length) != 0) {
        print_error("%s: got\n%.*s\nexpected\n%.*s\n", name, (int)frame->length, frame->at,
                    (int)length, held);
        fail();
    }
    mem_free(held);
}

static void press_all(struct top_state *state, const struct fleet_view *view, const char *keys)
{
    struct top_keys decoder = {.length = 0};
    struct top_press press;
    const struct top_look look = {.width = 120, .height = 24};
    struct bytes first = frame_of(view, state, &look);

    bytes_done(&first);
    (void)top_keys_feed(&decoder, keys, strlen(keys));
    while (top_keys_next(&decoder, &press)) {
        struct bytes frame;

        (void)top_state_press(state, &press);
        /* As the screen does, so that the selection is on a row. */
        frame = frame_of(view, state, &look);
        bytes_done(&frame);
    }
}

static void test_golden_frames(void **state)
{
    static const struct {
        const char *name;
        const char *keys;
        struct top_look look;
    } rows[] = {
        {"pools_80", "", {80, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"pools_120", "j", {120, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"pools_200", "", {200, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"pools_80_ascii", "", {80, 24, TOP_NO_COLOURS, TOP_ASCII}},
        {"pools_120_colours", "j", {120, 24, TOP_COLOURS, TOP_UTF8}},
        {"pools_plain", "", {120, 0, TOP_NO_COLOURS, TOP_ASCII}},
        {"pools_sorted", "sssss", {80, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"pools_filtered", "fhub\r", {80, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"pool_120", "j\r", {120, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"brokers_80", "3", {80, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"brokers_200", "3", {200, 24, TOP_NO_COLOURS, TOP_UTF8}},
        {"events_80", "4", {80, 12, TOP_NO_COLOURS, TOP_UTF8}},
        {"events_200", "4", {200, 12, TOP_NO_COLOURS, TOP_UTF8}},
        {"clients_80", "5", {80, 12, TOP_NO_COLOURS, TOP_UTF8}},
        {"help_80", "h", {80, 24, TOP_NO_COLOURS, TOP_UTF8}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fleet_view view;
        struct top_state top;
        struct bytes frame;

        fleet_unit_view(&view);
        top_state_init(&top);
        press_all(&top, &view, rows[i].keys);
        frame = frame_of(&view, &top, &rows[i].look);
        compare(rows[i].name, &frame);
        bytes_done(&frame);
        fleet_view_done(&view);
    }
}

static void test_a_source_that_is_gone_is_told(void **state)
{
    const struct top_look look = {100, 24, TOP_NO_COLOURS, TOP_UTF8};
    struct fleet_view view;
    struct fleet_view none;
    struct top_state top;
    struct bytes frame;

    (void)state;
    fleet_unit_view(&view);
    top_state_init(&top);
    view.redis_state = FLEET_REDIS_DOWN;
    view.age_ms = 12300;
    (void)snprintf(view.why, sizeof(view.why), "Redis does not answer");
    frame = frame_of(&view, &top, &look);
    compare("down_100", &frame);
    bytes_done(&frame);
    fleet_view_done(&view);

    fleet_view_init(&none, "main", FLEET_SOURCE_REDIS);
    none.redis_state = FLEET_REDIS_EMPTY;
    (void)snprintf(none.why, sizeof(none.why), "no broker has written");
    frame = frame_of(&none, &top, &look);
    compare("empty_100", &frame);
    bytes_done(&frame);
    fleet_view_done(&none);
}

/* ---- any size, hostile texts */

static void test_every_size_is_kept(void **state)
{
    static const char *const keys[] = {"", "2", "3", "4", "5", "h", "\r", "f", "fzzz"};
    static const size_t widths[] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233};
    static const size_t heights[] = {1, 2, 3, 4, 5, 6, 9, 13, 40};
    struct fleet_view view;

    (void)state;
    fleet_unit_view(&view);
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        for (size_t h = 0; h < COUNT_OF(heights); h++) {
            for (size_t i = 0; i < COUNT_OF(keys); i++) {
                const struct top_look look = {widths[w], heights[h], TOP_COLOURS, TOP_UTF8};
                struct top_state top;
                struct bytes frame;

                top_state_init(&top);
                press_all(&top, &view, keys[i]);
                frame = frame_of(&view, &top, &look);
                bytes_done(&frame);
            }
        }
    }
    fleet_view_done(&view);
}

static void spoil(char *text, size_t size)
{
    static const char bad[] = "\xe2\x80\xae\x1b[2J\x07\xe6\xbc\xa2\xe6\xbc\xa2\xcc\x81\xff";
    size_t length = sizeof(bad) - 1 < size ? sizeof(bad) - 1 : size - 1;

    memcpy(text, bad, length);
    text[length] = '\0';
}

static void test_no_text_reaches_the_terminal_raw(void **state)
{
    static const char *const keys[] = {"", "2", "3", "4", "\r"};
    struct fleet_view view;

    (void)state;
    fleet_unit_view(&view);
    /* Behind the reader's back: the frame trusts nobody. */
    spoil(view.namespace, sizeof(view.namespace));
    spoil(view.why, sizeof(view.why));
    spoil(view.figures.health, sizeof(view.figures.health));
    spoil(view.events[0].figures.msg, sizeof(view.events[0].figures.msg));
    spoil(view.events[0].figures.type, sizeof(view.events[0].figures.type));
    for (size_t i = 0; i < view.pool_count; i++) {
        spoil(view.pools[i].figures.health_reason, sizeof(view.pools[i].figures.health_reason));
        spoil(view.pools[i].figures.upstream, sizeof(view.pools[i].figures.upstream));
        spoil(view.brokers[i].inst, sizeof(view.brokers[i].inst));
    }
    for (size_t i = 0; i < 2 * COUNT_OF(keys); i++) {
        const struct top_look look = {97, 24, TOP_COLOURS,
                                      i < COUNT_OF(keys) ? TOP_UTF8 : TOP_ASCII};
        struct top_state top;
        struct bytes frame;

        top_state_init(&top);
        press_all(&top, &view, keys[i % COUNT_OF(keys)]);
        frame = frame_of(&view, &top, &look);
        bytes_done(&frame);
    }
    fleet_view_done(&view);
}

/* ---- rows */

static void test_the_selection_stays_on_its_row(void **state)
{
    struct fleet_view view;
    struct top_state top;

    (void)state;
    fleet_unit_view(&view);
    top_state_init(&top);
    press_all(&top, &view, "j");
    assert_string_equal(top.chosen, "jira");
    assert_int_equal(top.selected, 1);
    press_all(&top, &view, "sssss"); /* by name: github, jira, search */
    assert_string_equal(top.chosen, "jira");
    press_all(&top, &view, "s"); /* worst first again, but jira is healed */
    view.pools[1].figures.health_code = 0;
    press_all(&top, &view, "\f");
    assert_string_equal(top.chosen, "jira");
    press_all(&top, &view, "\r");
    assert_int_equal(top.view, TOP_VIEW_POOL);
    assert_string_equal(top.pool, "jira");
    press_all(&top, &view, "\033[D");
    assert_int_equal(top.view, TOP_VIEW_POOLS);
    assert_string_equal(top.chosen, "jira");
    fleet_view_done(&view);
}

static void test_pages_are_within_the_rows(void **state)
{
    const struct top_look look = {80, 12, TOP_NO_COLOURS, TOP_UTF8};
    struct fleet_view view;
    struct top_state top;
    struct bytes frame;

    (void)state;
    fleet_view_init(&view, "main", FLEET_SOURCE_REDIS);
    for (int i = 0; i < 100; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "p%03d", i);
        assert_non_null(fleet_view_add_pool(&view, span_of(name)));
    }
    fleet_view_settle(&view);
    top_state_init(&top);
    press_all(&top, &view, "\033[F");
    assert_string_equal(top.chosen, "p099");
    frame = frame_of(&view, &top, &look);
    assert_non_null(strstr(bytes_text(&frame), ">p099"));
    assert_non_null(strstr(bytes_text(&frame), "\n p093"));
    bytes_done(&frame);
    press_all(&top, &view, "\033[5~\033[5~\033[H\033[A");
    assert_int_equal(top.selected, 0);
    assert_int_equal(top.first, 0);
    press_all(&top, &view, "\033[6~");
    assert_true(top.selected > 0 && top.selected < 100);
    fleet_view_done(&view);
}

/* ---- keys */

static void test_keys(void **state)
{
    static const struct {
        const char *bytes;
        enum top_key key;
    } rows[] = {{"q", TOP_KEY_CHARACTER},     {"\r", TOP_KEY_ENTER},
                {"\033[A", TOP_KEY_UP},       {"\033OB", TOP_KEY_DOWN},
                {"\033[5~", TOP_KEY_PAGE_UP}, {"\x7f", TOP_KEY_BACKSPACE},
                {"\x03", TOP_KEY_INTERRUPT},  {"\x1a", TOP_KEY_SUSPEND},
                {"\033[1;5C", TOP_KEY_NONE},  {"\xc3", TOP_KEY_NONE}};
    struct top_keys keys = {.length = 0};
    struct top_press press;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length = strlen(rows[i].bytes);

        /* In pieces: a key with its last byte. */
        for (size_t n = 0; n < length; n++) {
            assert_int_equal(top_keys_feed(&keys, rows[i].bytes + n, 1), 1);
            assert_row(i, top_keys_next(&keys, &press) == (n + 1 == length));
        }
        assert_row(i, press.key == rows[i].key);
    }
    (void)top_keys_feed(&keys, "\033", 1);
    assert_false(top_keys_next(&keys, &press));
    assert_true(top_keys_end(&keys, &press));
    assert_int_equal(press.key, TOP_KEY_ESCAPE);
    assert_false(top_keys_end(&keys, &press));
    (void)top_keys_feed(&keys, "\033q", 2);
    assert_true(top_keys_next(&keys, &press) && press.key == TOP_KEY_ESCAPE);
    assert_true(top_keys_next(&keys, &press) && press.character == 'q');
    /* A sequence without end takes no memory, and ends. */
    (void)top_keys_feed(&keys, "\033[", 2);
    for (int i = 0; i < 200; i++) {
        (void)top_keys_feed(&keys, ";", 1);
        (void)top_keys_next(&keys, &press);
    }
    assert_true(keys.length < TOP_KEYS_MAXIMUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_frames),
        cmocka_unit_test(test_a_source_that_is_gone_is_told),
        cmocka_unit_test(test_every_size_is_kept),
        cmocka_unit_test(test_no_text_reaches_the_terminal_raw),
        cmocka_unit_test(test_the_selection_stays_on_its_row),
        cmocka_unit_test(test_pages_are_within_the_rows),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
