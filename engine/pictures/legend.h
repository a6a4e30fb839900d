/* legend.h - the legend of a segmentation: a line per class with colour, name and share. */
#ifndef LIMN_LEGEND_H
#define LIMN_LEGEND_H

#include "engine/pictures/draw.h"

struct legend_entry {
    struct rgb colour;
    const char *name; /* UTF-8, drawn with font.h */
    double share;     /* of the picture, 0 .. 1 */
};

/* Draws `count` entries as dark text on a white RGB picture of height x width pixels:
 *
 *     [colour] name            62.5%
 *
 * `scale` is that of draw_text. Shares have one decimal; one that would be rounded to 0.0% or 100.0% is <0.1%
 * or >99.9%. A name that is too long is cut and ends with two dots; if the height is too small, the last line
 * says how many entries are omitted. LIMN_E_MEMORY. */
limn_status legend_draw(const struct legend_entry *entries, size_t count, int scale, int64_t height,
                        int64_t width, struct picture *legend, limn_error *error);

/* The smallest size at which legend_draw omits nothing. */
void legend_size(const struct legend_entry *entries, size_t count, int scale, int64_t *height,
                 int64_t *width);

#endif
