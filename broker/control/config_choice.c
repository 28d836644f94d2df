/* SPDX-License-Identifier: MIT */
#include "broker/control/config_choice.h"

static const struct {
    const char *option;
    int64_t number;
    const char *word;
} choices[] = {
#define CHOICE(option, constant, number, word) {#option, (number), (word)},
#include "broker/control/choices.def"
#undef CHOICE
};

enum { CHOICE_COUNT = sizeof(choices) / sizeof(choices[0]) };

const char *config_choice_word(const char *option, int64_t number)
{
    size_t i = 0;

    while (i < CHOICE_COUNT &&
           (strcmp(choices[i].option, option) != 0 || choices[i].number != number)) {
        i++;
    }
    CHECK(i < CHOICE_COUNT);
    return choices[i].word;
}

int64_t config_choice_number(const char *option, struct span word)
{
    for (size_t i = 0; i < CHOICE_COUNT; i++) {
        if (strcmp(choices[i].option, option) == 0 && span_is(word, choices[i].word)) {
            return choices[i].number;
        }
    }
    return -1;
}

void config_choice_list(const char *option, const char *quote, struct bytes *out)
{
    int64_t count = 0;

    for (size_t i = 0; i < CHOICE_COUNT; i++) {
        count += strcmp(choices[i].option, option) == 0 ? 1 : 0;
    }
    for (int64_t i = 0; i < count; i++) {
        const char *separator = i == 0 ? "" : ", ";

        bytes_printf(out, "%s%s%s%s", i > 0 && i == count - 1 ? " or " : separator, quote,
                     config_choice_word(option, i), quote);
    }
}
