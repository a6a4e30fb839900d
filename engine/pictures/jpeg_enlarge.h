/* jpeg_enlarge.h - from the planes of a JPEG to RGB: enlarges the components that have fewer samples than the
 * picture has pixels, and converts YCbCr.
 *
 * stb_image does this too, but not as libjpeg does, which nearly every other program uses: at edges its
 * colours differ by up to 88 levels. The formulas here are those of libjpeg-turbo 2.1, so that the result is
 * the same to the level. */
#ifndef LIMN_JPEG_ENLARGE_H
#define LIMN_JPEG_ENLARGE_H

#include "engine/pictures/stb.h"

#include <stdint.h>

/* Bytes of memory for jpeg_to_rgb's rows. */
size_t jpeg_rows_bytes(int64_t width);

/* Fills pixels, height x width x 3 bytes, dense. One component is grey; of three, `rgb` says that they are
 * red, green and blue, else Y, Cb, Cr. `rows`: jpeg_rows_bytes(width) bytes of work space, aligned for
 * int16_t. */
void jpeg_to_rgb(const struct stb_jpeg *jpeg, int64_t width, int64_t height, bool rgb, void *rows,
                 unsigned char *pixels);

#endif
