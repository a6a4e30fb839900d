/* lz77.h - finds repetitions: cuts a block of bytes into literals and matches (Ziv and Lempel, 1977).
 *
 * A match says "the next LENGTH bytes are those DISTANCE back". */
#ifndef LIMN_LZ77_H
#define LIMN_LZ77_H

#include <stddef.h>
#include <stdint.h>

enum { LZ77_HISTORY = 32768, LZ77_BLOCK = 65535, LZ77_HASH_BITS = 15 };
enum { LZ77_LONGEST = 258 };

/* The text of the block, in front of it the last bytes that came before, as far as a match may reach back:
 *
 *     window   [ 32768 bytes of history | up to 65535 bytes of the block ]
 *
 * Positions count on from block to block, modulo 2^32. The beginning is a struct full of zeros. */
struct lz77 {
    unsigned char window[LZ77_HISTORY + LZ77_BLOCK];
    size_t pending;                       /* bytes of the block so far */
    uint32_t block;                       /* position of the block's first byte */
    uint32_t hashed;                      /* positions before this one are in the chains */
    uint32_t history;                     /* bytes of history there are */
    uint32_t newest[1 << LZ77_HASH_BITS]; /* 16 bits of the hash << 16 | 16 bits of the position */
    uint16_t older[LZ77_HISTORY];
    uint32_t tokens[LZ77_BLOCK]; /* literal: its value; match: length << 16 | distance */
    size_t token_count;
};

/* Cuts the block into tokens. */
void lz77_find_tokens(struct lz77 *lz77);

/* Moves on: the end of the block becomes history, and the block is empty. */
void lz77_next_block(struct lz77 *lz77);

static inline const unsigned char *lz77_text(const struct lz77 *lz77)
{
    return lz77->window + LZ77_HISTORY;
}

#endif
