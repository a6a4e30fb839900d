/* palette.c - see palette.h. */
#include "engine/pictures/palette.h"

struct rgb palette_voc(int index)
{
    unsigned bits = (unsigned)index & 255, red = 0, green = 0, blue = 0;
    for (int shift = 7; bits; shift--, bits >>= 3) {
        red |= (bits & 1) << shift;
        green |= (bits >> 1 & 1) << shift;
        blue |= (bits >> 2 & 1) << shift;
    }
    return (struct rgb){(unsigned char)red, (unsigned char)green, (unsigned char)blue};
}
