/* resample.h - resizing 8-bit pictures exactly as Pillow's Image.resize does.
 *
 * Separable, antialiased when shrinking (the filter's support grows with the scale), half-pixel
 * centres, coefficients in 22-bit fixed point, rounded to 8 bits after each of the two passes, as in
 * Pillow's src/libImaging/Resample.c. The passes come in the order that Pillow 13 takes; versions
 * before always went across first, which differs where a picture loses more than twice as many
 * rows as columns.
 *
 * Alpha is a channel of its own here. Pillow multiplies an RGBA picture by its alpha before and
 * divides by it afterwards; callers that keep alpha apart from colour, as limn does, want neither. */
#ifndef LIMN_RESAMPLE_H
#define LIMN_RESAMPLE_H

#include "engine/pictures/picture.h"

enum resample_filter {
    RESAMPLE_BILINEAR, /* triangle, support 1 */
    RESAMPLE_BICUBIC,  /* Keys' cubic with a = -0.5, support 2 */
};

/* A new picture of width x height made from `source`. LIMN_E_MEMORY. */
limn_status picture_resample(const struct picture *source, int64_t width, int64_t height,
                             enum resample_filter filter, struct picture *result, limn_error *error);

/* The most that picture_resample holds at a time beside its source of width x height pixels: the result, what
 * is between the two passes, and the weights. */
size_t picture_resample_bytes(int64_t width, int64_t height, int channels, int64_t to_width,
                              int64_t to_height, enum resample_filter filter);

#endif
