/* grid.h - many pictures on one sheet, as torchvision's make_grid lays them out, written as they come.
 *
 * Eight a row, in reading order, with 2 black pixels around each; fewer than eight make a narrower sheet, and
 * a single picture has nothing around it. The places of a last row that is not full stay black. Source:
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
    struct picture strip;  /* the padding above a row of pictures, and the row */
};

/* Begins a sheet of `count` >= 1 RGB pictures of width x height. LIMN_E_MEMORY, LIMN_E_OUTPUT when the sheet
 * would be too large to count its pixels; *grid is then empty. */
limn_status grid_begin(int64_t count, int64_t width, int64_t height, struct grid *grid, limn_error *error);

/* The sheet's size, and what a grid holds, for `count` pictures of width x height. */
void grid_size(int64_t count, int64_t width, int64_t height, int64_t *sheet_width, int64_t *sheet_height);
size_t grid_bytes(int64_t count, int64_t width, int64_t height);

/* Adds the next picture. The rows of the sheet that are complete with it go to `writer`, which was opened
 * with the sheet's width and height and 3 channels. The writer's errors. */
limn_status grid_add(struct grid *grid, const struct picture *picture, struct picture_writer *writer,
                     limn_error *error);

/* Fine on an empty one. */
void grid_free(struct grid *grid);

#endif
