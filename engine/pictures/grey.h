/* grey.h - one grey level of a colour, by the two fixed-point rules that programs agree on. */
#ifndef LIMN_GREY_H
#define LIMN_GREY_H

#include <stdint.h>

/* Both weigh by ITU-R BT.601; they differ in their scale, and now and then by a level. */
enum grey_rule {
    GREY_PILLOW, /* Image.convert("L"):         (19595 R + 38470 G +  7471 B + 32768) >> 16 */
    GREY_OPENCV, /* cvtColor(..., BGR2GRAY):    ( 9798 R + 19235 G +  3735 B + 16384) >> 15 */
};

/* The levels of `count` pixels of 3 or 4 channels; alpha does not count. `grey` may be `pixels` itself. */
void grey_row(const unsigned char *pixels, int channels, int64_t count, enum grey_rule rule,
              unsigned char *grey);

#endif
