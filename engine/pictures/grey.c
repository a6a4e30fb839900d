/* grey.c - see grey.h. */
#include "engine/pictures/grey.h"

void grey_row(const unsigned char *pixels, int channels, int64_t count, enum grey_rule rule,
              unsigned char *grey)
{
    static const struct {
        uint32_t red, green, blue;
        int shift;
    } rules[] = {
        [GREY_PILLOW] = {19595, 38470, 7471, 16},
        [GREY_OPENCV] = {9798, 19235, 3735, 15},
    };
    const uint32_t red = rules[rule].red, green = rules[rule].green, blue = rules[rule].blue;
    const int shift = rules[rule].shift;
    const uint32_t half = UINT32_C(1) << (shift - 1);
    for (; count > 0; count--, pixels += channels)
        *grey++ = (unsigned char)((red * pixels[0] + green * pixels[1] + blue * pixels[2] + half) >> shift);
}
