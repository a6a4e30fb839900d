/* stb.h - the narrow door to stb_image and stb_image_write, which decode PNG and JPEG and encode JPEG and
 * BMP.
 *
 * Nothing else of stb is visible to the linker, and all of its memory comes from memory.h. The
 * functions trust their callers: sizes, limits and structure are checked by picture_probe.h first. */
#ifndef LIMN_STB_H
#define LIMN_STB_H

#include <stdbool.h>
#include <stddef.h>

/* Why a decoder stopped. */
struct stb_failure {
    size_t no_memory;   /* bytes that memory.h refused; 0: that was not the reason */
    const char *reason; /* stb's own words, static storage */
};

/* Decodes a PNG or JPEG held in memory to dense rows of `channels` (3 or 4) samples: unsigned char, or
 * uint16_t in native order when `sixteen`. No block larger than `most_block` bytes is allocated, so that
 * compressed data cannot grow beyond what the header announced. Release the result with mem_free;
 * NULL is a failure;
 * only then *failure has a meaning. */
void *stb_decode(const unsigned char *bytes, size_t size, int channels, bool sixteen, size_t most_block,
                 struct stb_failure *failure);

/* Inflates the beginning of a zlib stream, as much of it as fits `room` bytes; what was not filled is
 * zero. Damage is not reported: this is for peeking at metadata. */
void stb_inflate_prefix(const unsigned char *bytes, size_t size, unsigned char *out, int room);

/* Receives the encoded bytes, often a few at a time. */
typedef void stb_sink(void *context, void *bytes, int size);

/* Encodes width x height RGB pixels, dense. JPEG has quarter-size chroma up to quality 90 and full-size
 * chroma above. False when stb was out of memory. */
bool stb_encode_jpeg(stb_sink *sink, void *context, int width, int height, const unsigned char *rgb,
                     int quality);
bool stb_encode_bmp(stb_sink *sink, void *context, int width, int height, const unsigned char *rgb);

#endif
