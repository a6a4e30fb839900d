/* jpeg_copy.h - a JPEG in the plain form that stb_image reads.
 *
 * stb stops at what libjpeg passes over: stray bytes between segments, segments that carry no picture, a
 * restart marker after the data, components of the same name. The copy leaves these out, numbers the
 * components 0, 1, 2, and starts with the Huffman tables of T.81, annex K.3, which Motion JPEG leaves out of
 * its frames. */
#ifndef LIMN_JPEG_COPY_H
#define LIMN_JPEG_COPY_H

#include "engine/pictures/picture_header.h"

/* An upper bound of the bytes of a copy. `header` is jpeg_probe's. */
size_t jpeg_copy_bytes(const struct picture_header *header);

/* Writes the copy, without an end marker, and returns its size. */
size_t jpeg_copy(const struct picture_bytes *file, const struct picture_header *header, unsigned char *copy);

#endif
