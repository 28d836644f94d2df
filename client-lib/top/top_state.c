/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_state.h"

#include <stdio.h>

static const char digits[] = {
#define TOP_VIEW(name, digit, title) digit,
#include "client-lib/top/top_views.def"
#undef TOP_VIEW
};

void top_state_init(struct top_state *state)
{
    *state = (struct top_state){.page = 1};
}

static void go_to(struct top_state *state, enum top_view view)
{
    state->view = view;
    state->chosen[0] = '\0';
    state->selected = 0;
    state->first = 0;
}

/* DOWN rows from here; the next frame keeps it within the rows that there are. */
static void move(struct top_state *state, long down)
{
    long last = state->row_count == 0 ? 0 : (long)state->row_count - 1;
    long place = (long)state->selected + down;

    state->selected = place < 0 ? 0 : place > last ? (size_t)last : (size_t)place;
    state->chosen[0] = '\0';
}

static void open_row(struct top_state *state)
{
    char pool[FLEET_POOL_SIZE];

    if (state->view == TOP_VIEW_POOLS && state->chosen[0] != '\0') {
        (void)snprintf(pool, sizeof(pool), "%.*s", FLEET_POOL_SIZE - 1, state->chosen);
        go_to(state, TOP_VIEW_POOL);
        memcpy(state->pool, pool, sizeof(pool));
    }
}

/* Out of what was opened last. */
static void go_back(struct top_state *state)
{
    if (state->is_helping) {
        state->is_helping = false;
    } else if (state->view == TOP_VIEW_POOL) {
        go_to(state, TOP_VIEW_POOLS);
        memcpy(state->chosen, state->pool, sizeof(state->pool));
    } else {
        state->filter[0] = '\0';
    }
}

static enum top_reaction press_character(struct top_state *state, char character)
{
    switch (character) {
    case 'q':
        return TOP_QUIT;
    case 'p':
        state->is_paused = !state->is_paused;
        return state->is_paused ? TOP_REDRAW : TOP_REFRESH;
    case 's':
        state->sort = (state->sort + 1) % TOP_SORT_COUNT;
        break;
    case 'f':
    case '/':
        state->is_filtering = true;
        break;
    case 'h':
    case '?':
        state->is_helping = !state->is_helping;
        break;
    case 'j':
        move(state, 1);
        break;
    case 'k':
        move(state, -1);
        break;
    default:
        for (size_t i = 0; i < TOP_VIEW_COUNT; i++) {
            if (digits[i] == character) {
                state->is_helping = false;
                go_to(state, (enum top_view)i);
            }
        }
        break;
    }
    return TOP_REDRAW;
}

static enum top_reaction write_filter(struct top_state *state, const struct top_press *press)
{
    size_t length = strlen(state->filter);

    switch (press->key) {
    case TOP_KEY_CHARACTER:
        if (length + 1 < sizeof(state->filter)) {
            state->filter[length] = press->character;
            state->filter[length + 1] = '\0';
        }
        break;
    case TOP_KEY_BACKSPACE:
        state->filter[length == 0 ? 0 : length - 1] = '\0';
        break;
    case TOP_KEY_ESCAPE:
        state->filter[0] = '\0';
        state->is_filtering = false;
        break;
    case TOP_KEY_ENTER:
        state->is_filtering = false;
        break;
    case TOP_KEY_UP:
    case TOP_KEY_DOWN:
    case TOP_KEY_LEFT:
    case TOP_KEY_RIGHT:
    case TOP_KEY_PAGE_UP:
    case TOP_KEY_PAGE_DOWN:
    case TOP_KEY_HOME:
    case TOP_KEY_END:
    case TOP_KEY_INTERRUPT:
    case TOP_KEY_SUSPEND:
    case TOP_KEY_REDRAW:
    case TOP_KEY_NONE:
        break;
    }
    return TOP_REDRAW;
}

enum top_reaction top_state_press(struct top_state *state, const struct top_press *press)
{
    if (state->is_filtering && press->key != TOP_KEY_INTERRUPT && press->key != TOP_KEY_SUSPEND) {
        return write_filter(state, press);
    }
    switch (press->key) {
    case TOP_KEY_CHARACTER:
        return press_character(state, press->character);
    case TOP_KEY_INTERRUPT:
        return TOP_QUIT;
    case TOP_KEY_SUSPEND:
        return TOP_SUSPEND;
    case TOP_KEY_UP:
        move(state, -1);
        break;
    case TOP_KEY_DOWN:
        move(state, 1);
        break;
    case TOP_KEY_PAGE_UP:
        move(state, -(long)state->page);
        break;
    case TOP_KEY_PAGE_DOWN:
        move(state, (long)state->page);
        break;
    case TOP_KEY_HOME:
        move(state, -(long)state->row_count);
        break;
    case TOP_KEY_END:
        move(state, (long)state->row_count);
        break;
    case TOP_KEY_ENTER:
    case TOP_KEY_RIGHT:
        open_row(state);
        break;
    case TOP_KEY_ESCAPE:
    case TOP_KEY_LEFT:
    case TOP_KEY_BACKSPACE:
        go_back(state);
        break;
    case TOP_KEY_REDRAW:
    case TOP_KEY_NONE:
        break;
    }
    return TOP_REDRAW;
}
