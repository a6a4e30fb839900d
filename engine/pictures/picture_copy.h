/* picture_copy.h - copies of a picture: turned, mirrored, or a part of it.
 *
 * A copy has the channels, the name (borrowed) and a copy of the metadata of its source, without a warning.
 */
#ifndef LIMN_PICTURE_COPY_H
#define LIMN_PICTURE_COPY_H

#include "engine/pictures/picture.h"

/* Copies a picture as stored under an EXIF orientation, 1..8, to an upright one. Orientation 6 is a quarter
 * turn clockwise, 3 a half turn, 8 a quarter turn anticlockwise. LIMN_E_MEMORY; *upright is then empty. */
limn_status picture_turn(const struct picture *source, int orientation, struct picture *upright,
                         limn_error *error);

/* Copies the part of width x height pixels whose upper left pixel is x, y. LIMN_E_USAGE unless it is inside
 * the picture, LIMN_E_MEMORY; *part is then empty. */
limn_status picture_crop(const struct picture *source, int64_t x, int64_t y, int64_t width, int64_t height,
                         struct picture *part, limn_error *error);

#endif
