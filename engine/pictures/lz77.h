/* lz77.h - divides a block of bytes into literals and matches (Ziv and Lempel, 1977).
 *
 * A match repeats the LENGTH bytes that start DISTANCE bytes back. */
#ifndef LIMN_LZ77_H
#define LIMN_LZ77_H

#include <stddef.h>
#include <stdint.h>

enum { LZ77_HISTORY = 32768, LZ77_BLOCK = 65535, LZ77_HASH_BITS = 15 };
enum { LZ77_LONGEST = 258 };

/* A block, preceded by as many earlier bytes as a match may reach back:
 *
 *     window   [ 32768 bytes of history | up to 65535 bytes of the block ]
 *
 * Positions continue from block to block, modulo 2^32. A zeroed struct is the initial state. */
struct lz77 {
    unsigned char window[LZ77_HISTORY + LZ77_BLOCK];
    size_t pending;                       /* bytes of the block so far */
    uint32_t block;                       /* position of the block's first byte */
    uint32_t hashed;                      /* positions before this one are in the chains */
    uint32_t history;                     /* valid bytes of history */
    uint32_t newest[1 << LZ77_HASH_BITS]; /* 16 bits of the hash << 16 | 16 bits of the position */
    uint16_t older[LZ77_HISTORY];
    uint32_t tokens[LZ77_BLOCK]; /* literal: its value; match: length << 16 | distance */
    size_t token_count;
};

/* Divides the block into tokens. */
void lz77_find_tokens(struct lz77 *lz77);

/* Makes the end of the block history, and empties the block. */
void lz77_next_block(struct lz77 *lz77);

static inline const unsigned char *lz77_text(const struct lz77 *lz77)
{
    return lz77->window + LZ77_HISTORY;
}

#endif
