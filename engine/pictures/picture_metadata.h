/* picture_metadata.h - the orientation and the colour profile of a picture file. */
#ifndef LIMN_PICTURE_METADATA_H
#define LIMN_PICTURE_METADATA_H

#include "engine/pictures/picture_header.h"

/* The orientation, 1..8, in an EXIF block that starts with its TIFF header; 1 if there is none. */
int exif_orientation(const unsigned char *tiff, size_t size);

/* Stores the description of an ICC profile, given whole or its first `size` bytes, in the header. */
void icc_describe(const unsigned char *profile, size_t size, struct picture_header *header);

#endif
