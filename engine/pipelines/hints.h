/* hints.h - colours that a user gives at places of a picture, for siggraph17.
 *
 * A file of hints is text, a hint a line, or JSON, a list of objects; a [ at its beginning tells:
 *
 *     x y #rrggbb [radius]                         a # at the beginning of a line starts a comment
 *     [{"x": 120, "y": 45, "color": "#c83232"},
 *      {"x": 10, "y": 200, "a": 12.5, "b": -40, "radius": 6}]
 *
 * x and y are a pixel's column and row in the original picture, whole numbers from 0. A hint covers the
 * square of 2 radius + 1 pixels a side around it; radius is 0 or more, 2 by default. Of a colour only a and b
 * of Lab count, taken as they are: how light a place is, the picture says. Where hints overlap, the later
 * wins. */
#ifndef LIMN_HINTS_H
#define LIMN_HINTS_H

#include "engine/base/tensor.h"

struct hint {
    int64_t x, y, radius;
    float a, b;   /* Lab units, -128 .. 128 */
    int64_t line; /* of the file, from 1; 0: of none */
};

struct hints {
    struct hint *items;
    size_t count;
    char *name; /* of the file, for messages; NULL: there is none */
};

/* Reads a file, or standard input for "-". Errors: LIMN_E_INPUT, with the line; LIMN_E_MEMORY. *hints is
 * then empty. A file without a single hint is fine. */
limn_status hints_read(const char *path, struct hints *hints, limn_error *error);

/* The same from memory. */
limn_status hints_parse(const unsigned char *text, size_t size, const char *name, struct hints *hints,
                        limn_error *error);

void hints_free(struct hints *hints);

/* A hint's a and b from a colour. */
void hint_colour(struct hint *hint, const unsigned char rgb[3]);

/* LIMN_E_INPUT, naming the line or, without a file, the number from 0, for a hint outside a picture of this
 * size, or of a radius less than 0 or beyond any picture. */
limn_status hints_check(const struct hints *hints, int64_t width, int64_t height, limn_error *error);

/* Draws the hints of a picture of width x height into the network's input, 1 x H x W x 4 with the channels L,
 * hint a, hint b, mask: a and b are set and the mask is 1 in every pixel whose centre a hint covers, and in
 * the one that holds the hint's own place. The rest of the three channels becomes 0. */
void hints_draw(const struct hints *hints, int64_t width, int64_t height, struct tensor *input);

#endif
