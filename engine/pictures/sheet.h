/* sheet.h - several pictures of one size in rows on a white picture, each with a caption below. */
#ifndef LIMN_SHEET_H
#define LIMN_SHEET_H

#include "engine/pictures/picture.h"

struct sheet {
    struct picture picture; /* RGB */
    int columns, scale;     /* cells in a row; scale of draw_text */
    int64_t heading;        /* rows of pixels above the cells */
    int64_t cell_width, cell_height;
};

/* Makes a sheet for `count` pictures of width x height pixels, `columns` in a row, with `heading` white rows
 * above them for the caller's text. Release its picture with picture_free. LIMN_E_MEMORY. */
limn_status sheet_create(int64_t width, int64_t height, int count, int columns, int64_t heading,
                         struct sheet *sheet, limn_error *error);

/* The bytes of such a sheet's picture. */
size_t sheet_bytes(int64_t width, int64_t height, int count, int columns, int64_t heading);

/* Draws a picture of 3 or 4 channels into cell `index`, counted from 0 in reading order; alpha is composited
 * over white. A caption wider than the cell is cut. */
void sheet_put(struct sheet *sheet, int index, const struct picture *picture, const char *caption);

#endif
