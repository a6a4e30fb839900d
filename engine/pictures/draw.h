/* draw.h - draws rectangles, text and pictures onto pictures of 3 or 4 channels; the colours of classes.
 *
 * Coordinates are pixels from the upper left corner; drawing is clipped to the picture. Sums of two
 * coordinates must fit an int64_t. Drawn pixels are opaque: alpha, if the picture has it, becomes 255.
 * Nothing here allocates or fails. */
#ifndef LIMN_DRAW_H
#define LIMN_DRAW_H

#include "engine/pictures/picture.h"

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

struct box {
    int64_t x, y, width, height;
};

/* Fills a rectangle, which may be empty. */
void draw_fill(struct picture *picture, struct box box, struct rgb colour);

/* Draws the edge of a rectangle, `thickness` pixels wide, inside it. */
void draw_frame(struct picture *picture, struct box box, int64_t thickness, struct rgb colour);

/* Draws one line of text in the font of font.h, each font pixel `scale` x `scale` pixels large. (x, y) is the
 * upper left corner of the line, which is FONT_HEIGHT * scale high. */
void draw_text(struct picture *picture, int64_t x, int64_t y, const char *text, int scale, struct rgb colour);

/* The width of such a line, without the gap after the last letter; 0 for "". */
int64_t draw_text_width(const char *text, int scale);

/* Draws `from` with its upper left corner at (x, y). Four channels onto four are copied, alpha included; four
 * onto three are composited. The pictures must not share pixels. */
void draw_picture(struct picture *picture, int64_t x, int64_t y, const struct picture *from);

#endif
