/* grid.h - many pictures on one sheet, laid out as by torchvision's make_grid and written row by row.
 *
 * Eight pictures a row, in reading order, with 2 black pixels around each; fewer than eight make a narrower
 * sheet, and a single picture has no padding. Unused places of the last row are black. Source:
 * torchvision/utils.py, make_grid with its defaults (nrow 8, padding 2, pad_value 0).
 *
 *     +-----------------------+
 *     |  2  w  2  w  ...   2  |    width  = columns (w + 2) + 2
 *     |  h  ##    ##   ##     |    height = rows    (h + 2) + 2
 *     |  2                    |
 *     |  h  ##    ##          |
 *     |  2                    |
 *     +-----------------------+
 *
 * One row of pictures is held in memory. */
#ifndef LIMN_GRID_H
#define LIMN_GRID_H

#include "engine/pictures/picture.h"

struct grid {
    int64_t count, columns, padding;
    int64_t width, height; /* of the whole sheet, in pixels */
    int64_t added;         /* pictures so far */
    struct picture strip;  /* a row of pictures with the padding above it */
};

/* Begins a sheet of `count` >= 1 RGB pictures of width x height. LIMN_E_OUTPUT if a side of the sheet exceeds
 * 2^31 - 1, LIMN_E_MEMORY; *grid then needs no grid_free. */
limn_status grid_begin(int64_t count, int64_t width, int64_t height, struct grid *grid, limn_error *error);

/* Sets the size of a sheet of `count` pictures of width x height; returns the bytes that its grid allocates.
 */
size_t grid_size(int64_t count, int64_t width, int64_t height, int64_t *sheet_width, int64_t *sheet_height);

/* Adds the next picture. Completed rows of the sheet are written to `writer`, which was opened with the
 * sheet's width and height and 3 channels. Returns the writer's errors. */
limn_status grid_add(struct grid *grid, const struct picture *picture, struct picture_writer *writer,
                     limn_error *error);

/* Frees the strip; the grid may be empty. */
void grid_free(struct grid *grid);

#endif
