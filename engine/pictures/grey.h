/* grey.h - grey levels of colours, by the fixed-point rules of Pillow and OpenCV. */
#ifndef LIMN_GREY_H
#define LIMN_GREY_H

#include <stdint.h>

/* Both use the weights of ITU-R BT.601 at different scales; results sometimes differ by one level. */
enum grey_rule {
    GREY_PILLOW, /* Image.convert("L"):         (19595 R + 38470 G +  7471 B + 32768) >> 16 */
    GREY_OPENCV, /* cvtColor(..., BGR2GRAY):    ( 9798 R + 19235 G +  3735 B + 16384) >> 15 */
};

/* Fills grey[count] from pixels[count x channels]; channels is 3 or 4, alpha is ignored. `grey` may be
 * `pixels` itself. */
void grey_row(const unsigned char *pixels, int channels, int64_t count, enum grey_rule rule,
              unsigned char *grey);

#endif
