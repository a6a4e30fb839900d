/* pixel_table.c - see pixels.h: writes and reads the table of a set of pictures. */
#include "engine/base/memory.h"
#include "engine/base/text_cursor.h"
#include "engine/pixels/level_text.h"
#include "engine/pixels/pixels.h"
#include "weights/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- writing ----------------------------------------------------------------------------- */

enum { MEAN_ROOM = 32, CACHED_MEANS = 4096 };

/* A cache of the texts of means by their sum: few sums are distinct, and computing the shortest form is slow.
 */
struct mean_cache {
    struct place {
        uint32_t sum;
        unsigned char length; /* 0: the place is empty */
        char text[MEAN_ROOM];
    } places[CACHED_MEANS];
};

/* Writes the shortest decimal form that reads back as `mean`, 0 to 255, by trying ever more significant
 * digits from three on: with fewer, %g would write 200 as 2e+02. Returns the length. */
static size_t shortest_form(double mean, char text[MEAN_ROOM])
{
    enum { LEAST_DIGITS = 3, DIGITS_OF_ANY_DOUBLE = 17 };
    int digits = LEAST_DIGITS, length;
    do
        length = number_print(text, MEAN_ROOM, "%.*g", digits, mean);
    while (number_parse(text, NULL) != mean && digits++ < DIGITS_OF_ANY_DOUBLE);
    if (!strpbrk(text, ".e")) {
        memcpy(text + length, ".0", sizeof ".0");
        length += 2;
    }
    return (size_t)length;
}

static char *put_mean(char *to, uint32_t sum, size_t count, struct mean_cache *cache)
{
    struct place *place = &cache->places[sum % CACHED_MEANS];
    if (!place->length || place->sum != sum) {
        place->sum = sum;
        place->length = (unsigned char)shortest_form((double)sum / (double)count, place->text);
    }
    memcpy(to, place->text, place->length);
    return to + place->length;
}

static limn_status write_header(size_t count, struct output *output, limn_error *error)
{
    char text[48];
    limn_status status = output_write(output, ",Row,Column", 11, error);
    for (size_t i = 1; status == LIMN_OK && i <= count; i++)
        status = output_write(output, text, (size_t)snprintf(text, sizeof text, ",pixel[%zu]", i), error);
    return status == LIMN_OK ? output_write(output, ",pixel_mean\n", 12, error) : status;
}

limn_status pixels_write_table(const struct picture *planes, size_t count, struct output *output,
                               limn_error *error)
{
    enum { INDEX_ROOM = 64 };
    size_t room = INDEX_ROOM + count * LEVEL_ROOM + MEAN_ROOM;
    struct mean_cache *cache = mem_zalloc(1, sizeof *cache);
    char *line = mem_alloc(room);
    limn_status status = cache && line ? write_header(count, output, error)
                                       : fail_memory(error, "a line of the table", room + sizeof *cache);
    int64_t width = planes->width, pixels = width * planes->height;
    for (int64_t i = 0; status == LIMN_OK && i < pixels; i++) {
        char *end =
            line + snprintf(line, INDEX_ROOM, "%" PRId64 ",%" PRId64 ",%" PRId64, i, i / width, i % width);
        uint32_t sum = 0;
        for (size_t n = 0; n < count; n++) {
            unsigned level = planes[n].pixels[i];
            sum += level;
            *end++ = ',';
            end = put_level(end, level);
        }
        *end++ = ',';
        end = put_mean(end, sum, count, cache);
        *end++ = '\n';
        status = output_write(output, line, (size_t)(end - line), error);
    }
    mem_free(line);
    mem_free(cache);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------- */

static const char TABLE_START[] = ",Row,Column,pixel[1],";

bool pixels_is_table(const unsigned char *bytes, size_t size)
{
    struct text_cursor cursor = text_cursor_at(bytes, size, "");
    return cursor.at < cursor.end && *cursor.at == ',';
}

static limn_status read_header(struct text_cursor *cursor, int64_t *count, limn_error *error)
{
    char expected[32];
    if (!text_take(cursor, TABLE_START))
        return text_fail(cursor, error, "a table starts with %s", TABLE_START);
    *count = 1;
    while (!text_take(cursor, "pixel_mean")) {
        snprintf(expected, sizeof expected, "pixel[%" PRId64 "],", *count + 1);
        if (*count == PIXELS_MOST_PICTURES || !text_take(cursor, expected))
            return text_fail_word(cursor, ",", "the next pixel column, or pixel_mean,", error);
        ++*count;
    }
    if (!text_line_ends(cursor))
        return text_fail_word(cursor, "", "a line end after pixel_mean", error);
    text_next_line(cursor);
    return LIMN_OK;
}

/* Reads a whole number below `limit` and the comma after it; a fraction of zeros, as in 17.0, is allowed. */
static limn_status read_field(struct text_cursor *cursor, int64_t limit, const char *what, int64_t *number,
                              limn_error *error)
{
    struct text_cursor start = *cursor;
    bool good = text_take_whole(cursor, number) && *number < limit;
    if (good && text_take(cursor, "."))
        while (text_take(cursor, "0"))
            continue;
    return good && text_take(cursor, ",") ? LIMN_OK : text_fail_word(&start, ",", what, error);
}

/* Reads the last field of a line, which must be near the mean of the levels. */
static limn_status read_mean(struct text_cursor *cursor, double mean, limn_error *error)
{
    static const double TOLERANCE = 0.1;
    struct text_cursor start = *cursor;
    char text[64], *end;
    size_t length = 0;
    while (!text_line_ends(cursor) && length < sizeof text - 1)
        text[length++] = *cursor->at++;
    text[length] = 0;
    double found = number_parse(text, &end);
    if (!length || *end || end != text + length || !text_line_ends(cursor))
        return text_fail_word(&start, ",", "a number at the line's end", error);
    if (!(fabs(found - mean) <= TOLERANCE))
        return text_fail(&start, error, "pixel_mean is %s, the mean of the pixels is %g", text, mean);
    return LIMN_OK;
}

/* The position of a line in the picture. */
struct position {
    int64_t base;               /* of Row and Column: 0 or 1, from the first line */
    int64_t row, column, width; /* from 0; the width is 0 until the second row starts */
};

static limn_status read_position(struct text_cursor *cursor, struct position *position, bool first,
                                 limn_error *error)
{
    int64_t row, column;
    struct text_cursor start = *cursor;
    limn_status status = read_field(cursor, PICTURE_MOST_SIDE + 1, "a Row", &row, error);
    struct text_cursor column_start = *cursor;
    if (status == LIMN_OK)
        status = read_field(cursor, PICTURE_MOST_SIDE + 1, "a Column", &column, error);
    if (status != LIMN_OK)
        return status;
    if (first && row == column && row <= 1) {
        *position = (struct position){.base = row};
        return LIMN_OK;
    }
    if (first)
        return text_fail(&start, error, "the first Row and Column are both 0, or both 1");
    row -= position->base;
    column -= position->base;
    if (row == position->row + 1 && column == 0 && !position->width)
        position->width = position->column + 1;
    bool wraps = position->column + 1 == position->width;
    int64_t expected_row = position->row + wraps, expected_column = wraps ? 0 : position->column + 1;
    if (row != expected_row)
        return text_fail(&start, error, "Row %" PRId64 ", %" PRId64 " expected", row + position->base,
                         expected_row + position->base);
    if (column != expected_column)
        return text_fail(&column_start, error, "Column %" PRId64 ", %" PRId64 " expected",
                         column + position->base, expected_column + position->base);
    position->row = row;
    position->column = column;
    return LIMN_OK;
}

static limn_status read_line(struct text_cursor *cursor, int64_t count, uint32_t *sum, limn_error *error)
{
    int64_t level;
    *sum = 0;
    for (int64_t i = 0; i < count; i++) {
        limn_status status =
            read_field(cursor, 256, "a whole number from 0 to 255, and a comma,", &level, error);
        if (status != LIMN_OK)
            return status;
        *sum += (uint32_t)level;
    }
    return read_mean(cursor, (double)*sum / (double)count, error);
}

/* Reads the lines after the header, at most `room`. */
static limn_status read_lines(struct text_cursor *cursor, int64_t room, struct pixel_sums *sums,
                              limn_error *error)
{
    struct position position = {0};
    int64_t lines = 0, index;
    for (; lines < room && !text_rest_is_blank(cursor); lines++, text_next_line(cursor)) {
        struct text_cursor start = *cursor;
        limn_status status = read_field(cursor, INT64_MAX, "the line's index", &index, error);
        if (status == LIMN_OK && index != lines)
            status = text_fail(&start, error, "index %" PRId64 ", %" PRId64 " expected", index, lines);
        if (status == LIMN_OK)
            status = read_position(cursor, &position, lines == 0, error);
        if (status == LIMN_OK)
            status = read_line(cursor, sums->count, &sums->sums[lines], error);
        if (status != LIMN_OK)
            return status;
    }
    if (!lines)
        return text_fail(cursor, error, "the table has no lines");
    if (position.width && position.column + 1 != position.width)
        return text_fail(cursor, error, "the table ends within Row %" PRId64, position.row + position.base);
    sums->width = position.column + 1;
    sums->height = position.row + 1;
    return LIMN_OK;
}

limn_status pixel_sums_read_table(const unsigned char *text, size_t size, const char *name,
                                  struct pixel_sums *sums, limn_error *error)
{
    struct text_cursor cursor = text_cursor_at(text, size, name);
    limn_status status = read_header(&cursor, &sums->count, error);
    size_t room = 1; /* for a last line without a line end */
    for (const char *at = cursor.at; (at = memchr(at, '\n', (size_t)(cursor.end - at))); at++)
        room++;
    if (status == LIMN_OK && !(sums->sums = mem_zalloc(room, sizeof *sums->sums)))
        status = fail_memory(error, name, room * sizeof *sums->sums);
    if (status == LIMN_OK)
        status = read_lines(&cursor, (int64_t)room, sums, error);
    if (status == LIMN_OK)
        status = picture_check_size(name, sums->width, sums->height, error);
    if (status != LIMN_OK)
        pixel_sums_free(sums);
    return status;
}
