/* resample.h - resizes 8-bit pictures with the same result as Pillow's Image.resize.
 *
 * Separable, antialiased when shrinking (the filter's support grows with the scale), half-pixel centres,
 * coefficients in 22-bit fixed point, rounded to 8 bits after each of the two passes, as in Pillow's
 * src/libImaging/Resample.c. The order of the passes is that of Pillow 13. Earlier versions always resized
 * the width first; the result differs if a picture loses more than twice as many rows as columns.
 *
 * Colours of RGBA pictures are multiplied by alpha before and divided by it after, as in Pillow, so that the
 * colours of hidden pixels do not show. */
#ifndef LIMN_RESAMPLE_H
#define LIMN_RESAMPLE_H

#include "engine/pictures/picture.h"

enum resample_filter {
    RESAMPLE_BILINEAR, /* triangle, support 1 */
    RESAMPLE_BICUBIC,  /* Keys' cubic with a = -0.5, support 2 */
};

/* Makes a new picture of width x height from `source`, of 1, 3 or 4 channels. LIMN_E_USAGE if a side is below
 * 1, LIMN_E_MEMORY. */
limn_status picture_resample(const struct picture *source, int64_t width, int64_t height,
                             enum resample_filter filter, struct picture *result, limn_error *error);

/* A side of a picture shrunk to at most `most` pixels a side, whose longer side is `longer`. */
int64_t resample_side(int64_t side, int64_t most, int64_t longer);

/* An upper bound of the bytes picture_resample allocates for a source of this size and these channels, the
 * result included. */
size_t picture_resample_bytes(const struct picture *source, int64_t width, int64_t height,
                              enum resample_filter filter);

/* ---- row by row -------------------------------------------------------------------------- */

/* The same, for a source that comes row by row: holds only as many rows as the filter needs. */
struct resampler;

struct resampling {
    int64_t width, height, to_width, to_height;
    int channels; /* 1, 3 or 4 */
    enum resample_filter filter;
};

/* Receives rows of the result, from the top down; they are valid during the call. A status other than
 * LIMN_OK ends the work. */
struct rows_taker {
    limn_status (*rows)(void *context, const struct picture *rows, limn_error *error);
    void *context;
};

/* LIMN_E_USAGE if a side of the result is below 1, LIMN_E_MEMORY. */
limn_status resampler_create(const struct resampling *how, struct resampler **resampler, limn_error *error);
void resampler_free(struct resampler *resampler);

/* Takes the next rows of the source, from the top down, and gives the rows of the result that they complete
 * to `taker`. Errors: the taker's. */
limn_status resampler_rows(struct resampler *resampler, const struct picture *rows,
                           const struct rows_taker *taker, limn_error *error);

/* An upper bound of the bytes that a resampler holds. */
size_t resampler_bytes(const struct resampling *how);

#endif
