/* SPDX-License-Identifier: MIT */
#include "broker/control/config_text.h"

const struct config_unit config_durations[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
const struct config_unit config_sizes[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0}};

enum { WORD_MAXIMUM = 32, DISTANCE_MAXIMUM = 3, WHOLE_DIGITS = 18, FRACTION_DIGITS = 9 };

const char *config_text_show(struct span text, char buffer[CONFIG_TEXT_SHOWN])
{
    static const char dots[] = "...";
    size_t room = CONFIG_TEXT_SHOWN - sizeof(dots);
    size_t length = text.length <= room ? text.length : room;

    /* Never half a character. */
    while (length < text.length && length > 0 && ((unsigned char)text.at[length] & 0xc0) == 0x80) {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        buffer[i] = text.at[i];
        if (byte < 0x20 || byte == 0x7f) {
            buffer[i] = '?';
        }
    }
    memcpy(buffer + length, length < text.length ? dots : "", length < text.length ? 4 : 1);
    return buffer;
}

static size_t count_digits(struct span text)
{
    size_t count = 0;

    while (count < text.length && text.at[count] >= '0' && text.at[count] <= '9') {
        count++;
    }
    return count;
}

static struct span behind(struct span text, size_t length)
{
    return (struct span){text.at + length, text.length - length};
}

static int64_t value_of(struct span digits)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.length; i++) {
        value = value * 10 + (digits.at[i] - '0');
    }
    return value;
}

static const struct config_unit *find_unit(struct span name, const struct config_unit *units)
{
    for (; units->name != NULL; units++) {
        if (span_is(name, units->name)) {
            return units;
        }
    }
    return NULL;
}

/* WHOLE.FRACTION units as a whole number of the smallest. */
static enum config_number scale(struct span whole, struct span fraction, int64_t factor,
                                int64_t *ret_number)
{
    int64_t tens = 1;
    int64_t number;
    int64_t part = value_of(fraction) * factor;

    for (size_t i = 0; i < fraction.length; i++) {
        tens *= 10;
    }
    if (part % tens != 0) {
        return CONFIG_NUMBER_FRACTION;
    }
    if (whole.length > WHOLE_DIGITS || __builtin_mul_overflow(value_of(whole), factor, &number) ||
        __builtin_add_overflow(number, part / tens, &number)) {
        number = INT64_MAX;
    }
    *ret_number = number;
    return CONFIG_NUMBER_GOOD;
}

enum config_number config_number_parse(struct span text, const struct config_unit *units,
                                       int64_t *ret_number)
{
    struct span whole = {text.at, count_digits(text)};
    struct span fraction = SPAN("");
    struct span rest = behind(text, whole.length);
    const struct config_unit *unit;

    if (whole.length == 0) {
        return CONFIG_NUMBER_MALFORMED;
    }
    if (rest.length > 0 && rest.at[0] == '.') {
        rest = behind(rest, 1);
        fraction = (struct span){rest.at, count_digits(rest)};
        rest = behind(rest, fraction.length);
        if (fraction.length == 0) {
            return CONFIG_NUMBER_MALFORMED;
        }
    }
    if (rest.length == 0) {
        return CONFIG_NUMBER_NO_UNIT;
    }
    unit = find_unit(rest, units);
    if (unit == NULL) {
        return CONFIG_NUMBER_BAD_UNIT;
    }
    if (fraction.length > FRACTION_DIGITS) {
        return CONFIG_NUMBER_FRACTION;
    }
    return scale(whole, fraction, unit->factor, ret_number);
}

void config_number_print(int64_t number, const struct config_unit *units, struct bytes *out)
{
    while (units[1].name != NULL && (number % units->factor != 0 || number < units->factor)) {
        units++;
    }
    bytes_append_int(out, number / units->factor);
    bytes_append_text(out, units->name);
}

struct config_nearest config_nearest_to(struct span word)
{
    return (struct config_nearest){word, NULL, DISTANCE_MAXIMUM + 1};
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein without edits inside a swapped pair; both at most WORD_MAXIMUM long. */
static size_t distance_of(struct span a, struct span b)
{
    size_t rows[3][WORD_MAXIMUM + 1] = {{0}};

    for (size_t j = 0; j <= b.length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t differs = lower(a.at[i - 1]) == lower(b.at[j - 1]) ? 0 : 1;

            row[j] = smaller(above[j - 1] + differs, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a.at[i - 1]) == lower(b.at[j - 2]) &&
                lower(a.at[i - 2]) == lower(b.at[j - 1])) {
                row[j] = smaller(row[j], above2[j - 2] + 1);
            }
        }
    }
    return rows[a.length % 3][b.length];
}

void config_nearest_try(struct config_nearest *nearest, const char *candidate)
{
    struct span other = span_of(candidate);
    size_t longer = nearest->word.length > other.length ? nearest->word.length : other.length;
    size_t distance;

    if (longer > WORD_MAXIMUM) {
        return;
    }
    distance = distance_of(nearest->word, other);
    /* More than half of a word wrong is another word. */
    if (distance < nearest->distance && distance * 2 <= longer) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}
