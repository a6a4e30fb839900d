/* pixels_private.h - what pixels.c, pixel_text.c and pixel_table.c share. */
#ifndef LIMN_PIXELS_PRIVATE_H
#define LIMN_PIXELS_PRIVATE_H

#include "engine/pixels/pixels.h"

/* Writes a level in decimal, without a zero byte behind it; returns where it ends. */
static inline char *put_level(char *to, unsigned level)
{
    if (level >= 100)
        *to++ = (char)('0' + level / 100);
    if (level >= 10)
        *to++ = (char)('0' + level / 10 % 10);
    *to++ = (char)('0' + level % 10);
    return to;
}

/* The bytes that a level takes at most, with a separator. */
enum { LEVEL_ROOM = 4 };

#endif
