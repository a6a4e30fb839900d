/* pnm.h - the Netpbm formats PBM, PGM and PPM, plain (P1, P2, P3) and raw (P4, P5, P6). */
#ifndef LIMN_PNM_H
#define LIMN_PNM_H

#include "engine/pictures/picture_header.h"

/* Reads the header. LIMN_E_INPUT: malformed, truncated, beyond the limits. */
limn_status pnm_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

/* Decodes the first picture of the file into an empty picture; samples are scaled from 0..maxval to 0..255
 * and rounded. LIMN_E_INPUT with the byte offset of the fault, LIMN_E_MEMORY. */
limn_status pnm_read(const struct picture_bytes *file, struct picture *picture, limn_error *error);

enum { PNM_HEADER_ROOM = 64 };

/* Writes the header of a raw 8-bit PPM (channels 3) or PGM (channels 1); returns its length. */
size_t pnm_header(char text[PNM_HEADER_ROOM], int64_t width, int64_t height, int channels);

#endif
