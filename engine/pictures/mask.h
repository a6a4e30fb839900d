/* mask.h - reads masks: pictures that give the class of each pixel. */
#ifndef LIMN_MASK_H
#define LIMN_MASK_H

#include "engine/pictures/picture.h"

/* The class of pixels that a ground truth excludes from comparison, such as VOC's borders of objects. */
enum { MASK_IGNORED = 255 };

/* Reads a mask into a picture of one channel, the class of each pixel:
 *
 *   PNG with a palette   the palette indices; the colours are ignored
 *   grey (R = G = B)     the levels; if all are 0 or 255, 255 is class 1
 *   colours              the indices of these colours in the VOC palette (palette_voc in draw.h)
 *
 *   grey of 16 bits      the levels as stored; if all are 0 or 255, or 0 or 65535, the larger is class 1
 *
 * So a mask of two classes may be 0 and 1, or black and white. Alpha is ignored. Levels of at most 8 bits are
 * those of picture_read: 1, 2 and 4-bit grey PNGs and PNMs of other maxvals than 255 are scaled to 0..255.
 *
 * `binary`: every class above 0 is class 1, 255 and labels of instances included.
 *
 * The colour of class 7 (car) is grey 128. A picture stored as RGB with only black and this grey is
 * ambiguous, class 7 or level 128, and is refused unless `binary`.
 *
 * Errors: those of picture_read; LIMN_E_INPUT for JPEG, which is lossy, for colours of 16 bits, for labels
 * above 255 unless `binary` (LIMN_REASON_LABELS), and for a colour outside the palette, with the pixel's
 * position. */
limn_status mask_read(const char *path, bool orient, bool binary, struct picture *mask, limn_error *error);

#endif
