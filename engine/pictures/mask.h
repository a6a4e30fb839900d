/* mask.h - pictures that say which class each pixel is of. */
#ifndef LIMN_MASK_H
#define LIMN_MASK_H

#include "engine/pictures/picture.h"

/* The class that a truth gives to pixels which do not count: VOC's borders of objects. */
enum { MASK_IGNORED = 255 };

/* Reads a mask into a picture of one channel, the class of each pixel. What stands in the file decides:
 *
 *   PNG with a palette   the palette indices; its colours do not matter
 *   grey (R = G = B)     the levels; but when all of them are 0 or 255, 255 is class 1
 *   colours              those of the VOC palette, turned back into their indices
 *
 * So a mask of two classes may be 0 and 1, or black and white. Alpha is ignored. Levels are those that
 * picture_read gives: 1, 2 and 4-bit grey PNGs and PNMs with another maxval than 255 are stretched to 0..255.
 *
 * The VOC palette spreads the bits of an index over the high bits of red, green and blue:
 *
 *     index  b7 b6 b5 b4 b3 b2 b1 b0        R = b0 b3 b6 0...   G = b1 b4 b7 0...   B = b2 b5 0 0...
 *
 * Class 7 (a car) has grey 128 for a colour. A picture that is stored as RGB and holds nothing but black and
 * this grey could mean class 7 or level 128, and is refused.
 *
 * Errors, besides those of picture_read: LIMN_E_INPUT for JPEG, whose losses make other classes; for 16-bit
 * PNG; for a colour that is not of the palette, with the pixel's place. */
limn_status mask_read(const char *path, bool orient, struct picture *mask, limn_error *error);

#endif
