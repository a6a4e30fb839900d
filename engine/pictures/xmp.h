/* xmp.h - corrects XMP packets: XML that describes a picture (ISO 16684-1). */
#ifndef LIMN_XMP_H
#define LIMN_XMP_H

#include "engine/pictures/exif.h"

/* Copies a packet of UTF-8 to `out` with these properties changed, be they attributes or elements, under
 * their usual prefixes:
 *
 *     tiff:Orientation                                       1, if the picture was turned upright
 *     tiff:ImageWidth, tiff:ImageLength                      the size of the picture
 *     exif:PixelXDimension, exif:PixelYDimension             the same
 *     xmp:Thumbnails, xap:Thumbnails                         removed: they show the picture as it was
 *     xmpNote:HasExtendedXMP                                 removed: a JPEG's further packets are not
 * carried
 *
 * Returns the size of the copy; 0 if it is larger than `room`. */
size_t xmp_correct(const unsigned char *xmp, size_t size, const struct picture_changes *changes,
                   unsigned char *out, size_t room);

#endif
