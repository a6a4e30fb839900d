/* inflate.h - unpacks the beginning of a zlib stream (RFC 1950, RFC 1951): the opposite of deflate.h, for
 * metadata. Pixels are unpacked by stb_image, which takes a stream whole or not at all. */
#ifndef LIMN_INFLATE_H
#define LIMN_INFLATE_H

#include <stddef.h>

/* Unpacks at most `room` bytes; stops there, at the end of the stream, or where it is damaged or cut off.
 * Returns how many there are. The checksum is not compared. */
size_t inflate(const unsigned char *packed, size_t packed_size, unsigned char *out, size_t room);

/* The same from the first 8 KB of the stream only, for a header: a long stream may unpack to nothing. */
size_t inflate_head(const unsigned char *packed, size_t packed_size, unsigned char *out, size_t room);

#endif
