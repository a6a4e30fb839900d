/* png_probe.h - checks the structure of a PNG and reads its header. */
#ifndef LIMN_PNG_PROBE_H
#define LIMN_PNG_PROBE_H

#include "engine/pictures/picture_header.h"

/* The file starts with the PNG signature. LIMN_E_INPUT: damaged, truncated, an unknown critical chunk, beyond
 * the limits. */
limn_status png_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

#endif
