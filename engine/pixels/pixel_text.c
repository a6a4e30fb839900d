/* pixel_text.c - see pixels.h: grey levels as lines of decimal numbers, and back. */
#include "engine/base/memory.h"
#include "engine/base/text_cursor.h"
#include "engine/pixels/level_text.h"
#include "engine/pixels/pixels.h"

#include <inttypes.h>

limn_status pixels_write_text(const struct picture *picture, struct output *output, limn_error *error)
{
    size_t width = (size_t)picture->width, room = width * (LEVEL_ROOM + 1);
    char *line = mem_alloc(room);
    if (!line)
        return fail_memory(error, "a line of text", room);
    unsigned char *grey = (unsigned char *)line + width * LEVEL_ROOM;
    limn_status status = LIMN_OK;
    for (int64_t y = 0; status == LIMN_OK && y < picture->height; y++) {
        grey_row(picture->pixels + y * picture->width * picture->channels, picture->channels, picture->width,
                 GREY_PILLOW, grey);
        char *end = line;
        for (size_t x = 0; x < width; x++) {
            end = put_level(end, grey[x]);
            *end++ = x + 1 < width ? ' ' : '\n';
        }
        status = output_write(output, line, (size_t)(end - line), error);
    }
    mem_free(line);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------- */

static limn_status read_level(struct text_cursor *cursor, unsigned char *level, limn_error *error)
{
    struct text_cursor start = *cursor;
    int64_t number;
    bool good = text_take_whole(cursor, &number) && number <= 255;
    const char *end = cursor->at;
    if (!good || !(text_line_ends(cursor) || *end == ' ' || *end == '\t'))
        return text_fail_word(&start, " \t", "a whole number from 0 to 255", error);
    *level = (unsigned char)number;
    return LIMN_OK;
}

/* Appends a row. The first row sets the width. */
static limn_status read_row(struct text_cursor *cursor, struct picture *plane, limn_error *error)
{
    unsigned char *row = plane->pixels + plane->height * plane->width;
    int64_t width = 0, most = plane->height ? plane->width : PICTURE_MOST_SIDE;
    for (text_skip_blanks(cursor); !text_line_ends(cursor); text_skip_blanks(cursor), width++) {
        if (width == most && plane->height)
            return text_fail(cursor, error, "more than the %" PRId64 " values of the first row", most);
        if (width == most)
            return text_fail(cursor, error, "more than %" PRId64 " values in a row", most);
        limn_status status = read_level(cursor, &row[width], error);
        if (status != LIMN_OK)
            return status;
    }
    if (!width)
        return text_fail(cursor, error, "a row without values");
    if (plane->height && width < plane->width)
        return text_fail(cursor, error, "the row ends after %" PRId64 " values, %" PRId64 " expected", width,
                         plane->width);
    if (plane->height == PICTURE_MOST_SIDE || (plane->height + 1) * width > PICTURE_MOST_PIXELS)
        return text_fail(cursor, error,
                         "too many values, at most %" PRId64 " rows and %" PRId64 " pixels expected",
                         PICTURE_MOST_SIDE, PICTURE_MOST_PIXELS);
    plane->width = width;
    plane->height++;
    return LIMN_OK;
}

limn_status pixels_read_text(const unsigned char *text, size_t size, const char *name, struct picture *plane,
                             limn_error *error)
{
    struct text_cursor cursor = text_cursor_at(text, size, name);
    *plane = (struct picture){.channels = 1};
    if (text_rest_is_blank(&cursor))
        return fail(error, LIMN_E_INPUT, "%s: contains no values", name);
    size_t most = size / 2 + 1; /* a level takes at least a digit and a separator */
    plane->pixels = mem_alloc(most);
    if (!plane->pixels)
        return fail_memory(error, name, most);
    limn_status status = LIMN_OK;
    do {
        status = read_row(&cursor, plane, error);
        if (status == LIMN_OK)
            text_next_line(&cursor);
    } while (status == LIMN_OK && !text_rest_is_blank(&cursor));
    if (status != LIMN_OK) {
        picture_free(plane);
        return status;
    }
    unsigned char *smaller = mem_resize(plane->pixels, (size_t)(plane->width * plane->height));
    plane->pixels = smaller ? smaller : plane->pixels;
    return LIMN_OK;
}
