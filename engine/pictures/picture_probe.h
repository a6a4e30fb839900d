/* picture_probe.h - reads the header of a picture file, and bounds the memory that decoding takes.
 *
 * A probe allocates nothing, checks every length against the end of the data, and walks PNG and JPEG to
 * their end, so that a truncated file is refused before any work starts. Of a JPEG, the last scan's data may
 * still turn out to be cut. */
#ifndef LIMN_PICTURE_PROBE_H
#define LIMN_PICTURE_PROBE_H

#include "engine/pictures/picture_header.h"

/* Recognises the format and fills the header. LIMN_E_INPUT: an unsupported format (named), a picture beyond
 * the limits of picture.h, a damaged or truncated file. */
limn_status picture_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

/* An upper bound of the bytes that decoding holds at a time besides the file: the picture, and what the
 * decoder unpacks on the way to it. Exception: a PNG whose data unpacks to more than its pixels may take up
 * to three times as much, or be refused. `header` comes from picture_probe. */
size_t picture_decoding_bytes(const struct picture_header *header, bool orient);

/* picture_decode of a PNG with a palette, whose pixels get their indices as levels of grey. */
limn_status picture_decode_indices(const struct picture_bytes *file, bool orient, struct picture *picture,
                                   limn_error *error);

#endif
