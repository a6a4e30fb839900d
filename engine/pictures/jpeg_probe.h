/* jpeg_probe.h - checks the structure of a JPEG and reads its header. */
#ifndef LIMN_JPEG_PROBE_H
#define LIMN_JPEG_PROBE_H

#include "engine/pictures/picture_header.h"

/* The file starts with FF D8 FF. LIMN_E_INPUT: damaged, truncated, not baseline or progressive Huffman, not
 * 8-bit grey or three components, beyond the limits. */
limn_status jpeg_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

#endif
