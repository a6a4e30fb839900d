/* pixels.h - pictures as numbers: text files of grey levels, tables over sets of pictures, mean pictures, and
 * sheets cut into pieces. No network is involved.
 *
 * A plane is a struct picture of one channel. A grey level comes from red, green and blue by one of two
 * fixed-point rules, so that files are equal byte for byte to those that Pillow and OpenCV lead to; both give
 * R = G = B that same level. Alpha is ignored, as they ignore it. */
#ifndef LIMN_PIXELS_H
#define LIMN_PIXELS_H

#include "engine/base/files.h"
#include "engine/pictures/grey.h"
#include "engine/pictures/picture.h"

/* The plane of an RGB or RGBA picture. LIMN_E_MEMORY. */
limn_status pixels_grey(const struct picture *picture, enum grey_rule rule, struct picture *plane,
                        limn_error *error);

/* Writes a plane as a picture file with R = G = B; see picture_writer_open for formats and errors. */
limn_status pixels_write_plane(const char *path, const struct picture *plane, int quality, bool force,
                               limn_error *error);

/* ---- text -------------------------------------------------------------------------------- */

/* Writes an RGB or RGBA picture as text: a line per row, its grey levels (GREY_PILLOW) in decimal, one blank
 * between them. Holds one row at a time. LIMN_E_OUTPUT, LIMN_E_MEMORY. */
limn_status pixels_write_text(const struct picture *picture, struct output *output, limn_error *error);

/* The inverse: a plane from such text. Besides one blank, any run of blanks and tabs separates values; lines
 * may end with "\r\n"; empty lines may follow the last row. LIMN_E_INPUT, with line and column: a value that
 * is no whole number from 0 to 255, rows of unequal length, no value at all, beyond the limits of picture.h.
 * LIMN_E_MEMORY. `name` stands in messages. */
limn_status pixels_read_text(const unsigned char *text, size_t size, const char *name, struct picture *plane,
                             limn_error *error);

/* ---- tables ------------------------------------------------------------------------------ */

/* A table over N pictures of one size, a line per pixel position, as pandas' DataFrame.to_csv writes it:
 *
 *     ,Row,Column,pixel[1],pixel[2],pixel_mean
 *     0,0,0,255,254,254.5
 *     1,0,1,17,17,17.0
 *
 * The unnamed index counts lines from 0; Row and Column count from 0, column by column along each row. The
 * mean is the double nearest to sum / N, in the shortest decimal form that reads back as the same double, at
 * least one decimal; below 0.0001, which takes more than 10000 pictures, in the form 5e-05. */

/* Writes the table of planes that have one size; count >= 1. Holds one line besides them. LIMN_E_OUTPUT,
 * LIMN_E_MEMORY. */
limn_status pixels_write_table(const struct picture *planes, size_t count, struct output *output,
                               limn_error *error);

/* Whether the bytes start as such a table does and no picture file can. */
bool pixels_is_table(const unsigned char *bytes, size_t size);

/* Sums over N pictures of one size; zeroed, it is empty. Released by pixel_sums_free. */
struct pixel_sums {
    int64_t width, height;
    int64_t count;  /* N, at most PIXELS_MOST_PICTURES, so that no sum overflows */
    uint32_t *sums; /* height x width, each 0 .. 255 N */
};
#define PIXELS_MOST_PICTURES (INT64_C(1) << 24)

/* Adds the levels (GREY_OPENCV) of an RGB or RGBA picture. LIMN_E_INPUT when its size is not that of those
 * before, or there are too many; LIMN_E_MEMORY. `name` stands in messages. */
limn_status pixel_sums_add(struct pixel_sums *sums, const struct picture *picture, const char *name,
                           limn_error *error);

/* Fills empty sums from the pixel columns of a table. Row and Column may count from 1 as well; levels may be
 * written as 17.0; the column pixel_mean must agree with them within 0.1, so that rounded means pass.
 * LIMN_E_INPUT, with line and column; LIMN_E_MEMORY. On failure the sums stay empty. */
limn_status pixel_sums_read_table(const unsigned char *text, size_t size, const char *name,
                                  struct pixel_sums *sums, limn_error *error);

/* The mean picture as a plane, each level rounded to nearest, halves up. count >= 1. LIMN_E_MEMORY. */
limn_status pixel_sums_mean(const struct pixel_sums *sums, struct picture *plane, limn_error *error);

void pixel_sums_free(struct pixel_sums *sums);

/* LIMN_E_INPUT unless `picture` is width x height, the size of the pictures before it. */
limn_status pixels_check_size(const struct picture *picture, const char *name, int64_t width, int64_t height,
                              limn_error *error);

/* ---- sheets ------------------------------------------------------------------------------ */

/* A sheet of rows x columns pieces. Piece r, c covers the sheet's rows from floor(r H / rows) up to
 * floor((r + 1) H / rows), columns likewise; with height and width given (not 0), it is then resized to them
 * as Pillow's resize() does, bicubic. */
struct pixel_grid {
    int64_t rows, columns;
    int64_t height, width; /* of each piece; 0: as cut */
};

/* LIMN_E_INPUT when the sheet has less rows or columns of pixels than of pieces, or, without a size, when the
 * pieces would differ in size. */
limn_status pixels_check_grid(const struct picture *sheet, const char *name, const struct pixel_grid *grid,
                              limn_error *error);

/* Piece `index` of a sheet that pixels_check_grid has passed, in reading order from 0; as many channels as
 * the sheet. LIMN_E_MEMORY. */
limn_status pixels_piece(const struct picture *sheet, const struct pixel_grid *grid, int64_t index,
                         struct picture *piece, limn_error *error);

#endif
