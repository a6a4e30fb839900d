/* jpeg_idct.h - the inverse discrete cosine transform of JPEG, with the rounding of libjpeg. */
#ifndef LIMN_JPEG_IDCT_H
#define LIMN_JPEG_IDCT_H

#include <stdint.h>

/* Transforms an 8 x 8 block of coefficients, multiplied by their quantisers, row by row with the frequency
 * across growing fastest, to 8 rows of 8 samples, `stride` bytes apart. Has the type that stb_image expects.
 */
void jpeg_idct(unsigned char *out, int stride, int16_t coefficients[64]);

#endif
