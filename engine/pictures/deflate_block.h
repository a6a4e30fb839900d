/* deflate_block.h - writes one block of a deflate stream. */
#ifndef LIMN_DEFLATE_BLOCK_H
#define LIMN_DEFLATE_BLOCK_H

#include "engine/pictures/lz77.h"

#include <stdbool.h>

enum { BLOCK_MOST_BYTES = LZ77_BLOCK + 64 };

/* Writes bits lowest first (RFC 1951, 3.1.1). */
struct bit_writer {
    unsigned char bytes[BLOCK_MOST_BYTES];
    size_t size;
    uint64_t bits; /* not yet in bytes[], the oldest lowest */
    int count;     /* of them, less than 32 between calls */
};

void bits_put(struct bit_writer *writer, uint32_t value, int count);

/* Writes all bits, padded with zeros to a whole byte. */
void bits_pad(struct bit_writer *writer);

/* Writes a block after lz77_find_tokens. writer->size must be 0; any block fits. */
void deflate_block(struct bit_writer *writer, const struct lz77 *lz77, bool final);

#endif
