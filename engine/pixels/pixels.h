/* pixels.h - pictures as numbers: text files of grey levels, tables of sets of pictures, mean pictures, and
 * sheets cut into pieces. No network is used.
 *
 * A plane is a struct picture of one channel. Grey levels are computed by the fixed-point rules of Pillow or
 * OpenCV (colour.h), so that files equal those made with these libraries byte for byte. Alpha is ignored. */
#ifndef LIMN_PIXELS_H
#define LIMN_PIXELS_H

#include "engine/base/files.h"
#include "engine/pictures/colour.h"
#include "engine/pictures/picture.h"

/* Makes the grey plane of an RGB or RGBA picture. LIMN_E_MEMORY. */
limn_status pixels_grey(const struct picture *picture, enum grey_rule rule, struct picture *plane,
                        limn_error *error);

/* ---- text -------------------------------------------------------------------------------- */

/* Writes an RGB or RGBA picture as text: a line per row, grey levels (GREY_PILLOW) in decimal, separated by
 * one space. Holds one row in memory. LIMN_E_OUTPUT, LIMN_E_MEMORY. */
limn_status pixels_write_text(const struct picture *picture, struct output *output, limn_error *error);

/* Reads a plane from such text; `name` is its name in messages. Any run of spaces and tabs separates values;
 * lines may end with "\r\n"; empty lines may follow the last row. LIMN_E_INPUT, with line and column: a value
 * that is not a whole number from 0 to 255, rows of unequal length, no value, beyond the limits of picture.h.
 * LIMN_E_MEMORY. */
limn_status pixels_read_text(const unsigned char *text, size_t size, const char *name, struct picture *plane,
                             limn_error *error);

/* ---- tables ------------------------------------------------------------------------------ */

/* A table of N pictures of one size, a line per pixel position, as pandas' DataFrame.to_csv writes it:
 *
 *     ,Row,Column,pixel[1],pixel[2],pixel_mean
 *     0,0,0,255,254,254.5
 *     1,0,1,17,17,17.0
 *
 * The unnamed index numbers the lines from 0; Row and Column are numbered from 0, in reading order. The mean
 * is the double nearest to sum / N, in the shortest decimal form that reads back as the same double, with at
 * least one decimal; below 0.0001, which takes more than 10000 pictures, in the form 5e-05. */

/* Writes the table of `count` >= 1 planes of one size. Holds one line in memory. LIMN_E_OUTPUT,
 * LIMN_E_MEMORY. */
limn_status pixels_write_table(const struct picture *planes, size_t count, struct output *output,
                               limn_error *error);

/* True if the bytes start like such a table; no picture file does. */
bool pixels_is_table(const unsigned char *bytes, size_t size);

/* Sums over N pictures of one size; a zeroed struct is empty. Released by pixel_sums_free. */
struct pixel_sums {
    int64_t width, height;
    int64_t count;  /* N, at most PIXELS_MOST_PICTURES, so that no sum overflows */
    uint32_t *sums; /* height x width, each 0 .. 255 N */
};
#define PIXELS_MOST_PICTURES (INT64_C(1) << 24)

/* Adds the levels (GREY_OPENCV) of an RGB or RGBA picture; `name` is its name in messages. LIMN_E_INPUT if
 * its size differs from that of the pictures before it, or there are too many; LIMN_E_MEMORY. */
limn_status pixel_sums_add(struct pixel_sums *sums, const struct picture *picture, const char *name,
                           limn_error *error);

/* Fills empty sums from the pixel columns of a table. Row and Column may be numbered from 1; levels may be
 * written as 17.0; pixel_mean must equal their mean within 0.1, to allow rounded means. LIMN_E_INPUT, with
 * line and column; LIMN_E_MEMORY. On failure the sums stay empty. */
limn_status pixel_sums_read_table(const unsigned char *text, size_t size, const char *name,
                                  struct pixel_sums *sums, limn_error *error);

/* Makes the mean picture as a plane, levels rounded to nearest, halves up. count >= 1. LIMN_E_MEMORY. */
limn_status pixel_sums_mean(const struct pixel_sums *sums, struct picture *plane, limn_error *error);

void pixel_sums_free(struct pixel_sums *sums);

/* LIMN_E_INPUT unless `picture` is width x height, the size of the pictures before it. */
limn_status pixels_check_size(const struct picture *picture, const char *name, int64_t width, int64_t height,
                              limn_error *error);

/* ---- sheets ------------------------------------------------------------------------------ */

/* A sheet of rows x columns pieces. Piece r, c covers the sheet's rows from floor(r H / rows) up to
 * floor((r + 1) H / rows), columns likewise. If height and width are not 0, it is then resized to them like
 * Pillow's resize(), bicubic, which keeps the colours of hidden pixels out of visible ones. */
struct pixel_grid {
    int64_t rows, columns;
    int64_t height, width; /* of each piece; 0: as cut */
};

/* LIMN_E_INPUT if the sheet has fewer rows or columns of pixels than of pieces, or, without a size, if the
 * pieces would differ in size. */
limn_status pixels_check_grid(const struct picture *sheet, const char *name, const struct pixel_grid *grid,
                              limn_error *error);

/* Makes piece `index`, counted from 0 in reading order, of a sheet that pixels_check_grid accepted, with the
 * sheet's channels. LIMN_E_MEMORY. */
limn_status pixels_piece(const struct picture *sheet, const struct pixel_grid *grid, int64_t index,
                         struct picture *piece, limn_error *error);

#endif
