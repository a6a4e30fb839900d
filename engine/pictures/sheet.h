/* sheet.h - several pictures of one size on a white one, in rows, each with a caption below. */
#ifndef LIMN_SHEET_H
#define LIMN_SHEET_H

#include "engine/pictures/picture.h"

struct sheet {
    struct picture picture; /* RGB */
    int columns, scale;     /* cells in a row; that of draw_text */
    int64_t heading;        /* rows above the cells */
    int64_t cell_width, cell_height;
};

/* A sheet for `count` pictures of width x height pixels, `columns` in a row, with `heading` white rows above
 * them for the caller to write into. Release its picture with picture_free. LIMN_E_MEMORY. */
limn_status sheet_create(int64_t width, int64_t height, int count, int columns, int64_t heading,
                         struct sheet *sheet, limn_error *error);

/* What the picture of such a sheet takes. */
size_t sheet_bytes(int64_t width, int64_t height, int count, int columns, int64_t heading);

/* Puts a picture of 3 or 4 channels into cell `index`, counted along the rows from 0; alpha lets white
 * through. A caption wider than the cell is cut. */
void sheet_put(struct sheet *sheet, int index, const struct picture *picture, const char *caption);

#endif
