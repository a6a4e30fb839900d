/* draw.h - rectangles, text and pictures onto pictures of 3 or 4 channels.
 *
 * Coordinates are pixels from the upper left corner, and may lie outside: what does not fall onto the picture
 * is cut off. They must be small enough for sums of two to fit an int64_t. What is drawn is opaque: alpha,
 * where the picture has it, becomes 255. Nothing here allocates or fails. */
#ifndef LIMN_DRAW_H
#define LIMN_DRAW_H

#include "engine/pictures/palette.h"
#include "engine/pictures/picture.h"

struct box {
    int64_t x, y, width, height;
};

/* Fills a rectangle; one without width or height draws nothing. */
void draw_fill(struct picture *picture, struct box box, struct rgb colour);

/* The edge of a rectangle, `thickness` pixels wide, inside of it. */
void draw_frame(struct picture *picture, struct box box, int64_t thickness, struct rgb colour);

/* One line of text in the font of font.h, each of its pixels `scale` x `scale` pixels large. (x, y) is the
 * upper left corner of a line FONT_HEIGHT * scale high, whose top row is empty in capitals. */
void draw_text(struct picture *picture, int64_t x, int64_t y, const char *text, int scale, struct rgb colour);

/* The width of such a line, without a gap behind the last letter; 0 for "". */
int64_t draw_text_width(const char *text, int scale);

/* Puts `from` with its upper left corner at (x, y). Four channels onto four are copied, alpha included; four
 * onto three are laid over what is there. The pictures must not share pixels. */
void draw_picture(struct picture *picture, int64_t x, int64_t y, const struct picture *from);

#endif
