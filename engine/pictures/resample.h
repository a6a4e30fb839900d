/* resample.h - resizes 8-bit pictures with the same result as Pillow's Image.resize.
 *
 * Separable, antialiased when shrinking (the filter's support grows with the scale), half-pixel centres,
 * coefficients in 22-bit fixed point, rounded to 8 bits after each of the two passes, as in Pillow's
 * src/libImaging/Resample.c. The order of the passes is that of Pillow 13. Earlier versions always resized
 * the width first; the result differs if a picture loses more than twice as many rows as columns.
 *
 * Alpha is resized like a colour. Pillow multiplies RGBA pictures by alpha before and divides by it after. */
#ifndef LIMN_RESAMPLE_H
#define LIMN_RESAMPLE_H

#include "engine/pictures/picture.h"

enum resample_filter {
    RESAMPLE_BILINEAR, /* triangle, support 1 */
    RESAMPLE_BICUBIC,  /* Keys' cubic with a = -0.5, support 2 */
};

/* Makes a new picture of width x height from `source`. LIMN_E_USAGE if a side is below 1, LIMN_E_MEMORY. */
limn_status picture_resample(const struct picture *source, int64_t width, int64_t height,
                             enum resample_filter filter, struct picture *result, limn_error *error);

/* An upper bound of the bytes picture_resample allocates for a source of width x height pixels: the result,
 * the picture between the two passes, and the weights. */
size_t picture_resample_bytes(int64_t width, int64_t height, int channels, int64_t to_width,
                              int64_t to_height, enum resample_filter filter);

#endif
