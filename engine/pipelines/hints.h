/* hints.h - colours at places of a picture, given by the user, for siggraph17.
 *
 * A file of hints is text, one hint a line, or a JSON list of objects, if it begins with a [:
 *
 *     x y #rrggbb [radius]                         a # at the beginning of a line starts a comment
 *     [{"x": 120, "y": 45, "color": "#c83232"},
 *      {"x": 10, "y": 200, "a": 12.5, "b": -40, "radius": 6}]
 *
 * x and y are a pixel's column and row in the original picture, whole numbers from 0. A hint covers the
 * square of 2 radius + 1 pixels a side around it; radius is 0 or more, 2 by default. Only a and b of Lab are
 * used: the lightness comes from the picture. If hints overlap, the later one wins. */
#ifndef LIMN_HINTS_H
#define LIMN_HINTS_H

#include "engine/base/tensor.h"

struct hint {
    int64_t x, y, radius;
    float a, b;   /* Lab units, -128 .. 128 */
    int64_t line; /* of the file, from 1; 0: not from a file */
};

struct hints {
    struct hint *items;
    size_t count;
    char *name; /* of the file, for messages; NULL: not from a file */
};

/* Reads a file, or standard input for "-". Errors: LIMN_E_INPUT, with the line; LIMN_E_MEMORY. *hints is
 * then empty. A file without any hint is valid. */
limn_status hints_read(const char *path, struct hints *hints, limn_error *error);

/* hints_read for a file in memory. */
limn_status hints_parse(const unsigned char *text, size_t size, const char *name, struct hints *hints,
                        limn_error *error);

void hints_free(struct hints *hints);

/* Sets a hint's a and b from a colour. */
void hint_colour(struct hint *hint, const unsigned char rgb[3]);

/* LIMN_E_INPUT, naming the line or, without a file, the number from 0, for a hint outside a picture of this
 * size, or of a radius less than 0 or beyond any picture. */
limn_status hints_check(const struct hints *hints, int64_t width, int64_t height, limn_error *error);

/* Draws the hints of a picture of width x height into the network's input, 1 x H x W x 4 with the channels L,
 * hint a, hint b, mask: a and b are set and the mask is 1 in every pixel whose centre a hint covers, and in
 * the one that holds the hint's own place. The rest of the three channels becomes 0. */
void hints_draw(const struct hints *hints, int64_t width, int64_t height, struct tensor *input);

#endif
