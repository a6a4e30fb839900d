/* palette.h - colours for classes. */
#ifndef LIMN_PALETTE_H
#define LIMN_PALETTE_H

struct rgb {
    unsigned char red, green, blue;
};

/* The colour of class 0..255 in the palette of PASCAL VOC, which other datasets use too: black for 0, the
 * background, then dark red, dark green, olive ... From the PASCAL VOC development kit,
 * VOCcode/VOClabelcolormap.m: each three bits of the index give one bit each of red, green and blue, from the
 * high bit down.
 *
 *     index  b7 b6 b5 b4 b3 b2 b1 b0        red    b0 b3 b6  0  0  0  0  0
 *                                           green  b1 b4 b7  0  0  0  0  0
 *                                           blue   b2 b5  0  0  0  0  0  0
 *
 * Only the low eight bits of `index` count. */
struct rgb palette_voc(int index);

#endif
