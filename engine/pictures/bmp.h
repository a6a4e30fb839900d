/* bmp.h - reads BMP: 1, 2, 4, 8 bit with a palette, 16 and 32 bit with masks, 24 bit; uncompressed.
 *
 * stb_image is not used for BMP because it reads past short palettes and takes padding for alpha. */
#ifndef LIMN_BMP_H
#define LIMN_BMP_H

#include "engine/pictures/picture_header.h"

/* Reads the header. LIMN_E_INPUT: damaged, truncated, compressed, beyond the limits. */
limn_status bmp_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

/* Decodes into an empty picture, with alpha only if the header declares a mask for it. LIMN_E_INPUT,
 * LIMN_E_MEMORY. */
limn_status bmp_read(const struct picture_bytes *file, struct picture *picture, limn_error *error);

#endif
