/* png_chunk.h - walks the chunks of a PNG (W3C PNG, third edition, chapter 5):
 *
 *     length (4)  type (4)  data (length)  CRC-32 of type and data (4) */
#ifndef LIMN_PNG_CHUNK_H
#define LIMN_PNG_CHUNK_H

#include "engine/pictures/picture_header.h"

/* Bytes of the signature, of the data of IHDR, of a chunk without data, of the checksum that ends a zlib
 * stream. */
enum { PNG_SIGNATURE = 8, PNG_IHDR = 13, PNG_CHUNK_AROUND = 12, PNG_ZLIB_SUM = 4 };

enum png_colour { PNG_GREY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_GREY_ALPHA = 4, PNG_RGBA = 6 };

struct png_chunk {
    const unsigned char *type, *data;
    uint32_t size; /* of the data that the file holds */
    bool has_sum;  /* false: the file ends before the checksum does */
};

bool png_chunk_is(const struct png_chunk *chunk, const char *type);

/* Reads the chunk at byte *at and moves *at behind it. False where there is none: at the end of the file,
 * where the type is not four letters, or where the data is longer than the rest of the file. Only IDAT may
 * lack its last 4 bytes: if they are zlib's checksum, the picture is complete. */
bool png_chunk_next(const struct picture_bytes *file, size_t *at, struct png_chunk *chunk);

#endif
