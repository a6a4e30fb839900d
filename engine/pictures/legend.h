/* legend.h - the legend of a segmentation: a line per class with its colour, its name, its share. */
#ifndef LIMN_LEGEND_H
#define LIMN_LEGEND_H

#include "engine/pictures/palette.h"
#include "engine/pictures/picture.h"

struct legend_entry {
    struct rgb colour;
    const char *name; /* UTF-8; see font.h for what it shows */
    double share;     /* of the picture, 0 .. 1 */
};

/* Draws `count` entries, in their order, as dark text on a white RGB picture of height x width pixels:
 *
 *     [colour] name            62.5%
 *
 * `scale` is that of draw_text. Shares have one decimal, and never say 0.0% of what is there, nor 100.0% of
 * what is not all. A name that is too long is cut and ends with two dots; when the height does not do, the
 * last line tells how many are left out. LIMN_E_MEMORY. */
limn_status legend_draw(const struct legend_entry *entries, size_t count, int scale, int64_t height,
                        int64_t width, struct picture *legend, limn_error *error);

/* The least height and width at which legend_draw cuts nothing. */
void legend_size(const struct legend_entry *entries, size_t count, int scale, int64_t *height,
                 int64_t *width);

#endif
