/* stb.h - wraps stb_image and stb_image_write: decodes PNG and the planes of JPEG, encodes JPEG and BMP.
 *
 * No other function of stb is linked, and all of its memory comes from memory.h. Callers must check sizes,
 * limits and structure with picture_probe.h first. */
#ifndef LIMN_STB_H
#define LIMN_STB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a decoder stopped. */
struct stb_failure {
    bool ends_early;    /* JPEG: the picture needs more data */
    size_t no_memory;   /* size of an allocation that failed; 0: another reason */
    const char *reason; /* stb's message, static storage */
};

/* Decodes a PNG in memory to dense rows of `channels` (3 or 4) samples: unsigned char, or uint16_t in
 * native order if `sixteen`. Fails instead of allocating a block larger than `most_block` bytes, so that
 * compressed data cannot grow beyond what the header announced. Returns NULL and fills *failure on failure.
 * Release the result with mem_free. */
void *stb_decode(const unsigned char *bytes, size_t size, int channels, bool sixteen, size_t most_block,
                 struct stb_failure *failure);

/* A component of a JPEG: height rows of width samples, `stride` bytes apart. The picture has `across` times
 * as many pixels in a row, and `down` times as many rows (rounded up in the plane). */
struct stb_plane {
    const unsigned char *samples;
    int64_t width, height, stride;
    int across, down;
    void *block; /* that holds the samples */
};

struct stb_jpeg {
    int components; /* 1 or 3 */
    struct stb_plane planes[3];
};

/* The bytes that a JPEG must end with after its last entropy-coded data: some that the decoder reads ahead,
 * and an end marker. */
enum { STB_JPEG_END = 10 };
extern const unsigned char stb_jpeg_end[STB_JPEG_END];

/* Decodes a JPEG of 1 or 3 components to its planes, to be released with stb_jpeg_free. Its data may not end
 * with 0xff before stb_jpeg_end. Fails unless it transforms exactly `blocks` blocks. The rest is as in
 * stb_decode; false, with empty planes, on failure. */
bool stb_decode_jpeg(const unsigned char *bytes, size_t size, int64_t blocks, size_t most_block,
                     struct stb_jpeg *jpeg, struct stb_failure *failure);
void stb_jpeg_free(struct stb_jpeg *jpeg);

/* Receives the encoded bytes, often a few at a time. */
typedef void stb_sink(void *context, void *bytes, int size);

/* Encodes width x height RGB pixels, dense. JPEG chroma has half the width and height up to quality 90, full
 * size above. False if stb ran out of memory. */
bool stb_encode_jpeg(stb_sink *sink, void *context, int width, int height, const unsigned char *rgb,
                     int quality);
bool stb_encode_bmp(stb_sink *sink, void *context, int width, int height, const unsigned char *rgb);

#endif
