/* huffman.h - canonical Huffman codes of limited length, for deflate (RFC 1951, 3.2.2). */
#ifndef LIMN_HUFFMAN_H
#define LIMN_HUFFMAN_H

#include <stdint.h>

enum { HUFFMAN_MOST_SYMBOLS = 286 };

/* Fills length[count] with code lengths in bits for these frequencies, at most `limit`; 0 for a symbol of
 * frequency 0. Requires 1 << limit >= count and at least two symbols of other frequency. */
void huffman_lengths(const uint32_t *frequency, int count, int limit, uint8_t *length);

/* Fills code[count] with the canonical codes of these lengths, bits reversed: deflate sends Huffman codes
 * highest bit first, and everything else lowest bit first. */
void huffman_codes(const uint8_t *length, int count, uint16_t *code);

#endif
